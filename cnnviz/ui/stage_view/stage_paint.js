/**
 * Paint cells. Plotly's own heatmap takes ~25 ms for 300×300 cells (it colours them one by one and
 * encodes a PNG); a lookup table into a canvas takes one. So a tweak is painted here at once, and
 * Plotly draws the same map underneath when the hands rest (see stage_frame.js).
 */
import { source } from "./stage_values.js";

/** @typedef {import("./stage_values.js").Stage} Stage */

const OPAQUE = 0xff000000; // a pixel is one little-endian word: alpha, blue, green, red

/** The colour of each of the 256 levels between `low` and `high`, on a scale that ends at `ends`. */
function lookup(palette, low, high, [first, last]) {
  const words = new Uint32Array(256);
  for (let level = 0; level < 256; level++) {
    const value = low + (level * (high - low)) / 255;
    const share = last > first ? (value - first) / (last - first) : 0;
    const at = 3 * Math.min(255, Math.max(0, Math.round(share * 255)));
    words[level] = OPAQUE | (palette[at + 2] << 16) | (palette[at + 1] << 8) | palette[at];
  }
  return words;
}

/** The padded input's cells, gathered from the input's: -1 in `rows` or `columns` is the constant. */
function gather(stage, before, plane, into, words, constantWord) {
  const [, height, width] = stage.shape;
  const { pads, mode } = stage.how;
  const columns = Int32Array.from({ length: width }, (_, x) => source(x - pads[2], before.shape[2], mode));
  for (let y = 0; y < height; y++) {
    const row = source(y - pads[0], before.shape[1], mode);
    for (let x = 0; x < width; x++) {
      const inside = row >= 0 && columns[x] >= 0;
      into[y * width + x] = inside ? words[plane[row * before.shape[2] + columns[x]]] : constantWord;
    }
  }
}

/**
 * Colour one channel of a stage, one pixel a cell; -1 as the channel means all three as one RGB picture.
 * @param {Stage[]} stages @param {number} index @param {number} channel
 * @param {Record<string, Uint8Array>} palettes @param {[number, number]} ends the scale's end values
 * @param {HTMLCanvasElement} canvas
 */
export function colour(stages, index, channel, palettes, ends, scale, canvas) {
  const stage = stages[index];
  const padded = stage.how.op === "pad";
  const origin = padded ? stages[index - 1] : stage;
  const [, height, width] = stage.shape;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const [low, high] = ["image", "pad"].includes(stage.how.op) ? [0, 1] : [stage.low, stage.high];
  const area = origin.shape[1] * origin.shape[2];
  const plane = (c) => origin.levels.subarray(c * area, (c + 1) * area);
  const constant = stage.how.mode === "constant" ? stage.how.value : 0;

  const paint = (c, words, target) => {
    if (padded) gather(stage, origin, plane(c), target, words, lookup(palettes[scale], constant, constant, ends)[0]);
    else {
      const levels = plane(c);
      for (let i = 0; i < target.length; i++) target[i] = words[levels[i]];
    }
  };
  if (channel >= 0) paint(channel, lookup(palettes[scale], low, high, ends), pixels);
  else {
    const gray = lookup(palettes.gray, low, high, ends);
    const planes = [0, 1, 2].map((c) => {
      const target = new Uint32Array(pixels.length);
      paint(c, gray, target);
      return target;
    });
    for (let i = 0; i < pixels.length; i++) {
      pixels[i] = OPAQUE | (planes[2][i] & 0xff0000) | (planes[1][i] & 0xff00) | (planes[0][i] & 0xff);
    }
  }
  context.putImageData(image, 0, 0);
}

/**
 * Show the part of the cells that lies in `range` (cell units; cell i covers i ± 1/2).
 * @param {HTMLCanvasElement} cells @param {HTMLCanvasElement} screen
 * @param {{x: [number, number], y: [number, number]}} range
 */
export function show(cells, screen, range) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(screen.clientWidth * ratio));
  const height = Math.max(1, Math.round(screen.clientHeight * ratio));
  if (screen.width !== width || screen.height !== height) Object.assign(screen, { width, height });
  const context = screen.getContext("2d");
  const spanX = range.x[1] - range.x[0];
  const spanY = range.y[1] - range.y[0];
  context.clearRect(0, 0, width, height);
  // Cells larger than a pixel keep their edges; smaller ones are averaged, not dropped.
  context.imageSmoothingEnabled = spanX > width || spanY > height;
  context.imageSmoothingQuality = "high";
  context.drawImage(cells, range.x[0] + 0.5, range.y[0] + 0.5, spanX, spanY, 0, 0, width, height);
}

/** The legend's gradient between two values. */
export function gradient(palette, low, high, [first, last]) {
  const words = lookup(palette, low, high, [first, last]);
  const stops = Array.from({ length: 17 }, (_, i) => {
    const word = words[Math.round((i * 255) / 16)];
    return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
  });
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

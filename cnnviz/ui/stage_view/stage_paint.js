/**
 * Paint cells. Plotly's own heatmap takes ~25 ms for 300×300 cells (it colours them one by one and
 * encodes a PNG); a lookup table into a canvas takes one. So a tweak is painted here at once, and
 * Plotly draws the same map underneath when the hands rest (see stage_frame.js).
 */
import { sourceOf } from "./stage_values.js";
import { origin } from "./stage_window.js";

/** @typedef {import("./stage_values.js").Stage} Stage */

const COARSE = 6; // pixels a cell from which on one more or less is not seen
const OPAQUE = 0xff000000; // a pixel is one little-endian word: alpha, blue, green, red

/** The colour of each of the 256 levels between `low` and `high`, on a scale that ends at `ends`. */
export function lookup(palette, low, high, [first, last]) {
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
  const columns = Int32Array.from({ length: width }, (_, x) => sourceOf(stage.how, 1, x, before.shape[2]));
  for (let y = 0; y < height; y++) {
    const row = sourceOf(stage.how, 0, y, before.shape[1]);
    for (let x = 0; x < width; x++) {
      const inside = row >= 0 && columns[x] >= 0;
      into[y * width + x] = inside ? words[plane[row * before.shape[2] + columns[x]]] : constantWord;
    }
  }
}

/** Colour one map into pixels. Of one that has not come whole, the small one. @returns {{width: number, height: number, pixels: Uint32Array}} */
function coloured(stages, index, channel, palette, ends) {
  const stage = stages[index];
  const [, height, width] = stage.shape;
  const from = stages[origin(stages, index)];
  const isGathered = !stage.levels[channel] && stage.how.op === "pad" && from.levels[channel];
  if (isGathered) {
    const pixels = new Uint32Array(width * height);
    const constant = stage.how.mode === "constant" ? stage.how.value : 0;
    gather(stage, from, from.levels[channel], pixels, lookup(palette, ...from.ranges[channel], ends), lookup(palette, constant, constant, ends)[0]);
    return { width, height, pixels };
  }
  const isWhole = Boolean(stage.levels[channel]);
  const levels = isWhole ? stage.levels[channel] : stage.small.levels[channel];
  const words = lookup(palette, ...stage.ranges[channel], ends);
  const pixels = new Uint32Array(levels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = words[levels[i]];
  return isWhole ? { width, height, pixels } : { ...stage.small, pixels };
}

/**
 * Colour one channel of a stage, one pixel a cell; -1 as the channel means all three as one RGB picture.
 * @param {Stage[]} stages @param {number} index @param {number} channel
 * @param {Record<string, Uint8Array>} palettes @param {{scale: string, ends: [number, number]}} colors the scale and its end values
 * @param {HTMLCanvasElement} canvas
 */
export function colour(stages, index, channel, palettes, { scale, ends }, canvas) {
  const planes = (channel < 0 ? [0, 1, 2] : [channel]).map((c) => coloured(stages, index, c, palettes[channel < 0 ? "gray" : scale], ends));
  const { width, height, pixels } = planes[0];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const target = new Uint32Array(image.data.buffer);
  if (channel >= 0) target.set(pixels);
  else {
    const [red, green, blue] = planes.map((plane) => plane.pixels);
    for (let i = 0; i < target.length; i++) target[i] = OPAQUE | (blue[i] & 0xff0000) | (green[i] & 0xff00) | (red[i] & 0xff);
  }
  context.putImageData(image, 0, 0);
}

let spare; // one canvas for all

/**
 * Draw part of a picture so large. Cells larger than a pixel keep their edges, smaller ones are averaged, not dropped. Between
 * the two, cells would be one pixel wide here and two there, which looks like a pattern of the map: there each is drawn so many
 * whole pixels large that all can be made smaller alike.
 * @param {CanvasRenderingContext2D} pen @param {HTMLCanvasElement} cells @param {number[]} part x, y, width, height in cells
 * @param {number} width of what is drawn at (0, 0) @param {number} height @param {number} ratio pixels for one of these units
 */
export function drawCells(pen, cells, part, width, height, ratio) {
  const [across, down] = [(width * ratio) / part[2], (height * ratio) / part[3]]; // pixels a cell
  const least = Math.min(across, down);
  pen.imageSmoothingQuality = "high";
  pen.imageSmoothingEnabled = least < 1;
  const isUneven = least > 1 && least < COARSE && (across % 1 > 0.01 || down % 1 > 0.01);
  if (!isUneven) return pen.drawImage(cells, ...part, 0, 0, width, height);
  spare ??= document.createElement("canvas");
  const [wide, tall] = [Math.ceil(across) * part[2], Math.ceil(down) * part[3]];
  Object.assign(spare, { width: Math.ceil(wide), height: Math.ceil(tall) }); // no larger: what lay beside would be averaged in
  const large = spare.getContext("2d");
  large.imageSmoothingEnabled = false;
  large.drawImage(cells, ...part, 0, 0, wide, tall);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(spare, 0, 0, wide, tall, 0, 0, width, height);
}

/**
 * Show the part of the cells that lies in `range` (cell units; cell i covers i ± 1/2).
 * @param {HTMLCanvasElement} cells a pixel a cell, or fewer @param {HTMLCanvasElement} screen
 * @param {{x: [number, number], y: [number, number]}} range @param {number[]} size of the map, (rows, columns)
 */
export function show(cells, screen, range, [rows, columns]) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(screen.clientWidth * ratio));
  const height = Math.max(1, Math.round(screen.clientHeight * ratio));
  if (screen.width !== width || screen.height !== height) Object.assign(screen, { width, height });
  const context = screen.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  const spanX = range.x[1] - range.x[0];
  const spanY = range.y[1] - range.y[0];
  context.clearRect(0, 0, width, height);
  const [across, down] = [cells.width / columns, cells.height / rows]; // pixels a cell
  drawCells(context, cells, [(range.x[0] + 0.5) * across, (range.y[0] + 0.5) * down, spanX * across, spanY * down], width, height, 1);
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

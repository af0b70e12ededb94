/** A layer's maps as small pictures on one canvas, and a vector's numbers as cells. */
import { drawCells, lookup } from "./stage_paint.js";
import { format } from "./stage_values.js";

const TALL = 232; // px for all maps of a layer
const GAP = 3;
const LARGEST = 72;
const WRITTEN = 52; // px for a number beside its cell
const ABREAST = 6; // more maps than this stand two abreast

/** The scale of values in a range: one that is black at 0. */
function scaleOf(low, high) {
  const reach = Math.max(-low, high);
  return low < 0 ? { scale: "diverging", ends: [-reach, reach] } : { scale: "sequential", ends: [0, high || 1] };
}

/** The colours of a map. @param {any} column @param {number} map @param {any} message */
function colors(column, map, { scale, columns }) {
  if (column.picture) return { scale: column.levels.length === 3 ? ["red", "green", "blue"][map] : "gray", ends: [0, 1] };
  if (scale === "map") return scaleOf(...column.spans[map]);
  if (scale === "layer") return scaleOf(column.low, column.high);
  const others = columns.filter(({ picture, levels }) => !picture && levels.length > 0);
  return scaleOf(Math.min(...others.map(({ low }) => low)), Math.max(...others.map(({ high }) => high)));
}

/** The cells of a map as a canvas of one pixel each. */
function coloured(column, map, message) {
  const [, height, width] = column.small;
  const { scale, ends } = colors(column, map, message);
  const words = lookup(message.palettes[scale], ...column.spans[map], ends);
  const cells = Object.assign(document.createElement("canvas"), { width, height });
  const pen = cells.getContext("2d");
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  column.levels[map].forEach((level, i) => (pixels[i] = words[level]));
  pen.putImageData(image, 0, 0);
  return cells;
}

/** Whether a column is a picture in colour: then the picture itself stands above its three channels. */
const isColour = ({ picture, levels }) => Boolean(picture) && levels.length === 3;

/** A picture's three channels as one. */
function together({ small, levels: [red, green, blue] }) {
  const [, height, width] = small;
  const cells = Object.assign(document.createElement("canvas"), { width, height });
  const pen = cells.getContext("2d");
  const image = pen.createImageData(width, height);
  red.forEach((level, i) => image.data.set([level, green[i], blue[i], 255], 4 * i));
  pen.putImageData(image, 0, 0);
  return cells;
}

/** Where the maps of a layer lie on its canvas. @param {any} column @returns {{x: number, y: number, width: number, height: number}[]} */
function layOut(column) {
  const { shape, small, levels, numbers } = column;
  if (levels.length === 0) return [];
  const [, rows, cols] = small;
  if (shape.length === 1) {
    if (numbers.length === 0) return [{ x: 0, y: 0, width: 16, height: TALL }];
    const height = Math.min(20, TALL / rows);
    return Array.from({ length: rows }, (_, i) => ({ x: 0, y: i * height, width: 16, height: height - 1, ...(numbers.length > 0 && { reach: 16 + WRITTEN }) }));
  }
  const abreast = levels.length > ABREAST ? 2 : 1;
  const above = isColour(column) ? 1 : 0;
  const lines = Math.ceil(levels.length / abreast) + above;
  const scale = Math.min(LARGEST / Math.max(rows, cols), (TALL - lines * GAP) / lines / rows, 34 * (3 - abreast) / cols);
  const [width, height] = [Math.max(3, cols * scale), Math.max(3, rows * scale)];
  return levels.map((_, i) => ({ x: (i % abreast) * (width + GAP), y: (above + Math.floor(i / abreast)) * (height + GAP), width, height }));
}

/**
 * Paint all maps of a layer.
 * @param {HTMLCanvasElement} canvas @param {any} column @param {any} message
 * @returns {{x: number, y: number, width: number, height: number}[]} where they lie on it
 */
export function paintMaps(canvas, column, message) {
  const boxes = layOut(column);
  const ratio = window.devicePixelRatio || 1;
  const isWritten = column.shape.length === 1 && boxes.length > 1;
  const width = Math.ceil(Math.max(16, ...boxes.map((box) => box.x + box.width))) + (isWritten ? WRITTEN : 0);
  const height = Math.ceil(Math.max(16, ...boxes.map((box) => box.y + box.height)));
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  canvas.style.cssText = `width:${width}px;height:${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (column.shape.length === 1 && boxes.length > 0) {
    const cells = coloured(column, 0, message);
    const tall = boxes.at(-1).y + boxes.at(-1).height;
    drawCells(pen, cells, [0, 0, 1, cells.height], 16, tall, ratio);
    if (isWritten) writeNumbers(pen, column, boxes, canvas);
    return boxes;
  }
  if (isColour(column)) drawCells(pen, together(column), [0, 0, column.small[2], column.small[1]], boxes[0].width, boxes[0].height, ratio);
  boxes.forEach((box, map) => {
    const cells = coloured(column, map, message);
    pen.setTransform(ratio, 0, 0, ratio, box.x * ratio, box.y * ratio);
    drawCells(pen, cells, [0, 0, cells.width, cells.height], box.width, box.height, ratio);
  });
  return boxes;
}

function writeNumbers(pen, column, boxes, canvas) {
  pen.fillStyle = getComputedStyle(canvas).color;
  pen.font = "10px monospace";
  pen.textBaseline = "middle";
  boxes.forEach((box, i) => pen.fillText(format(column.numbers[i], 3), 20, box.y + box.height / 2));
}

/** The map under a point; -1: none. */
export const place = (boxes, x, y) => boxes.findIndex((box) => x >= box.x && x < box.x + (box.reach ?? box.width) && y >= box.y && y < box.y + box.height);

/** The columns as they will be after an edit, with maps that are computed here. */
import { layOut } from "./network_model.js";
import { pass } from "./network_pass.js";
import { quantised, span } from "./stage_forward.js";

const MOST = 16; // maps that are shown, and cells of a vector: as in __init__.py
const LONGEST = 256;
const SIDE = 64;
const WRITTEN = 16;
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
const commas = (count) => `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");

/** The picture's values. */
function pictureOf({ levels }) {
  const size = levels[0].length;
  const out = new Float32Array(levels.length * size);
  levels.forEach((plane, c) => plane.forEach((level, i) => (out[c * size + i] = level / 255)));
  return out;
}

/** A map in small: each block of `step` × `step` cells is its mean. */
function averaged(plane, [rows, columns], step) {
  const [height, width] = [Math.ceil(rows / step), Math.ceil(columns / step)];
  const [sums, counts] = [new Float32Array(height * width), new Float32Array(height * width)];
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) {
      const to = Math.floor(y / step) * width + Math.floor(x / step);
      sums[to] += plane[at];
      counts[to]++;
    }
  }
  return sums.map((sum, i) => sum / counts[i]);
}

/** Cells evenly from all of a vector. */
function sampled(values) {
  const count = Math.min(values.length, LONGEST);
  return Float32Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)]);
}

/** What the row shows of one output. */
function shown(values, shape) {
  const [low, high] = span(values);
  const isVector = shape.length === 1;
  const area = isVector ? values.length : shape[1] * shape[2];
  const step = isVector ? 1 : Math.ceil(Math.max(shape[1], shape[2]) / SIDE);
  const count = isVector ? 1 : Math.min(MOST, shape[0]);
  const planes = isVector ? [sampled(values)] : Array.from({ length: count }, (_, c) => values.subarray(c * area, (c + 1) * area));
  const smalls = step > 1 ? planes.map((plane) => averaged(plane, shape.slice(1), step)) : planes;
  const spans = smalls.map(span);
  const small = isVector ? [1, smalls[0].length, 1] : [count, Math.ceil(shape[1] / step), Math.ceil(shape[2] / step)];
  return { low, high, spans, small, levels: smalls.map((plane, c) => quantised(plane, spans[c])), numbers: isVector && shape[0] <= WRITTEN ? [...values] : [] };
}

function noted(step) {
  const count = step.weights.reduce((sum, [, sizes]) => sum + product(sizes), 0) + (step.op === "norm" ? 2 * step.shape[0] : 0);
  const more = step.shape.length === 3 && step.shape[0] > MOST ? `${MOST} of ${step.shape[0]} maps` : "";
  return [count ? `${commas(count)} params` : "", more].filter(Boolean).join(" · ");
}

const readsOf = ({ op, layer, groups }) => (op === "conv" && groups > 1 ? groups : layer.word === "flatten" && !layer.isOff ? "flatten" : ["conv", "separable", "linear"].includes(op) || (layer.word === "softmax" && !layer.isOff) ? "all" : "own");

/**
 * @param {any} message the server's last @param {string[]} parts the layers as they are to be @param {{method: string, seed: number}} draw
 * @returns {any[] | null} columns; null: only the server can tell
 */
export function foretold(message, parts, draw) {
  const [picture] = message.columns;
  if (`${picture.small}` !== `${picture.shape}`) return null; // it came in small
  const steps = layOut(parts, picture.shape, message.defaults);
  const outputs = steps && pass(steps, pictureOf(picture), draw);
  if (!outputs) return null;
  const fields = new Map([...message.words, ...message.columns].map(({ text, fields: all }) => [text, all]));
  const columns = steps.map((step, i) => ({
    text: parts[i], shape: step.shape, ...shown(outputs[i + 1], step.shape), note: noted(step), error: "", mend: "", mended: "",
    reads: readsOf(step), skips: step.op === "add" ? i - step.skipped : 0, picture: false, fields: fields.get(parts[i]) ?? null,
  }));
  return [picture, ...columns];
}

/**
 * Whole stages computed in the browser, in float32 as torch computes them: what an edit will look like,
 * on the screen before the server has heard of it. The server's maps replace it a moment later; a test
 * holds the two equal.
 */
import { ACTIVATIONS, sourceOf } from "./stage_values.js";
import { origin } from "./stage_window.js";

/** @typedef {import("./stage_values.js").Stage} Stage */

const AFFORDABLE = 15e6; // multiply-adds, about 15 ms: beyond that the server is as quick

/** Stages after the input that can be computed here in time. @param {Stage[]} stages */
function affordable(stages) {
  return stages.every(({ how, shape }) => {
    if (how.op === "activation") return how.name in ACTIVATIONS;
    const cells = shape[0] * shape[1] * shape[2];
    if (how.op === "conv") return cells * how.weight[0].flat(2).length <= AFFORDABLE;
    if (how.op === "pool") return cells * how.kernel_size[0] * how.kernel_size[1] <= AFFORDABLE;
    return how.op === "image" || how.op === "pad";
  });
}

/** One filter's map. @param {Stage} stage a convolution @param {number} c the filter @param {{values: Float32Array, shape: number[]}} before @param {Float32Array} out (H, W) */
function convolve({ how, shape: [channels, height, width] }, c, { values, shape: [, rows, columns] }, out) {
  const { weight, bias, stride, dilation, groups } = how;
  const first = Math.floor((c * groups) / channels) * weight[c].length;
  out.fill(bias[c]);
  weight[c].forEach((kernel, k) => kernel.forEach((line, r) => line.forEach((w, s) => {
    if (w === 0) return;
    for (let y = 0; y < height; y++) {
      const to = y * width;
      const from = ((first + k) * rows + y * stride[0] + r * dilation[0]) * columns + s * dilation[1];
      for (let x = 0; x < width; x++) out[to + x] += w * values[from + x * stride[1]];
    }
  })));
}

export const COMPUTE = {
  image({ levels, shape: [channels, height, width] }) {
    const out = new Float32Array(channels * height * width);
    levels.forEach((plane, c) => {
      // a loop: `from` and `map` take ten times as long
      for (let i = 0, at = c * height * width; i < plane.length; i++, at++) out[at] = plane[i] / 255;
    });
    return out;
  },

  pad({ how, shape: [channels, height, width] }, { values, shape: [, rows, columns] }) {
    const out = new Float32Array(channels * height * width).fill(how.mode === "constant" ? how.value : 0);
    const from = Int32Array.from({ length: width }, (_, x) => sourceOf(how, 1, x, columns));
    for (let c = 0, at = 0; c < channels; c++) {
      for (let y = 0; y < height; y++, at += width) {
        const row = sourceOf(how, 0, y, rows);
        if (row < 0) continue;
        const base = (c * rows + row) * columns;
        for (let x = 0; x < width; x++) if (from[x] >= 0) out[at + x] = values[base + from[x]];
      }
    }
    return out;
  },

  conv(stage, before) {
    const [channels, height, width] = stage.shape;
    const out = new Float32Array(channels * height * width);
    for (let c = 0; c < channels; c++) convolve(stage, c, before, out.subarray(c * height * width, (c + 1) * height * width));
    return out;
  },

  activation({ how }, { values }) {
    const f = ACTIVATIONS[how.name];
    const out = new Float32Array(values.length);
    for (let i = 0; i < out.length; i++) out[i] = f(values[i], how.parameters);
    return out;
  },

  pool({ how, shape: [channels, height, width] }, { values, shape: [, rows, columns] }) {
    const { kind, kernel_size: size, stride, dilation, pads } = how;
    const out = new Float32Array(channels * height * width);
    for (let c = 0, at = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, at++) {
          let [most, least, sum, squares, count] = [-Infinity, Infinity, 0, 0, 0];
          for (let r = 0; r < size[0]; r++) {
            const row = y * stride[0] - pads[0] + r * dilation[0];
            if (row < 0 || row >= rows) continue;
            for (let s = 0; s < size[1]; s++) {
              const column = x * stride[1] - pads[2] + s * dilation[1];
              if (column < 0 || column >= columns) continue;
              const v = values[(c * rows + row) * columns + column];
              most = v > most ? v : most;
              least = v < least ? v : least;
              sum += v;
              squares += v * v;
              count++;
            }
          }
          out[at] = { max: most, min: least, avg: sum / count, l2: Math.sqrt(squares) }[kind];
        }
      }
    }
    return out;
  },
};

/** The smallest and the largest of some values. @returns {[number, number]} */
export function span(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** Values rounded to the 256 levels of a range. */
export function quantised(values, [low, high]) {
  const scale = high > low ? 255 / (high - low) : 0;
  const levels = new Uint8Array(values.length);
  for (let i = 0; i < levels.length; i++) levels[i] = (values[i] - low) * scale + 0.5;
  return levels;
}

/** The colours of a range: as `figures.color_range`. */
function lookOf(low, high) {
  const reach = Math.max(-low, high);
  return low < 0 ? { scale: "diverging", colors: [-reach, reach] } : { scale: "sequential", colors: [0, high] };
}

/** What the server says of a stage's values: levels, ranges, colours (as `StageMap.colors`). */
function described(stage, values) {
  const area = stage.shape[1] * stage.shape[2];
  const planes = Array.from({ length: stage.shape[0] }, (_, c) => values.subarray(c * area, (c + 1) * area));
  const ranges = planes.map(span);
  const [low, high] = [Math.min(...ranges.map(([least]) => least)), Math.max(...ranges.map(([, most]) => most))];
  const all = { ...stage, values, ranges, low, high, levels: [], small: null };
  if (stage.how.op === "pad") return { ...all, scale: "gray", colors: [Math.min(0, low), Math.max(1, high)] };
  return { ...all, ...lookOf(low, high), levels: planes.map((plane, c) => quantised(plane, ranges[c])) };
}

/** The values of a stage, computed once and kept with it. */
function valuesOf(stages, i) {
  const stage = stages[i];
  const from = origin(stages, i);
  stage.values ??= COMPUTE[stage.how.op](stage, from >= 0 && { ...stages[from], values: valuesOf(stages, from) });
  return stage.values;
}

/** Whether two stages with the same before them have the same values. */
const isAlike = (one, other) => JSON.stringify([one.shape, one.how]) === JSON.stringify([other?.shape, other?.how]);

/**
 * Compute stages that were laid out.
 * @param {Stage[]} laid what `layOut` made; its first is the first of `known`
 * @param {Stage[]} known stages with their values: those that stay as they are stay
 * @returns {Stage[] | null} null: too much to compute here, or more than a float32 holds
 */
export function forward(laid, known) {
  if (!affordable(laid)) return null;
  const stages = [];
  let isKnown = true;
  for (const [i, stage] of laid.entries()) {
    isKnown &&= isAlike(stage, known[i]);
    stages.push(isKnown ? known[i] : stage);
    if (!isKnown) stages[i] = described(stage, valuesOf(stages, i));
    if (!Number.isFinite(stages[i].low) || !Number.isFinite(stages[i].high)) return null;
  }
  return stages;
}

/** A map in small: each block of `step` × `step` cells is its mean. As `averaged` in __init__.py. */
function averaged(plane, [rows, columns], { height, width, step }) {
  const out = new Float32Array(height * width);
  const counts = new Float32Array(height * width);
  for (let y = 0, at = 0; y < rows; y++) {
    const row = Math.floor(y / step) * width;
    for (let x = 0; x < columns; x++, at++) {
      out[row + Math.floor(x / step)] += plane[at];
      counts[row + Math.floor(x / step)]++;
    }
  }
  return out.map((sum, i) => sum / counts[i]);
}

/**
 * The stages with other weights in one filter of the last of them; of its maps, that filter's alone is computed anew.
 * @param {Stage[]} stages @param {number} c the filter @param {number[][][]} filter (in, height, width) @param {number} bias
 * @returns {Stage[]}
 */
export function withFilter(stages, c, filter, bias) {
  const i = stages.length - 1;
  const { how, shape, small, levels, ranges } = stages[i];
  const stage = { ...stages[i], how: { ...how, weight: how.weight.with(c, filter), bias: how.bias.with(c, Math.fround(bias)) } };
  const from = origin(stages, i);
  const map = new Float32Array(shape[1] * shape[2]);
  convolve(stage, c, { ...stages[from], values: valuesOf(stages, from) }, map);
  stage.ranges = ranges.with(c, span(map));
  stage.levels = levels.slice();
  stage.levels[c] = quantised(map, stage.ranges[c]);
  if (small) stage.small = { ...small, levels: small.levels.with(c, quantised(averaged(map, shape.slice(1), small), stage.ranges[c])) };
  [stage.low, stage.high] = [Math.min(...stage.ranges.map(([low]) => low)), Math.max(...stage.ranges.map(([, high]) => high))];
  return stages.with(i, { ...stage, ...lookOf(stage.low, stage.high) });
}

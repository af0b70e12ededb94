/**
 * Whole stages computed in the browser, in float32 as torch computes them: what an edit will look like,
 * on the screen before the server has heard of it. The server's maps replace it a moment later; a test
 * holds the two equal.
 */
import { ACTIVATIONS, source } from "./stage_values.js";

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

const COMPUTE = {
  image({ levels }) {
    const out = new Float32Array(levels.length);
    for (let i = 0; i < out.length; i++) out[i] = levels[i] / 255; // a loop: `from` and `map` take ten times as long
    return out;
  },

  pad({ how, shape: [channels, height, width] }, { values, shape: [, rows, columns] }) {
    const out = new Float32Array(channels * height * width).fill(how.mode === "constant" ? how.value : 0);
    const from = Int32Array.from({ length: width }, (_, x) => source(x - how.pads[2], columns, how.mode));
    for (let c = 0, at = 0; c < channels; c++) {
      for (let y = 0; y < height; y++, at += width) {
        const row = source(y - how.pads[0], rows, how.mode);
        if (row < 0) continue;
        const base = (c * rows + row) * columns;
        for (let x = 0; x < width; x++) if (from[x] >= 0) out[at + x] = values[base + from[x]];
      }
    }
    return out;
  },

  conv({ how, shape: [channels, height, width] }, { values, shape: [, rows, columns] }) {
    const { weight, bias, stride, dilation, groups } = how;
    const out = new Float32Array(channels * height * width);
    weight.forEach((filter, c) => {
      const first = Math.floor((c * groups) / channels) * filter.length;
      out.fill(bias[c], c * height * width, (c + 1) * height * width);
      filter.forEach((kernel, k) => kernel.forEach((line, r) => line.forEach((w, s) => {
        if (w === 0) return;
        for (let y = 0; y < height; y++) {
          const to = (c * height + y) * width;
          const from = ((first + k) * rows + y * stride[0] + r * dilation[0]) * columns + s * dilation[1];
          for (let x = 0; x < width; x++) out[to + x] += w * values[from + x * stride[1]];
        }
      })));
    });
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

/** What the server says of a stage's values: levels, range, colours (as `StageMap.colors`). */
function described(stage, values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (stage.how.op === "pad") return { ...stage, values, low, high, scale: "gray", colors: [Math.min(0, low), Math.max(1, high)] };
  const scale = high > low ? 255 / (high - low) : 0;
  const levels = new Uint8Array(values.length);
  for (let i = 0; i < levels.length; i++) levels[i] = (values[i] - low) * scale + 0.5;
  const reach = Math.max(-low, high);
  const look = low < 0 ? { scale: "diverging", colors: [-reach, reach] } : { scale: "sequential", colors: [0, high] };
  return { ...stage, ...look, values, levels, low, high };
}

/** The values of a stage, computed once and kept with it. */
function valuesOf(stages, i) {
  const stage = stages[i];
  stage.values ??= COMPUTE[stage.how.op](stage, i > 0 && { ...stages[i - 1], values: valuesOf(stages, i - 1) });
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

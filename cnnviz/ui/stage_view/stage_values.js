/**
 * The exact value of any cell of any stage, computed in the browser from the input's bytes and from
 * how each stage arises from the one before. What is painted is rounded to 256 levels; this is not.
 *
 * @typedef {{op: string, [setting: string]: any}} How
 * @typedef {{name: string, title: string, shape: [number, number, number], low: number, high: number,
 *   ranges: [number, number][], scale: string, colors: [number, number], how: How, from: number[],
 *   start: [number, number], jump: [number, number], arrow: string, levels: Uint8Array[],
 *   small: {height: number, width: number, levels: Uint8Array[]} | null}} Stage
 *   `from`: the stages that it arises from, the one before it unless it says others. By channel: `levels` of those that
 *   came whole, `ranges` that they span, and `small`, averaged to the size that many maps are seen in side by side
 */
import { origin, patch, reads } from "./stage_window.js";

/** Abramowitz & Stegun 7.1.26 is too coarse for a lens: this is the series / continued fraction of erf. */
function erf(x) {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = z, sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= -(z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}

const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** @type {Record<string, (x: number, p: any) => number>} The same names as cnnviz.activations. */
export const ACTIVATIONS = {
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  leaky_relu: (x, p) => (x >= 0 ? x : x * p.negative_slope),
  tanh: Math.tanh,
  hardtanh: (x) => Math.min(Math.max(x, -1), 1),
  sigmoid,
  elu: (x, p) => (x > 0 ? x : p.alpha * Math.expm1(x)),
  selu: (x) => SELU.scale * (x > 0 ? x : SELU.alpha * Math.expm1(x)),
  gelu: (x, p) =>
    p.approximate === "tanh"
      ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : 0.5 * x * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x * sigmoid(x),
  mish: (x) => x * Math.tanh(softplus(x)),
  hardswish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  softplus: (x, p) => (x * p.beta > p.threshold ? x : softplus(x * p.beta) / p.beta),
};

/**
 * Where a padded coordinate comes from along one axis.
 * @returns {number} the input's coordinate, or -1 where a constant stands.
 */
export function source(index, size, mode) {
  if (index >= 0 && index < size) return index;
  if (mode === "replicate") return Math.min(Math.max(index, 0), size - 1);
  if (mode === "circular") return ((index % size) + size) % size;
  if (mode === "reflect") return index < 0 ? -index : 2 * (size - 1) - index;
  return -1;
}

/** The same for a padded stage: of its row (axis 0) or column (1). With a step, zeros stand between what it copies. */
export function sourceOf({ pads, mode, step }, axis, at, size) {
  const index = at - pads[2 * axis];
  if (!step) return source(index, size, mode);
  const from = index / step[axis];
  return Number.isInteger(from) && from >= 0 && from < size ? from : -1;
}

/** A patch, row by row, times a kernel's rows, added up. */
export function dot(x, kernel) {
  let [sum, at] = [0, 0];
  for (const row of kernel) for (let s = 0; s < row.length; s++) sum += x[at++] * row[s];
  return sum;
}

const total = (values) => values.reduce((sum, v) => sum + v, 0);
/** @type {Record<string, (cells: Float64Array) => number>} What a pool makes of its window. */
export const SUMMARIES = {
  max: (cells) => Math.max(...cells),
  min: (cells) => Math.min(...cells),
  avg: (cells) => total(cells) / cells.length,
  l2: (cells) => Math.sqrt(total(cells.map((v) => v * v))),
};

const masks = new WeakMap(); // by stage: which of its cells won, a bit each

/** Whether a cell, counted row by row and map by map, won its window. @param {Stage} stage @param {number} at */
function hasWon(stage, at) {
  if (!masks.has(stage)) masks.set(stage, Uint8Array.from(atob(stage.how.mask), (c) => c.charCodeAt(0)));
  return ((masks.get(stage)[at >> 3] >> (7 - (at & 7))) & 1) === 1;
}

const MOST_KEPT = 100_000; // sums of a stage
const kept = new WeakMap(); // by stage: the sums worked out so far, where convolutions follow one another
const isDeep = new WeakMap(); // by the stages: whether they do

/** What `make` gives for a cell, once: sums of sums of sums would be worked out again and again. */
function once(stages, i, at, make) {
  if (!isDeep.has(stages)) isDeep.set(stages, stages.filter(({ how }) => how.op === "conv").length > 1);
  if (!isDeep.get(stages)) return make();
  if (!(kept.get(stages[i])?.size < MOST_KEPT)) kept.set(stages[i], new Map());
  const sums = kept.get(stages[i]);
  if (!sums.has(at)) sums.set(at, make());
  return sums.get(at);
}

/** What padding that copies nothing holds. */
export const constantOf = (how) => (how.mode === "constant" ? Math.fround(how.value) : 0);

/** @type {Record<string, (stages: Stage[], i: number, c: number, y: number, x: number) => number>} */
const OPERATIONS = {
  image({ [0]: stage }, _i, c, y, x) {
    return Math.fround(stage.levels[c][y * stage.shape[2] + x] / 255);
  },
  numbers: (stages, i, c, y, x) => stages[i].how.values[c][y][x],
  affine(stages, i, c, y, x) {
    const { scale, shift } = stages[i].how;
    return value(stages, origin(stages, i), c, y, x) * scale[c] + shift[c];
  },
  sum: (stages, i, c, y, x) => stages[i].from.reduce((total, from) => total + value(stages, from, c, y, x), 0),
  pad(stages, i, c, y, x) {
    const { how } = stages[i];
    const [, height, width] = stages[origin(stages, i)].shape;
    const [row, column] = [sourceOf(how, 0, y, height), sourceOf(how, 1, x, width)];
    return row < 0 || column < 0 ? constantOf(how) : value(stages, origin(stages, i), c, row, column);
  },
  conv(stages, i, c, y, x) {
    const [, height, width] = stages[i].shape;
    return once(stages, i, (c * height + y) * width + x, () => {
      const { weight, bias, groups } = stages[i].how;
      const first = Math.floor((c * groups) / weight.length) * weight[c].length; // of this filter's group
      const [rows, columns] = [reads(stages, i, 0, y), reads(stages, i, 1, x)];
      let total = 0;
      for (let k = 0; k < weight[c].length; k++) total += dot(patch(stages, origin(stages, i), first + k, rows, columns), weight[c][k]);
      return total + bias[c];
    });
  },
  activation(stages, i, c, y, x) {
    const { name, parameters, shift } = stages[i].how;
    const from = origin(stages, i);
    const before = value(stages, from, c, y, x);
    if (name !== "softmax") return ACTIVATIONS[name](before, parameters);
    if (shift !== undefined) return Math.exp(before - shift); // over all cells: the server knows log Σ exp
    let total = 0;
    for (let k = 0; k < stages[i].shape[0]; k++) total += Math.exp(value(stages, from, k, y, x) - before);
    return 1 / total;
  },
  pool(stages, i, c, y, x) {
    const from = origin(stages, i);
    const inside = (axis, at) => reads(stages, i, axis, at).filter((index) => index >= 0 && index < stages[from].shape[1 + axis]);
    return SUMMARIES[stages[i].how.kind](patch(stages, from, c, inside(0, y), inside(1, x)));
  },
  /** 1 where a cell won a max or min pool's window. The server says who did: rounding decides among the nearly equal. */
  winners(stages, i, c, y, x) {
    const [, height, width] = stages[i].shape;
    return Number(hasWon(stages[i], (c * height + y) * width + x));
  },
  difference(stages, i, c, y, x) {
    const [one, other] = stages[i].from;
    return value(stages, one, c, y, x) - value(stages, other, c, y, x);
  },
};

/**
 * The value of one cell of stage `i`, unrounded.
 * @param {Stage[]} stages @param {number} i @param {number} c @param {number} y @param {number} x
 */
export function value(stages, i, c, y, x) {
  return OPERATIONS[stages[i].how.op](stages, i, c, y, x);
}

/**
 * One channel of a stage as rows of values, as Plotly's heatmap takes them (rounded to 256 levels).
 * @param {Stage[]} stages @param {number} i @param {number} c @param {number} step take every step-th cell
 */
export function rows(stages, i, c, step) {
  const [, height, width] = stages[i].shape;
  const { levels, ranges } = stages[i];
  const [from, to] = ranges[c];
  const seen = (y, x) => from + (levels[c][y * width + x] * (to - from)) / 255;
  const at = levels[c] ? seen : (y, x) => value(stages, i, c, y, x);
  const across = Math.ceil(width / step);
  return Array.from({ length: Math.ceil(height / step) }, (_, y) => Float32Array.from({ length: across }, (_, x) => at(y * step, x * step)));
}

/** A number as a person reads it: so many significant digits, a true minus. */
export function format(number, digits = 4) {
  if (number === 0) return "0";
  const size = Math.abs(number);
  const isFar = size >= 1e5 || size < 1e-3;
  const text = isFar ? number.toExponential(Math.max(0, digits - 2)) : String(Number(number.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

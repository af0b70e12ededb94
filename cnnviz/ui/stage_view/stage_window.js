/** Which cells of the stage before a cell reads, and what they hold. Rows and columns do not mix: each axis by itself. */
import { constantOf, sourceOf, value } from "./stage_values.js";

/** @typedef {import("./stage_values.js").Stage} Stage */

/** The numbers from 0 to below `count`, each put through `f`. */
export function range(count, f = (k) => k) {
  const list = [];
  for (let k = 0; k < count; k++) list.push(f(k));
  return list;
}

/** The stages that stage `i` arises from. @param {Stage[]} stages @param {number} i @returns {readonly number[]} */
export const origins = (stages, i) => stages[i].from ?? (i > 0 ? [i - 1] : []);

/** The first of them, which its window lies on; -1: there is none. */
export const origin = (stages, i) => origins(stages, i)[0] ?? -1;

/** The first stage that arises from stage `i`; -1: there is none. */
export const next = (stages, i) => stages.findIndex((_, j) => origins(stages, j).includes(i));

/** Height and width of the window that slides, of a convolution or a pool. @returns {[number, number]} */
export const windowSize = ({ how }) => (how.op === "pool" ? how.kernel_size : [how.weight[0][0].length, how.weight[0][0][0].length]);

/** A softmax over all cells. */
export const seesAll = ({ how }) => how.shift !== undefined;

export const isWindowed = ({ how }) => how.op === "conv" || how.op === "pool";

/** How many rows and columns before the map its window may begin. A convolution's are a stage of their own. */
const offset = ({ how }, axis) => (how.op === "pool" ? how.pads[2 * axis] : 0);

/** From where to where an adaptive pool's window reaches: as even as whole cells allow. */
const share = (size, count, at) => range(Math.ceil(((at + 1) * size) / count) - Math.floor((at * size) / count), (k) => Math.floor((at * size) / count) + k);

const known = new WeakMap(); // by stage, and axis: what each index reads. A hover asks for all of them

/**
 * The rows (axis 0) or columns (1) of the stage before that row or column `at` of stage `i` reads. Those that lie outside
 * of it are not there; -1 is also a constant.
 * @param {Stage[]} stages @param {number} i @param {0 | 1} axis @param {number} at
 * @returns {readonly number[]} the same list whenever it is asked for
 */
export function reads(stages, i, axis, at) {
  const stage = stages[i];
  const size = stages[origin(stages, i)].shape[1 + axis];
  if (!known.has(stage)) known.set(stage, []);
  const axes = known.get(stage);
  if (axes[axis]?.size !== size) axes[axis] = { size, lists: new Map() };
  const { lists } = axes[axis];
  if (!lists.has(at)) lists.set(at, readAnew(stage, size, axis, at));
  return lists.get(at);
}

function readAnew(stage, size, axis, at) {
  if (stage.how.op === "pad") return [sourceOf(stage.how, axis, at, size)];
  if (stage.how.adaptive) return share(size, stage.shape[1 + axis], at);
  if (isWindowed(stage)) {
    const { stride, dilation } = stage.how;
    const from = at * stride[axis] - offset(stage, axis);
    return range(windowSize(stage)[axis], (k) => from + k * dilation[axis]);
  }
  return seesAll(stage) ? range(size) : [at];
}

/**
 * The values of one channel of stage `i` where these rows meet these columns.
 * @param {Stage[]} stages @param {number} i @param {number} c @param {number[]} rows @param {number[]} columns
 * @returns {Float64Array} row by row
 */
export function patch(stages, i, c, rows, columns) {
  const out = new Float64Array(rows.length * columns.length);
  const { how } = stages[i];
  const before = stages[origin(stages, i)];
  const isPadded = how.op === "pad" && before.how.op === "image";
  const image = isPadded ? before : stages[i];
  if (image.how.op !== "image") {
    let at = 0;
    for (const row of rows) for (const column of columns) out[at++] = value(stages, i, c, row, column);
    return out;
  }
  // Straight from the picture's bytes: a large window under a large pool reads millions of them.
  const [, height, width] = image.shape;
  const from = (axis, indices, size) => (isPadded ? indices.map((at) => sourceOf(how, axis, at, size)) : indices);
  const [ys, xs] = [from(0, rows, height), from(1, columns, width)];
  const constant = isPadded ? constantOf(how) : 0;
  for (let r = 0, at = 0; r < ys.length; r++) {
    const base = ys[r] * width;
    for (let s = 0; s < xs.length; s++) out[at++] = ys[r] < 0 || xs[s] < 0 ? constant : Math.fround(image.levels[c][base + xs[s]] / 255);
  }
  return out;
}

/** The arithmetic of one cell: every number that goes into it. In double precision, of the float32 data itself. */
import { isRGB } from "./stage_dom.js";
import { dot, SUMMARIES, value } from "./stage_values.js";
import { origin, patch, range, reads, windowSize } from "./stage_window.js";

/**
 * @typedef {import("./stage_values.js").Stage} Stage
 * @typedef {{channel: number, x: Float64Array, w: number[], product: Float64Array, sum: number}} ChannelTerms
 */

const exists = (at, size) => at >= 0 && at < size;

/** Whether each of the rows meets each of the columns outside of a map. */
const outside = (rows, columns, [, height, width]) =>
  rows.flatMap((row) => columns.map((column) => !exists(row, height) || !exists(column, width)));

/**
 * A cell of a convolution: patch × kernel, channel by channel, added up.
 * @param {Stage[]} stages @param {number} i @param {number} c @param {number} row @param {number} column
 */
export function convTerms(stages, i, c, row, column) {
  const { weight, bias, groups } = stages[i].how;
  const [height, width] = windowSize(stages[i]);
  const [rows, columns] = [reads(stages, i, 0, row), reads(stages, i, 1, column)];
  const from = origin(stages, i);
  const before = stages[from];
  const isPadded = before.how.op === "pad";
  const first = Math.floor((c * groups) / weight.length) * weight[c].length; // of this filter's group
  const channels = weight[c].map((kernel, k) => {
    const x = patch(stages, from, first + k, rows, columns);
    const w = kernel.flat();
    return { channel: first + k, x, w, product: x.map((v, n) => v * w[n]), sum: dot(x, kernel) };
  });
  const sum = channels.reduce((total, channel) => total + channel.sum, 0);
  // In the input's own rows and columns: those outside of it are padding.
  const unpadded = (axis, list) => list.map((at) => at - (isPadded ? before.how.pads[2 * axis] : 0));
  const [inputRows, inputColumns] = [unpadded(0, rows), unpadded(1, columns)];
  const copied = (axis, list) => (isPadded ? list.map((at) => reads(stages, from, axis, at)[0]) : list);
  const [copiedRows, copiedColumns] = [copied(0, rows), copied(1, columns)];
  // Between the cells that zeros were put between, as beyond the edge, there is no cell to copy.
  const padding = () => (before.how.step ? outside(copiedRows, copiedColumns, before.shape) : outside(inputRows, inputColumns, stages[origin(stages, from)].shape));
  return {
    height,
    width,
    at: { rows, columns }, // on the stage before
    rows: inputRows,
    columns: inputColumns,
    copiedRows, // what padding copies; -1: a constant
    copiedColumns,
    isPadding: isPadded ? padding() : range(height * width, () => false),
    mode: isPadded ? (before.how.step ? "between" : before.how.mode) : null,
    channels,
    isPicture: isRGB(before),
    sum,
    bias: bias[c],
    value: sum + bias[c],
  };
}

let last = { terms: null }; // a large window costs: the same cell is asked for more than once

/**
 * A cell of a pool: the cells under its window. Those outside of the map do not count.
 * @param {Stage[]} stages @param {number} i @param {number} c @param {number} row @param {number} column
 */
export function poolTerms(stages, i, c, row, column) {
  const isLast = last.stages === stages && last.i === i && last.c === c && last.row === row && last.column === column;
  if (!isLast) last = { stages, i, c, row, column, terms: summedUp(stages, i, c, row, column) };
  return last.terms;
}

function summedUp(stages, i, c, row, column) {
  const { kind } = stages[i].how;
  const from = origin(stages, i);
  const [rows, columns] = [reads(stages, i, 0, row), reads(stages, i, 1, column)];
  const [height, width] = [rows.length, columns.length]; // an adaptive pool's windows are not all of one size
  const [, mapHeight, mapWidth] = stages[from].shape;
  const isPadding = outside(rows, columns, stages[from].shape);
  const inRows = rows.filter((at) => exists(at, mapHeight));
  const inColumns = columns.filter((at) => exists(at, mapWidth));
  const values = patch(stages, from, c, inRows, inColumns);
  const x = new Float64Array(height * width).fill(NaN);
  let at = 0;
  isPadding.forEach((isOut, n) => !isOut && (x[n] = values[at++]));
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  const result = SUMMARIES[kind](values);
  const winners = kind === "max" || kind === "min" ? range(x.length).filter((n) => x[n] === result) : [];
  const middle = Math.floor(inRows.length / 2) * inColumns.length + Math.floor(inColumns.length / 2);
  const followed = winners[0] ?? range(x.length).filter((n) => !isPadding[n])[middle];
  return {
    kind,
    height,
    width,
    rows,
    columns,
    isPadding,
    x,
    winners,
    count: values.length,
    sum,
    squares,
    value: result,
    followed: { row: rows[Math.floor(followed / width)], column: columns[followed % width] },
  };
}

/**
 * What an activation does to a cell, and as a function of this cell alone.
 * @param {Stage[]} stages @param {number} i @param {number} c @param {number} row @param {number} column
 * @param {(x: number) => number} apply a pointwise activation
 */
export function activationTerms(stages, i, c, row, column, apply) {
  const { name, shift } = stages[i].how;
  const x = value(stages, origin(stages, i), c, row, column);
  const after = value(stages, i, c, row, column);
  if (name !== "softmax") return { name, x, value: after, f: apply };
  // Its other cells stay as they are: of their Σ exp the logarithm, less x. Itself it may be more than a number holds.
  const all = shift !== undefined ? Math.max(0, shift - x) : -Math.log(after);
  const others = all + Math.log(-Math.expm1(-all));
  return { name, x, value: after, f: (v) => 1 / (1 + Math.exp(others + x - v)) };
}

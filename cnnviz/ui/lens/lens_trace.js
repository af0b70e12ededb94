/** From one cell back to the pixels that it sees, and on to the cells that it has a part in. */
import { poolTerms } from "./lens_terms.js";
import { isWindowed, range, reads, seesAll, windowSize } from "./stage_window.js";

/**
 * @typedef {import("./stage_values.js").Stage} Stage
 * @typedef {{row: number, column: number}} Place
 * @typedef {{rows: number[], columns: number[]}} Cells where one of the rows meets one of the columns; rising
 */

const AXES = /** @type {const} */ ([0, 1]);
const NONE = { rows: [], columns: [] };
const cellsOf = ([rows, columns]) => (rows.length > 0 && columns.length > 0 ? { rows, columns } : NONE);

const allOf = ({ shape }) => ({ rows: range(shape[1]), columns: range(shape[2]) });

/** The marked indices of one axis: all that one list names, as far as they exist. */
function union(lists, size) {
  const marks = new Uint8Array(size);
  for (const list of lists) for (const at of list) if (at >= 0 && at < size) marks[at] = 1;
  return range(size).filter((at) => marks[at] === 1);
}

/** What cells of stage `i` read of every stage before it: their receptive fields. @returns {Cells[]} stages 0 to i */
function back(stages, i, cells) {
  const found = [];
  found[i] = cells;
  for (let j = i; j > 0; j--) {
    const { rows, columns } = found[j];
    if (seesAll(stages[j]) && rows.length > 0) found[j - 1] = allOf(stages[j - 1]);
    else found[j - 1] = cellsOf([rows, columns].map((list, axis) => union(list.map((at) => reads(stages, j, axis, at)), stages[j - 1].shape[1 + axis])));
  }
  return found;
}

/** Which cells of the stages after `i` read some of these. @returns {Cells[]} filled from i on */
function forth(stages, i, cells) {
  const found = [];
  found[i] = cells;
  for (let j = i + 1; j < stages.length; j++) {
    const { rows, columns } = found[j - 1];
    if (seesAll(stages[j]) && rows.length > 0) found[j] = allOf(stages[j]);
    else found[j] = cellsOf(
      [rows, columns].map((list, axis) => {
        const marks = new Uint8Array(stages[j - 1].shape[1 + axis]);
        for (const at of list) marks[at] = 1;
        return range(stages[j].shape[1 + axis]).filter((at) => reads(stages, j, axis, at).some((index) => marks[index] === 1));
      }),
    );
  }
  return found;
}

/** Everything that has to do with one cell: what it sees and what sees it. @returns {Cells[]} by stage */
export function around(stages, i, { row, column }) {
  const cells = { rows: [row], columns: [column] };
  return [...back(stages, i, cells), ...forth(stages, i, cells).slice(i + 1)];
}

/**
 * Everything that one weight of the convolution `i` touches: the pixels that it is multiplied by, and the cells that
 * got such a product. Where it met nothing but padding that holds a constant, it touched nothing.
 */
export function touched(stages, i, [r, s]) {
  const { stride, dilation } = stages[i].how;
  const at = [r * dilation[0], s * dilation[1]];
  const isPadded = stages[i - 1].how.op === "pad";
  const lists = AXES.map((axis) =>
    range(stages[i].shape[1 + axis]).filter((out) => !isPadded || reads(stages, i - 1, axis, out * stride[axis] + at[axis])[0] >= 0),
  );
  const under = lists.map((list, axis) => list.map((out) => out * stride[axis] + at[axis]));
  return [...back(stages, i - 1, cellsOf(under)), ...forth(stages, i, cellsOf(lists)).slice(i)];
}

/**
 * Of the cells of stage `to` that see a cell, the one in whose middle it is nearest, by their centres in the input; where
 * none sees it, the nearest of all.
 */
function opposite(stages, from, to, place) {
  const seeing = forth(stages.slice(0, to + 1), from, { rows: [place.row], columns: [place.column] })[to];
  const { rows, columns } = seeing.rows.length > 0 ? seeing : allOf(stages[to]);
  const [one, other] = [stages[from], stages[to]];
  const nearest = (axis, at, list) => {
    const off = (index) => Math.abs(other.start[axis] + index * other.jump[axis] - one.start[axis] - at * one.jump[axis]);
    return list.reduce((best, index) => (off(index) < off(best) ? index : best));
  };
  return { row: nearest(0, place.row, rows), column: nearest(1, place.column, columns) };
}

/** The cell of a pool whose window has this cell in it, the one in whose middle it is nearest; null if there is none. */
function windowOver(stages, i, place) {
  const { stride, dilation, pads } = stages[i].how;
  const size = windowSize(stages[i]);
  const along = (axis, at) => {
    const last = Math.floor((at + pads[2 * axis]) / stride[axis]);
    const first = Math.ceil((at + pads[2 * axis] - (size[axis] - 1) * dilation[axis]) / stride[axis]);
    const middle = (out) => out * stride[axis] - pads[2 * axis] + ((size[axis] - 1) * dilation[axis]) / 2;
    const all = range(Math.max(0, last - first + 1), (k) => first + k);
    const those = all.filter((out) => out >= 0 && out < stages[i].shape[1 + axis] && reads(stages, i, axis, out).includes(at));
    return those.sort((a, b) => Math.abs(middle(a) - at) - Math.abs(middle(b) - at))[0];
  };
  const [row, column] = [along(0, place.row), along(1, place.column)];
  return row === undefined || column === undefined ? null : { row, column };
}

/**
 * The way of one number through the stages: the pixel, or rather the convolution's window over it, its sum, what the
 * activation makes of it, and the pool that takes it. Of a pool's cell it is the way of the cell that won.
 * @param {Stage[]} stages @param {number} i @param {number} c the channel @param {Place} place
 * @returns {{conv: number, places: (Place | null)[]}} the convolution's index (-1: there is none), the place on each stage
 */
export function trail(stages, i, c, place) {
  const convs = range(stages.length).filter((j) => stages[j].how.op === "conv");
  const conv = convs.filter((j) => j <= i).at(-1) ?? convs[0] ?? -1;
  const places = stages.map(() => null);
  places[i] = place;
  let at = place;
  for (let j = i; j > conv && conv >= 0; j--) {
    if (isWindowed(stages[j])) at = poolTerms(stages, j, c, at.row, at.column).followed;
    places[j - 1] = at;
  }
  if (i < conv) places[conv] = opposite(stages, i, conv, place);
  for (let j = Math.max(i, conv) + 1; j < stages.length && stages[j].how.op !== "conv" && places[j - 1]; j++) {
    places[j] = isWindowed(stages[j]) ? windowOver(stages, j, places[j - 1]) : places[j - 1];
  }
  return { conv, places };
}

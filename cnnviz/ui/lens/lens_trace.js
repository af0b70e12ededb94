/** From one cell back to the pixels that it sees, and on to the cells that it has a part in. */
import { poolTerms } from "./lens_terms.js";
import { isWindowed, next, origin, origins, range, reads, seesAll, windowSize } from "./stage_window.js";

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

/** The cells of both; where they lie apart, also those where rows of the one meet columns of the other. */
function joined(one, other, [, height, width]) {
  if (!one || one.rows.length === 0) return other;
  if (other.rows.length === 0) return one;
  return { rows: union([one.rows, other.rows], height), columns: union([one.columns, other.columns], width) };
}

/** What cells of stage `i` read of every stage that it arises from: their receptive fields. @returns {Cells[]} up to i */
function back(stages, i, cells) {
  const found = [];
  found[i] = cells;
  for (let j = i; j > 0; j--) {
    if (!found[j]) continue;
    const { rows, columns } = found[j];
    for (const from of origins(stages, j)) {
      const { shape } = stages[from];
      const isAll = seesAll(stages[j]) && rows.length > 0;
      const read = isAll ? allOf(stages[from]) : cellsOf([rows, columns].map((list, axis) => union(list.map((at) => reads(stages, j, axis, at)), shape[1 + axis])));
      found[from] = joined(found[from], read, shape);
    }
  }
  return found;
}

/** Which cells of the stages after `i` read some of these. @returns {Cells[]} filled from i on */
function forth(stages, i, cells) {
  const found = [];
  found[i] = cells;
  for (let j = i + 1; j < stages.length; j++) {
    for (const from of origins(stages, j)) {
      if (!found[from]) continue;
      const { rows, columns } = found[from];
      const seeing = () =>
        cellsOf(
          [rows, columns].map((list, axis) => {
            const marks = new Uint8Array(stages[from].shape[1 + axis]);
            for (const at of list) marks[at] = 1;
            return range(stages[j].shape[1 + axis]).filter((at) => reads(stages, j, axis, at).some((index) => marks[index] === 1));
          }),
        );
      found[j] = joined(found[j], seesAll(stages[j]) && rows.length > 0 ? allOf(stages[j]) : seeing(), stages[j].shape);
    }
  }
  return found;
}

/** The stage whose cells are explained: a map that says which cells won is about those of another. @param {number} i */
const meant = (stages, i) => (stages[i].how.op === "winners" ? origin(stages, i) : i);

/** Everything that has to do with one cell: what it sees and what sees it. @returns {Cells[]} by stage */
export function around(stages, of, { row, column }) {
  const i = meant(stages, of);
  const cells = { rows: [row], columns: [column] };
  return merged(back(stages, i, cells), forth(stages, i, cells));
}

/** By stage, what was found on the way back or on the way forth. */
const merged = (before, after) => range(Math.max(before.length, after.length), (j) => before[j] ?? after[j] ?? NONE);

/**
 * Everything that one weight of the convolution `i` touches: the pixels that it is multiplied by, and the cells that
 * got such a product. Where it met nothing but padding that holds a constant, it touched nothing.
 */
export function touched(stages, i, [r, s]) {
  const { stride, dilation } = stages[i].how;
  const at = [r * dilation[0], s * dilation[1]];
  const from = origin(stages, i);
  const isPadded = stages[from].how.op === "pad";
  const lists = AXES.map((axis) =>
    range(stages[i].shape[1 + axis]).filter((out) => !isPadded || reads(stages, from, axis, out * stride[axis] + at[axis])[0] >= 0),
  );
  const under = lists.map((list, axis) => list.map((out) => out * stride[axis] + at[axis]));
  return merged(back(stages, from, cellsOf(under)), forth(stages, i, cellsOf(lists)));
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
  const { stride, dilation, pads, adaptive } = stages[i].how;
  if (adaptive) {
    const [rows, columns] = AXES.map((axis) => range(stages[i].shape[1 + axis]).filter((out) => reads(stages, i, axis, out).includes([place.row, place.column][axis])));
    return { row: rows[0], column: columns[0] };
  }
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
 * @param {Stage[]} stages @param {number} of @param {number} c the channel @param {Place} place
 * @returns {{conv: number, places: (Place | null)[]}} the convolution's index (-1: there is none), the place on each stage
 */
export function trail(stages, of, c, place) {
  const i = meant(stages, of);
  const isConv = (j) => stages[j].how.op === "conv";
  const line = lineTo(stages, i, isConv) ?? lineFrom(stages, i, isConv);
  const conv = line?.at(-1) ?? -1;
  const places = stages.map(() => null);
  places[i] = place;
  let at = place;
  for (let j = i; j > conv && origin(stages, j) >= 0; j = origin(stages, j)) {
    if (isWindowed(stages[j])) at = poolTerms(stages, j, c, at.row, at.column).followed;
    places[origin(stages, j)] = at;
  }
  if (i < conv) places[conv] = opposite(stages, i, conv, place);
  for (let from = Math.max(i, conv), j = next(stages, from); j >= 0 && !isConv(j) && places[from]; from = j, j = next(stages, j)) {
    places[j] = isWindowed(stages[j]) ? windowOver(stages, j, places[from]) : places[from];
  }
  places[of] = place;
  return { conv, places };
}

/** The stages from `i` back to the first that `isIt`; null: there is none. @returns {number[] | null} */
function lineTo(stages, i, isIt) {
  const line = [i];
  while (!isIt(line.at(-1))) {
    const from = origin(stages, line.at(-1));
    if (from < 0) return null;
    line.push(from);
  }
  return line;
}

/** The stages from `i` on to the first that `isIt`; null: there is none. */
function lineFrom(stages, i, isIt) {
  for (let j = next(stages, i); j >= 0; j = next(stages, j)) if (isIt(j)) return [i, j];
  return null;
}

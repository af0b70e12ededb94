/** What can be done to a whole kernel. Every function returns new rows. */

import { clamped } from "./kernel_numbers.js";

/** @typedef {import("./kernel_numbers.js").Rows} Rows */

/** @param {Rows} rows @returns {Rows} */
export const transposed = (rows) => rows[0].map((_, j) => rows.map((row) => row[j]));

/** Turn by 90° clockwise. @param {Rows} rows @returns {Rows} */
export const rotated = (rows) => transposed([...rows].reverse());

/** Turn both axes around: the kernel of true convolution. @param {Rows} rows @returns {Rows} */
export const flipped = (rows) => [...rows].reverse().map((row) => [...row].reverse());

/** @param {Rows} rows @param {number} i @param {number} j @param {number} value @returns {Rows} */
export const withCell = (rows, i, j, value) =>
  rows.map((row, y) => (y === i ? row.map((old, x) => (x === j ? value : old)) : row));

/**
 * Cut or extend with zeros around the centre. The odd row goes where "same" puts the odd pixel: after. So
 * one step more and one step less give the kernel back.
 * @param {Rows} rows @param {number} height @param {number} width @returns {Rows}
 */
export function resized(rows, height, width) {
  const before = (old, size) => Math.floor((size - 1) / 2) - Math.floor((old - 1) / 2);
  const [top, left] = [before(rows.length, height), before(rows[0].length, width)];
  return Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) => rows[i - top]?.[j - left] ?? 0));
}

/**
 * The sum of the weights. What rounding them to float32 leaves counts as nothing: nine times 1/9 is 1.
 * @param {Rows} rows
 */
export function weightSum(rows) {
  const cells = rows.flat();
  const sum = cells.reduce((total, value) => total + value, 0);
  const noise = cells.reduce((total, value) => total + Math.abs(value), 0) * cells.length * 2 ** -24;
  const short = Number(sum.toPrecision(6));
  if (Math.abs(sum) <= noise) return { value: 0, isExact: true };
  return { value: short, isExact: Math.abs(sum - short) <= noise };
}

/** A filter's planes, which lie one below the other. @param {Rows} rows @param {number} count @returns {Rows[]} */
export function planesOf(rows, count) {
  const height = rows.length / count;
  return Array.from({ length: count }, (_, k) => rows.slice(k * height, (k + 1) * height));
}

/** The same done to each plane. @param {Rows} rows @param {number} count @param {(rows: Rows) => Rows} turn @returns {Rows} */
export const eachPlane = (rows, count, turn) => planesOf(rows, count).flatMap(turn);

/** @param {Rows} rows @returns {Rows} */
export function normalised(rows) {
  const sum = rows.flat().reduce((total, value) => total + value, 0);
  return rows.map((row) => row.map((value) => clamped(value / sum)));
}
normalised.isOfAll = true; // planes together

/**
 * Numbers and kernels as text. The grammar is that of `cnnviz.kernels.parse_number`; weights are float32 numbers
 * written with the fewest decimals that give them back, as `format_kernel` does.
 */

/** @typedef {number[][]} Rows  equal lengths, at least 1×1 */
/** @typedef {{value: number} | {problem: string, unfinished: boolean}} Reading */

const LARGEST = 1e6;
const DIGITS = "(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)";
const DECIMAL = `[+-]?${DIGITS}(?:[eE][+-]?[0-9]+)?`;
const BEGUN = `[+-]?(?:[.,]?|${DIGITS}[eE][+-]?)`;
const NUMBER = new RegExp(`^(${DECIMAL})(?:\\s*/\\s*(${DECIMAL}))?$`);
const PREFIX = new RegExp(`^(?:${BEGUN}|${DECIMAL}\\s*/\\s*${BEGUN})$`);

/**
 * The float32 nearest to a value, as the double with the shortest decimal.
 * @param {number} value
 */
export function float32(value) {
  const nearest = Math.fround(value);
  if (Number.isInteger(nearest)) return nearest + 0; // -0 becomes 0
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(nearest.toPrecision(digits));
    if (Math.fround(short) === nearest) return short;
  }
  return Number(nearest.toPrecision(9));
}

/** @param {number} value */
export function clamped(value) {
  return float32(Math.max(-LARGEST, Math.min(LARGEST, value)));
}

/**
 * Read a cell: `2`, `.5`, `0,5`, `-1e-2`, `1/9`, a typographic minus.
 * @param {string} text
 * @returns {Reading}
 */
export function readNumber(text) {
  const cell = text.trim().replace(/[−–]/g, "-");
  const shown = cell.length > 12 ? `${text.trim().slice(0, 11)}…` : text.trim();
  const match = cell.length <= 48 ? NUMBER.exec(cell) : null;
  if (!match) {
    const unfinished = PREFIX.test(cell);
    if (cell === "") return { problem: "The cell is empty", unfinished };
    return { problem: unfinished ? `“${shown}” is unfinished` : `“${shown}” is not a number`, unfinished };
  }
  const [above, below] = [match[1], match[2] ?? "1"].map((part) => Number(part.replace(",", ".")));
  if (below === 0) return { problem: `“${shown}” divides by zero`, unfinished: false };
  const value = above / below;
  if (!(Math.abs(value) <= LARGEST)) return { problem: `“${shown}” is beyond ±1000000`, unfinished: false };
  return { value: float32(value) };
}

/** @param {number} value  every digit, with the minus sign that other programs read */
export const exact = (value) => String(value);

/** @param {string} text */
export const typographic = (text) => text.replace(/-/g, "−");

/**
 * A value in the room that there is: at most three digits that count, fewer where it is narrow.
 * @param {number} value
 * @param {number} room  in em; a digit takes half of one
 */
export function compact(value, room) {
  const isNarrow = room < 2.95; // -0.111 does not fit: then no cell writes the zero before the point
  for (const form of forms(value)) {
    const text = isNarrow ? form.replace(/^(-?)0\./, "$1.") : form;
    const width = [...text].reduce((sum, sign) => sum + (sign === "." ? 0.26 : 0.53), 0);
    if (width <= room && (value === 0 || Number(text) !== 0)) return typographic(text);
  }
  return room < 1.06 ? "" : Math.abs(value) < 1 ? "≈0" : "…";
}

/** @param {number} value */
function* forms(value) {
  const full = exact(value);
  if (full.replace(/^-?0?\.?0*/, "").length <= 3 && !full.includes("e")) yield full;
  if (Math.abs(value) < 1 && Math.abs(value) >= 0.001) yield String(Number(value.toPrecision(3)));
  if (Math.abs(value) < 1e5) {
    for (let decimals = 3; decimals >= 0; decimals -= 1) {
      const fixed = String(Number(value.toFixed(decimals)));
      if (!fixed.includes("e")) yield fixed;
    }
  }
  yield value.toExponential(1).replace("e+", "e");
  yield value.toExponential(0).replace("e+", "e");
}

/**
 * The text form of a kernel: rows divided by ";", cells by ",".
 * @param {Rows} rows
 */
export const kernelText = (rows) => rows.map((row) => row.map(exact).join(",")).join(";");

/**
 * @param {string} text  rows as the server writes them
 * @returns {Rows}
 */
export const kernelRows = (text) => text.split(";").map((line) => line.split(",").map((cell) => float32(Number(cell))));

/**
 * The text of many filters, `0=only-red|3=…`, with another text for one of them. As `cnnviz.filters.parse_edits` reads it.
 * @param {string} all @param {number} number @param {string | null} text  null: none
 */
export function withEntry(all, number, text) {
  const entries = new Map(all.split("|").filter((entry) => entry.includes("=")).map((entry) => [Number(entry.split("=")[0]), entry.slice(entry.indexOf("=") + 1)]));
  if (text === null) entries.delete(number);
  else entries.set(number, text);
  return [...entries].sort(([one], [other]) => one - other).map((entry) => entry.join("=")).join("|");
}

/**
 * Read a block of cells from a spreadsheet, a CSV file, a Python list or our own text form.
 * @param {string} text
 * @param {number} side  the largest height and width
 * @returns {{rows: Rows} | {problem: string} | null}  null when it is a single cell
 */
export function readBlock(text, side) {
  const plain = text.replace(/\]\s*[,;]?\s*\[/g, "\n").replace(/[[\]]/g, "").replace(/^[ \r\n]+|[ \r\n]+$/g, "");
  const cells = lines(plain);
  if (cells.length === 0) return { problem: "The pasted text holds no numbers" };
  if (cells.length === 1 && cells[0].length === 1) return null;
  if (cells.length > side || cells.some((line) => line.length > side)) {
    const width = Math.max(...cells.map((line) => line.length));
    return { problem: `The pasted block is ${cells.length}×${width}; at most ${side}×${side} fit` };
  }
  const rows = [];
  for (const [i, line] of cells.entries()) {
    if (line.length !== cells[0].length) {
      const [here, first] = [line.length, cells[0].length];
      return { problem: `Pasted row ${i + 1} has ${here} ${here === 1 ? "cell" : "cells"}, row 1 has ${first}` };
    }
    const row = [];
    for (const cell of line) {
      const reading = readNumber(cell);
      if ("problem" in reading) return { problem: `Pasted row ${i + 1}: ${reading.problem}` };
      row.push(reading.value);
    }
    rows.push(row);
  }
  return { rows };
}

/**
 * Which sign divides cells depends on which others there are: a comma beside tabs, or beside semicolons on
 * several lines, is a decimal comma.
 * @param {string} text
 * @returns {string[][]}
 */
function lines(text) {
  const rows = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  if (text.includes("\t")) return rows.map((line) => line.split("\t"));
  if (text.includes(";")) {
    if (rows.length > 1 && rows.every((line) => /;./.test(line))) return rows.map((line) => line.split(";"));
    const parts = text.split(";").map((line) => line.trim()).filter((line) => line !== "");
    return parts.map((line) => line.split(line.includes(",") ? /\s*,\s*/ : /\s+/));
  }
  const commas = rows.length > 1 ? text.includes(",") : /,.*,|,\s/.test(text);
  if (commas) return rows.map((line) => line.trim().replace(/,$/, "").split(/\s*,\s*/));
  return rows.map((line) => line.trim().split(/\s+(?![/])(?<!\/\s*)/));
}

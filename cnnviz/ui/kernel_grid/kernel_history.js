/** Undo and redo over whole kernels. */

import { kernelText } from "./kernel_numbers.js";

/** @typedef {import("./kernel_numbers.js").Rows} Rows */

const DEPTH = 300;
const same = (a, b) => a !== undefined && kernelText(a) === kernelText(b);

export class History {
  /** @param {Rows} rows */
  constructor(rows) {
    this.rows = rows;
    /** @type {Rows[]} */ this.past = [];
    /** @type {Rows[]} */ this.future = [];
    /** @type {unknown} */ this.group = null;
  }

  /**
   * Take a step. Steps of one group, such as the keystrokes of one number or one drag, are undone together.
   * @param {Rows} rows
   * @param {unknown} [group]
   */
  change(rows, group = null) {
    if (same(this.rows, rows)) return;
    const goesOn = group !== null && group === this.group;
    if (goesOn && same(this.past.at(-1), rows)) {
      this.past.pop(); // back where the group began: nothing to undo
      this.group = null;
    } else {
      if (!goesOn) this.past.push(this.rows);
      this.group = group;
    }
    if (this.past.length > DEPTH) this.past.shift();
    this.future = [];
    this.rows = rows;
  }

  /** @returns {Rows | null} */
  undo() {
    return this.#move(this.past, this.future);
  }

  /** @returns {Rows | null} */
  redo() {
    return this.#move(this.future, this.past);
  }

  /** @param {Rows[]} from @param {Rows[]} to */
  #move(from, to) {
    const rows = from.pop();
    if (rows === undefined) return null;
    to.push(this.rows);
    this.rows = rows;
    this.group = null;
    return rows;
  }
}

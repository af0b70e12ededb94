/** The cell that stays through every tweak. Its home is a text box of the page, bound to the address. */
import { box, write } from "./boxes.js";

/** @typedef {import("./lens.js").Cell} Cell */

const PATIENCE = 3000; // ms for the server to take note of a pin
const DOUBLE = { ms: 400, px: 4 };

/** @typedef {[string, number, number, number?]} Said stage, row, column, and the channel where it is not the one shown */
const textOf = (pin) => (pin ? `${pin[0]}:${pin.slice(1).join(",")}` : "");
const saidOf = (cell) => cell && [cell.name, cell.row, cell.column, ...(cell.channel >= 0 ? [cell.channel] : [])];
export const isSame = (one, other) =>
  Boolean(one && other) && one.name === other.name && one.row === other.row && one.column === other.column && one.channel === other.channel;

export class Pin {
  /** @type {Cell | null} */ cell = null;
  heard = "null"; // what the server said last
  lastClick = { at: -Infinity, x: 0, y: 0, cell: null };

  /** @param {() => void} changed  another cell is pinned than a moment ago, and nobody asked just now */
  constructor(changed) {
    this.changed = changed;
  }

  /**
   * What the server says counts when it is news. While it owes an answer to a pin of ours it counts where it is that
   * answer, or where the box shows it: then the person has gone Back before the answer came.
   * @param {Said | null} said
   */
  hear(said) {
    const now = JSON.stringify(said);
    const isAwaiting = this.awaited !== undefined && performance.now() - this.askedAt < PATIENCE;
    if (isAwaiting ? now === this.awaited || box("pin")?.value === textOf(said) : now !== this.heard) this.#take(said);
    this.heard = now;
  }

  #take(said) {
    this.cell = said && { name: said[0], row: said[1], column: said[2], ...(said.length > 3 ? { channel: said[3] } : {}) };
    this.awaited = undefined;
  }

  /** @param {Cell | null} cell */
  set(cell) {
    this.cell = cell;
    this.awaited = JSON.stringify(saidOf(cell));
    this.askedAt = performance.now();
    if (!write("pin", textOf(saidOf(cell)))) this.awaited = undefined;
    else setTimeout(() => this.#review(), PATIENCE);
  }

  /** The box may have gone back after the server's word for it was heard. */
  #review() {
    const said = JSON.parse(this.heard);
    if (this.awaited === undefined || performance.now() - this.askedAt < PATIENCE || box("pin")?.value !== textOf(said)) return;
    this.#take(said);
    this.changed();
  }

  /** A click pins; a double click, which shows the whole map, leaves the pin that was. @param {Cell} cell @param {PointerEvent} event */
  click(cell, { timeStamp, clientX: x, clientY: y }) {
    const { lastClick } = this;
    const isDouble = timeStamp - lastClick.at < DOUBLE.ms && Math.hypot(x - lastClick.x, y - lastClick.y) < DOUBLE.px;
    const before = isDouble ? lastClick.cell : this.cell;
    this.lastClick = { at: timeStamp, x, y, cell: before };
    this.set(isDouble ? before : cell);
  }
}

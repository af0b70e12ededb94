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

  /**
   * What the server says counts when it is news, and not older than a pin of ours: then the box shows another text.
   * @param {Said | null} said
   */
  hear(said) {
    const now = JSON.stringify(said);
    const isAwaiting = this.awaited !== undefined && performance.now() - this.askedAt < PATIENCE;
    const isNews = now !== this.heard && (!isAwaiting || box("pin")?.value === textOf(said));
    if (isNews || (isAwaiting && now === this.awaited)) this.cell = said && { name: said[0], row: said[1], column: said[2], ...(said.length > 3 ? { channel: said[3] } : {}) };
    if (now === this.awaited) this.awaited = undefined;
    this.heard = now;
  }

  /** @param {Cell | null} cell */
  set(cell) {
    this.cell = cell;
    this.awaited = JSON.stringify(saidOf(cell));
    this.askedAt = performance.now();
    if (!write("pin", textOf(saidOf(cell)))) this.awaited = undefined;
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

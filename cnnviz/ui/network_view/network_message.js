/** What the server sends: see `pack` in __init__.py. */
import { opened } from "./framing.js";

/** @param {Uint8Array} data @returns {any} the header, with its palettes by name, and each column with the levels of its maps */
export function unpack(data) {
  const [message, take] = opened(data);
  for (const column of message.columns) {
    const [count, height, width] = column.small;
    column.levels = Array.from({ length: count }, () => take(height * width));
  }
  return message;
}

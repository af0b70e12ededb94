/** What the server sends: see `pack` in __init__.py. */

/** @param {Uint8Array} data @returns {any} the header, with its palettes by name, and each column with the levels of its maps */
export function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  let at = 4 + length;
  const take = (count) => data.subarray(at, (at += count));
  message.palettes = Object.fromEntries(message.scales.map((name) => [name, take(768)]));
  for (const column of message.columns) {
    const [count, height, width] = column.small;
    column.levels = Array.from({ length: count }, () => take(height * width));
  }
  return message;
}

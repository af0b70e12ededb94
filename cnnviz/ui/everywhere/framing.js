/** What the server sends to a component: see `framed` in framing.py. */

/**
 * @param {Uint8Array} data
 * @returns {[any, (count: number) => Uint8Array]} the header, with its palettes by name; and what takes the next bytes of the rest
 */
export function opened(data) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  let at = 4 + length;
  const take = (count) => data.subarray(at, (at += count));
  message.palettes = Object.fromEntries(message.scales.map((name) => [name, take(768)]));
  return [message, take];
}

/** What the server sends: see `pack` in __init__.py. */

/**
 * @param {Uint8Array} data
 * @returns {any} the header; its palettes by name, 256 × RGB; its stages with their levels, (C, H, W)
 */
export function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  let at = 4 + length;
  const take = (count) => data.subarray(at, (at += count));
  message.palettes = Object.fromEntries(message.scales.map((name) => [name, take(768)]));
  for (const stage of message.stages) {
    if (stage.how.op !== "pad") stage.levels = take(stage.shape.reduce((a, b) => a * b));
  }
  return message;
}

/** What the server sends of a descent: see `pack` in __init__.py. */
import { opened } from "./framing.js";

/**
 * @typedef {{values: Float32Array, shape: number[]}} Block
 * @param {Uint8Array} data
 * @returns {any} the header, with its palettes; its arrays by name, each a Block. `frames` holds the weights of each keyframe,
 *   or, where a picture is recovered, the picture
 */
export function unpack(data) {
  const [message, take] = opened(data);
  for (const [name, shape] of Object.entries(message.arrays)) {
    const count = shape.reduce((a, b) => a * b, 1);
    message.arrays[name] = { shape, values: new Float32Array(take(4 * count).slice().buffer) }; // a copy begins where a float32 may
  }
  return message;
}

/** One of the blocks that lie in a block. @param {Block} block @param {number} index @returns {Block} */
export function part({ values, shape: [, ...rest] }, index) {
  const count = rest.reduce((a, b) => a * b, 1);
  return { values: values.subarray(index * count, (index + 1) * count), shape: rest };
}

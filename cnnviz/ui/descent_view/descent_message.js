/** What the server sends of a descent: see `pack` in __init__.py. */
import { opened } from "./framing.js";

/**
 * @typedef {{values: Float32Array | Uint8Array, shape: number[]}} Block
 * @param {Uint8Array} data
 * @returns {any} the header, with its palettes; its arrays by name, each a Block. `frames` holds the weights of each keyframe;
 *   where a picture is recovered, `levels` holds the pictures, in 256 levels of their `spans`
 */
export function unpack(data) {
  const [message, take] = opened(data);
  for (const [name, { shape, isBytes }] of Object.entries(message.arrays)) {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = isBytes ? take(count) : new Float32Array(take(4 * count).slice().buffer); // a copy begins where a float32 may
    message.arrays[name] = { shape, values };
  }
  return message;
}

/** One of the blocks that lie in a block. @param {Block} block @param {number} index @returns {Block} */
export function part({ values, shape: [, ...rest] }, index) {
  const count = rest.reduce((a, b) => a * b, 1);
  return { values: values.subarray(index * count, (index + 1) * count), shape: rest };
}

/** What the server sends: see `pack` in __init__.py. */
import { opened } from "./framing.js";

/** Flat numbers as nested arrays of this shape. @param {Float32Array} numbers @param {number[]} shape */
function nested(numbers, [count, ...rest]) {
  if (rest.length === 0) return Array.from(numbers);
  const each = numbers.length / count;
  return Array.from({ length: count }, (_, i) => nested(numbers.subarray(i * each, (i + 1) * each), rest));
}

/**
 * @param {Uint8Array} data
 * @returns {any} the header; its palettes by name, 256 × RGB; its stages with their weights, (out, in, H, W), and the
 *   levels of the channels that were sent, each (H, W)
 */
export function unpack(data) {
  const [message, take] = opened(data);
  for (const { how } of message.stages) {
    const shape = how.weight ?? how.values;
    if (!shape) continue;
    const bytes = take(4 * shape.reduce((a, b) => a * b)).slice(); // a copy begins where a float32 may
    how[how.weight ? "weight" : "values"] = nested(new Float32Array(bytes.buffer), shape);
  }
  for (const stage of message.stages) {
    const [, height, width] = stage.shape;
    stage.levels = [];
    for (const channel of stage.sent) stage.levels[channel] = take(height * width);
    if (stage.small) stage.small.levels = stage.ranges.map(() => take(stage.small.height * stage.small.width));
  }
  return message;
}

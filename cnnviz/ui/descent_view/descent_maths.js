/** What a kernel makes of a picture, as fast as the replay asks for it. */

/** @typedef {import("./descent_message.js").Block} Block */

/**
 * A convolution as the Lab's: the kernel is not flipped.
 * @param {Block} input (H, W) @param {Block} kernel (h, w) @param {number} bias
 * @param {string} padding "same", with zeros, or "valid" @returns {Block}
 */
export function convolve(input, kernel, bias, padding) {
  const [[height, width], [rows, columns]] = [input.shape, kernel.shape];
  const isSame = padding === "same";
  const [top, left] = isSame ? [(rows - 1) >> 1, (columns - 1) >> 1] : [0, 0];
  const [tall, wide] = isSame ? [height, width] : [height - rows + 1, width - columns + 1];
  const made = new Float32Array(tall * wide).fill(bias);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const weight = kernel.values[i * columns + j];
      if (weight === 0) continue;
      const [down, across] = [i - top, j - left];
      const [firstX, lastX] = [Math.max(0, -across), Math.min(wide, width - across)];
      for (let y = Math.max(0, -down); y < Math.min(tall, height - down); y++) {
        const [from, to] = [(y + down) * width + across, y * wide];
        for (let x = firstX; x < lastX; x++) made[to + x] += weight * input.values[from + x];
      }
    }
  }
  return { values: made, shape: [tall, wide] };
}

/** One kernel that does what one after another does. @param {Block} first @param {Block} second @returns {Block} */
export function composed(first, second) {
  const [[h, w], [rows, columns]] = [first.shape, second.shape];
  const [tall, wide] = [h + rows - 1, w + columns - 1];
  const values = new Float32Array(tall * wide);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < h; k++) for (let l = 0; l < w; l++) values[(i + k) * wide + j + l] += second.values[i * columns + j] * first.values[k * w + l];
  return { values, shape: [tall, wide] };
}

/** @param {Block} one @param {Block} other @param {(a: number, b: number) => number} how @returns {Block} */
export const between = (one, other, how) => ({ shape: one.shape, values: one.values.map((value, i) => how(value, other.values[i])) });

/** The largest size of any of them. @param {Float32Array} values */
export const reach = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * The random numbers that torch draws on a CPU, so that weights of a seed are known before the server has heard of it.
 * Uniform ones only: normal ones torch draws in blocks, by another way.
 * Source: Matsumoto & Nishimura 1998, Mersenne Twister; ATen/core/TransformationHelper.h, uniform_real.
 */
const N = 624;
const M = 397;

export class Generator {
  /** @param {number} seed a whole number below 2^53, of which torch takes the lower 32 bits */
  constructor(seed) {
    this.state = new Uint32Array(N);
    this.state[0] = seed % 2 ** 32;
    for (let i = 1; i < N; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
    this.at = N;
  }

  #twist() {
    const { state } = this;
    for (let i = 0; i < N; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  /** The next 32 bits. */
  random() {
    if (this.at === N) this.#twist();
    let y = this.state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** So many float32 from `low` up to `high`. @param {number} count @returns {Float32Array} */
  uniform(count, low, high) {
    const from = Math.fround(low);
    const span = Math.fround(Math.fround(high) - from);
    const numbers = new Float32Array(count);
    // multiplied and added in one step, as processors do, and rounded once
    for (let i = 0; i < count; i++) numbers[i] = ((this.random() & 0xffffff) / 0x1000000) * span + from;
    return numbers;
  }
}

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

/** How far weights of a shape (out, in, …) reach either way, by the name of their method. @type {Record<string, (shape: number[]) => number>} */
const REACH = {
  uniform: () => 1,
  pytorch: ([, ...rest]) => Math.sqrt(3) * (Math.sqrt(2 / (1 + Math.sqrt(5) ** 2)) / Math.sqrt(product(rest))),
  kaiming_uniform: ([, ...rest]) => Math.sqrt(3) * (Math.sqrt(2) / Math.sqrt(product(rest))),
  xavier_uniform: ([out, before, ...kernel]) => Math.sqrt(3) * Math.sqrt(2 / ((before + out) * product(kernel))),
};

/** Whether weights of this method can be drawn here. @param {string} method */
export const isDrawn = (method) => method in REACH;

/** Draw weights of a shape. @param {string} method @param {number[]} shape @param {Generator} generator */
export const drawn = (method, shape, generator) => generator.uniform(product(shape), -REACH[method](shape), REACH[method](shape));

/** A network's pass in float32, with the weights that torch draws: what an edit will look like, before the server has heard of it. */
import { COMPUTE } from "./stage_forward.js";
import { drawn, Generator, isDrawn } from "./torch_random.js";

/** @typedef {import("./network_model.js").Step} Step */

const AFFORDABLE = 40e6; // multiply-adds, about 40 ms
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

/** Multiply-adds of a layer, about. @param {Step} step */
function cost({ op, shape, before, weights, how }) {
  if (op === "pool") return product(shape) * product(how.kernel_size);
  const sizes = weights.filter(([name]) => name !== "bias").map(([, sizes]) => product(sizes));
  return sizes.reduce((a, b) => a + b, 0) * (shape.length === 3 ? shape[1] * shape[2] : 1) + product(before);
}

/** Draw all weights, one after another. @param {Step[]} steps @returns {Record<string, Float32Array>[]} */
function weightsOf(steps, method, seed) {
  const generator = new Generator(seed);
  return steps.map(({ weights }) => {
    const tensors = {};
    let last = [];
    for (const [name, shape] of weights) {
      if (name !== "bias") tensors[name] = drawn(method, (last = shape), generator);
      else if (method !== "pytorch") tensors[name] = new Float32Array(product(shape));
      else {
        const reach = 1 / Math.sqrt(product(last.slice(1)));
        tensors[name] = generator.uniform(product(shape), -reach, reach);
      }
    }
    return tensors;
  });
}

/** Filters over a padded map. @param {Float32Array} weight (out, in / groups, rows, columns), flat */
function convolved(values, [channels, height, width], weight, [out, depth, rows, columns], bias, { stride, dilation }, groups, [high, wide]) {
  const result = new Float32Array(out * high * wide);
  for (let c = 0; c < out; c++) {
    const map = result.subarray(c * high * wide, (c + 1) * high * wide);
    if (bias) map.fill(bias[c]);
    const first = Math.floor((c * groups) / out) * depth;
    for (let k = 0, at = c * depth * rows * columns; k < depth; k++) {
      for (let r = 0; r < rows; r++) {
        for (let s = 0; s < columns; s++, at++) {
          const w = weight[at];
          for (let y = 0, to = 0; y < high; y++) {
            let from = ((first + k) * height + y * stride[0] + r * dilation[0]) * width + s * dilation[1];
            for (let x = 0; x < wide; x++, to++, from += stride[1]) map[to] += w * values[from];
          }
        }
      }
    }
  }
  return result;
}

const RUN = {
  same: (_, values) => values,
  activation: (step, values) => COMPUTE.activation(step, { values }),
  pool: (step, values) => COMPUTE.pool(step, { values, shape: step.before }),
  norm({ eps }, values) {
    const scale = 1 / Math.sqrt(1 + eps); // mean 0, variance 1, as they are drawn
    return values.map((x) => x * scale);
  },
  softmax({ shape }, values) {
    const [channels, area] = [shape[0], product(shape.slice(1))];
    const out = new Float32Array(values.length);
    for (let at = 0; at < area; at++) {
      let [most, sum] = [-Infinity, 0];
      for (let c = 0; c < channels; c++) most = Math.max(most, values[c * area + at]);
      for (let c = 0; c < channels; c++) sum += Math.exp(values[c * area + at] - most);
      for (let c = 0; c < channels; c++) out[c * area + at] = Math.exp(values[c * area + at] - most) / sum;
    }
    return out;
  },
  linear({ shape: [outputs] }, values, { weight, bias }) {
    const out = new Float32Array(outputs);
    for (let o = 0, at = 0; o < outputs; o++) {
      let sum = 0;
      for (let i = 0; i < values.length; i++, at++) sum += weight[at] * values[i];
      out[o] = sum + (bias?.[o] ?? 0);
    }
    return out;
  },
  conv: (step, values, { weight, bias }) => filtered(step, values, weight, step.weights[0][1], bias, step.groups),
  separable(step, values, { depthwise, pointwise, bias }) {
    const [channels] = step.before;
    const maps = filtered(step, values, depthwise, step.weights[0][1], null, channels);
    const size = step.shape.slice(1);
    return convolved(maps, [channels, ...size], pointwise, step.weights[1][1], bias, { stride: [1, 1], dilation: [1, 1] }, 1, size);
  },
};

/** A convolution with its padding. */
function filtered({ how, before, shape }, values, weight, sizes, bias, groups) {
  const [top, bottom, left, right] = how.pads;
  const size = [before[0], before[1] + top + bottom, before[2] + left + right];
  const isPadded = how.pads.some(Boolean);
  const padded = isPadded ? COMPUTE.pad({ how: { pads: how.pads, mode: how.mode, value: how.value }, shape: size }, { values, shape: before }) : values;
  return convolved(padded, size, weight, sizes, bias, how, groups, shape.slice(1));
}

/**
 * Run a network that was laid out.
 * @param {Step[]} steps @param {Float32Array} picture (C, H, W), flat @param {{method: string, seed: number}} draw how its weights are drawn
 * @returns {Float32Array[] | null} the picture, and what each layer makes; null: too much for here, or weights that only torch draws
 */
export function pass(steps, picture, { method, seed }) {
  if (!isDrawn(method) || steps.reduce((sum, step) => sum + cost(step), 0) > AFFORDABLE) return null;
  const weights = weightsOf(steps, method, seed);
  const outputs = [picture];
  for (const [i, step] of steps.entries()) {
    if (step.op === "add") outputs.push(outputs[i].map((x, at) => x + outputs[step.skipped][at]));
    else outputs.push(RUN[step.op](step, outputs[i], weights[i]));
    if (!outputs.at(-1).every(Number.isFinite)) return null;
  }
  return outputs;
}

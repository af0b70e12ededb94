/**
 * A network's text read in the browser: each layer's settings, and the shapes that follow. Only what the browser can foretell:
 * where it cannot, or where a layer cannot work, it says null and the server is waited for. A test holds it equal to the server's.
 *
 * @typedef {[number, number]} Pair
 * @typedef {{word: string, isOff: boolean, about: string | null, window: Pair | null, sizes: Record<string, Pair>, padding: "valid" | "same" | Pair,
 *   mode: string, hasBias: boolean, named: Record<string, string>}} Layer
 * @typedef {{layer: Layer, op: string, shape: number[], before: number[], weights: [string, number[]][], pads?: number[], skipped?: number}} Step
 *   `weights`: the tensors in the order in which they are drawn; `skipped`: which output is added, 0 is the picture
 */
import { fits, missesAll, padsOf, reachOf } from "./stage_layout.js";
import { ACTIVATIONS } from "./stage_values.js";

const PART = /^(-?)([a-z][a-z0-9_]*)(?::([^@,]*))?(?:@([^,]*))?((?:,[^,]*)*)$/;
const SIZE = /^\d{1,4}(x\d{1,4})?$/;
const MODES = ["zeros", "constant", "reflect", "replicate", "circular"];
const POOLS = ["max", "avg", "min", "l2"];
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

/** "3" or "3x5" as a pair. @returns {Pair | null} */
function pair(text) {
  if (!SIZE.test(text)) return null;
  const sides = text.split("x").map(Number);
  return [sides[0], sides.at(-1)];
}

/** @param {string} text of one layer @returns {Layer | null} */
export function read(text) {
  const found = PART.exec(text);
  if (!found) return null;
  const [, off, word, about = null, at = null, options] = found;
  const layer = { word, isOff: off === "-", about, window: at === null ? null : pair(at), sizes: {}, padding: "valid", mode: "zeros", hasBias: true, named: {} };
  for (const option of options.split(",").filter(Boolean)) {
    const lettered = /^([spdgo])(\d{1,4}(?:x\d{1,4})?)$/.exec(option);
    if (option === "valid" || option === "same") layer.padding = option;
    else if (option === "nobias") layer.hasBias = false;
    else if (MODES.includes(option)) layer.mode = option;
    else if (lettered?.[1] === "p") layer.padding = pair(lettered[2]);
    else if (lettered) layer.sizes[lettered[1]] = pair(lettered[2]);
    else if (option.includes("=")) layer.named[option.split("=")[0]] = option.split("=")[1];
    else return null;
  }
  return at !== null && !layer.window ? null : layer;
}

const whole = (text) => (/^\d{1,4}$/.test(text ?? "") && Number(text) > 0 ? Number(text) : null);

/** A sliding window: its pads and how often it fits; null where it does not. */
function slid(layer, size, window, stride, dilation) {
  if ([...window, ...stride, ...dilation].some((side) => side < 1)) return null;
  const reach = reachOf(window, dilation);
  const pads = padsOf(layer.padding, size, reach, stride);
  const out = fits(size, pads, reach, stride);
  return Math.min(...out) < 1 ? null : { pads, out };
}

function convolution(layer, shape) {
  const channels = whole(layer.about);
  const { s: stride = [1, 1], d: dilation = [1, 1], g = [1, 1] } = layer.sizes;
  const [groups] = g;
  if (shape.length !== 3 || !channels || !layer.window || shape[0] % groups || channels % groups) return null;
  const found = slid(layer, shape.slice(1), layer.window, stride, dilation);
  if (!found) return null;
  const [top, bottom, left, right] = found.pads;
  const room = layer.mode === "reflect" ? 1 : 0; // reflecting leaves the edge itself out
  const isFar = ["reflect", "circular"].includes(layer.mode) && (Math.max(top, bottom) > shape[1] - room || Math.max(left, right) > shape[2] - room);
  if (isFar) return null;
  const how = { stride, dilation, pads: found.pads, mode: layer.mode, value: Number(layer.named.value ?? 0) };
  const bias = layer.hasBias ? [["bias", [channels]]] : [];
  if (layer.word === "conv") return { op: "conv", how, groups, shape: [channels, ...found.out], weights: [["weight", [channels, shape[0] / groups, ...layer.window]], ...bias] };
  return { op: "separable", how, groups: 1, shape: [channels, ...found.out], weights: [["depthwise", [shape[0], 1, ...layer.window]], ["pointwise", [channels, shape[0], 1, 1]], ...bias] };
}

function pool(layer, shape) {
  const window = pair(layer.about ?? "2");
  if (shape.length !== 3 || !window) return null;
  const { s: stride = window, d: dilation = [1, 1] } = layer.sizes;
  const found = slid(layer, shape.slice(1), window, stride, dilation);
  if (!found || dilation.some((step) => step > 1)) return null;
  if ([0, 1].some((a) => missesAll(shape[1 + a], window[a], stride[a], found.pads[2 * a], found.out[a]))) return null;
  return { op: "pool", how: { kind: layer.word, kernel_size: window, stride, dilation, pads: found.pads }, shape: [shape[0], ...found.out], weights: [] };
}

function activation(layer, shape, defaults) {
  if (layer.word === "softmax") return layer.named.over === "all" && shape.length === 3 ? null : { op: "softmax", shape, weights: [] };
  const parameters = { ...defaults };
  for (const [name, text] of Object.entries(layer.named)) parameters[name] = Number.isNaN(Number(text)) ? text : Number(text);
  return { op: "activation", how: { name: layer.word, parameters }, shape, weights: [] };
}

/** @param {Layer} layer @param {number[]} shape what goes in @param {any} defaults of activations, by name @returns {any} */
function step(layer, shape, defaults) {
  const { word } = layer;
  if (layer.isOff || word === "dropout") return { op: "same", shape, weights: [] };
  if (word === "conv" || word === "separable") return convolution(layer, shape);
  if (POOLS.includes(word)) return pool(layer, shape);
  if (word === "softmax" || word in ACTIVATIONS) return activation(layer, shape, defaults[word]);
  if (word === "flatten") return { op: "same", shape: [product(shape)], weights: [] };
  if (word.startsWith("global_") && shape.length === 3) {
    return { op: "pool", how: { kind: word.slice(7), kernel_size: shape.slice(1), stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }, shape: [shape[0], 1, 1], weights: [] };
  }
  if (word === "norm" && shape.length === 3) return { op: "norm", eps: Number(layer.named.eps ?? 1e-5), shape, weights: [] };
  if (word === "linear" && shape.length === 1) {
    const outputs = whole(layer.about ?? "10");
    if (!outputs || (layer.named.in && Number(layer.named.in) !== shape[0])) return null;
    return { op: "linear", shape: [outputs], weights: [["weight", [outputs, shape[0]]], ...(layer.hasBias ? [["bias", [outputs]]] : [])] };
  }
  return null;
}

/**
 * Lay a network out for a picture.
 * @param {string[]} parts its layers' texts @param {number[]} shape of the picture, (C, H, W) @param {any} defaults the parameters of each activation
 * @returns {Step[] | null} null: something cannot work, or only the server can tell
 */
export function layOut(parts, shape, defaults) {
  const shapes = [shape];
  const steps = [];
  for (const [i, part] of parts.entries()) {
    const layer = read(part);
    if (!layer) return null;
    const before = shapes.at(-1);
    if (layer.word === "add" && !layer.isOff) {
      const skipped = i - (whole(layer.about ?? "2") ?? NaN);
      if (!(skipped >= 0) || `${shapes[skipped]}` !== `${before}`) return null;
      steps.push({ layer, op: "add", shape: before, before, weights: [], skipped });
    } else {
      const found = step(layer, before, defaults);
      if (!found) return null;
      steps.push({ layer, before, ...found });
    }
    shapes.push(steps.at(-1).shape);
  }
  return steps;
}

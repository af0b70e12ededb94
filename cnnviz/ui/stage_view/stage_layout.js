/**
 * What the server will say of every stage for these settings of the Lab: shape, pads, place, arrow; no values yet.
 * `cnnviz/ui/stages.py` says it of what torch computed; a test holds the two equal over the option space.
 */
import { ACTIVATIONS } from "./stage_values.js";

/**
 * Settings as `cnnviz.ui.settings.LAB` reads them, by their names in the address.
 * @typedef {[number, number]} Pair
 * @typedef {"valid" | "same" | Pair} Padding
 * @typedef {{kernel: number[][], bias: number, stride: Pair, padding: Padding, padding_mode: string,
 *   padding_value: number, dilation: Pair, activation: string, pool: string, pool_size: Pair, pool_stride: Pair,
 *   pool_padding: Padding, [parameter: string]: any}} Settings
 * @typedef {{titles: Record<string, string>, parameters: Record<string, string[]>}} Words
 *   what stages are called, and the parameters of each activation
 * @typedef {import("./stage_values.js").Stage} Stage
 */

const AXES = /** @type {const} */ ([0, 1]);
const times = (pair) => pair.join("×");
const areOnes = (pair) => pair[0] === 1 && pair[1] === 1;

/** How far a dilated window reaches. */
export const reachOf = (size, dilation) => AXES.map((a) => dilation[a] * (size[a] - 1) + 1);

/** Rows and columns added: top, bottom, left, right. See `resolve_padding` in shapes.py. */
export function padsOf(padding, size, reach, stride) {
  if (padding === "valid") return [0, 0, 0, 0];
  if (padding !== "same") return [padding[0], padding[0], padding[1], padding[1]];
  return AXES.flatMap((a) => {
    const total = Math.max((Math.ceil(size[a] / stride[a]) - 1) * stride[a] + reach[a] - size[a], 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}

/** How many times the window fits, down and across; 0 or less where it is too large. */
export const fits = (size, pads, reach, stride) =>
  AXES.map((a) => Math.floor((size[a] + pads[2 * a] + pads[2 * a + 1] - reach[a]) / stride[a]) + 1);

/** Whether some window lies in the padding alone, so that there is nothing to summarise. */
export const missesAll = (size, window, stride, before, count) =>
  Array.from({ length: count }, (_, i) => i * stride - before).some((start) =>
    Array.from({ length: window }, (_, k) => start + k).every((at) => at < 0 || at >= size));

const moved = ({ start, jump }, by) => AXES.map((a) => start[a] + jump[a] * by[a]);
const scaled = ({ jump }, stride) => AXES.map((a) => jump[a] * stride[a]);

function padded(before, { padding_mode: mode, padding_value: value }, pads) {
  const [channels, height, width] = before.shape;
  const [top, bottom, left, right] = pads;
  const room = mode === "reflect" ? 1 : 0; // reflecting leaves the edge itself out
  const most = ["reflect", "circular"].includes(mode) ? [height - room, width - room] : [Infinity, Infinity];
  if (Math.max(top, bottom) > most[0] || Math.max(left, right) > most[1]) return null;
  const isEven = pads.every((pad) => pad === top);
  return {
    name: "padded",
    shape: [channels, height + top + bottom, width + left + right],
    how: { op: "pad", pads, mode, value },
    start: moved(before, [-top, -left]),
    jump: before.jump,
    arrow: isEven ? `pad ${top}` : `pad\n↑${top} ↓${bottom}\n←${left} →${right}`,
  };
}

function convolved(before, { kernel, bias, stride, dilation }, size) {
  const window = [kernel.length, kernel[0].length];
  const weight = kernel.map((row) => row.map(Math.fround));
  return {
    name: "conv",
    shape: [1, ...size],
    how: { op: "conv", weight: [Array(before.shape[0]).fill(weight)], bias: [Math.fround(bias)], stride, dilation, groups: 1 },
    start: moved(before, AXES.map((a) => (dilation[a] * (window[a] - 1)) / 2)),
    jump: scaled(before, stride),
    arrow: `∗ ${times(window)}${areOnes(stride) ? "" : `\nstep ${times(stride)}`}`,
  };
}

function activated({ shape, start, jump }, name, parameters) {
  return { name: "activation", shape, how: { op: "activation", name, parameters }, start, jump, arrow: name.replace(/_/g, "\n") };
}

function pooled(before, { pool: kind, pool_size: window, pool_stride: stride, pool_padding: padding }) {
  const [channels, ...size] = before.shape;
  const pads = padsOf(padding, size, window, stride);
  const out = fits(size, pads, window, stride);
  if (AXES.some((a) => out[a] < 1 || missesAll(size[a], window[a], stride[a], pads[2 * a], out[a]))) return null;
  return {
    name: "pool",
    shape: [channels, ...out],
    how: { op: "pool", kind, kernel_size: window, stride, dilation: [1, 1], pads },
    start: moved(before, AXES.map((a) => (window[a] - 1) / 2 - pads[2 * a])),
    jump: scaled(before, stride),
    arrow: `${kind}\n${times(window)}${times(stride) === times(window) ? "" : `\nstep ${times(stride)}`}`,
  };
}

/**
 * @param {Stage} input @param {Settings} settings @param {Words} words
 * @returns {Stage[] | null} null: these settings cannot work, or need the server. A pool that cannot work is left out.
 */
export function layOut(input, settings, { titles, parameters }) {
  const { kernel, stride, dilation, padding, activation, pool } = settings;
  const stages = [input];
  const add = (stage) => stage && stages.push({ ...stage, title: titles[stage.name] });
  const size = input.shape.slice(1);
  const reach = reachOf([kernel.length, kernel[0].length], dilation);
  const pads = padsOf(padding, size, reach, stride);
  const out = fits(size, pads, reach, stride);
  if (Math.min(...out) < 1) return null;
  if (pads.some(Boolean) && !add(padded(input, settings, pads))) return null;
  add(convolved(stages.at(-1), settings, out));
  if (activation !== "none") {
    if (!(activation in ACTIVATIONS)) return null; // softmax over all cells: the server knows its sum
    add(activated(stages.at(-1), activation, Object.fromEntries(parameters[activation].map((name) => [name, settings[name]]))));
  }
  if (pool !== "none") add(pooled(stages.at(-1), settings));
  return stages;
}

/**
 * The Lab's knobs as Streamlit shows them: what their texts mean. Exactly what `cnnviz.ui.settings.LAB` reads, or
 * null where a text is better left to the server; a test holds the two equal.
 */

/** @typedef {(text: string) => unknown} Reading null: no value */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const LARGEST = 1e6;
const NEAREST = 1e-3; // to zero, of what something is divided by
const LONGEST_SIDE = 15;

/** @type {Reading} */
export function number(text, largest = LARGEST) {
  const value = NUMBER.test(text.trim()) ? Number(text) : NaN;
  return Math.abs(value) <= largest ? value : null;
}

/** @type {Reading} A kernel's rows; a preset's name is left to the server. */
function rows(text) {
  const kernel = text.split(";").map((row) => row.split(",").map((cell) => number(cell)));
  const width = kernel[0].length;
  const isWhole = kernel.every((row) => row.length === width && !row.includes(null));
  return isWhole && Math.max(kernel.length, width) <= LONGEST_SIDE ? kernel : null;
}

/** A number or a pair of them, each from `low` to `high`. */
const size = (low, high) => (text) => {
  const numbers = text.split(",").map((part) => (/^\s*\d{1,4}\s*$/.test(part) ? Number(part) : NaN));
  return numbers.length <= 2 && numbers.every((n) => n >= low && n <= high) ? [numbers[0], numbers.at(-1)] : null;
};

const padding = (text) => (["valid", "same"].includes(text.trim().toLowerCase()) ? text.trim().toLowerCase() : size(0, 64)(text));
const word = (text) => text;
const divisor = (text) => {
  const value = number(text);
  return value !== null && Math.abs(value) >= NEAREST ? value : null;
};

/** @type {Record<string, Reading>} By name in the address. A menu offers nothing but words that can be read. */
export const KNOBS = {
  kernel: rows,
  bias: number,
  padding,
  padding_mode: word,
  padding_value: number,
  stride: size(1, 64),
  dilation: size(1, 64),
  activation: word,
  negative_slope: number,
  alpha: number,
  beta: divisor,
  threshold: (text) => number(text, 80),
  approximate: word,
  over: word,
  pool: word,
  pool_size: size(1, 64),
  pool_stride: size(1, 64),
  pool_padding: padding,
};

const NAMES = Object.keys(KNOBS);
const box = (name) => document.querySelector(`.st-key-${name} input`);
const read = (name) => [name, KNOBS[name](box(name).value)];
/** "true" or "false" of a menu; null of a box that is none. */
const isOpen = (name) => box(name)?.getAttribute("aria-expanded");
const nameOf = (target) => NAMES.find((name) => target?.closest?.(`.st-key-${name}`));

/** What the menus show; an open one is left out, its text may be half written. */
export const chosen = () => NAMES.filter((name) => isOpen(name) === "false").map(read);

/**
 * What an open menu is about to be set to, by Enter or by a click on one of its options: the menu itself takes a few
 * frames to close. @param {KeyboardEvent | PointerEvent} event
 */
export function picked({ type, key, target }) {
  const clicked = type === "pointerup" && target.closest?.("[role=option]");
  if (!clicked && !(type === "keydown" && key === "Enter")) return null; // every key comes by here
  const name = NAMES.find((other) => isOpen(other) === "true");
  const option = name && (clicked || document.getElementById(box(name).getAttribute("aria-activedescendant")));
  return option ? [name, KNOBS[name](option.textContent.replace(/^Add: /, ""))] : null;
}

/** The knob that an element belongs to, if its text counts while it is being written. @param {Element} target */
export function written(target) {
  const name = nameOf(target);
  return name && isOpen(name) === null ? read(name) : null;
}

/** Whether a knob is being written into. */
export function isWriting() {
  const name = nameOf(document.activeElement);
  return Boolean(name) && isOpen(name) !== "false";
}

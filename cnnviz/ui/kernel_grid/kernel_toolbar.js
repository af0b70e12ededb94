/** What acts on the whole kernel: its size, its turns, chance. */

import { button, element, enable } from "./kernel_dom.js";
import { flipped, normalised, resized, rotated, transposed, weightSum } from "./kernel_shapes.js";

/** @typedef {import("./kernel_numbers.js").Rows} Rows */

const SEEDS = 2 ** 32;

export class Toolbar {
  /**
   * @param {(turn: (rows: Rows) => Rows) => void} onTurn
   * @param {(random: {method: string, seed: number, height: number, width: number}) => void} onRandom
   */
  constructor(onTurn, onRandom) {
    this.onRandom = onRandom;
    this.drawn = ""; // method and seed, the last time
    const one = (dy, dx) => () => onTurn((rows) => resized(rows, rows.length + dy, rows[0].length + dx));
    this.height = stepper("row", one(-1, 0), one(1, 0));
    this.width = stepper("column", one(0, -1), one(0, 1));
    this.normalise = button("Σ=1", "Normalise: the weights then sum to 1", () => onTurn(normalised));
    this.method = element("select", "kg-select kg-method", { "aria-label": "How to draw random weights" });
    this.seed = element("input", "kg-seed", {
      type: "text", inputmode: "numeric", autocomplete: "off", value: "0", "aria-label": "Seed of the random weights",
      title: "Seed: the same seed draws the same weights. Enter draws with this one",
    });
    this.seed.addEventListener("change", () => this.#draw(this.#seedNumber()));
    this.sizes = group("Size", [this.height.root, element("span", "kg-times", { "aria-hidden": "true" }, ["×"]), this.width.root]);
    this.quarters = [
      button("Aᵀ", "Transpose: rows become columns", () => onTurn(transposed)),
      button("rotate", "Rotate by 90° clockwise", () => onTurn(rotated)),
    ];
    this.root = element("div", "kg-tools", {}, [
      this.sizes,
      group("Turn", [...this.quarters, button("flip", "Flip both axes (true convolution ↔ correlation)", () => onTurn(flipped))]),
      group("Sum", [this.normalise]),
      group("Random", [
        button("dice", "Draw random weights; again: with the next seed", () => this.#draw(this.#nextSeed())),
        this.method,
        this.seed,
      ], "kg-random"),
    ]);
  }

  /** @param {string[]} methods */
  offer(methods) {
    this.method.replaceChildren(...methods.map((name) =>
      element("option", "", { value: name }, [name.replace(/_/g, " ")])));
  }

  /** @param {Rows} rows @param {number} side @param {{planes: string[], isFixed: boolean, of: string}} kernel */
  render(rows, side, { planes, isFixed, of }) {
    this.size = { height: rows.length / planes.length, width: rows[0].length };
    this.sizes.hidden = isFixed;
    this.normalise.parentElement.hidden = of === "input";
    for (const turn of this.quarters) turn.hidden = isFixed && this.size.height !== this.size.width;
    this.height.show(rows.length, side);
    this.width.show(rows[0].length, side);
    const can = weightSum(rows).value !== 0;
    enable(this.normalise, can, can ? "Normalise: the weights then sum to 1"
      : "The weights sum to 0: no factor makes that 1");
  }

  #seedNumber() {
    const text = this.seed.value.trim();
    return /^[0-9]{1,10}$/.test(text) ? Number(text) % SEEDS : 0;
  }

  /** The seed that stands there, or the next if that was the last drawn with. */
  #nextSeed() {
    const seed = this.#seedNumber();
    return this.drawn === `${this.method.value} ${seed}` ? (seed + 1) % SEEDS : seed;
  }

  /** @param {number} seed */
  #draw(seed) {
    this.drawn = `${this.method.value} ${seed}`;
    this.seed.value = String(seed);
    this.onRandom({ method: this.method.value, seed, ...this.size });
  }
}

/** @param {string} label @param {Node[]} children @param {string} [className] */
const group = (label, children, className = "") =>
  element("div", `kg-group ${className}`, { role: "group", "aria-label": label }, children);

/** @param {string} what @param {() => void} fewer @param {() => void} more */
function stepper(what, fewer, more) {
  const less = button("−", `One ${what} fewer`, fewer);
  const plus = button("+", `One ${what} more`, more);
  const count = element("output", "kg-count", { "aria-label": `${what}s` });
  return {
    root: element("div", "kg-stepper", {}, [less, count, plus]),
    /** @param {number} size @param {number} side */
    show(size, side) {
      count.textContent = String(size);
      enable(less, size > 1, size > 1 ? `One ${what} fewer` : `A kernel has at least one ${what}`);
      enable(plus, size < side, size < side ? `One ${what} more` : `At most ${side} ${what}s can be edited here`);
    },
  };
}

/**
 * Show an edit at once: what the hands do to the kernel or to a number beside it is computed here and painted in
 * the next frame, while the same edit travels to the server and back.
 */
import { changed, has } from "./stage_forward.js";

const EVENTS = ["keydown", "input", "click"];
const LARGEST = 1e6;

/** @param {string} text @returns {number | null} */
function number(text) {
  const value = text.trim() === "" ? NaN : Number(text);
  return Math.abs(value) <= LARGEST ? value : null;
}

/** @param {string} text a kernel's rows; a preset's name is left to the server */
function rows(text) {
  const kernel = text.split(";").map((row) => row.split(",").map(number));
  return kernel.every((row) => row.length === kernel[0].length && !row.includes(null)) ? kernel : null;
}

/** A change of one of the activation's parameters; what divides is not zero. */
const parameter = (name) => (text) => {
  const value = number(text);
  return value === null || (name === "beta" && Math.abs(value) < 1e-3) ? null : { parameters: { [name]: value } };
};

/** A change by that name, from a text. */
const named = (name, parse) => (text) => {
  const value = parse(text);
  return value === null ? null : { [name]: value };
};

/** Streamlit's boxes that are followed, and the change that the text of each asks for. */
const BOXES = [
  [".st-key-bias", named("bias", number)],
  [".st-key-padding_value", named("constant", number)],
  [".st-key-kernel", named("kernel", rows)],
  ...["negative_slope", "alpha", "beta", "threshold"].map((name) => [`.st-key-${name}`, parameter(name)]),
];
const PATIENCE = 2000; // ms

export class Preview {
  /** @param {(stages: any[]) => void} show draws stages */
  constructor(show) {
    this.show = show;
    /** @type {import("./stage_forward.js").Change} */ this.wanted = {};
    this.frame = 0;
    this.onKernel = ({ detail }) => this.ask({ kernel: detail.rows });
    this.onBox = ({ target }) => {
      for (const [selector, read] of BOXES) {
        const change = target.closest?.(selector) && read(target.closest(selector).querySelector("input").value);
        if (change) this.ask(change);
      }
    };
    document.addEventListener("cnnviz-kernel", this.onKernel);
    // On the window, which hears last: by then React has put the new text into the box.
    for (const event of EVENTS) window.addEventListener(event, this.onBox);
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    document.removeEventListener("cnnviz-kernel", this.onKernel);
    for (const event of EVENTS) window.removeEventListener(event, this.onBox);
  }

  /**
   * The server's stages, with what it has not heard of yet.
   * @param {any[]} stages @param {boolean} isStale whether they are the last good ones, of other settings
   */
  hear(stages, isStale) {
    this.stages = stages;
    this.isStale = isStale;
    if (isStale || has(stages, this.wanted)) this.wanted = {};
    return (this.#isPending() && changed(stages, this.wanted)) || stages;
  }

  ask(change) {
    if (!this.stages || this.isStale || (!this.#isPending() && has(this.stages, change))) return;
    const parameters = change.parameters && { parameters: { ...this.wanted.parameters, ...change.parameters } };
    Object.assign(this.wanted, change, parameters);
    this.#takeBackLater();
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (has(this.stages, this.wanted)) this.wanted = {};
      const stages = this.#isPending() ? changed(this.stages, this.wanted) : this.stages;
      if (stages) this.show(stages);
    });
  }

  /** What the server has not confirmed when it is idle, and no box is being typed in, was not taken. */
  #takeBackLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.#isPending()) return;
      const isRunning = document.querySelector('[data-test-script-state="running"], [data-test-script-state="rerunRequested"]');
      const isTyping = BOXES.some(([selector]) => document.activeElement?.closest(selector));
      if (isRunning || isTyping) return this.#takeBackLater();
      this.wanted = {};
      this.show(this.stages);
    }, PATIENCE);
  }

  #isPending() {
    return Object.keys(this.wanted).length > 0;
  }
}

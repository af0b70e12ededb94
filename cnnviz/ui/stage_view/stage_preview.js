/**
 * Show an edit at once: what the hands do to the kernel, the bias or the padding constant is computed here and
 * painted in the next frame, while the same edit travels to the server and back.
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

/** Streamlit's boxes that are followed: what each changes, and how its text is read. */
const BOXES = [
  [".st-key-bias", "bias", number],
  [".st-key-padding_value", "constant", number],
  [".st-key-kernel", "kernel", rows],
];
const PATIENCE = 2000; // ms

export class Preview {
  /** @param {(stages: any[]) => void} show draws stages */
  constructor(show) {
    this.show = show;
    /** @type {{kernel?: number[][], bias?: number, constant?: number}} */ this.wanted = {};
    this.frame = 0;
    this.onKernel = ({ detail }) => this.ask({ kernel: detail.rows });
    this.onBox = ({ target }) => {
      for (const [selector, name, parse] of BOXES) {
        const box = target.closest?.(selector);
        if (box) this.#read(box, name, parse);
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
    Object.assign(this.wanted, change);
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

  #read(box, name, parse) {
    const value = parse(box.querySelector("input").value);
    if (value !== null) this.ask({ [name]: value });
  }
}

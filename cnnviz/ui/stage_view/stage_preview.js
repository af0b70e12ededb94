/**
 * Show an edit at once: what the hands do to the kernel, the bias or the padding constant is computed here and
 * painted in the next frame, while the same edit travels to the server and back.
 */
import { changed, has } from "./stage_forward.js";

/** Streamlit's number boxes that are followed, and what they change. */
const BOXES = { ".st-key-bias": "bias", ".st-key-padding_value": "constant" };
const PATIENCE = 2000; // ms: an edit that the server has not confirmed by then was not taken

export class Preview {
  /** @param {(stages: any[]) => void} show draws stages */
  constructor(show) {
    this.show = show;
    /** @type {{kernel?: number[][], bias?: number, constant?: number}} */ this.wanted = {};
    this.frame = 0;
    this.onKernel = ({ detail }) => this.ask({ kernel: detail.rows });
    this.onBox = ({ target }) => {
      for (const [selector, name] of Object.entries(BOXES)) {
        const box = target.closest?.(selector);
        if (box) this.#read(box, name);
      }
    };
    document.addEventListener("cnnviz-kernel", this.onKernel);
    for (const event of ["keydown", "input", "click"]) document.addEventListener(event, this.onBox, true);
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    document.removeEventListener("cnnviz-kernel", this.onKernel);
    for (const event of ["keydown", "input", "click"]) document.removeEventListener(event, this.onBox, true);
  }

  /** The server's stages, with what it has not heard of yet. @param {any[]} stages */
  hear(stages) {
    this.stages = stages;
    if (has(stages, this.wanted)) this.wanted = {};
    return (this.#isPending() && changed(stages, this.wanted)) || stages;
  }

  ask(change) {
    Object.assign(this.wanted, change);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.#isPending()) return;
      this.wanted = {};
      if (this.stages) this.show(this.stages);
    }, PATIENCE);
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      const stages = this.stages && !has(this.stages, this.wanted) && changed(this.stages, this.wanted);
      if (stages) this.show(stages);
    });
  }

  #isPending() {
    return Object.keys(this.wanted).length > 0;
  }

  /** Streamlit's box shows its new number when React has rendered: a task later. */
  #read(box, name) {
    setTimeout(() => {
      const text = box.querySelector("input").value.trim();
      const number = text === "" ? NaN : Number(text);
      if (Number.isFinite(number) && Math.abs(number) <= 1e6) this.ask({ [name]: number });
    });
  }
}

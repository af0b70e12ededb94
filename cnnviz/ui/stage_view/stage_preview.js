/**
 * Show an edit at once: what the hands do to the kernel or the bias is computed here and painted in the next
 * frame, while the same edit travels to the server and back.
 */
import { changed, has } from "./stage_forward.js";

const PATIENCE = 2000; // ms: an edit that the server has not confirmed by then was not taken

export class Preview {
  /** @param {(stages: any[]) => void} show draws stages */
  constructor(show) {
    this.show = show;
    /** @type {{kernel?: number[][], bias?: number}} */ this.wanted = {};
    this.frame = 0;
    this.onKernel = ({ detail }) => this.ask({ kernel: detail.rows });
    this.onBias = (event) => event.target.closest?.(".st-key-bias") && this.#readBias(event.target.closest(".st-key-bias"));
    document.addEventListener("cnnviz-kernel", this.onKernel);
    for (const event of ["keydown", "input", "click"]) document.addEventListener(event, this.onBias, true);
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    document.removeEventListener("cnnviz-kernel", this.onKernel);
    for (const event of ["keydown", "input", "click"]) document.removeEventListener(event, this.onBias, true);
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
  #readBias(box) {
    setTimeout(() => {
      const input = box.querySelector("input");
      const bias = input.value.trim() === "" ? NaN : Number(input.value);
      if (Number.isFinite(bias) && Math.abs(bias) <= 1e6) this.ask({ bias });
    });
  }
}

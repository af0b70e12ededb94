/** The activation's chart: what Streamlit mounts. A drag on the curve is drawn at once and written into a box. */
import { Drawing } from "./chart_drawing.js";
import { Link } from "./kernel_link.js";
import { mounted } from "./mount.js";
import { element, stylesheet } from "./stage_dom.js";
import { ACTIVATIONS } from "./stage_values.js";

/**
 * @typedef {{name: string, parameters: Record<string, any>, drags: Record<string, [number, number]>, x?: number[], y?: number[],
 *   slope?: number[], span?: [number, number], before?: number[], dead?: number[], flat?: number[], after?: number[],
 *   total?: number, shares?: [number, number]}} Data
 */

const FAR = 0.72; // of the way down to the least x: where a curve is held that bends below zero
const STEP = 0.05; // of an arrow key

/** Where a parameter is held on the curve, and what it is when that point lies at `y`. */
const HANDLES = {
  negative_slope: { at: ({ x }) => FAR * x[0], of: (y, x) => y / x },
  alpha: { at: ({ x }) => FAR * x[0], of: (y, x) => y / Math.expm1(x) },
  beta: { at: () => 0, of: (y) => Math.LN2 / Math.max(y, 1e-6) },
};
const NO_CURVE = "Softmax has no curve: what becomes of a value depends on all the others, because together they are to make 1.";

const styled = stylesheet(new URL("activation_chart.css", import.meta.url).href);

class Chart {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.drawing = new Drawing();
    this.words = element("p", { className: "ac-words", hidden: true }, NO_CURVE);
    this.root = element("div", { className: "activation-chart" }, this.drawing.root, this.words);
    this.link = new Link(() => this.#show(this.data));
    const { handle } = this.drawing;
    handle.addEventListener("pointerdown", (event) => this.#take(event));
    handle.addEventListener("pointermove", (event) => this.isHeld && this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (this.isHeld = false));
    handle.addEventListener("keydown", (event) => this.#onKey(event));
    parent.append(this.root);
  }

  close() {
    this.link.close();
    this.root.remove();
  }

  /** @param {Data} data */
  hear(data) {
    const [name] = Object.keys(data.drags).filter((key) => key in HANDLES);
    if (name !== this.parameter) this.link.close();
    this.data = data;
    this.parameter = name;
    this.words.hidden = Boolean(data.x);
    this.drawing.root.toggleAttribute("hidden", !data.x);
    if (!data.x) return;
    if (name) {
      this.link.box = name;
      const text = `${data.parameters[name]}`;
      if (!this.link.hear(Number(text) === Number(this.link.newest ?? NaN) ? this.link.newest : text)) return; // a newer value is on its way
    }
    this.#show(data);
  }

  /** @param {Data} data */
  #show(data) {
    if (this.isHeld) return;
    this.shown = this.parameter ? data.parameters[this.parameter] : null;
    this.drawing.show(data, this.#handleOf(data, this.shown));
  }

  /** Where the curve is held. @param {Data} data @param {number | null} value of the parameter */
  #handleOf(data, value) {
    if (!this.parameter) return null;
    const x = HANDLES[this.parameter].at(data);
    const parameters = { ...data.parameters, [this.parameter]: value };
    return { x, y: ACTIVATIONS[data.name](x, parameters), name: this.parameter, value, ends: data.drags[this.parameter] };
  }

  #take(event) {
    event.preventDefault();
    this.isHeld = true;
    this.drawing.handle.setPointerCapture(event.pointerId);
    this.drawing.handle.focus({ preventScroll: true });
  }

  #drag(event) {
    const { of, at } = HANDLES[this.parameter];
    this.#set(of(this.drawing.yAt(event), at(this.data)));
  }

  #onKey(event) {
    const by = { ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP }[event.key];
    if (!by || !this.parameter) return;
    event.preventDefault();
    this.#set(this.shown + by);
  }

  /** Give the parameter a value: the curve follows at once, all else with the server's answer. @param {number} wanted */
  #set(wanted) {
    const { data, parameter } = this;
    const [least, most] = data.drags[parameter];
    const value = Math.round(100 * Math.min(Math.max(wanted, least), most)) / 100;
    if (value === this.shown || Number.isNaN(value)) return;
    this.shown = value;
    const f = (x) => ACTIVATIONS[data.name](x, { ...data.parameters, [parameter]: value });
    const step = (data.x.at(-1) - data.x[0]) * 1e-5;
    const y = data.x.map(f);
    const slope = data.x.map((x) => (f(x + step) - f(x - step)) / (2 * step));
    this.drawing.show({ ...data, y, slope }, this.#handleOf(data, value));
    this.link.send(`${value}`);
  }
}

const chartIn = mounted((parent) => new Chart(parent));

/** Streamlit calls this on mounting and again for every new message. @param {{data: Data, parentElement: HTMLElement}} component */
export default async function activationChart({ data, parentElement }) {
  const [chart, leave] = chartIn(parentElement);
  await styled;
  chart.hear(data);
  return leave;
}

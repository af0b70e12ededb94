/** Loss, accuracy and the gradients' norms, step by step, as SVG that is redrawn in place. */
import { drawing, element, setAttributes, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const TALL = 132;
const PLOT = { left: 38, right: 8, top: 8, bottom: 18 };
const COLOURS = ["#377ab0", "#d9822b", "#4a9d5b", "#a65fb5", "#c0504d", "#7a7a7a", "#2aa1a1", "#b59a2a"];

/** @typedef {{name: string, className: string, points: [number, number][], colour?: string}} Line */

export class Chart {
  constructor(title, { log = false, unit = false } = {}, choose) {
    Object.assign(this, { title, log, unit });
    this.grid = drawing("path", { class: "tv-grid" });
    this.now = drawing("path", { class: "tv-now" });
    this.lines = drawing("g", {});
    this.ticks = drawing("g", {});
    this.svg = drawing("svg", { class: "tv-svg", role: "img" }, this.grid, this.now, this.lines, this.ticks);
    this.key = element("div", { className: "tv-key" });
    this.root = element("figure", { className: "tv-chart" }, element("figcaption", {}, title), this.svg, this.key);
    this.svg.addEventListener("pointerdown", (event) => choose(this.number(event)));
    this.svg.addEventListener("pointermove", (event) => this.#point(this.number(event)));
    this.svg.addEventListener("pointerleave", () => this.#point(null));
  }

  number({ clientX }) {
    const { left, width } = this.svg.getBoundingClientRect();
    return Math.max(0, ((clientX - left - PLOT.left) / Math.max(1, width - PLOT.left - PLOT.right)) * this.most);
  }

  /** @param {Line[]} lines @param {number} most steps @param {number} at the step that is looked at; -1: none */
  draw(lines, most, at) {
    Object.assign(this, { shown: lines, most: Math.max(1, most) });
    const wide = Math.max(160, this.root.clientWidth);
    setAttributes(this.svg, { viewBox: `0 0 ${wide} ${TALL}`, height: TALL, "aria-label": this.#words() });
    const values = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter((y) => Number.isFinite(y) && (!this.log || y > 0));
    let [low, high] = this.unit ? [0, 1] : [this.log ? Math.min(...values) : 0, Math.max(...values)];
    if (values.length === 0) [low, high] = this.log ? [0.1, 1] : [0, 1];
    if (high <= low) high = low + 1;
    const scale = this.log ? (y) => (Math.log(Math.max(y, low)) - Math.log(low)) / (Math.log(high) - Math.log(low)) : (y) => (Math.min(y, high) - low) / (high - low);
    const x = (number) => PLOT.left + (number / this.most) * (wide - PLOT.left - PLOT.right);
    const y = (value) => TALL - PLOT.bottom - scale(value) * (TALL - PLOT.bottom - PLOT.top);
    const marks = this.log ? [low, Math.sqrt(low * high), high] : [low, (low + high) / 2, high];
    this.grid.setAttribute("d", marks.map((mark) => `M${PLOT.left} ${y(mark)}H${wide - PLOT.right}`).join(""));
    this.now.setAttribute("d", at >= 0 ? `M${x(at)} ${PLOT.top}V${TALL - PLOT.bottom}` : "");
    const word = (text, attributes) => {
      const node = drawing("text", { class: "tv-tick", ...attributes });
      node.append(text);
      return node;
    };
    const percent = (mark) => (this.unit ? `${Math.round(mark * 100)} %` : format(mark, 2));
    this.ticks.replaceChildren(
      ...marks.map((mark) => word(percent(mark), { x: PLOT.left - 4, y: y(mark) + 3, "text-anchor": "end" })),
      word("0", { x: PLOT.left, y: TALL - 5 }),
      word(`step ${this.most.toLocaleString("en")}`, { x: wide - PLOT.right, y: TALL - 5, "text-anchor": "end" }),
    );
    this.lines.replaceChildren(
      ...lines.map(({ points, className, colour }) => {
        const d = points.map(([number, value], i) => `${i ? "L" : "M"}${x(number).toFixed(1)} ${y(value).toFixed(1)}`).join("");
        const style = colour ? { style: `stroke:${colour}` } : {};
        const dots = className.includes("dots") ? points.map(([number, value]) => drawing("circle", { class: className, cx: x(number), cy: y(value), r: 2.6 })) : [];
        return drawing("g", {}, drawing("path", { class: `tv-line ${className}`, d, ...style }), ...dots);
      }),
    );
    this.#point(at >= 0 ? at : null);
  }

  /** Say the values at a step; of none, the last. */
  #point(number) {
    const parts = this.shown.map(({ name, points, className, colour }) => {
      const at = number === null ? points.at(-1) : (points.findLast(([step]) => step <= number) ?? points[0]);
      const value = at ? (this.unit ? `${(at[1] * 100).toFixed(1)} %` : format(at[1], 3)) : "–";
      const swatch = element("i", { className: `tv-swatch ${className}` });
      if (colour) swatch.style.background = colour;
      return element("span", {}, swatch, `${name} ${value}`);
    });
    if (this.shown.some(({ className }) => className.includes("dots"))) parts.push(element("span", {}, "dots: after an epoch"));
    this.key.replaceChildren(...parts);
  }

  #words() {
    return `${this.title}: ${this.shown.map(({ name, points }) => `${name} ${points.length ? format(points.at(-1)[1], 3) : "none yet"}`).join(", ")}`;
  }
}

export class Curves {
  /** @param {(number: number) => void} choose a step that is to be looked at */
  constructor(choose) {
    this.loss = new Chart("Loss", {}, choose);
    this.accuracy = new Chart("Accuracy", { unit: true }, choose);
    this.norms = new Chart("Size of each layer's gradient (logarithmic)", { log: true }, choose);
    this.root = element("div", { className: "tv-curves" }, this.loss.root, this.accuracy.root, this.norms.root);
  }

  draw({ rows, scores, steps, norms }, at) {
    const column = (from, i) => from.map((row) => [row[0], row[i]]);
    this.loss.draw([
      { name: "batch", className: "batch", points: column(rows, 1) },
      { name: "training", className: "learned dots", points: column(scores, 1) },
      { name: "held out", className: "held-out dots", points: column(scores, 3) },
    ], steps, at);
    this.accuracy.draw([
      { name: "batch", className: "batch", points: column(rows, 2) },
      { name: "training", className: "learned dots", points: column(scores, 2) },
      { name: "held out", className: "held-out dots", points: column(scores, 4) },
    ], steps, at);
    this.norms.draw(norms.map(([layer, name], i) => ({ name, className: "norm", colour: COLOURS[i % COLOURS.length], points: column(rows, 3 + layer) })), steps, at);
  }
}

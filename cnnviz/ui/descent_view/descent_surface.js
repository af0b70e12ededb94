/** A slice through the loss, as bands of equal height, with the way that the descent took. */
import { drawing, element, setAttributes, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const SIDE = 230; // px
const FINE = 4; // pixels a cell each way
const BANDS = 16;
const RECENT = 15; // steps that are drawn bright
const PLOT = { left: 40, right: 6, top: 6, bottom: 30 };

export class Surface {
  /** @param {(step: number) => void} choose a step that is to be looked at */
  constructor(choose) {
    this.canvas = element("canvas", { className: "de-heights", "aria-hidden": "true" });
    this.way = drawing("path", { class: "de-way" });
    this.recent = drawing("path", { class: "de-recent" });
    this.start = drawing("circle", { class: "de-start", r: 3.5 });
    this.best = drawing("path", { class: "de-best" });
    this.dot = drawing("circle", { class: "de-dot", r: 5 });
    this.ticks = drawing("g", {});
    this.clip = drawing("rect", {});
    this.lines = drawing("g", { "clip-path": "url(#de-clip)" }, this.way, this.recent, this.start, this.best, this.dot);
    this.svg = drawing("svg", { class: "de-svg", role: "img" }, drawing("clipPath", { id: "de-clip" }, this.clip), this.lines, this.ticks);
    this.stack = element("div", { className: "de-stack" }, this.canvas, this.svg);
    this.about = element("p", { className: "de-note" });
    this.note = element("p", { className: "de-note" });
    this.title = element("figcaption", {}, "Loss surface, a slice");
    this.root = element("figure", { className: "tv-chart de-surface" }, this.title, this.stack, this.about, this.note);
    this.svg.addEventListener("pointerdown", (event) => choose(this.#nearest(event)));
  }

  update(message) {
    const { surface, arrays } = message;
    this.message = message;
    this.stack.hidden = this.about.hidden = Boolean(surface.problem);
    if (surface.problem) return setText(this.note, surface.problem);
    setText(this.about, surface.about);
    const { heights, path } = arrays;
    const points = path.values;
    Object.assign(this, { path: Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i], points[2 * i + 1]]), beside: arrays.beside.values });
    this.#heights(heights, surface.least, message.palettes.sequential);
    this.#axes();
  }

  /** Draw up to a keyframe. @param {number} frame */
  draw(frame) {
    if (this.message.surface.problem) return;
    const [[left, right], [top, bottom]] = [this.message.surface.across, this.message.surface.down];
    const inner = SIDE;
    const x = (value) => PLOT.left + ((value - left) / (right - left)) * inner;
    const y = (value) => PLOT.top + (1 - (value - top) / (bottom - top)) * inner;
    const inside = (value) => Math.max(-2e3, Math.min(2e3, value)).toFixed(1);
    const at = this.path.map(([across, down]) => [inside(x(across)), inside(y(down))]);
    const step = this.message.frames[frame];
    const line = (points) => points.map((point, i) => `${i ? "L" : "M"}${point.join(" ")}`).join("");
    this.way.setAttribute("d", line(at.slice(0, step + 1)));
    this.recent.setAttribute("d", line(at.slice(Math.max(0, step - RECENT), step + 1)));
    setAttributes(this.start, { cx: at[0][0], cy: at[0][1] });
    setAttributes(this.dot, { cx: at[step][0], cy: at[step][1] });
    const [bx, by] = [x(0), y(0)];
    this.best.setAttribute("d", `M${bx - 5} ${by}h10M${bx} ${by - 5}v10`);
    Object.assign(this.svg.dataset, { across: this.path[step][0], down: this.path[step][1] });
    const far = this.beside[step];
    const aside = far < 1e-6 ? "in this slice" : `${format(far, 2)} beside this slice`;
    setText(this.note, `Darker is lower: from line to line the loss is ${format(this.factor, 2)} times as large. ○ start, + bottom, ● the kernel now, ${aside}.`);
    setAttributes(this.svg, { "aria-label": `Loss surface. Across: ${this.message.surface.names[0]}; up: ${this.message.surface.names[1]}. The kernel now is ${format(this.path[step][0], 3)} and ${format(this.path[step][1], 3)} from the bottom, ${aside}.` });
  }

  #heights({ values, shape: [rows, columns] }, least, palette) {
    const above = Float64Array.from(values, (value) => Math.max(value - least, 0));
    const most = above.reduce((a, b) => Math.max(a, b), 0) || 1;
    const low = Math.max(above.reduce((a, b) => (b > 0 ? Math.min(a, b) : a), most), most * 1e-8);
    const level = Float32Array.from(above, (value) => Math.log(Math.max(value, low) / low) / (Math.log(most / low) || 1));
    this.factor = (most / low) ** (1 / BANDS);
    const [wide, tall] = [(columns - 1) * FINE, (rows - 1) * FINE];
    Object.assign(this.canvas, { width: wide, height: tall });
    const pen = this.canvas.getContext("2d");
    const image = pen.createImageData(wide, tall);
    const pixels = new Uint32Array(image.data.buffer);
    const bands = new Uint8Array(wide * tall);
    for (let y = 0; y < tall; y++) {
      const v = (tall - 1 - y) / FINE; // up is more
      const [row, down] = [Math.min(rows - 2, Math.floor(v)), v - Math.min(rows - 2, Math.floor(v))];
      for (let x = 0; x < wide; x++) {
        const u = x / FINE;
        const [column, across] = [Math.min(columns - 2, Math.floor(u)), u - Math.min(columns - 2, Math.floor(u))];
        const at = row * columns + column;
        const upper = level[at] * (1 - across) + level[at + 1] * across;
        const lower = level[at + columns] * (1 - across) + level[at + columns + 1] * across;
        bands[y * wide + x] = Math.min(BANDS - 1, Math.floor((upper * (1 - down) + lower * down) * BANDS));
      }
    }
    for (let i = 0; i < pixels.length; i++) {
      const isEdge = (i % wide && bands[i] !== bands[i - 1]) || (i >= wide && bands[i] !== bands[i - wide]);
      const at = 3 * Math.round(25 + (bands[i] / (BANDS - 1)) * 215);
      const dim = isEdge ? 0.72 : 1;
      pixels[i] = 0xff000000 | ((palette[at + 2] * dim) << 16) | ((palette[at + 1] * dim) << 8) | (palette[at] * dim);
    }
    pen.putImageData(image, 0, 0);
  }

  #axes() {
    const [wide, tall] = [PLOT.left + SIDE + PLOT.right, PLOT.top + SIDE + PLOT.bottom];
    setAttributes(this.svg, { viewBox: `0 0 ${wide} ${tall}` });
    setAttributes(this.clip, { x: PLOT.left, y: PLOT.top, width: SIDE, height: SIDE });
    this.stack.style.aspectRatio = `${wide} / ${tall}`;
    this.canvas.style.cssText = `left:${(100 * PLOT.left) / wide}%;top:${(100 * PLOT.top) / tall}%;width:${(100 * SIDE) / wide}%;height:${(100 * SIDE) / tall}%`;
    const { across, down, names } = this.message.surface;
    const word = (text, attributes) => {
      const node = drawing("text", { class: "tv-tick", ...attributes });
      node.append(text);
      return node;
    };
    this.ticks.replaceChildren(
      word(format(across[0], 2), { x: PLOT.left, y: tall - 19 }),
      word(format(across[1], 2), { x: wide - PLOT.right, y: tall - 19, "text-anchor": "end" }),
      word(`→ ${names[0]}`, { x: PLOT.left + SIDE / 2, y: tall - 5, "text-anchor": "middle" }),
      word(format(down[1], 2), { x: PLOT.left - 3, y: PLOT.top + 8, "text-anchor": "end" }),
      word(format(down[0], 2), { x: PLOT.left - 3, y: PLOT.top + SIDE, "text-anchor": "end" }),
      word(`→ ${names[1]}`, { x: 10, y: PLOT.top + SIDE / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${PLOT.top + SIDE / 2})` }),
    );
  }

  #nearest({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    const scale = (PLOT.left + SIDE + PLOT.right) / box.width;
    const { across, down } = this.message.surface;
    const u = ((clientX - box.left) * scale - PLOT.left) / SIDE;
    const v = 1 - ((clientY - box.top) * scale - PLOT.top) / SIDE;
    const far = this.path.map(([x, y]) => Math.hypot((x - across[0]) / (across[1] - across[0]) - u, (y - down[0]) / (down[1] - down[0]) - v));
    return far.indexOf(Math.min(...far));
  }
}

/** The activation as its curve, with the point that the explained cell is. */
import { drawing, setAttributes, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const SIZE = { width: 200, height: 112 };
const EDGE = 6;
const STEPS = 160;

export class Curve {
  constructor() {
    this.axes = drawing("path", { class: "ln-axes" });
    this.line = drawing("path", { class: "ln-line" });
    this.guide = drawing("path", { class: "ln-guide" });
    this.point = drawing("circle", { class: "ln-point", r: 4.5 });
    this.ends = [0, 1, 2, 3].map((i) => drawing("text", { class: "ln-end", "text-anchor": ["start", "end", "end", "end"][i] }));
    this.root = drawing("svg", { class: "ln-curve", viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img" });
    this.root.append(this.axes, this.guide, this.line, ...this.ends, this.point);
  }

  /**
   * @param {{name: string, x: number, value: number, f: (x: number) => number}} terms
   * @param {number} low @param {number} high the values that the stage before holds
   */
  show({ name, x, value, f }, low, high) {
    const reach = Math.max(-low, high, Math.abs(x)) || 1;
    const [from, to] = [-1.05 * reach, 1.05 * reach];
    const ys = Array.from({ length: STEPS + 1 }, (_, i) => f(from + ((to - from) * i) / STEPS));
    const [bottom, top] = [Math.min(0, value, ...ys), Math.max(0, value, ...ys)];
    const span = top - bottom || 1;
    const px = (at) => EDGE + ((at - from) / (to - from)) * (SIZE.width - 2 * EDGE);
    const py = (at) => SIZE.height - EDGE - ((at - bottom) / span) * (SIZE.height - 2 * EDGE);
    const line = ys.map((y, i) => `${px(from + ((to - from) * i) / STEPS).toFixed(1)} ${py(y).toFixed(1)}`);
    setAttributes(this.line, { d: `M${line.join("L")}` });
    setAttributes(this.axes, { d: `M${px(from)} ${py(0)}H${px(to)}M${px(0)} ${py(bottom)}V${py(top)}` });
    setAttributes(this.guide, { d: `M${px(x)} ${py(0)}V${py(value)}H${px(0)}` });
    setAttributes(this.point, { cx: px(x), cy: py(value) });
    const under = py(0) > SIZE.height - 16 ? -3 : 10;
    const texts = [[from, 0, 0, under], [to, 0, 0, under], [0, top, -4, 8], [0, bottom, -4, 0]];
    texts.forEach(([atX, atY, dx, dy], i) => {
      setAttributes(this.ends[i], { x: px(atX) + dx, y: py(atY) + dy });
      const isOnAxis = i === 3 && py(bottom) - py(0) < 14;
      setText(this.ends[i], isOnAxis ? "" : format(i < 2 ? atX : atY, 2));
    });
    setAttributes(this.root, { "aria-label": `${name} of ${format(x)} is ${format(value)}` });
  }
}

/** The chart as SVG: the curve and its slope, the values before below it, the values after beside it. Redrawn in place. */
import { drawing, setAttributes, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

/** @typedef {import("./activation_chart.js").Data} Data */
/** @typedef {{x: number, y: number, name: string, value: number, ends: [number, number]} | null} Handle */

const SIZE = { width: 340, height: 286 };
const PLOT = { left: 36, right: 264, top: 8, bottom: 176 };
const BELOW = { top: 194, bottom: 248 }; // the values before
const BESIDE = { left: 272, right: 334 }; // and after
const ROUGH = [0, 0.25, 0.5, 0.75, 1];

const path = (className) => drawing("path", { class: className });
const label = (className, anchor = "middle") => drawing("text", { class: className, "text-anchor": anchor });

/** A bar is as long as the root of its count, or the few would not be seen beside the many. */
const lengths = (counts, most) => counts.map((count) => Math.sqrt(count / (most || 1)));

export class Drawing {
  constructor() {
    this.title = drawing("title", {});
    this.grid = path("ac-grid");
    this.axes = path("ac-axes");
    this.slope = path("ac-slope");
    this.curve = path("ac-curve");
    this.before = path("ac-bars");
    this.dead = path("ac-dead");
    this.flat = path("ac-flat");
    this.after = path("ac-bars");
    this.xs = ROUGH.map((_, i) => label("ac-tick", ["start", "middle", "middle", "middle", "end"][i]));
    this.ys = ROUGH.map(() => label("ac-tick", "end"));
    this.handle = drawing("circle", { class: "ac-handle", r: 7, tabindex: 0, role: "slider" });
    this.held = label("ac-name ac-held", "start");
    this.names = [label("ac-name ac-of-curve", "start"), label("ac-name ac-of-slope", "start")];
    const beside = label("ac-caption");
    setAttributes(beside, { x: (BESIDE.left + BESIDE.right) / 2, y: PLOT.bottom + 12 });
    setText(beside, "after");
    this.key = drawing("g", {}, ...this.#key());
    this.root = drawing("svg", { class: "ac-svg", viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "group" },
      this.title, this.grid, this.before, this.dead, this.flat, this.after, this.axes, this.slope, this.curve,
      ...this.xs, ...this.ys, ...this.names, beside, this.key, this.held, this.handle);
  }

  /** What the bars' colours mean. */
  #key() {
    const parts = [["ac-bars", "before"], ["ac-dead", "died"], ["ac-flat", "nearly flat"]];
    const length = drawing("text", { class: "ac-caption", "text-anchor": "end", x: BESIDE.right, y: BELOW.bottom + 16 });
    length.append("bars: √ of how many");
    return [length, ...parts.flatMap(([className, text], i) => {
      const x = PLOT.left + [0, 62, 108][i];
      const words = drawing("text", { class: "ac-caption", x: x + 12, y: BELOW.bottom + 16 });
      words.append(text);
      return [drawing("rect", { class: className, x, y: BELOW.bottom + 8, width: 9, height: 9 }), words];
    })];
  }

  /** @param {Data} data @param {Handle} handle */
  show(data, handle) {
    const { x, y, slope } = data;
    const [from, to] = [x[0], x.at(-1)];
    const ends = [...data.span, ...y, ...slope, 0];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const px = (at) => PLOT.left + ((at - from) / (to - from)) * (PLOT.right - PLOT.left);
    const py = (at) => PLOT.bottom - ((at - low) / (high - low || 1)) * (PLOT.bottom - PLOT.top);
    this.yOf = (at) => low + ((PLOT.bottom - at) / (PLOT.bottom - PLOT.top)) * (high - low);
    const line = (values) => `M${values.map((value, i) => `${px(x[i]).toFixed(2)} ${py(value).toFixed(2)}`).join("L")}`;
    setAttributes(this.curve, { d: line(y) });
    setAttributes(this.slope, { d: line(slope) });
    const [xTicks, yTicks] = [ticks(from, to), ticks(low, high)];
    setAttributes(this.grid, { d: xTicks.map((at) => `M${px(at)} ${PLOT.top}V${BELOW.bottom}`).join("") + yTicks.map((at) => `M${PLOT.left} ${py(at)}H${BESIDE.right}`).join("") });
    setAttributes(this.axes, { d: `M${PLOT.left} ${py(0)}H${PLOT.right}M${px(0)} ${PLOT.top}V${PLOT.bottom}M${PLOT.left} ${BELOW.bottom}H${PLOT.right}M${BESIDE.left} ${PLOT.top}V${PLOT.bottom}` });
    this.xs.forEach((node, i) => mark(node, xTicks[i], { x: px(xTicks[i] ?? 0), y: PLOT.bottom + 12, "text-anchor": "middle" }));
    this.ys.forEach((node, i) => mark(node, yTicks[i], { x: PLOT.left - 5, y: py(yTicks[i] ?? 0) + 3 }));
    this.#bars(data, px, py);
    this.#hold(handle, px, py);
    const isOnLeft = py(y[0]) > (PLOT.top + PLOT.bottom) / 2; // there is room over the low end of the curve
    [...this.names, this.held].forEach((node, i) => {
      setAttributes(node, { x: isOnLeft ? PLOT.left + 6 : PLOT.right - 92, y: (isOnLeft ? PLOT.top + 12 : PLOT.bottom - 34) + 13 * i });
      if (node !== this.held) setText(node, ["— f(x)", "- - slope f′(x)"][i]);
    });
    setText(this.title, said(data));
    setAttributes(this.root, { "aria-label": said(data) });
  }

  #bars({ x, span, before, dead, flat, after }, px, py) {
    const [most, mostAfter] = [Math.max(...before), Math.max(...after)];
    const each = (PLOT.right - PLOT.left) / before.length;
    const height = BELOW.bottom - BELOW.top;
    const columns = (counts, under) => counts.map((count, i) => {
      if (count === 0) return "";
      // The parts of a bar share its length as they share its count.
      const whole = Math.sqrt(before[i] / most) * height;
      const [bottom, tall] = [BELOW.bottom - (whole * under[i]) / before[i], (whole * count) / before[i]];
      return `M${(PLOT.left + i * each + 0.4).toFixed(2)} ${bottom.toFixed(2)}v${(-tall).toFixed(2)}h${(each - 0.8).toFixed(2)}v${tall.toFixed(2)}z`;
    }).join("");
    const none = before.map(() => 0);
    const alive = before.map((count, i) => count - dead[i] - flat[i]);
    setAttributes(this.dead, { d: columns(dead, none) });
    setAttributes(this.flat, { d: columns(flat, dead) });
    setAttributes(this.before, { d: columns(alive, dead.map((count, i) => count + flat[i])) });
    const tall = (span[1] - span[0]) / after.length;
    const beside = lengths(after, mostAfter).map((length, i) => {
      const [bottom, top] = [py(span[0] + i * tall), py(span[0] + (i + 1) * tall)];
      return length === 0 ? "" : `M${BESIDE.left} ${bottom.toFixed(2)}h${(length * (BESIDE.right - BESIDE.left)).toFixed(2)}V${(top + 0.4).toFixed(2)}H${BESIDE.left}z`;
    });
    setAttributes(this.after, { d: beside.join("") });
  }

  /** @param {Handle} handle */
  #hold(handle, px, py) {
    for (const node of [this.handle, this.held]) node.toggleAttribute("hidden", !handle);
    if (!handle) return;
    const { x, y, name, value, ends } = handle;
    const words = `${name.replaceAll("_", " ")} ${format(value)}`;
    setAttributes(this.handle, { cx: px(x), cy: py(y), "aria-label": name.replaceAll("_", " "), "aria-valuenow": value, "aria-valuemin": ends[0], "aria-valuemax": ends[1] });
    setText(this.held, `↕ ${words}`);
  }

  /** The value at a pointer's height. @param {PointerEvent} event */
  yAt({ clientY }) {
    const box = this.root.getBoundingClientRect();
    return this.yOf(((clientY - box.top) / box.height) * SIZE.height);
  }
}

function mark(node, at, attributes) {
  node.toggleAttribute("hidden", at === undefined);
  if (at === undefined) return;
  setAttributes(node, attributes);
  setText(node, format(at, 3));
}

/** Up to five round numbers in a range. */
function ticks(from, to) {
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= rough);
  const list = [];
  for (let k = Math.ceil(from / step); k * step <= to; k++) list.push(Number((k * step).toPrecision(6)));
  return list.slice(0, ROUGH.length);
}

/** @param {Data} data */
function said({ name, x, y, shares, total }) {
  const [dead, flat] = shares.map((share) => `${(100 * share).toFixed(1)} %`);
  return `${name.replaceAll("_", " ")} from ${format(x[0], 3)} to ${format(x.at(-1), 3)}: its values go from ${format(Math.min(...y), 3)} to ${format(Math.max(...y), 3)}. Of ${total} values ${dead} died, ${flat} lie where the curve is nearly flat.`;
}

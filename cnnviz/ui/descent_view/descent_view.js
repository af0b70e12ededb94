/** A descent in pictures: what Streamlit mounts. Everything in it follows one keyframe. */
import { write } from "./boxes.js";
import { Kernels } from "./descent_kernels.js";
import { between, composed, convolve } from "./descent_maths.js";
import { part, unpack } from "./descent_message.js";
import { Pictures } from "./descent_pictures.js";
import { Responses } from "./descent_responses.js";
import { Surface } from "./descent_surface.js";
import { forget, keep } from "./history.js";
import { mounted } from "./mount.js";
import { Replay } from "./replay.js";
import { element, setText, stylesheet } from "./stage_dom.js";
import { format } from "./stage_values.js";
import { Chart } from "./training_curves.js";

const styles = [new URL("stage_view.css", import.meta.url), new URL("training_view.css", import.meta.url), new URL("descent_view.css", import.meta.url)];
const styled = Promise.all(styles.map(({ href }) => stylesheet(href)));

class DescentView {
  drawn = 0;

  constructor(parent) {
    this.replay = new Replay((frame) => this.draw(frame), (frame) => this.#say(frame));
    this.pictures = new Pictures();
    this.kernels = new Kernels((place) => write(this.message.weightBox, `${place}`));
    this.surface = new Surface((step) => this.replay.choose(this.#nearest(step)));
    this.charts = element("div", { className: "de-charts" });
    this.steps = element("table", { className: "de-steps" });
    this.stepTitle = element("figcaption");
    this.arithmetic = element("figure", { className: "tv-chart de-arithmetic" }, this.stepTitle, this.steps);
    this.responses = new Responses();
    const left = element("div", { className: "de-left" }, this.pictures.root, this.kernels.root, element("div", { className: "de-under" }, this.arithmetic, this.responses.root));
    const right = element("div", { className: "de-right" }, this.surface.root, this.charts);
    this.root = element("div", { className: "descent-view training-view" }, element("div", { className: "de-parts" }, left, right), this.replay.root);
    this.resized = new ResizeObserver(() => this.message && this.root.clientWidth !== this.width && this.draw(this.replay.frame));
    this.resized.observe(this.root);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.onchange = () => this.message && requestAnimationFrame(() => this.draw(this.replay.frame));
    this.curves = [];
    parent.append(this.root);
  }

  close() {
    this.replay.close();
    this.resized.disconnect();
    this.scheme.onchange = null;
    this.root.remove();
  }

  update(message) {
    this.message = message;
    forget(message.ignored);
    keep(message.address);
    const hasKernel = Boolean(message.kernelSize);
    for (const { root } of [this.kernels, this.surface]) root.hidden = !hasKernel;
    this.arithmetic.hidden = !hasKernel;
    this.responses.root.hidden = !message.responses;
    if (hasKernel) this.surface.update(message);
    const titles = message.curves.map(({ title }) => title).join();
    if (titles !== this.titles) {
      this.titles = titles;
      this.curves = message.curves.map(({ title, log }) => new Chart(title, { log }, (number) => this.replay.choose(this.#nearest(number))));
      this.charts.replaceChildren(...this.curves.map(({ root }) => root));
    }
    this.replay.take(message.frames, message.at);
  }

  draw(frame) {
    const { message } = this;
    this.width = this.root.clientWidth;
    const blocks = { ...message.arrays, ...(message.kernelSize ? this.#made(frame) : this.#recovered(frame)) };
    this.pictures.show(message.panels, blocks, message.palettes);
    if (message.kernelSize) {
      this.kernels.show(message, blocks);
      this.surface.draw(frame);
      this.#arithmetic(frame);
    }
    if (message.responses) this.responses.show(message, frame);
    message.curves.forEach(({ lines }, i) => this.curves[i].draw(lines, message.frames.at(-1), message.frames[frame]));
    const number = message.frames[frame].toLocaleString("en");
    const done = `after step ${number} of ${message.frames.at(-1).toLocaleString("en")}`;
    this.replay.tell(`${done}${message.kernelSize ? "" : ` · ${message.figures[frame][0]}`}`, `${done}: ${message.figures[frame].join(", ")}`);
    this.root.dataset.drawn = `${++this.drawn}`;
    this.root.dataset.frame = `${frame}`;
  }

  /** What the kernel of a keyframe makes of the picture. */
  #made(frame) {
    const { message } = this;
    const { arrays, kernelSize, bias, padding, skip } = message;
    const weights = part(arrays.frames, frame).values;
    const learned = { values: weights.subarray(0, kernelSize[0] * kernelSize[1]), shape: kernelSize };
    const added = bias ? weights[weights.length - 1] : 0;
    const made = convolve(arrays.input, learned, added, padding);
    const isCut = (wanted) => skip && (wanted <= 0 || wanted >= 1);
    const difference = between(made, arrays.wanted, (a, b) => (isCut(b) ? 0 : a - b));
    const blocks = { learned, made, difference, bias: added };
    if (arrays.filter?.shape.join() === kernelSize.join()) blocks.error = between(learned, arrays.filter, (a, b) => a - b);
    blocks.gap = between(learned, arrays.optimum, (a, b) => a - b);
    if (arrays.filter && message.responses) blocks.both = composed(arrays.filter, learned);
    return blocks;
  }

  #recovered(frame) {
    const { shape, values } = part(this.message.arrays.levels, frame);
    const [low, high] = this.message.spans[frame];
    return { made: { shape, level: (high - low) / 255, values: Float32Array.from(values, (level) => low + (level * (high - low)) / 255) } };
  }

  #arithmetic(frame) {
    const { arrays, steps, frames, weight, weightName } = this.message;
    const next = (frames[frame] + 1).toLocaleString("en");
    setText(this.stepTitle, `${frame < frames.length - 1 ? `Next, step ${next}` : `If it went on, step ${next}`}: the weight at ${weightName}`);
    const now = ["weight now", "", part(arrays.frames, frame).values[weight]];
    this.steps.replaceChildren(
      ...[now, ...steps[frame]].map(([term, how, value]) => element("tr", {}, element("th", { scope: "row" }, term), element("td", {}, how), element("td", { className: "de-number" }, format(value, 5)))),
    );
  }

  #nearest(number) {
    const far = this.message.frames.map((at) => Math.abs(at - number));
    return far.indexOf(Math.min(...far));
  }

  #say(frame) {
    const { frames, atBox } = this.message;
    write(atBox, frame === frames.length - 1 ? "end" : `${frames[frame]}`);
  }
}

const viewIn = mounted((parent) => new DescentView(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function descentView({ data, parentElement }) {
  const [view, leave] = viewIn(parentElement);
  await styled;
  view.update(unpack(data));
  return leave;
}

/** How a training goes: what Streamlit mounts. Curves on the left, filters on the right, and under them the way back through it all. */
import { write } from "./boxes.js";
import { opened } from "./framing.js";
import { mounted } from "./mount.js";
import { element, setText, stylesheet } from "./stage_dom.js";
import { Curves } from "./training_curves.js";
import { Filters } from "./training_filters.js";

const styled = stylesheet(new URL("training_view.css", import.meta.url).href);

const REST = 150; // ms without another move after which the server hears of the step that is looked at
const PACE = 90; // ms for a keyframe of the replay

/** @param {Uint8Array} data see `pack` in __init__.py */
function unpack(data) {
  const [message, take] = opened(data);
  const floats = (count) => new Float32Array(take(4 * count).slice().buffer);
  const [count, width] = message.points;
  const flat = floats(count * width);
  message.rows = Array.from({ length: count }, (_, i) => flat.subarray(i * width, (i + 1) * width));
  const size = message.filters.reduce((a, b) => a * b, 1);
  message.weights = message.frames.map(() => floats(size));
  return message;
}

class TrainingView {
  drawn = 0;
  frame = -1;

  constructor(parent) {
    this.curves = new Curves((number) => this.look(this.#nearest(number), true));
    this.filters = new Filters((place) => write(this.message.weightBox, `${this.message.filtersOf}:weight:${place}`));
    this.play = element("button", { type: "button", className: "sv-button tv-play", onclick: () => this.#toggle() });
    this.slider = element("input", { type: "range", className: "tv-slider", min: 0, step: 1, "aria-label": "Look back at a step", oninput: () => this.#drag(), onkeydown: (event) => this.#onKey(event) });
    this.where = element("span", { className: "tv-where", "aria-live": "polite" });
    this.bar = element("div", { className: "tv-bar" }, this.play, this.slider, this.where);
    this.root = element("div", { className: "training-view" }, element("div", { className: "tv-parts" }, this.curves.root, this.filters.root), this.bar);
    this.resized = new ResizeObserver(() => this.message && this.root.clientWidth !== this.width && this.draw());
    this.resized.observe(this.root);
    parent.append(this.root);
  }

  close() {
    this.#pause();
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.root.remove();
  }

  update(message) {
    const isNewer = !this.message || message.frames.length !== this.message.frames.length || message.frames.at(-1) !== this.message.frames.at(-1);
    this.message = message;
    if (isNewer) this.#pause();
    const isHeld = this.playing || (this.timer && !isNewer); // what is chosen here is newer than what the server says
    if (!isHeld) this.frame = message.at < 0 ? message.frames.length - 1 : this.#nearest(message.at);
    this.draw();
  }

  draw() {
    const { message } = this;
    this.width = this.root.clientWidth;
    const canGoBack = message.frames.length > 1;
    this.frame = Math.min(this.frame, message.frames.length - 1);
    const number = message.frames[this.frame] ?? 0;
    this.curves.draw(message, canGoBack ? number : -1);
    this.filters.draw(message, this.frame);
    this.bar.style.visibility = canGoBack ? "" : "hidden"; // what is under it stays where it is
    Object.assign(this.slider, { max: message.frames.at(-1) ?? 0, value: number });
    const epoch = message.stepsAnEpoch ? ` · ${(number / message.stepsAnEpoch).toFixed(1)} epochs` : "";
    setText(this.where, `after step ${number.toLocaleString("en")}${epoch}`);
    setText(this.play, this.playing ? "❚❚ Pause" : "▶ Replay");
    this.root.dataset.drawn = `${++this.drawn}`;
  }

  /** @param {number} frame @param {boolean} isSaid whether the server is to hear of it */
  look(frame, isSaid) {
    if (this.message.frames.length < 2) return;
    this.frame = frame;
    this.draw();
    if (!isSaid) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      write(this.message.atBox, `${this.message.frames[this.frame]}`);
    }, REST);
  }

  #nearest(number) {
    const far = this.message.frames.map((at) => Math.abs(at - number));
    return far.indexOf(Math.min(...far));
  }

  #drag() {
    this.#pause();
    this.look(this.#nearest(Number(this.slider.value)), true);
  }

  /** An arrow goes to the next step that was kept: by one step it would stay where it is. */
  #onKey(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.#pause();
    this.look(Math.max(0, Math.min(this.frame + by, this.message.frames.length - 1)), true);
  }

  #toggle() {
    if (this.playing) {
      this.#pause();
      return this.look(this.frame, true);
    }
    if (this.frame >= this.message.frames.length - 1) this.frame = -1;
    this.playing = setInterval(() => {
      const isLast = this.frame + 1 >= this.message.frames.length - 1;
      if (isLast) this.#pause();
      this.look(Math.min(this.frame + 1, this.message.frames.length - 1), isLast || this.frame % 3 === 0);
    }, PACE);
    this.draw();
  }

  #pause() {
    clearInterval(this.playing);
    this.playing = 0;
  }
}

const viewIn = mounted((parent) => new TrainingView(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function trainingView({ data, parentElement }) {
  const [view, leave] = viewIn(parentElement);
  await styled;
  view.update(unpack(data));
  return leave;
}

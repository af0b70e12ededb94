/** The way back through what was kept of a run: a slider, a replay, and one kept step at a time. */
import { element, setText } from "./stage_dom.js";

const REST = 200; // ms without another move after which the choice is said
const PACE = 80; // ms for a frame of the replay

export class Replay {
  frame = 0;
  count = 0;
  numbers = [];
  playing = 0;
  timer = 0;

  /** @param {(frame: number) => void} show @param {(frame: number) => void} say once the hand rests */
  constructor(show, say) {
    Object.assign(this, { show, say });
    const button = (className, label, onclick) => element("button", { type: "button", className: `sv-button ${className}`, "aria-label": label, title: label, onclick });
    this.play = button("rp-play", "Replay", () => this.#toggle());
    this.back = button("rp-back", "One kept step back", () => this.#move(-1));
    this.next = button("rp-next", "One kept step on", () => this.#move(1));
    this.back.textContent = "‹";
    this.slider = element("input", { type: "range", className: "rp-slider", min: 0, step: 1, "aria-label": "Step that is looked at", oninput: () => this.#chosen(Number(this.slider.value)) });
    this.ticks = element("div", { className: "rp-ticks", "aria-hidden": "true" });
    this.track = element("div", { className: "rp-track" }, this.slider, this.ticks);
    this.where = element("span", { className: "rp-where", "aria-live": "polite" });
    this.root = element("div", { className: "rp-bar" }, this.play, this.back, this.next, this.track, this.where);
  }

  /** Whether what is chosen here is newer than what the server says. */
  get isHeld() {
    return this.playing > 0 || this.timer > 0;
  }

  /** @param {number[]} numbers of the steps that were kept, a frame each @param {number} frame that the server says */
  take(numbers, frame) {
    const count = numbers.length;
    if (count !== this.count) this.pause();
    this.numbers = numbers;
    this.#mark();
    const isOwn = this.isHeld && count === this.count;
    this.count = count;
    this.look(isOwn ? this.frame : frame);
  }

  /** @param {number} frame */
  look(frame) {
    this.frame = Math.max(0, Math.min(this.count - 1, frame));
    Object.assign(this.slider, { max: Math.max(0, this.count - 1), value: this.frame });
    this.root.hidden = this.count < 2;
    this.#label();
    this.show(this.frame);
  }

  /** A frame chosen by hand, here or elsewhere. @param {number} frame */
  choose(frame) {
    this.#chosen(frame);
  }

  /** @param {string} text what is said of the frame @param {string} long */
  tell(text, long = text) {
    setText(this.where, text);
    if (this.slider.getAttribute("aria-valuetext") !== long) this.slider.setAttribute("aria-valuetext", long);
  }

  pause() {
    clearInterval(this.playing);
    this.playing = 0;
    this.#label();
  }

  close() {
    this.pause();
    clearTimeout(this.timer);
  }

  #label() {
    setText(this.play, this.playing ? "❚❚ Pause" : "▶ Replay");
    this.play.setAttribute("aria-label", this.playing ? "Pause" : "Replay");
    this.back.disabled = this.frame === 0;
    this.next.disabled = this.frame >= this.count - 1;
    const by = this.next.disabled ? 1 : this.numbers[this.frame + 1] - this.numbers[this.frame];
    setText(this.next, by === 1 ? "Step ›" : `${by} steps ›`);
  }

  /** The steps' numbers along the slider: it goes by what was kept, so late steps lie closer together than early ones. */
  #mark() {
    const parts = Math.min(4, this.numbers.length - 1);
    const frames = parts > 0 ? Array.from({ length: parts + 1 }, (_, i) => Math.round((i * (this.numbers.length - 1)) / parts)) : [];
    this.ticks.replaceChildren(...frames.map((at) => element("span", { style: `left:${((100 * at) / (this.numbers.length - 1)).toFixed(2)}%` }, this.numbers[at].toLocaleString("en"))));
  }

  #chosen(frame) {
    this.pause();
    this.look(frame);
    this.#sayLater();
  }

  #move(by) {
    this.#chosen(this.frame + by);
  }

  #sayLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.say(this.frame);
    }, REST);
  }

  #toggle() {
    if (this.playing) {
      this.pause();
      return this.#sayLater();
    }
    if (this.frame >= this.count - 1) this.look(0);
    this.playing = setInterval(() => {
      if (this.frame + 1 >= this.count - 1) this.pause();
      this.look(this.frame + 1);
      if (!this.playing) this.#sayLater();
    }, PACE);
    this.#label();
  }
}

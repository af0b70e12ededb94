/** The way back through what was kept of a run: a slider, a replay, and one kept step at a time. */
import { element, setText } from "./stage_dom.js";

const REST = 200; // ms without another move after which the choice is said
const PACE = 80; // ms for a frame of the replay

export class Replay {
  frame = 0;
  count = 0;
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
    this.next.textContent = "Step ›";
    this.slider = element("input", { type: "range", className: "rp-slider", min: 0, step: 1, "aria-label": "Step that is looked at", oninput: () => this.#chosen(Number(this.slider.value)) });
    this.where = element("span", { className: "rp-where", "aria-live": "polite" });
    this.root = element("div", { className: "rp-bar" }, this.play, this.back, this.next, this.slider, this.where);
  }

  /** Whether what is chosen here is newer than what the server says. */
  get isHeld() {
    return this.playing > 0 || this.timer > 0;
  }

  /** @param {number} count of the frames @param {number} frame that the server says */
  take(count, frame) {
    if (count !== this.count) this.pause();
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

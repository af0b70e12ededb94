/**
 * Show a tweak at once: what the hands do to the kernel and to the knobs is computed here and painted in the next
 * frame, while the same tweak travels to the server and back. What the server says replaces it.
 */
import { runs } from "./running.js";
import { forward, withFilter } from "./stage_forward.js";
import { chosen, isWriting, picked, written } from "./stage_knobs.js";
import { layOut } from "./stage_layout.js";

/** @typedef {import("./stage_values.js").Stage} Stage */
/** @typedef {import("./stage_layout.js").Settings} Settings */
/** @typedef {import("./stage_layout.js").Words} Words */

const EVENTS = ["keydown", "input", "click"];
const PICKS = ["keydown", "pointerup"];
const PATIENCE = 5000; // ms: a server that serves many may be slow to say that it runs
const SLOW = 500; // ms that a menu may take to show what was picked from it

/** Whether two values of a setting are the same; weights are float32 wherever they are used. */
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const float32 = (rows) => rows.map((row) => row.map(Math.fround));
const rounded = (name, value) => (name === "kernel" ? float32(value) : value);

export class Preview {
  /** @param {(stages: Stage[]) => void} show draws stages */
  constructor(show) {
    this.show = show;
    /** @type {Partial<Settings>} */ this.wanted = {}; // what the server has not confirmed
    this.frame = 0;
    this.onKernel = ({ detail: { rows, planes, entry } }) => this.ask((entry ?? null) === null ? [["kernel", rows]] : [["filter", { entry, planes: planes.map(float32) }]]);
    this.onBox = ({ target, isTrusted }) => {
      const knob = isTrusted && written(target); // what the kernel grid writes, it has said in rows
      if (knob) this.ask([knob]);
    };
    this.onPick = (event) => {
      const knob = picked(event);
      if (!knob) return;
      this.pick = { name: knob[0], at: performance.now() };
      this.ask([knob]);
    };
    document.addEventListener("cnnviz-kernel", this.onKernel);
    for (const event of PICKS) window.addEventListener(event, this.onPick, { capture: true }); // while the menu is open
    // On the window, which hears last: by then React has put the new text into the box.
    for (const event of EVENTS) window.addEventListener(event, this.onBox);
    // A menu that closes has its new text, or its old one back, a frame later; of one that was picked from, that may take
    // some frames, and what was picked is known.
    const isLate = ([name]) => name === this.pick?.name && performance.now() - this.pick.at < SLOW;
    this.menus = new MutationObserver(() => requestAnimationFrame(() => this.ask(chosen().filter((knob) => !isLate(knob)))));
    this.menus.observe(document.body, { subtree: true, attributeFilter: ["aria-expanded"] });
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.menus.disconnect();
    document.removeEventListener("cnnviz-kernel", this.onKernel);
    for (const event of EVENTS) window.removeEventListener(event, this.onBox);
    for (const event of PICKS) window.removeEventListener(event, this.onPick, { capture: true });
  }

  /**
   * What the server says.
   * @param {Stage[]} stages
   * @param {{settings: Settings, words: Words} | {filters: {bias: number}} | null} follow what the browser needs to foretell it: the
   *   Lab's knobs, or that the last stage's filters may be edited; null: it cannot
   * @returns {Stage[]} what to show: it, with the tweaks that it has not heard of yet
   */
  hear(stages, follow) {
    this.stages = stages;
    this.follow = follow;
    if (!follow) this.wanted = {};
    for (const [name, value] of Object.entries(this.wanted)) {
      if (isSame(value, this.#confirmed(name))) delete this.wanted[name];
    }
    return this.#foretold() ?? stages;
  }

  /** @param {[string, unknown][]} knobs settings and what they are to be; null: the server's word stands */
  ask(knobs) {
    if (!this.follow || (knobs[0]?.[0] === "filter") !== Boolean(this.follow.filters)) return;
    let isNews = false;
    for (const [name, value] of knobs) {
      if (value === null) {
        isNews ||= name in this.wanted;
        delete this.wanted[name];
      } else if (!isSame(rounded(name, value), this.wanted[name] ?? this.#confirmed(name))) {
        isNews = true;
        this.wanted[name] = rounded(name, value);
      }
    }
    if (!isNews) return;
    this.#takeBackLater();
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      const stages = Object.keys(this.wanted).length === 0 ? this.stages : this.#foretold();
      if (stages) this.show(stages);
    });
  }

  /** What a setting is, as the server has it; of the filters, that which a hand is at. */
  #confirmed(name) {
    if (name !== "filter") return rounded(name, this.follow.settings[name]);
    const { entry } = this.wanted.filter ?? {};
    return { entry, planes: this.stages.at(-1).how.weight?.[entry] };
  }

  /** The stages as they will be, or null: nothing is to come, or only the server can tell. */
  #foretold() {
    if (Object.keys(this.wanted).length === 0) return null;
    const { filter } = this.wanted;
    if (filter) return filter.entry < this.stages.at(-1).shape[0] ? withFilter(this.stages, filter.entry, filter.planes, this.follow.filters.bias) : null;
    const laid = layOut(this.stages[0], { ...this.follow.settings, ...this.wanted }, this.follow.words);
    return laid && forward(laid, this.stages);
  }

  /** What the server has not confirmed when it is idle, and no knob is being written into, was not taken. */
  #takeBackLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (Object.keys(this.wanted).length === 0) return;
      if (runs() || isWriting()) return this.#takeBackLater();
      this.wanted = {};
      this.show(this.stages);
    }, PATIENCE);
  }
}

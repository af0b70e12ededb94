/**
 * What is shown of each stage, and in which colours: one of its maps, three as RGB, all side by side, or a stack.
 *
 * @typedef {number | "all" | "stack"} Look a channel; -1: three as RGB
 * @typedef {{looks: Record<string, Look>, usual?: Record<string, Look>, alike?: string[], selects?: Record<string, [string, number]>}} Said
 *   by stage: what is shown, what is shown where nobody has chosen; those that show the same map on the same scale; the box that
 *   takes the number of a map that is chosen, and the number
 */
import { write } from "./boxes.js";
import { isRGB } from "./stage_dom.js";
import { FIRST_TURN, multiples, stack, turned } from "./stage_tiles.js";

const TURN = 0.01; // radians a px

/** The scale of values in a range: one that is black at 0. */
function scaleOf(low, high) {
  const reach = Math.max(-low, high);
  return low < 0 ? { scale: "diverging", ends: [-reach, reach] } : { scale: "sequential", ends: [0, high] };
}

/** One scale for several stages. @param {any[]} stages */
const common = (stages) => scaleOf(Math.min(...stages.map(({ low }) => low)), Math.max(...stages.map(({ high }) => high)));

export class Looks {
  /** @type {Map<string, Look>} */ chosen = new Map();
  turns = new Map(); // by stage name: how its stack is turned
  isShared = false; // whether all computed stages share a scale

  /** What the server says counts when it is news. @param {Said} message */
  hear(message) {
    this.message = message;
    const now = JSON.stringify(message.looks);
    if (now === this.heard) return;
    this.heard = now;
    this.chosen = new Map(Object.entries(message.looks ?? {}));
  }

  get #alike() {
    return this.message.alike ?? [];
  }

  /** @returns {Look} what of a stage is shown */
  of(stage) {
    const first = isRGB(stage) ? -1 : 0;
    const chosen = this.chosen.get(stage.name) ?? first;
    if (typeof chosen === "string") return stage.shape[0] > 1 ? chosen : 0;
    return chosen < stage.shape[0] && chosen >= first ? chosen : first;
  }

  /** Show something else of a stage; where the page has a box for it, that takes note, and so does the link. @param {string} name @param {Look} look */
  choose(name, look) {
    for (const one of this.#alike.includes(name) ? this.#alike : [name]) this.chosen.set(one, look);
    if (typeof look === "number") this.select(name, look);
    const { usual = {} } = this.message;
    const others = [...this.chosen].filter(([stage, chosen]) => chosen !== usual[stage]);
    write("looks", others.map(([stage, chosen]) => `${stage}:${chosen === -1 ? "rgb" : chosen}`).join(","));
  }

  /** One of a stage's maps is chosen: whoever edits its filter takes note. */
  select(name, channel) {
    const select = this.message.selects?.[name];
    if (!select || !(channel >= 0)) return;
    select[1] = channel;
    write(select[0], `${channel}`);
  }

  /** The map of a stage whose filter is edited; none of other stages. @returns {number | undefined} */
  selected(name) {
    return this.message.selects?.[name]?.[1];
  }

  /** The channel that a stage shows; -1 for three as RGB. Of several at once, the one that is selected, or the first. */
  channel(stage) {
    const look = this.of(stage);
    return typeof look === "number" ? look : isRGB(stage) ? -1 : (this.selected(stage.name) ?? 0);
  }

  /** The scale of a stage and the values at its ends: its own, or one that it shares. @param {any} stage @param {any[]} stages all */
  colors(stage, stages, channel = this.channel(stage)) {
    if (isRGB(stage) && channel >= 0) return { scale: ["red", "green", "blue"][channel], ends: stage.colors };
    if (stage.scale === "gray") return { scale: stage.scale, ends: stage.colors };
    if (this.isShared) return common(stages.filter((other) => other.scale !== "gray"));
    if (this.#alike.includes(stage.name)) return common(stages.filter(({ name }) => this.#alike.includes(name)));
    return this.of(stage) === channel ? scaleOf(...stage.ranges[channel]) : { scale: stage.scale, ends: stage.colors };
  }

  /** From where to where the values reach that a stage shows. */
  span(stage) {
    const look = this.of(stage);
    return stage.scale === "gray" || typeof look === "string" ? [stage.low, stage.high] : stage.ranges[look];
  }

  /** Where the maps lie, if several are shown at once. @param {{width: number, height: number}} box */
  lay(stage, box) {
    const look = this.of(stage);
    if (typeof look === "number") return { tiles: [], edges: [], far: null };
    const [, height, width] = stage.shape;
    const aspect = (height * stage.jump[0]) / (width * stage.jump[1]);
    const channels = stage.ranges.map((_, c) => c);
    if (look === "all") return { tiles: multiples(channels, aspect, box), edges: [], far: null };
    return stack(channels, aspect, box, this.turns.get(stage.name) ?? FIRST_TURN, isRGB(stage));
  }

  /** Turn a stack, by so many px of a drag. */
  turn(name, across, down) {
    this.turns.set(name, turned(this.turns.get(name) ?? FIRST_TURN, across * TURN, down * TURN));
  }
}

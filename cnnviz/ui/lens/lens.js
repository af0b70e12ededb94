/** The lens: how one cell arises, down to each multiplication. It never asks the server. */
import { Panels } from "./lens_panels.js";
import { isDone } from "./lens_player.js";
import { activationTerms, convTerms, poolTerms } from "./lens_terms.js";
import { around, touched, trail } from "./lens_trace.js";
import { said } from "./lens_words.js";
import { element, stylesheet } from "./stage_dom.js";
import { ACTIVATIONS, value } from "./stage_values.js";
import { origin, origins } from "./stage_window.js";

/**
 * @typedef {import("./stage_values.js").Stage} Stage
 * @typedef {{name: string, row: number, column: number, channel?: number}} Cell on the channel shown, unless it says another
 * @typedef {{at: [number, number], node: Element}} Weight row and column, and what is pointed at
 */

/** Which cells under a pool's window the slide has not come to. */
const pendingIn = ({ rows, columns, isPadding }, progress) =>
  rows.flatMap((row, i) => columns.map((column, j) => !isPadding[i * columns.length + j] && !isDone(progress, row, column)));

/** What part a pixel has in a sum: which of the terms it is, and which sums there are besides. */
function partOf(conv, stage, { row, column }, sums, place) {
  const { rows, columns } = stage.how.op === "pad" ? conv.at : { rows: conv.copiedRows, columns: conv.copiedColumns };
  const here = rows.flatMap((r, i) => columns.flatMap((c, j) => (r === row && c === column ? [i * conv.width + j] : [])));
  return { here, sums, place };
}

export const styled = stylesheet(new URL("lens.css", import.meta.url).href);

export class Lens {
  /** @type {Weight | null} */ weight = null; // the kernel's weight that is pointed at
  explained = null;
  /** @type {(number[] | null)[]} */ channels = []; // by stage, the maps that the lit cells lie on; null: all

  /** @param {{relight: () => void}} view */
  constructor({ relight }) {
    const pointAtWeight = (weight) => {
      this.weight = weight;
      relight();
    };
    this.panels = new Panels({ pointAtWeight, say: (text) => this.say(text) });
    this.live = element("p", { className: "ln-live", "aria-live": "polite" });
    this.root = element("section", { className: "lens", "data-lens": "", "aria-label": "How the cell arises" }, this.panels.root, this.live);
    this.sized = new ResizeObserver(() => (this.wide = 0)); // measured at the next explanation
    this.sized.observe(this.root);
  }

  close() {
    this.sized.disconnect();
  }

  /**
   * @param {Stage[]} stages
   * @param {Cell} cell of one of them
   * @param {(stage: Stage) => number} channelOf the channel that a stage shows; -1: three as one RGB picture
   * @param {{palettes: any, background: string, colors: (stage: Stage) => {scale: string, ends: [number, number]}, progress: any[]}} looks
   */
  explain(stages, cell, channelOf, looks) {
    const i = stages.findIndex((stage) => stage.name === cell.name);
    const stage = stages[i];
    const chosen = cell.channel ?? channelOf(stage);
    const c = Math.min(Math.max(0, chosen), stage.shape[0] - 1);
    const shown = chosen < 0 ? [0, 1, 2] : [c];
    const { conv, places } = trail(stages, i, stage.how.op === "image" || stage.how.op === "pad" ? 0 : c, cell);
    const filter = i >= conv ? c : Math.max(0, channelOf(stages[conv]));
    const following = (op) => stages.findIndex((other, j) => j > conv && other.how.op === op && places[j]);
    const [a, p] = [following("activation"), following("pool")];
    const before = (j) => stages[origin(stages, j)];
    const { progress } = looks;
    const explained = {
      stage,
      places,
      row: cell.row,
      column: cell.column,
      values: shown.map((channel) => value(stages, i, channel, cell.row, cell.column)),
      conv: conv < 0 ? null : convTerms(stages, conv, filter, places[conv].row, places[conv].column),
      activation: a < 0 ? null : activationTerms(stages, a, filter, places[a].row, places[a].column, (x) => ACTIVATIONS[stages[a].how.name](x, stages[a].how.parameters)),
      pool: p < 0 ? null : { ...poolTerms(stages, p, filter, places[p].row, places[p].column), here: places[origin(stages, p)] },
      at: { conv: places[conv], activation: places[a], pool: places[p] },
    };
    if (explained.pool) explained.pool.isPending = pendingIn(explained.pool, progress[origin(stages, p)]);
    this.explained = explained;
    const one = [filter];
    const cells = around(stages, i, cell);
    if (i < conv) Object.assign(explained.conv, partOf(explained.conv, stage, cell, cells[conv], places[conv]));
    this.panels.build(explained.conv?.channels.length ?? 0);
    if (!this.#hasWeight(explained.conv)) this.weight = null;
    this.lit = this.weight ? touched(stages, conv, this.weight.at) : cells;
    if (this.weight) explained.conv.weight = { at: this.weight.at, sums: this.lit[conv], of: stages[conv].shape };
    this.channels = [];
    const isMixed = stage.how.name === "softmax"; // its shares are of all maps
    stages.forEach(({ how }, j) => {
      const isOnward = i >= conv && j > conv && how.op !== "conv" && origins(stages, j).some((from) => this.channels[from] === one);
      if (j === i) this.channels[j] = i >= conv ? one : shown;
      else if (conv >= 0 && j === origin(stages, conv)) this.channels[j] = explained.conv.channels.map(({ channel }) => channel);
      else if (conv < 0 && j < i) this.channels[j] = isMixed ? null : one;
      else this.channels[j] = (j === conv && i >= conv) || isOnward ? one : null; // a pixel has a part in every filter's map
    });
    Object.assign(this.root.dataset, { stage: stage.name, row: cell.row, col: cell.column, value: explained.values[0], channel: shown[0] });
    this.#show(
      { conv: conv < 0 ? null : before(conv), activation: a < 0 ? null : before(a), pool: p < 0 ? null : before(p) },
      (op) => stages.some(({ how }) => how.op === op),
      looks,
    );
  }

  /** Whether the weight is still there: what a tweak has removed under the pointer never says that it was left. */
  #hasWeight(conv) {
    return conv && this.weight?.node.isConnected && this.weight.at[0] < conv.height && this.weight.at[1] < conv.width;
  }

  /** @param {Record<string, Stage | null>} before what the three read @param {(op: string) => boolean} has whether there is such a stage at all */
  #show(before, has, { palettes, colors, background }) {
    const isBare = !has("activation") && !has("pool");
    if (isBare !== this.isBare) this.wide = 0;
    this.isBare = isBare;
    this.panels.root.classList.toggle("bare", isBare); // before it is measured
    this.panels.root.classList.toggle("no-conv", !before.conv);
    this.wide ||= this.panels.panels[before.conv ? "patch" : "pool"].body.clientWidth;
    const under = before.conv ? colors(before.conv) : { scale: "gray", ends: [0, 1] };
    const pooled = before.pool ? colors(before.pool) : under;
    const looks = {
      palettes,
      scale: under.scale,
      scales: ["red", "green", "blue"],
      ends: under.ends,
      reach: Math.max(-under.ends[0], under.ends[1]) || 1,
      background,
      low: before.activation?.low ?? 0,
      high: before.activation?.high ?? 0,
      poolScale: pooled.scale,
      poolEnds: pooled.ends,
      poolOff: has("pool") ? "No window of the pool takes this cell" : "no pooling",
    };
    this.panels.show(this.explained, looks, this.wide);
  }

  /** Let a screen reader say the cell, or something else. */
  say(text = said(this.explained)) {
    this.live.textContent = text;
  }

  /**
   * What the server found for the pinned cell by another route.
   * @param {{stage: string, channel: number, row: number, column: number, value: number, sums: number, delta: number, tolerance: number, agrees: boolean} | null} check
   */
  compare(check) {
    const badge = this.panels.check;
    const { stage, row, column, values, conv } = this.explained;
    badge.hidden = !check || !conv || check.stage !== stage.name || check.row !== row || check.column !== column || check.channel !== Number(this.root.dataset.channel);
    if (badge.hidden) return;
    this.panels.panels[stage.how.op === "conv" ? "product" : stage.how.op].head.append(badge);
    const delta = Math.max(check.delta, Math.abs(check.value - values[0]));
    const isSame = check.agrees && Math.abs(check.value - values[0]) <= check.tolerance;
    badge.textContent = `${isSame ? "✓" : "✗"} max |Δ| ${delta === 0 ? "0" : delta.toExponential(0)}`;
    badge.classList.toggle("wrong", !isSame);
    badge.title =
      `The server has worked out this cell by another route (unfold, then a dot product in double precision): ${check.value}. ` +
      `That is the largest difference to PyTorch's conv2d and to what the lens says, over ${check.sums} ${check.sums === 1 ? "sum" : "sums"}.`;
  }
}

/** Which cell the lens explains: the one under the pointer or the keys, the sliding window's, the pinned, or the middle. */
import { Lens } from "./lens.js";
import { light } from "./lens_lit.js";
import { isSame, Pin } from "./lens_pin.js";
import { Player } from "./lens_player.js";
import { Tools } from "./lens_tools.js";
import { cellAt, shownRange } from "./stage_place.js";
import { format, value } from "./stage_values.js";

/** @typedef {{name: string, row: number, column: number}} Cell */

export class Reader {
  /** @type {Cell | null} */ cell = null; // under the pointer or the keys
  pin = new Pin();

  /** @param {any} view */
  constructor(view) {
    this.view = view;
    this.lens = new Lens({ relight: () => this.refresh() });
    this.player = new Player({ size: (name) => view.stage(name).shape.slice(1), show: () => this.#fill() });
    this.tools = new Tools(this);
    this.closing = new AbortController();
    for (const event of ["pointerover", "pointerout"]) {
      document.addEventListener(event, (what) => this.#pointAtWeight(what), { signal: this.closing.signal });
    }
  }

  get root() {
    return this.lens.root;
  }

  close() {
    this.closing.abort();
    this.player.stop();
    this.lens.close();
  }

  /** @param {{pin: [string, number, number] | null, check: any}} message */
  update({ pin, check }) {
    this.pin.hear(pin);
    this.check = check;
  }

  // --- which cell ---------------------------------------------------------------------------------

  /** A cell as far as the stage it is on reaches; null if that is off. @param {Cell | null} cell */
  #within(cell) {
    const stage = cell && this.view.stage(cell.name);
    if (!stage) return null;
    const [, height, width] = stage.shape;
    const clamp = (at, size) => Math.min(Math.max(at, 0), size - 1);
    return { name: cell.name, row: clamp(cell.row, height), column: clamp(cell.column, width) };
  }

  #middle() {
    const stage = this.view.stages.find(({ how }) => how.op === "conv") ?? this.view.stages[0];
    return { name: stage.name, row: Math.floor(stage.shape[1] / 2), column: Math.floor(stage.shape[2] / 2) };
  }

  /** @returns {Cell} */
  get target() {
    const { player } = this;
    if (player.isOn && (player.isPlaying || !this.cell)) return player.cell;
    return this.#within(this.cell) ?? this.#within(this.pin.cell) ?? this.#middle();
  }

  /** Where the arrow keys begin on a stage. @param {string} name */
  cellOn(name) {
    const index = this.view.stages.findIndex((stage) => stage.name === name);
    const place = this.target.name === name ? this.target : this.lens.explained.places[index];
    const [, height, width] = this.view.stages[index].shape;
    return { name, row: place?.row ?? Math.floor(height / 2), column: place?.column ?? Math.floor(width / 2) };
  }

  read(cell) {
    this.cell = this.#within(cell);
    this.lens.weight = null;
    if (!this.player.isPlaying) this.refresh();
  }

  /** A cell reached by keys: it is said too. */
  go(cell) {
    if (this.player.isPlaying) this.player.pause();
    this.read(cell);
    this.lens.say();
  }

  /** The pointer or the keys have left: back to the pin or the slide; without them the last cell stays. */
  leave() {
    if (!this.pin.cell && !this.player.isOn) return;
    this.cell = null;
    if (!this.player.isPlaying) this.refresh();
  }

  point(name, event) {
    const stage = this.view.stage(name);
    const cell = cellAt(this.view.frames.get(name), stage, shownRange(stage, this.view.view), event);
    if (cell) this.read({ name, ...cell });
    return cell && { name, ...cell };
  }

  #pointAtWeight({ type, target }) {
    const node = target.closest?.(".kg-cell");
    if (!node || !this.view.stages) return;
    this.lens.weight = type === "pointerover" ? { at: [Number(node.dataset.row), Number(node.dataset.col)], node } : null;
    this.refresh();
  }

  // --- the pin ------------------------------------------------------------------------------------

  click(name, event) {
    if (this.player.isPlaying) this.player.pause();
    const cell = this.point(name, event);
    if (cell) this.pin.click(cell);
    this.refresh();
  }

  togglePin() {
    this.pin.set(isSame(this.target, this.pin.cell) ? null : this.target);
    this.refresh();
  }

  // --- the slide ----------------------------------------------------------------------------------

  /** The stage that fills in, and the cell to begin with: the pinned, else the first. */
  #open(from) {
    const { stages } = this.view;
    const isWindowed = (stage) => stage && (stage.how.op === "conv" || stage.how.op === "pool");
    const asked = this.view.stage(this.target.name);
    const stage = isWindowed(asked) ? asked : stages.find(isWindowed);
    if (!stage) return false;
    const cell = from ?? this.#within(this.pin.cell);
    this.tools.suggestSpeed(stage.shape[2]);
    this.player.open(stage.name, cell?.name === stage.name ? cell.row * stage.shape[2] + cell.column : 0);
    this.cell = null;
    return true;
  }

  togglePlay() {
    if (this.player.isPlaying) return this.player.pause();
    if (!this.player.isOn && !this.#open()) return;
    this.cell = null;
    this.player.play();
  }

  step(by) {
    if (!this.player.isOn && !this.#open(this.target)) return;
    if (this.player.isPlaying) this.player.pause();
    this.cell = null;
    this.player.seek(this.player.at + by);
    this.lens.say();
  }

  /** The slide's own pictures: what is filled in, and the lens. */
  #fill() {
    this.view.showCells();
    this.refresh();
  }

  // --- what is shown ------------------------------------------------------------------------------

  refresh() {
    const { view, lens, player } = this;
    const { stages } = view;
    if (!stages) return;
    if (player.isOn && !view.stage(player.name)) player.close();
    if (player.isOn) player.at = Math.min(player.at, player.count - 1);
    const { target } = this;
    const looks = { palettes: view.message.palettes, colors: (stage) => view.colors(stage), poolOff: "no pooling" };
    lens.explain(stages, target, (stage) => view.channel(stage), looks);
    lens.compare(view.isConfirmed ? this.check : null);
    const chosen = stages.findIndex((stage) => stage.name === target.name);
    stages.forEach((stage, k) => {
      const frame = view.frames.get(stage.name);
      const lit = lens.lit[k] ?? { rows: [], columns: [] };
      Object.assign(frame.section.dataset, { litRows: lit.rows.join(), litCols: lit.columns.join() });
      const pin = this.pin.cell?.name === stage.name ? this.#within(this.pin.cell) : null;
      const isWindow = k < chosen && !lens.weight;
      light(frame, shownRange(stage, view.view), lit, isWindow, lens.weight ? null : lens.explained.places[k], pin);
    });
    const stage = view.stage(target.name);
    const shown = view.channel(stage) < 0 ? [0, 1, 2] : [view.channel(stage)];
    const values = shown.map((c) => format(value(stages, stages.indexOf(stage), c, target.row, target.column)));
    view.bar.read(`${stage.title}, row ${target.row}, column ${target.column}: ${values.join(", ")}${this.#pinNote()}`, Boolean(this.cell));
    this.tools.update(player, isSame(target, this.pin.cell));
  }

  /** Where the pinned cell is not on the map any more. */
  #pinNote() {
    const { cell } = this.pin;
    if (!cell || isSame(cell, this.#within(cell))) return "";
    const title = this.view.message.titles[cell.name] ?? cell.name;
    return ` (pinned: ${title.toLowerCase()} ${cell.row}, ${cell.column}, which is not there now)`;
  }
}

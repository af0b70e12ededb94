/** Which cell the lens explains: the one under the pointer or the keys, the sliding window's, the pinned, or the middle. */
import { Lens } from "./lens.js";
import { light } from "./lens_lit.js";
import { isSame, Pin } from "./lens_pin.js";
import { Player } from "./lens_player.js";
import { Tools } from "./lens_tools.js";
import { trail } from "./lens_trace.js";
import { isRGB } from "./stage_dom.js";
import { cellAt, shownRange } from "./stage_place.js";
import { format } from "./stage_values.js";
import { isWindowed } from "./stage_window.js";

/** @typedef {import("./lens.js").Cell} Cell */

export class Reader {
  /** @type {Cell | null} */ cell = null; // under the pointer or the keys
  /** @type {Cell | null} */ last = null; // that they left, with nothing pinned
  /** @type {Element | null} */ over = null;
  pin = new Pin(() => this.refresh());

  /** @param {any} view */
  constructor(view) {
    this.view = view;
    this.lens = new Lens({ relight: () => this.refresh() });
    this.player = new Player({ size: (name) => view.stage(name).shape.slice(1), show: () => this.#fill() });
    this.tools = new Tools(this);
    this.closing = new AbortController();
    for (const type of ["pointerover", "pointerout"]) {
      document.addEventListener(type, (event) => (this.#watch(event), this.#pointAtWeight(event)), { signal: this.closing.signal });
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
    const { channel } = cell;
    const of = channel === undefined ? {} : { channel: Math.min(channel, stage.shape[0] - 1) };
    return { name: cell.name, row: clamp(cell.row, height), column: clamp(cell.column, width), ...of };
  }

  /** A cell of a stage: on the map that is shown, where there are several. @param {any} stage @param {{row: number, column: number, channel?: number}} place */
  #on(stage, place) {
    return { ...(stage.shape[0] > 1 && !isRGB(stage) ? { channel: this.view.looks.channel(stage) } : {}), name: stage.name, ...place };
  }

  #middle() {
    const { stages, message } = this.view;
    const convs = stages.filter(({ how }) => how.op === "conv");
    const stage = convs.find(({ name }) => message.alike?.includes(name)) ?? convs[0] ?? stages.find(isWindowed) ?? stages.at(-1);
    return this.#on(stage, { row: Math.floor(stage.shape[1] / 2), column: Math.floor(stage.shape[2] / 2) });
  }

  /** @returns {Cell} */
  get target() {
    const { player } = this;
    if (player.isOn && (player.isPlaying || !this.cell)) return player.cell;
    return this.#within(this.cell) ?? this.#within(this.pin.cell) ?? this.#within(this.last) ?? this.#middle();
  }

  /** Where the arrow keys begin on a stage. @param {string} name */
  cellOn(name) {
    const index = this.view.stages.findIndex((stage) => stage.name === name);
    if (this.target.name === name) return this.target;
    const place = this.lens.explained.places[index];
    const [, height, width] = this.view.stages[index].shape;
    return this.#on(this.view.stages[index], { row: place?.row ?? Math.floor(height / 2), column: place?.column ?? Math.floor(width / 2) });
  }

  read(cell) {
    if (this.player.isPlaying) return; // the pointer is only passing by
    this.cell = this.#within(cell);
    this.lens.weight = null;
    this.refresh();
  }

  /** A cell reached by keys: it is said too. */
  go(cell) {
    this.pointer = null;
    if (this.player.isPlaying) this.player.pause();
    this.read(cell);
    this.lens.say();
  }

  /** The pointer or the keys have left: back to the pin or the slide; without them the last cell stays until there is one. */
  leave() {
    this.pointer = null;
    if (!this.cell) return;
    this.last = this.pin.cell || this.player.isOn ? null : this.cell;
    this.cell = null;
    if (!this.player.isPlaying) this.refresh();
  }

  /**
   * Which picture the pointer is over. The cover that Plotly lays over the page for a drag says nothing of that, nor
   * does its going, which is told as a way from the page's body to the page's body.
   */
  #watch({ type, target, relatedTarget }) {
    if (target.matches?.(".dragcover") || target === relatedTarget || (type === "pointerout" && relatedTarget)) return;
    const plot = type === "pointerover" ? target.closest?.(".sv-plot") : null;
    if (this.over && plot !== this.over) this.leave();
    this.over = this.view.root?.contains(plot) ? plot : null;
  }

  point(name, event) {
    this.pointer = { name, event };
    const cell = this.#under();
    if (cell) this.read(cell);
    return cell;
  }

  /** The cell under the pointer. */
  #under() {
    const { name, event } = this.pointer ?? {};
    const stage = name && this.view.stage(name);
    const cell = stage && cellAt(this.view.frames.get(name), stage, shownRange(stage, this.view.view), event);
    return cell && this.#on(stage, cell);
  }

  /** The pictures were zoomed, perhaps under a pointer that rests. */
  follow() {
    if (!this.player.isPlaying) this.cell = this.#under() ?? this.cell;
  }

  #pointAtWeight({ type, target }) {
    const node = target.closest?.(".kg-cell");
    if (!node || !this.view.stages) return;
    const [row, column] = [Number(node.dataset.row), Number(node.dataset.col)];
    const isOver = type === "pointerover";
    if (node.closest("[data-of=input]")) return isOver ? this.read({ name: this.view.stages[0].name, row, column }) : this.leave();
    const height = this.lens.explained?.conv?.height ?? row + 1; // a filter's planes lie one below the other
    this.lens.weight = isOver ? { at: [row % height, column], node } : null;
    this.refresh();
  }

  // --- the pin ------------------------------------------------------------------------------------

  click(name, event) {
    if (this.player.isPlaying) this.player.pause();
    const cell = this.point(name, event);
    if (cell) {
      this.view.looks.select(name, cell.channel);
      this.pin.click(cell, event);
    }
    this.refresh();
  }

  get isPinned() {
    return isSame(this.target, this.#within(this.pin.cell));
  }

  togglePin() {
    this.pin.set(this.isPinned ? null : this.target);
    this.refresh();
  }

  // --- the slide ----------------------------------------------------------------------------------

  /** The stages that may fill in. */
  get sliding() {
    return (this.view.stages ?? []).filter((stage) => !stage.hidden && isWindowed(stage));
  }

  /**
   * Let a stage fill in: from the cell on the way of the pinned one, else from the first.
   * @param {string} name @param {Cell | null} from a cell instead of the pinned
   */
  open(name, from = this.#within(this.pin.cell)) {
    const { stages } = this.view;
    const [i, start] = [name, from?.name].map((wanted) => stages.findIndex((stage) => stage.name === wanted));
    const place = from && trail(stages, start, Math.max(0, this.view.looks.channel(stages[start])), from).places[i];
    const width = stages[i].shape[2];
    this.tools.suggestSpeed(width);
    this.cell = null;
    this.player.open(name, place ? place.row * width + place.column : 0);
  }

  /** Another stage fills in, from its first cell on. @param {string} name */
  restart(name) {
    this.open(name, null);
    this.player.seek(0);
  }

  /** What slides unless one says otherwise: the stage that is explained, if it can. */
  get #slides() {
    return (this.sliding.find(({ name }) => name === this.target.name) ?? this.sliding[0])?.name;
  }

  togglePlay() {
    if (this.player.isPlaying) return this.player.pause();
    if (this.sliding.length === 0) return;
    if (!this.player.isOn) this.open(this.#slides);
    this.cell = null;
    this.player.play();
  }

  step(by) {
    if (this.sliding.length === 0) return;
    if (!this.player.isOn) this.open(this.#slides, this.target);
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
    const { target } = this;
    const looks = { palettes: view.message.palettes, background: view.styles.background, colors: (stage) => view.colors(stage), progress: view.progress };
    lens.explain(stages, target, (stage) => view.looks.channel(stage), looks);
    lens.compare(view.isConfirmed ? this.check : null);
    const chosen = stages.findIndex((stage) => stage.name === target.name);
    this.marks = stages.map((stage, k) => ({
      cells: lens.lit[k] ?? { rows: [], columns: [] },
      isWindow: k < chosen && !lens.weight,
      place: lens.weight ? null : lens.explained.places[k],
      pin: this.#pinOn(stage),
      channels: lens.weight ? null : lens.channels[k],
      selected: view.looks.selected(stage.name),
    }));
    view.visible.forEach(({ stage, i: k }) => {
      const frame = view.frames.get(stage.name);
      const { cells } = this.marks[k];
      Object.assign(frame.section.dataset, { litRows: cells.rows.join(), litCols: cells.columns.join() });
      light(frame, stage, shownRange(stage, view.view), this.marks[k]);
    });
    view.strip.draw();
    const { stage, values } = lens.explained;
    const map = target.channel >= 0 ? `, map ${target.channel}` : "";
    view.bar.read(`${stage.title}${map}, row ${target.row}, column ${target.column}: ${values.map((v) => format(v)).join(", ")}${this.#pinNote()}`);
    this.tools.update();
  }

  /** The pinned cell on a stage, if it lies on a map that is shown. */
  #pinOn(stage) {
    const pin = this.pin.cell?.name === stage.name ? this.#within(this.pin.cell) : null;
    const isHidden = pin?.channel >= 0 && this.view.looks.of(stage) !== pin.channel && typeof this.view.looks.of(stage) === "number";
    return isHidden ? null : pin;
  }

  /** Where the pinned cell is not on the map any more. */
  #pinNote() {
    const { cell } = this.pin;
    if (!cell || isSame(cell, this.#within(cell))) return "";
    const title = this.view.message.titles[cell.name] ?? cell.name;
    const map = cell.channel === undefined ? "" : `map ${cell.channel}, `;
    return ` (pinned: ${title.toLowerCase()}, ${map}row ${cell.row}, column ${cell.column}, which is not there now)`;
  }
}

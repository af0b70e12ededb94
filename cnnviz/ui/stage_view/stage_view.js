/** The live stage view: read a message, paint at once, let Plotly follow at rest. */
import "./drop.js";
import { forget, keep } from "./history.js";
import { styled as lensStyled } from "./lens.js";
import { cover } from "./lens_player.js";
import { Reader } from "./lens_reader.js";
import "./menus.js";
import { mounted } from "./mount.js";
import { Bar, scrolls } from "./stage_bar.js";
import { buildStage, element, emptyPlace, labelChannels, labelStage, styled } from "./stage_dom.js";
import { MARGIN, settle } from "./stage_frame.js";
import { onKey } from "./stage_keys.js";
import { Looks } from "./stage_looks.js";
import { unpack } from "./stage_message.js";
import { colour, show } from "./stage_paint.js";
import { Preview } from "./stage_preview.js";
import { plotSize, shownRange, viewOf } from "./stage_place.js";
import { paintTiles } from "./stage_tiles.js";
import { Strip } from "./stage_strip.js";
import { rows } from "./stage_values.js";

const REST = 350; // ms without a tweak before Plotly is told
const MOST_CELLS = 250_000; // that Plotly is given: it lies under the canvas, and takes 0.3 µs for each
const STILL = 4; // px that a click may move
const TALLEST = 0.26; // of the window: all stages and their controls stay on one screen

class View {
  drawn = 0;
  frames = new Map(); // by stage name
  looks = new Looks();
  view = null; // the zoomed part that all stages share, in input pixels; null: all

  constructor(parent) {
    this.row = element("div", { className: "sv-row" });
    this.notice = element("p", { className: "sv-notice", role: "alert", hidden: true });
    this.bar = new Bar({ redraw: () => this.draw(), showAll: () => this.zoom(null), zoomBy: (factor) => this.zoomBy(factor) });
    this.strip = new Strip(this.row);
    this.reader = new Reader(this);
    this.bar.add(this.reader.tools.root);
    this.root = element("div", { className: "stage-view" }, this.notice, this.row, this.bar.root, this.reader.root, this.strip.root);
    parent.append(this.root);
    this.resized = new ResizeObserver(() => {
      if (this.stages && this.width !== this.row.clientWidth) this.draw();
    });
    this.resized.observe(this.row);
    this.closing = new AbortController();
    for (const event of ["pointerup", "pointercancel"]) {
      addEventListener(event, (up) => this.release(up), { capture: true, signal: this.closing.signal });
    }
    addEventListener("pointermove", (event) => this.#drag(event), { capture: true, signal: this.closing.signal });
    this.preview = new Preview((stages) => this.present(stages));
  }

  update(message) {
    this.message = message;
    forget(message.ignored);
    keep(message.address);
    this.notice.hidden = !message.notice;
    this.notice.textContent = message.notice;
    this.bar.linkNote = message.link_note;
    this.looks.hear(message);
    this.reader.update(message);
    this.present(this.preview.hear(message.stages, message.follow));
  }

  present(stages) {
    this.stages = stages;
    this.arrange();
    this.draw();
  }

  /** Add and drop stages, so that the row holds exactly those of the message, in order, each at its place. */
  arrange() {
    const { places, titles, columns } = this.message;
    const order = this.visible.map(({ stage }) => stage.name);
    if (`${places} ${order} ${columns}` === this.arranged) return;
    this.arranged = `${places} ${order} ${columns}`;
    for (const [name, frame] of this.frames) {
      if (order.includes(name)) continue;
      window.Plotly?.purge(frame.figure);
      frame.section.remove();
      this.frames.delete(name);
    }
    for (const empty of this.row.querySelectorAll(".sv-empty")) empty.remove();
    const names = places.length > 0 ? places : order;
    this.row.style.setProperty("--places", columns || names.length);
    names.forEach((name, i) => {
      const node = order.includes(name) ? (this.frames.get(name) ?? this.build(name)).section : emptyPlace(titles[name]);
      if (this.row.children[i] !== node) this.row.insertBefore(node, this.row.children[i] ?? null);
      this.#lead(node, names, i, columns);
    });
  }

  /** From where the arrow to a stage comes: over places in which there is nothing, and from the row above if there is nothing else. */
  #lead(node, names, i, columns) {
    const isBlank = (name) => !this.frames.has(name) && !this.message.titles[name];
    const start = columns ? i - (i % columns) : 0;
    let from = i;
    while (from > start && isBlank(names[from - 1])) from--;
    const isBelow = from === start && start > 0;
    node.classList.toggle("below", isBelow);
    node.classList.toggle("over", !isBelow && from < i);
    node.style.setProperty("--over", i - from);
  }

  build(name) {
    const frame = buildStage(name);
    frame.figure.addEventListener("stage-zoom", ({ detail }) => this.zoom(viewOf(this.stage(name), detail)));
    frame.figure.addEventListener("stage-reset", () => this.zoom(null));
    frame.plot.addEventListener("pointermove", (event) => this.reader.point(name, event));
    frame.plot.addEventListener("pointerdown", (event) => {
      this.held = { name, x: event.clientX, y: event.clientY };
      frame.plot.focus({ preventScroll: true });
      this.reader.point(name, event);
    });
    frame.plot.addEventListener("blur", () => this.reader.leave());
    const leaveToPage = (event) => !event.ctrlKey && scrolls() && document.activeElement !== frame.plot && event.stopPropagation();
    frame.plot.addEventListener("wheel", leaveToPage, { capture: true, passive: true });
    frame.plot.addEventListener("keydown", (event) => onKey(this, name, event));
    this.frames.set(name, frame);
    return frame;
  }

  stage = (name) => this.stages.find((stage) => stage.name === name && !stage.hidden);

  /** The stages that are shown, each with its index; the others are there for the arithmetic alone. */
  get visible() {
    return this.stages.flatMap((stage, i) => (stage.hidden ? [] : [{ stage, i }]));
  }

  #drag({ clientX, clientY }) {
    const { held } = this;
    if (!held || (!held.hasMoved && Math.hypot(clientX - held.x, clientY - held.y) < STILL)) return;
    held.hasMoved = true;
    this.turn(held.name, (held.lastX ?? held.x) - clientX, clientY - (held.lastY ?? held.y));
    Object.assign(held, { lastX: clientX, lastY: clientY });
  }

  /** Show something else of a stage. */
  choose(name, look) {
    this.looks.choose(name, look);
    this.draw();
  }

  /** Turn a stack, by so many px of a drag. @param {string} name @param {number} across @param {number} down */
  turn(name, across, down) {
    if (this.looks.of(this.stage(name)) !== "stack") return;
    this.looks.turn(name, across, down);
    const i = this.stages.findIndex((stage) => stage.name === name);
    this.#lay(this.stages[i]);
    this.paint(i, this.frames.get(name).screen);
    this.reader.refresh();
  }

  /** The pointer lets go: where it has not moved, that was a click. */
  release(event) {
    if (event.type === "pointerup") this.#drag(event); // a finger that goes on to scroll has no place any more
    const { held } = this;
    this.held = null;
    const isClick = held && !held.hasMoved && event.type === "pointerup" && event.button === 0;
    if (isClick && this.frames.has(held.name)) this.reader.click(held.name, event);
  }

  /** Whether what is shown is what the server computed, not foretold. */
  get isConfirmed() {
    return this.stages === this.message.stages;
  }

  // --- what is shown ----------------------------------------------------------------------------

  /** The scale of a stage and the values at its ends. */
  colors(stage, channel) {
    return this.looks.colors(stage, this.stages, channel);
  }

  /** The page's colours, which change with its scheme only, and then all is drawn: each look at them costs a frame 2 ms. */
  readStyles() {
    const computed = getComputedStyle(this.root);
    const of = (name) => computed.getPropertyValue(`--st-${name}`);
    this.styles = { text: computed.color, font: computed.fontFamily, border: of("border-color"), background: of("background-color"), secondary: of("secondary-background-color") };
  }

  draw() {
    const { palettes } = this.message;
    this.looks.isShared = this.bar.isShared;
    const { visible } = this;
    this.readStyles();
    this.width = this.row.clientWidth;
    for (const { stage } of visible) {
      const frame = this.frames.get(stage.name);
      const { scale, ends } = this.colors(stage);
      labelStage(frame, stage, this.looks.span(stage), palettes[scale], ends);
      labelChannels(frame, stage, this.looks.of(stage), (look) => this.choose(stage.name, look));
    }
    const columns = visible.map(({ stage }) => this.frames.get(stage.name).section.clientWidth); // one layout, not one a stage
    visible.forEach(({ stage, i: index }, place) => {
      const frame = this.frames.get(stage.name);
      const look = this.looks.of(stage);
      const { width, height } = plotSize(stage, columns[place], typeof look === "string", this.message.tall ?? TALLEST);
      frame.plot.style.cssText = `width:${width}px;height:${height}px`;
      Object.assign(frame.lit, { width, height });
      const inner = `width:${width - MARGIN.l - MARGIN.r}px;height:${height - MARGIN.t - MARGIN.b}px`;
      frame.screen.style.cssText = `left:${MARGIN.l}px;top:${MARGIN.t}px;${inner}`;
      frame.plot.dataset.look = look;
      this.#lay(stage);
      const wanted = new Set(frame.tiles.length > 0 ? frame.tiles.map(({ channel }) => channel) : [look]);
      for (const channel of frame.cells.keys()) if (!wanted.has(channel)) frame.cells.delete(channel);
      for (const channel of wanted) {
        if (!frame.cells.has(channel)) frame.cells.set(channel, document.createElement("canvas"));
        colour(this.stages, index, channel, palettes, this.colors(stage, channel), frame.cells.get(channel));
      }
    });
    this.expose();
  }

  /** Where the maps of a stage lie, if several are shown at once. */
  #lay(stage) {
    const frame = this.frames.get(stage.name);
    const box = { width: frame.lit.width - MARGIN.l - MARGIN.r, height: frame.lit.height - MARGIN.t - MARGIN.b };
    Object.assign(frame, this.looks.lay(stage, box));
  }

  /** Put the shown part of all stages on the screen, but for what the sliding window has not come to. */
  showCells() {
    this.progress = this.reader.player.progress(this.stages);
    for (const { stage, i } of this.visible) this.paint(i, this.frames.get(stage.name).screen);
  }

  /** Stage `i` on a canvas, as far as it is computed. */
  paint(i, canvas) {
    const stage = this.stages[i];
    const frame = this.frames.get(stage.name);
    const progress = this.progress[i];
    const hide = (pen, size, shown) => progress && cover(pen, size, shown, progress, this.styles.secondary);
    if (frame.tiles.length > 0 && canvas === frame.screen) {
      const all = shownRange(stage, null);
      return paintTiles(canvas, frame.tiles, frame.edges, (channel) => frame.cells.get(channel), (pen, { wide, tall }) => hide(pen, { width: wide, height: tall }, all));
    }
    const range = shownRange(stage, this.view);
    show(frame.cells.get(this.looks.channel(stage)) ?? frame.cells.values().next().value, canvas, range, stage.shape.slice(1));
    hide(canvas.getContext("2d"), canvas, range);
  }

  expose() {
    this.showCells();
    this.strip.update(
      this.visible.map(({ stage, i }) => ({
        title: stage.title,
        range: shownRange(stage, this.view),
        paint: (canvas) => this.paint(i, canvas),
        marks: () => this.reader.marks[i],
      })),
    );
    this.reader.refresh();
    this.bar.all.hidden = !this.view;
    this.root.dataset.drawn = `${++this.drawn}`;
    this.restLater();
  }

  restLater() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
  }

  /** No tweak for a while: let Plotly show the same, a stage at a time, so that no hand waits for it. */
  async rest() {
    if (this.held) return this.restLater(); // a pan would lose its hold
    const drawn = this.drawn;
    for (const { stage } of this.visible) {
      await new Promise((resolve) => (window.requestIdleCallback ?? setTimeout)(resolve, { timeout: 500 }));
      const frame = this.frames.get(stage.name);
      if (drawn !== this.drawn || !frame) return; // a newer picture comes to rest in its turn
      if (frame.tiles.length > 0) continue;
      const { scale, ends } = this.colors(stage);
      const step = Math.ceil(Math.sqrt((stage.shape[1] * stage.shape[2]) / MOST_CELLS));
      await settle(frame.figure, {
        z: rows(this.stages, this.stages.indexOf(stage), Math.max(0, this.looks.channel(stage)), step),
        step,
        palette: this.message.palettes[scale],
        ends,
        range: shownRange(stage, this.view),
        isZoomed: Boolean(this.view),
        size: { width: frame.plot.clientWidth, height: frame.plot.clientHeight },
        styles: this.styles,
      });
    }
    if (drawn === this.drawn) this.root.dataset.settled = `${drawn}`;
  }

  zoom(view) {
    this.view = view;
    this.reader.follow();
    this.expose();
  }

  /** Show `factor` times as much, around the cell that is read. */
  zoomBy(factor, { name, row, column } = this.reader.target) {
    const stage = this.stage(name);
    const range = shownRange(stage, this.view);
    const around = ([from, to], at = (from + to) / 2) => [at + (from - at) * factor, at + (to - at) * factor];
    this.zoom(viewOf(stage, { x: around(range.x, column), y: around(range.y, row) }));
  }

  close() {
    clearTimeout(this.resting);
    this.resized.disconnect();
    this.preview.close();
    this.strip.close();
    this.reader.close();
    this.closing.abort();
    for (const frame of this.frames.values()) window.Plotly?.purge(frame.figure);
    this.root.remove();
  }
}

const viewIn = mounted((parent) => new View(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function stageView({ data, parentElement }) {
  const [view, leave] = viewIn(parentElement);
  await Promise.all([styled, lensStyled]);
  view.update(unpack(data));
  return leave;
}

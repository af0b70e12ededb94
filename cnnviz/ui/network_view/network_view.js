/** The network as a row of layers: what Streamlit mounts. What a person does to it is written into the box that holds its text. */
import { box, write } from "./boxes.js";
import { forget, keep } from "./history.js";
import { mounted } from "./mount.js";
import { Columns } from "./network_columns.js";
import { composed, Stack } from "./network_edit.js";
import { Edges } from "./network_edges.js";
import { foretold } from "./network_foretold.js";
import { Form } from "./network_form.js";
import { unpack } from "./network_message.js";
import { runs } from "./running.js";
import { element, stylesheet } from "./stage_dom.js";

const styled = stylesheet(new URL("network_view.css", import.meta.url).href);

const PATIENCE = 5000; // ms: a server that serves many may be slow to say that it runs

class NetworkView {
  drawn = 0;
  awaited = null; // the text that was sent and that the server has not heard of yet
  stack = new Stack();

  constructor(parent) {
    this.edges = new Edges();
    this.columns = new Columns({
      open: (index, map) => this.open(index, map),
      edit: (change) => this.edit(change),
      hover: (place) => this.edges.light(place),
    });
    this.form = new Form((fields) => {
      const text = composed(this.stack.parts[this.opened], fields);
      this.edit((parts, index) => void (parts[index] = text));
      return text;
    });
    this.undo = element("button", { type: "button", className: "sv-button", textContent: "↶ Undo", title: "Undo the last change of the layers (Ctrl+Z)", onclick: () => this.#travel(-1) });
    this.redo = element("button", { type: "button", className: "sv-button", textContent: "↷ Redo", title: "Redo (Ctrl+Shift+Z)", onclick: () => this.#travel(1) });
    this.track = element("div", { className: "nv-track" }, this.edges.root, this.columns.root);
    this.root = element(
      "div",
      { className: "network-view" },
      element("div", { className: "nv-scroll", tabIndex: -1 }, this.track),
      element("div", { className: "nv-bar" }, this.undo, this.redo, this.form.root),
    );
    this.root.addEventListener("keydown", (event) => this.#onKey(event));
    this.closing = new AbortController();
    for (const event of ["keydown", "input", "click"]) addEventListener(event, (what) => this.#onSeed(what), { signal: this.closing.signal });
    this.resized = new ResizeObserver(() => this.message && this.draw());
    this.resized.observe(this.root);
    parent.append(this.root);
  }

  close() {
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.closing.abort();
    this.root.remove();
  }

  update(message) {
    this.message = message;
    if (message.address) {
      forget(message.ignored);
      keep(message.address);
    }
    this.columnsNow = message.columns;
    const isLate = this.awaited !== null && message.heard !== this.awaited && box(message.box)?.value === this.awaited; // an edit is on its way
    if (isLate) this.foretell();
    else {
      this.opened = message.opened;
      this.#settle();
    }
    this.draw();
  }

  /** The server's word holds, be it that it has refused what was sent. */
  #settle() {
    this.awaited = null;
    this.stack.hear(this.message.columns.slice(1).map(({ text }) => text));
  }

  /** What the server, at rest again, has not heard of is lost. */
  #giveUpLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.awaited === null) return;
      if (runs()) return this.#giveUpLater();
      this.#settle();
      this.columnsNow = this.message.columns;
      this.draw();
    }, PATIENCE);
  }

  /** Show what the layers, or other weights, will come to. @param {number} [seed] */
  foretell(seed = this.message.draw?.seed) {
    const columns = this.message.draw && foretold(this.message, this.stack.parts, { ...this.message.draw, seed });
    if (!columns) return;
    this.columnsNow = columns;
    this.draw();
  }

  draw() {
    const message = { ...this.message, columns: this.columnsNow };
    this.root.classList.toggle("fixed", Boolean(message.isFixed));
    this.columns.draw(message, this.opened);
    this.edges.draw(this.columns.pictures(), message.columns, this.track);
    const column = message.columns[this.opened + 1];
    this.form.show(column, this.opened);
    this.undo.disabled = !this.stack.canGo(-1);
    this.redo.disabled = !this.stack.canGo(1);
    this.root.dataset.drawn = `${++this.drawn}`;
  }

  /** @param {number} index of a layer; the picture is what the first takes @param {number} [map] of its maps or cells, which is looked at; -1: none */
  open(index, map = -1) {
    this.opened = Math.max(0, index);
    this.draw();
    write(this.message.openBox, `${this.opened}`);
    const { shape = [], small = [] } = this.columnsNow[index + 1] ?? {};
    if (map < 0 || index < 0) return;
    if (shape.length === 3 && this.message.isFixed) write("unit", `${map}`);
    if (shape.length === 3) write("pin", `${index}:${shape[1] >> 1},${shape[2] >> 1}${shape[0] > 1 ? `,${map}` : ""}`);
    else write("unit", `${Math.floor((map * shape[0]) / small[1])}`);
  }

  /** Change the layers. @param {(parts: string[], opened: number) => any} change what it returns, if a number, is opened */
  edit(change) {
    if (this.message.isFixed) return;
    const parts = [...this.stack.parts];
    const before = this.opened;
    const opened = change(parts, before);
    if (this.stack.put(parts)) this.#send(opened);
    if (typeof opened === "number" && opened !== before) write(this.message.openBox, `${opened}`);
  }

  #travel(by) {
    if (!this.message.isFixed && this.stack.travel(by)) this.#send();
  }

  #send(opened) {
    if (typeof opened === "number") this.opened = opened;
    this.awaited = this.stack.parts.join("|") || "nothing";
    requestAnimationFrame(() => this.awaited !== null && this.foretell());
    write(this.message.box, this.awaited);
    this.#giveUpLater();
  }

  /** Another seed is being chosen. */
  #onSeed({ target, isTrusted }) {
    const input = isTrusted && target.closest?.(`.st-key-${this.message?.draw?.box}`)?.querySelector("input");
    if (!input || !/^\d{1,4}$/.test(input.value) || Number(input.value) === this.seed) return;
    this.seed = Number(input.value);
    requestAnimationFrame(() => this.foretell(this.seed));
  }

  #onKey(event) {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.matches("input")) return;
    event.preventDefault();
    this.#travel(event.shiftKey ? 1 : -1);
  }
}

const viewIn = mounted((parent) => new NetworkView(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function networkView({ data, parentElement }) {
  const [view, leave] = viewIn(parentElement);
  await styled;
  view.update(unpack(data));
  return leave;
}

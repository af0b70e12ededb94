/** The network as a row of layers: what Streamlit mounts. What a person does to it is written into the box that holds its text. */
import { write } from "./boxes.js";
import { mounted } from "./mount.js";
import { Columns } from "./network_columns.js";
import { composed, Stack } from "./network_edit.js";
import { Edges } from "./network_edges.js";
import { Form } from "./network_form.js";
import { element, stylesheet } from "./stage_dom.js";

const styled = stylesheet(new URL("network_view.css", import.meta.url).href);

/** @param {Uint8Array} data see `pack` in __init__.py */
function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  let at = 4 + length;
  const take = (count) => data.subarray(at, (at += count));
  message.palettes = Object.fromEntries(message.scales.map((name) => [name, take(768)]));
  for (const column of message.columns) {
    const [count, height, width] = column.small;
    column.levels = Array.from({ length: count }, () => take(height * width));
  }
  return message;
}

class NetworkView {
  drawn = 0;
  stack = new Stack();

  constructor(parent) {
    this.edges = new Edges();
    this.columns = new Columns({
      open: (index) => this.open(index),
      edit: (change) => this.edit(change),
      hover: (place) => this.edges.light(place),
    });
    this.form = new Form((fields) => this.edit((parts, index) => (parts[index] = composed(parts[index], fields))));
    this.undo = element("button", { type: "button", className: "sv-button", textContent: "↶ Undo", title: "Undo (Ctrl+Z)", onclick: () => this.#travel(-1) });
    this.redo = element("button", { type: "button", className: "sv-button", textContent: "↷ Redo", title: "Redo (Ctrl+Shift+Z)", onclick: () => this.#travel(1) });
    this.said = element("p", { className: "nv-said", role: "status" });
    this.track = element("div", { className: "nv-track" }, this.edges.root, this.columns.root);
    this.root = element(
      "div",
      { className: "network-view" },
      element("div", { className: "nv-scroll", tabIndex: -1 }, this.track),
      element("div", { className: "nv-bar" }, this.undo, this.redo, this.form.root, this.said),
    );
    this.root.addEventListener("keydown", (event) => this.#onKey(event));
    this.resized = new ResizeObserver(() => this.message && this.draw());
    this.resized.observe(this.root);
    parent.append(this.root);
  }

  close() {
    this.resized.disconnect();
    this.root.remove();
  }

  update(message) {
    this.message = message;
    this.opened = message.opened;
    this.stack.hear(message.columns.slice(1).map(({ text }) => text));
    this.draw();
  }

  draw() {
    const { message } = this;
    this.columns.draw(message, this.opened);
    this.edges.draw(this.columns.pictures(), message.columns, this.track);
    const column = message.columns[this.opened + 1];
    this.form.show(column, this.opened);
    this.undo.disabled = !this.stack.canGo(-1);
    this.redo.disabled = !this.stack.canGo(1);
    this.root.dataset.drawn = `${++this.drawn}`;
  }

  open(index) {
    this.opened = Math.max(0, index); // the picture is what the first layer takes
    this.draw();
    write(this.message.openBox, `${this.opened}`);
  }

  /** Change the layers. @param {(parts: string[], opened: number) => any} change what it returns, if a number, is opened */
  edit(change) {
    const parts = [...this.stack.parts];
    const opened = change(parts, this.opened);
    if (this.stack.put(parts)) this.#send();
    if (typeof opened === "number" && opened !== this.opened) write(this.message.openBox, `${opened}`);
  }

  #travel(by) {
    if (this.stack.travel(by)) this.#send();
  }

  #send() {
    write(this.message.box, this.stack.parts.join("|"));
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

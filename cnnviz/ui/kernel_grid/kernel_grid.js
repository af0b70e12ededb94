/** The kernel editor: what Streamlit mounts, and the state that its parts share. */

import { box } from "./boxes.js";
import { Cells } from "./kernel_cells.js";
import { Palette } from "./kernel_colors.js";
import { button, element, enable } from "./kernel_dom.js";
import { History } from "./kernel_history.js";
import { Link } from "./kernel_link.js";
import { float32, kernelRows, kernelText, readBlock, typographic, withEntry } from "./kernel_numbers.js";
import { eachPlane, planesOf, weightSum, withCell } from "./kernel_shapes.js";
import { Toolbar } from "./kernel_toolbar.js";
import { mounted } from "./mount.js";

/** @typedef {import("./kernel_numbers.js").Rows} Rows */
/** @typedef {{name: string, family: string, lookFor: string, rows: Rows}} Preset */
/** @typedef {{presets: Map<string, Preset>, names: Map<string, string>, methods: string[]}} Library */
/** @typedef {{kernels: [string, string, string, Rows][], methods: string[]}} LibraryData */
/**
 * @typedef {{kernel: string, text: string, box: string, edition: string, side: number, library: LibraryData,
 *   planes: string[], entry: number | null, isFixed: boolean, of: "kernel" | "input", about: string}} Data
 *   a filter's planes lie one below the other in `kernel`; with an `entry` the box holds many filters, this one under
 *   that number; `isFixed`: its size is set elsewhere; `of`: what the cells are; `about`: what to say of one that is no preset
 */

await new Promise((done) => {
  const href = new URL("kernel_grid.css", import.meta.url).href;
  const link = element("link", "", { rel: "stylesheet", href });
  link.addEventListener("load", done);
  link.addEventListener("error", done); // a bare editor is better than none
  document.head.append(link);
});

const CHANCE = /^([a-z_]+):(\d+)x(\d+):(\d+)$/i; // as kernels.parse_kernel reads it
const editorIn = mounted((parent) => new Editor(parent));

/**
 * Streamlit calls this when the component mounts and again with every new `data` or theme.
 * @param {{data: Data, parentElement: HTMLElement}} component
 */
export default function kernelGrid({ data, parentElement }) {
  const [editor, leave] = editorIn(parentElement);
  editor.hear(data);
  return leave;
}

/** @param {LibraryData} data @returns {Library} */
function readLibrary({ kernels, methods }) {
  const presets = new Map(kernels.map(([name, family, lookFor, values]) =>
    [name, { name, family, lookFor, rows: values.map((row) => row.map(float32)) }]));
  const names = new Map([...presets.values()].map(({ name, rows }) => [kernelText(rows), name]));
  return { presets, names, methods };
}

class Editor {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {History | null} */ this.history = null;
    /** @type {Library} */ this.library = { presets: new Map(), names: new Map(), methods: [] };
    this.side = 11;
    this.background = "";
    this.soon = 0;
    this.base = ""; // the preset that reset goes back to
    /** @type {Map<string, string>} */ this.drawn = new Map(); // kernels that came of chance, and how
    this.link = new Link(() => this.hear(this.data));
    this.cells = new Cells(
      (i, j, value, group) => this.#apply(withCell(this.history.rows, i, j, value), group, true),
      (problem, isBad) => this.#say(problem, isBad),
      (value) => this.#showExact(value),
    );
    this.toolbar = new Toolbar(
      (turn) => this.#apply(turn.isOfAll ? turn(this.history.rows) : eachPlane(this.history.rows, this.data.planes.length, turn)),
      ({ method, height, width, seed }) => this.#put(this.data.entry === null ? `${method}:${height}x${width}:${seed}` : `${method}:${seed}`),
    );
    this.menu = element("select", "kg-select kg-menu", { "aria-label": "Preset kernel" });
    this.menu.addEventListener("change", () => this.#choose(this.menu.value));
    this.undo = button("undo", "Undo (Ctrl+Z)", () => this.#travel(this.history.undo()));
    this.redo = button("redo", "Redo (Ctrl+Shift+Z)", () => this.#travel(this.history.redo()));
    this.reset = button("reset", "Reset", () => (this.data.entry === null ? this.#choose(this.base) : this.#put(null)));
    this.lookFor = element("p", "kg-look");
    this.sum = element("output", "kg-sum", { "aria-label": "Sum of the weights" });
    this.exact = element("span", "kg-exact", { "aria-hidden": "true" });
    this.status = element("span", "kg-status", { role: "status" });
    this.line = element("div", "kg-line", {}, [this.sum, this.exact, this.status]);
    this.root = element("div", "kernel-grid", {}, [
      element("div", "kg-top", {}, [
        this.menu, element("div", "kg-group", { role: "group", "aria-label": "History" }, [this.undo, this.redo, this.reset]),
      ]),
      this.lookFor,
      this.toolbar.root, // over the cells, so that none of its buttons moves when a row is added
      this.cells.root,
      this.line,
    ]);
    this.root.addEventListener("keydown", (event) => this.#shortcut(event));
    this.root.addEventListener("paste", (event) => this.#paste(event));
    parent.append(this.root);
  }

  /** @param {Data} data */
  hear(data) {
    const isOther = this.data && (this.data.entry !== data.entry || this.data.planes.length !== data.planes.length);
    this.data = data;
    this.root.dataset.of = data.of;
    this.cells.planes = data.planes;
    // under many planes nobody would see what is wrong with the first
    if (isOther || !this.history) this.cells.root[data.planes.length > 1 ? "before" : "after"](this.line);
    this.link.box = data.box;
    if (data.edition !== this.edition) this.#stock(data);
    this.side = data.side;
    this.#takeTheme();
    const rows = this.library.presets.get(data.kernel)?.rows ?? kernelRows(data.kernel);
    const [, method, , , seed] = CHANCE.exec(data.text.trim()) ?? [];
    if (method) this.drawn.set(kernelText(rows), `Drawn at random: ${method.replace(/_/g, " ")}, seed ${seed}.`);
    const isNews = this.link.hear(data.text);
    if (this.history === null || isOther) {
      this.history = new History(rows);
      this.#render(false);
    } else if (isNews && kernelText(rows) !== kernelText(this.history.rows)) {
      this.history.change(rows);
      this.#render(false);
    } else {
      this.#render(true);
    }
  }

  close() {
    window.clearTimeout(this.soon);
    this.link.close();
    this.cells.close();
    this.root.remove();
  }

  #takeTheme() {
    const background = getComputedStyle(this.root).getPropertyValue("--st-background-color") || "#fff";
    if (background === this.background) return;
    this.background = background;
    this.palette = new Palette(background);
    this.root.style.colorScheme = this.palette.scheme;
  }

  /** @param {Data} data */
  #stock({ library: data, edition }) {
    const library = readLibrary(data);
    [this.library, this.edition] = [library, edition];
    const presets = [...library.presets.values()];
    const families = new Set(presets.map((preset) => preset.family));
    this.menu.replaceChildren(
      element("option", "", { value: "", disabled: "", hidden: "" }, ["custom"]),
      ...[...families].map((family) => element("optgroup", "", { label: family }, presets
        .filter((preset) => preset.family === family)
        .map(({ name, rows }) => element("option", "", { value: name }, [this.data.isFixed ? name : `${name}  ${rows.length}×${rows[0].length}`])))),
    );
    this.toolbar.offer(library.methods);
  }

  /**
   * Make a kernel the current one. What a typed number changes here is drawn in a later task: the server need not
   * wait for that.
   * @param {Rows} rows
   * @param {unknown} [group]
   * @param {boolean} [isTyped]
   */
  #apply(rows, group = null, isTyped = false) {
    const before = this.history.rows;
    this.history.change(rows, group);
    if (kernelText(before) !== kernelText(rows)) this.#send();
    if (!isTyped) return this.#render(false);
    this.cells.rows = rows;
    window.clearTimeout(this.soon);
    this.soon = window.setTimeout(() => this.#render(true));
  }

  /** @param {Rows | null} rows  one that undo or redo came to */
  #travel(rows) {
    if (rows === null) return;
    this.#send();
    this.#render(false);
  }

  #send() {
    const { planes, entry, of } = this.data;
    const { rows } = this.history;
    const parts = planesOf(rows, planes.length);
    this.#put(this.library.names.get(kernelText(rows)) ?? parts.map(kernelText).join("/"));
    // Whoever shows what the kernel does need not wait for the server.
    if (of === "kernel") document.dispatchEvent(new CustomEvent("cnnviz-kernel", { detail: { rows, planes: parts, entry } }));
  }

  /** Put this kernel's text into the box, beside those of others. @param {string | null} text null: as it was drawn */
  #put(text) {
    const { entry, box: key } = this.data;
    this.link.send(entry === null ? text : withEntry(this.link.newest ?? box(key)?.value ?? this.data.text, entry, text));
  }

  /** @param {string} name */
  #choose(name) {
    const preset = this.library.presets.get(name);
    if (preset) this.#apply(preset.rows);
  }

  /** @param {boolean} keepsDrafts */
  #render(keepsDrafts) {
    window.clearTimeout(this.soon);
    const { rows, past, future } = this.history;
    const name = this.library.names.get(kernelText(rows)) ?? "";
    if (name) this.base = name;
    this.root.dataset.kernel = name || kernelText(rows);
    this.cells.render(rows, this.palette, keepsDrafts);
    this.toolbar.render(rows, this.side, this.data);
    this.#renderMenu(name, rows);
    enable(this.undo, past.length > 0, past.length > 0 ? "Undo (Ctrl+Z)" : "Nothing to undo");
    enable(this.redo, future.length > 0, future.length > 0 ? "Redo (Ctrl+Shift+Z)" : "Nothing to redo");
    if (this.data.entry === null) enable(this.reset, !name && this.base !== "", name || !this.base ? "Nothing to reset" : `Reset to ${this.base}`);
    else enable(this.reset, true, "As it was drawn");
    const { value, isExact } = weightSum(rows);
    this.sum.textContent = `Σ ${isExact ? "=" : "≈"} ${typographic(String(value))}`;
  }

  /** @param {string} name @param {Rows} rows */
  #renderMenu(name, rows) {
    const height = rows.length / this.data.planes.length;
    if (this.menu.options.length > 0) this.menu.options[0].text = `custom  ${height}×${rows[0].length}`;
    this.menu.value = name;
    const lookFor = this.library.presets.get(name)?.lookFor;
    // the grid must not jump from under the hand that edits it
    this.lookFor.style.minHeight = lookFor ? "" : `${this.lookFor.offsetHeight}px`;
    this.lookFor.textContent = lookFor ?? (this.data.about || null) ?? this.drawn.get(kernelText(rows))
      ?? (this.base ? `Your own, changed from ${this.base}.` : "Your own kernel.");
  }

  /** @param {string} problem @param {boolean} [isBad] */
  #say(problem, isBad = true) {
    this.status.classList.toggle("kg-wrong", isBad);
    if (this.status.textContent !== problem) this.status.textContent = problem;
    this.exact.hidden = problem !== "";
  }

  /** @param {number | null} value */
  #showExact(value) {
    this.exact.textContent = value === null ? "" : typographic(String(value));
  }

  /** @param {KeyboardEvent} event */
  #shortcut(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target === this.toolbar.seed) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    this.#travel(key === "y" || event.shiftKey ? this.history.redo() : this.history.undo());
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    if (!this.cells.root.contains(/** @type {Node} */ (event.target))) return;
    const block = readBlock(event.clipboardData?.getData("text/plain") ?? "", this.data.isFixed ? this.history.rows.length : this.side);
    if (block === null) return; // one number: it is typed text
    event.preventDefault();
    if ("problem" in block) return this.#say(`${block.problem}. The kernel stays.`);
    const size = ({ length, [0]: row }) => `${length}×${row.length}`;
    if (this.data.isFixed && size(block.rows) !== size(this.history.rows)) return this.#say(`Here ${size(this.history.rows)} numbers fit, not ${size(block.rows)}. They stay.`);
    this.#apply(block.rows);
    this.#say(`Pasted: the kernel is now ${block.rows.length}×${block.rows[0].length}.`, false);
  }
}

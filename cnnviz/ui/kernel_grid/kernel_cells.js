/** The grid of weights: typing and moving. It knows one kernel and reports what the person does to it. */

import { element } from "./kernel_dom.js";
import { clamped, compact, exact, readNumber, typographic } from "./kernel_numbers.js";
import { Burst, Scrub, stepSize } from "./kernel_scrub.js";

/** @typedef {import("./kernel_numbers.js").Rows} Rows */
/** @typedef {import("./kernel_colors.js").Palette} Palette */
/**
 * @typedef {object} Cell
 * @property {HTMLInputElement} input
 * @property {number} i
 * @property {number} j
 * @property {string | null} draft  text that was typed and is not (yet) a number
 * @property {string} problem
 * @property {string} background
 */
/**
 * "rest": keys move, typing replaces. "typing": arrows take the number and move. "editing": arrows move the caret.
 * @typedef {"rest" | "typing" | "editing"} Mode
 */

const TIP = "Type a number; drag sideways, turn the wheel or press Page Up to change it by 0.1 (Shift: 1, Alt: 0.01)";
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** iOS has no minus sign on its decimal keyboard. */
const KEYBOARD = /iPhone|iPad|Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1 ? "text" : "decimal";

export class Cells {
  /**
   * @param {(i: number, j: number, value: number, group: unknown) => void} onValue
   * @param {(message: string, isBad: boolean) => void} onProblem  "" when there is none; unfinished text is not bad
   * @param {(value: number | null) => void} onFocus  the focused weight when the grid shows it shortened
   */
  constructor(onValue, onProblem, onFocus) {
    Object.assign(this, { onValue, onProblem, onFocus });
    this.root = element("div", "kg-grid", { role: "grid", "aria-label": "Kernel weights" });
    /** @type {Cell[][]} */ this.cells = [];
    /** @type {Cell | null} */ this.current = null;
    /** @type {Mode} */ this.mode = "rest";
    this.before = 0; // what the current cell held before it was typed in
    this.group = {};
    this.planes = [""]; // names of the planes that lie one below the other
    this.presses = new Burst();
    this.room = 3; // em in a cell
    this.width = this.cellWidth = this.gap = 0; // px
    this.#listen();
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(this.root);
  }

  /**
   * Show a kernel.
   * @param {Rows} rows
   * @param {Palette} palette
   * @param {boolean} keepsDrafts  it changed because of what is being typed
   */
  render(rows, palette, keepsDrafts) {
    this.rows = rows;
    this.palette = palette;
    if (this.cells.length !== rows.length || this.cells[0].length !== rows[0].length || this.built !== `${this.planes}`) this.#build();
    else if (!keepsDrafts) this.#forgetDrafts();
    const largest = Math.max(...rows.flat().map(Math.abs)) || 1;
    for (const cell of this.cells.flat()) {
      const { background, text } = palette.colors(rows[cell.i][cell.j] / largest);
      if (cell.background !== background) {
        cell.background = background;
        cell.input.style.setProperty("--kg-cell", background);
        cell.input.style.setProperty("--kg-ink", text);
      }
      this.#label(cell);
      if (cell.draft === null) this.#show(cell);
    }
    this.#tellFocus();
  }

  close() {
    this.observer.disconnect();
  }

  #build() {
    const had = this.current;
    this.mode = "rest";
    this.cells = this.rows.map((row, i) => row.map((_, j) => {
      const input = element("input", "kg-cell", {
        type: "text", inputmode: KEYBOARD, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
        enterkeyhint: "next", "data-row": String(i), "data-col": String(j),
      });
      return { input, i, j, draft: null, problem: "", background: "" };
    }));
    this.current = null;
    const [height, width] = [this.rows.length, this.rows[0].length];
    this.root.setAttribute("aria-rowcount", String(height));
    this.root.setAttribute("aria-colcount", String(width));
    this.root.style.setProperty("--kg-columns", String(width));
    this.built = `${this.planes}`;
    const each = height / this.planes.length;
    this.root.replaceChildren(...this.cells.flatMap((row, i) => [
      ...(this.planes.length > 1 && i % each === 0 ? [element("div", "kg-plane", { "data-plane": this.planes[i / each] }, [this.planes[i / each]])] : []),
      element("div", "kg-row", { role: "row" }, row.map((cell) => element("div", "kg-seat", { role: "gridcell" }, [cell.input]))),
    ]));
    this.#measure();
    if (had) this.#focus(Math.min(had.i, height - 1), Math.min(had.j, width - 1));
    this.#tell();
  }

  /** Letters as large as the cells allow; the cell in focus grows where its number would not fit. */
  #measure() {
    const columns = this.cells[0]?.length ?? 1;
    const gap = columns > 7 ? 1 : 2;
    const whole = this.root.clientWidth;
    const width = (whole - gap * (columns - 1)) / columns;
    if (width <= 0) return;
    Object.assign(this, { gap, width: whole, cellWidth: width });
    const font = width >= 44 ? 14 : width >= 32 ? 12 : width >= 25 ? 10.5 : width >= 18 ? 9 : 8;
    this.room = (width - (width < 30 ? 1 : 5)) / font;
    const { style } = this.root;
    style.setProperty("--kg-gap", `${gap}px`);
    style.setProperty("--kg-font", `${font}px`);
    style.setProperty("--kg-height", `${Math.round(Math.max(17, Math.min(this.planes.length > 1 ? 26 : 36, width)))}px`);
    for (const cell of this.cells.flat()) if (cell.draft === null && this.rows) this.#show(cell);
  }

  /** @param {Cell} cell */
  #show(cell) {
    const value = this.rows[cell.i][cell.j];
    const focused = cell === this.current;
    const text = focused ? exact(value) : compact(value, this.room);
    if (cell.input.value !== text) cell.input.value = text;
    if (focused) {
      this.#grow(cell);
      if (this.mode === "rest") cell.input.select();
    }
  }

  /** @param {Cell} cell */
  #label(cell) {
    const value = exact(this.rows[cell.i][cell.j]);
    if (cell.input.dataset.value === value) return;
    const each = this.rows.length / this.planes.length;
    const plane = this.planes.length > 1 ? `${this.planes[Math.floor(cell.i / each)]}, ` : "";
    cell.input.setAttribute("aria-label", `${plane}row ${(cell.i % each) + 1}, column ${cell.j + 1}: ${typographic(value)}`);
    cell.input.dataset.value = value;
    cell.input.title = `${typographic(value)}\n${TIP}`;
  }

  /** @param {Cell} cell */
  #grow(cell) {
    const needed = Math.min(this.width, 14 + 7.6 * Math.max(2, cell.input.value.length));
    const extra = Math.max(0, needed - this.cellWidth);
    const left = cell.j * (this.cellWidth + this.gap);
    const shift = Math.max(-left, Math.min(-extra / 2, this.width - left - needed));
    cell.input.classList.toggle("kg-grown", extra > 0);
    cell.input.style.width = extra > 0 ? `${needed}px` : "";
    cell.input.style.left = extra > 0 ? `${shift}px` : "";
  }

  /**
   * Report a new weight. The owner updates `rows` at once and calls `render` soon after.
   * @param {Cell} cell @param {number} value @param {unknown} group
   */
  #change(cell, value, group) {
    this.onValue(cell.i, cell.j, value, group);
    this.#label(cell);
  }

  // ---- typing

  /** @param {Cell} cell @param {Mode} mode */
  #begin(cell, mode) {
    if (this.mode === "rest" && cell.draft === null) {
      this.before = this.rows[cell.i][cell.j];
      this.group = {};
    }
    this.mode = mode;
  }

  /** @param {Cell} cell */
  #typed(cell) {
    if (this.mode === "rest") this.#begin(cell, "typing");
    const text = cell.input.value;
    const reading = readNumber(text);
    cell.draft = text;
    if ("value" in reading) {
      this.#change(cell, reading.value, this.group);
      this.#mark(cell, "");
    } else {
      this.#mark(cell, reading.problem, reading.unfinished);
    }
    this.#grow(cell);
  }

  /**
   * Leave off typing.
   * @param {Cell} cell
   * @returns {boolean} whether the text was a number; if not, the weight is again what it was before
   */
  #finish(cell) {
    if (cell.draft === null) {
      this.mode = "rest";
      return true;
    }
    const reading = readNumber(cell.draft);
    if ("value" in reading) {
      cell.draft = null;
      this.mode = "rest";
      this.#show(cell);
      return true;
    }
    this.#change(cell, this.before, this.group);
    this.#mark(cell, reading.problem);
    return false;
  }

  /** @param {Cell} cell */
  #cancel(cell) {
    const typed = this.mode !== "rest" && cell.draft !== null;
    cell.draft = null;
    this.mode = "rest";
    this.#mark(cell, "");
    if (typed) this.#change(cell, this.before, this.group);
    this.#show(cell);
  }

  #forgetDrafts() {
    this.mode = "rest";
    this.group = {};
    for (const cell of this.cells.flat()) {
      if (cell.draft === null) continue;
      cell.draft = null;
      this.#mark(cell, "");
    }
  }

  /** @param {Cell} cell @param {string} problem @param {boolean} [unfinished] */
  #mark(cell, problem, unfinished = false) {
    if (problem === "" && cell.problem === "") return;
    cell.problem = problem;
    cell.input.classList.toggle("kg-unfinished", problem !== "" && unfinished);
    if (problem !== "" && !unfinished) cell.input.setAttribute("aria-invalid", "true");
    else cell.input.removeAttribute("aria-invalid");
    this.#tell();
  }

  #tell() {
    const bad = this.current?.problem ? this.current : this.cells.flat().find((cell) => cell.problem);
    if (!bad) return this.onProblem("", false);
    const place = bad === this.current ? "" : `Row ${bad.i + 1}, column ${bad.j + 1}: `;
    const kept = this.rows[bad.i]?.[bad.j];
    return this.onProblem(`${place}${bad.problem}; still ${typographic(exact(kept))}.`,
      !bad.input.classList.contains("kg-unfinished"));
  }

  #tellFocus() {
    const cell = this.current;
    const value = cell && this.rows[cell.i][cell.j];
    const shortened = cell && compact(value, this.room) !== typographic(exact(value));
    this.onFocus(shortened && cell.draft === null ? value : null);
  }

  // ---- moving and stepping

  /** @param {number} i @param {number} j */
  #focus(i, j) {
    const cell = this.cells[i]?.[j];
    if (!cell) return;
    cell.input.focus({ preventScroll: false });
    if (this.mode === "rest") cell.input.select();
  }

  /** @param {Cell} cell @param {number} change  how much more @param {unknown} group */
  #step(cell, change, group) {
    const draft = cell.draft === null ? null : readNumber(cell.draft);
    cell.draft = null;
    this.mode = "rest";
    const from = draft && "value" in draft ? draft.value : this.rows[cell.i][cell.j];
    this.#change(cell, clamped(from + change), group);
    this.#mark(cell, "");
  }

  /** @param {EventTarget | null} target @returns {Cell | null} */
  #cellOf(target) {
    if (!(target instanceof HTMLInputElement) || !this.root.contains(target)) return null;
    return this.cells[Number(target.dataset.row)]?.[Number(target.dataset.col)] ?? null;
  }

  #listen() {
    const on = (type, handle, options) => this.root.addEventListener(type, (event) => {
      const cell = this.#cellOf(event.target);
      if (cell) handle(cell, event);
    }, options);
    on("focusin", (cell) => {
      this.current = cell;
      this.mode = cell.draft === null ? "rest" : "editing";
      this.before = this.rows[cell.i][cell.j];
      this.group = {};
      if (cell.draft === null) this.#show(cell);
      else this.#grow(cell);
      cell.input.select();
      this.#tell();
      this.#tellFocus();
    });
    on("focusout", (cell) => {
      this.current = null; // first: to select the text of a cell that loses the focus gives it back
      if (cell.draft?.trim() === "") this.#cancel(cell);
      else this.#finish(cell);
      this.mode = "rest";
      cell.input.classList.remove("kg-grown");
      cell.input.style.width = cell.input.style.left = "";
      if (cell.draft === null) this.#show(cell);
      this.#tell();
      this.#tellFocus();
    });
    on("input", (cell) => this.#typed(cell));
    on("keydown", (cell, event) => this.#key(cell, event));
    on("dblclick", (cell) => {
      this.#begin(cell, "editing");
      cell.input.setSelectionRange(cell.input.value.length, cell.input.value.length);
    });
    on("mousedown", (cell, event) => {
      if (event.button !== 0 || (cell === this.current && this.mode !== "rest" && !cell.problem)) return;
      event.preventDefault(); // no caret: a click selects the whole number, and a drag scrubs it
      this.#focus(cell.i, cell.j);
      if (cell.problem) cell.input.select(); // bad text is replaced, not continued
    });
    new Scrub(this.root, {
      cellOf: (target) => this.#cellOf(target),
      isFocused: (cell) => cell === this.current && document.activeElement === cell.input,
      isTyping: (cell) => cell === this.current && this.mode !== "rest",
      step: (cell, change, group) => this.#step(cell, change, group),
    });
  }

  /** @param {Cell} cell @param {KeyboardEvent} event */
  #key(cell, event) {
    if (event.isComposing) return;
    const [height, width] = [this.cells.length, this.cells[0].length];
    const command = event.ctrlKey || event.metaKey;
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") {
      if (this.mode !== "rest" || cell.draft !== null) event.stopPropagation();
      this.#cancel(cell);
    } else if (event.key === "Enter") {
      if (this.#finish(cell)) this.#focus(cell.i + (event.shiftKey ? -1 : 1), cell.j);
      else cell.input.select();
    } else if (event.key === "F2") {
      this.#begin(cell, "editing");
      cell.input.setSelectionRange(cell.input.value.length, cell.input.value.length);
    } else if (arrow && !command && !event.altKey && !event.shiftKey) {
      if (this.mode === "editing" && arrow[0] === 0) return;
      if (this.#finish(cell)) this.#focus(cell.i + arrow[0], cell.j + arrow[1]);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      this.#step(cell, (event.key === "PageUp" ? 1 : -1) * stepSize(event), this.presses.group());
    } else if ((event.key === "Home" || event.key === "End") && this.mode === "rest") {
      const isHome = event.key === "Home";
      this.#focus(command ? (isHome ? 0 : height - 1) : cell.i, isHome ? 0 : width - 1);
    } else if (event.key === "Delete" && this.mode === "rest") {
      this.#change(cell, 0, null);
    } else {
      return;
    }
    event.preventDefault();
  }
}

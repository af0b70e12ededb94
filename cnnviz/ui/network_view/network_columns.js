/** The columns of the row: the picture, then each layer with its maps, its tools, and a plus where another can be put in. */
import { rearranged } from "./network_edit.js";
import { paintMaps, place } from "./network_maps.js";
import { drawing, element, setText } from "./stage_dom.js";

const STILL = 6; // px that a click may move
const NEAR = 30; // px from an edge, where a layer that is dragged takes the row along
const ICONS = { off: "M8 2v6M4.5 4.5a5 5 0 1 0 7 0", twice: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3", away: "M3.5 3.5l9 9M12.5 3.5l-9 9" };
const SIGNS = { conv: "∗", separable: "∗∗", transposed: "∗ᵀ", add: "+" };

/** A layer's text in two lines: what it is, and with what. @param {string} text */
function named(text) {
  const [, off, word, rest] = /^(-?)([a-z0-9_]+)(.*)$/.exec(text) ?? [, "", "picture", ""];
  return { isOff: off === "-", word: word.replaceAll("_", " "), rest: rest.replace(/^:/, "").replaceAll(",", " ") };
}

export class Columns {
  /** @type {any[]} */ shown = [];

  /** @param {{open: (index: number, map?: number) => void, edit: (change: any) => void, hover: (place: any) => void}} does */
  constructor(does) {
    this.does = does;
    this.root = element("div", { className: "nv-row", role: "list" });
    this.marker = element("div", { className: "nv-marker", hidden: true });
    this.root.append(this.marker);
  }

  /** @param {any} message @param {number} opened the index of the layer that is open */
  draw(message, opened) {
    const { columns } = message;
    Object.assign(this, { opened, isFixed: Boolean(message.isFixed) });
    while (this.shown.length > columns.length) this.shown.pop().root.remove();
    while (this.shown.length < columns.length) {
      const column = this.#build(this.shown.length - 1, message.words);
      this.shown.push(column);
      this.root.append(column.root);
    }
    columns.forEach((told, at) => this.#show(this.shown[at], told, message, at - 1 === opened));
  }

  /** Where the maps lie on the track. @returns {{x: number, y: number, width: number, height: number}[][]} */
  pictures() {
    return this.shown.map(({ canvas, boxes }) => boxes.map((box) => ({ ...box, x: box.x + canvas.parentElement.offsetLeft + canvas.offsetLeft, y: box.y + canvas.parentElement.offsetTop + canvas.offsetTop })));
  }

  #build(index, words) {
    const isPicture = index < 0;
    const column = { index, boxes: [] };
    column.word = element("span", { className: "nv-word" });
    column.rest = element("span", { className: "nv-rest" });
    column.shape = element("span", { className: "nv-shape" });
    column.head = element("div", { className: "nv-head", tabIndex: 0, role: "button" }, column.word, column.rest, column.shape);
    column.canvas = element("canvas", { className: "nv-maps", "aria-hidden": "true" });
    column.note = element("span", { className: "nv-note" });
    column.error = element("div", { className: "nv-error", role: "alert", hidden: true });
    column.switch = this.#tool("off", "Switch off or on (O)", () => this.#toggle(index));
    column.tools = element("div", { className: "nv-tools" }, ...(isPicture ? [] : [
      column.switch,
      this.#tool("twice", "Duplicate (D)", () => this.#duplicate(index)),
      this.#tool("away", "Delete (Delete)", () => this.#remove(index)),
    ]));
    column.body = element("section", { className: "nv-column", "data-stage": isPicture ? "input" : `${index}`, role: "listitem" }, column.head, column.canvas, column.note, column.tools, column.error);
    column.add = element("select", { className: "nv-add", title: "Put a layer in here", "aria-label": `Put a layer in after ${isPicture ? "the picture" : `layer ${index + 1}`}`, onchange: ({ target }) => this.#add(index + 1, target) },
      element("option", { value: "" }, "+"), ...words.map(({ word, text }) => element("option", { value: text }, word.replaceAll("_", " "))));
    column.root = element("div", { className: "nv-cell" }, column.body, column.add);
    column.canvas.addEventListener("pointermove", (event) => this.#hover(column, event));
    column.canvas.addEventListener("pointerleave", () => this.does.hover(null));
    column.canvas.addEventListener("click", ({ offsetX, offsetY }) => this.does.open(index, place(column.boxes, offsetX, offsetY)));
    column.head.addEventListener("pointerdown", (event) => this.#take(column, event));
    column.head.addEventListener("click", ({ detail }) => detail === 0 && this.does.open(index)); // a screen reader's
    column.add.addEventListener("keydown", (event) => {
      if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
      event.preventDefault(); // or the first of the menu were put in at once
      column.add.showPicker?.();
    });
    column.head.addEventListener("keydown", (event) => this.#onKey(column, event));
    column.head.addEventListener("focus", () => this.does.hover({ column: index + 1, map: -1 }));
    column.head.addEventListener("blur", () => this.does.hover(null));
    return column;
  }

  #tool(sign, title, onclick) {
    const icon = drawing("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, drawing("path", { d: ICONS[sign] }));
    return element("button", { type: "button", className: "nv-tool", title, "aria-label": title, tabIndex: -1, onclick }, icon);
  }

  #show(column, told, message, isOpen) {
    const { isOff, word, rest } = named(told.text);
    setText(column.word, `${SIGNS[word] ? `${SIGNS[word]} ` : ""}${word}`);
    setText(column.rest, rest || " ");
    setText(column.shape, told.shape.join("×") || "—");
    setText(column.note, told.note || " ");
    column.body.dataset.shape = told.shape.join("x");
    column.body.classList.toggle("off", isOff);
    column.body.classList.toggle("open", isOpen);
    column.body.classList.toggle("wrong", Boolean(told.error));
    column.body.classList.toggle("none", told.levels.length === 0);
    column.head.setAttribute("aria-pressed", `${isOpen}`);
    column.head.setAttribute("aria-label", `${column.index < 0 ? "Picture" : `Layer ${column.index + 1}: ${word} ${rest}${isOff ? ", switched off" : ""}`}, ${told.shape.join(" by ") || "nothing"}${told.error ? `. ${told.error}` : ""}. Enter opens${this.isFixed ? "" : ", Alt with arrows moves, D duplicates, O switches, Delete takes away"}.`);
    column.head.title = told.text;
    column.boxes = paintMaps(column.canvas, told, message);
    column.error.hidden = !told.error;
    if (!told.error) column.error.dataset.said = "";
    const said = `${told.error}|${told.mended}`;
    if (told.error && column.error.dataset.said !== said) {
      const mend = told.mend ? [element("button", { type: "button", className: "sv-button", textContent: told.mend, onclick: () => this.does.edit((parts) => { parts.splice(0, parts.length, ...told.mended.split("|")); }) })] : [];
      column.error.replaceChildren(told.error, ...mend);
      column.error.dataset.said = said;
    }
  }

  #hover(column, event) {
    const map = place(column.boxes, event.offsetX, event.offsetY);
    this.does.hover({ column: column.index + 1, map });
  }

  // --- what changes the layers -------------------------------------------------------------------

  #change(change, opened) {
    this.does.edit((parts) => {
      parts.splice(0, parts.length, ...rearranged(parts, change));
      return opened;
    });
  }

  #add(at, select) {
    const text = select.value;
    select.value = "";
    if (text) this.#change((parts) => parts.splice(at, 0, { text }), at);
  }

  #remove(index) {
    this.#change((parts) => parts.splice(index, 1), index < this.opened || this.opened === this.shown.length - 2 ? Math.max(0, this.opened - 1) : this.opened);
  }

  #duplicate(index) {
    this.#change((parts) => parts.splice(index + 1, 0, { text: parts[index].text }), index + 1);
  }

  #toggle(index) {
    this.#change((parts) => (parts[index].text = parts[index].text.startsWith("-") ? parts[index].text.slice(1) : `-${parts[index].text}`));
  }

  /** @param {number} from @param {number} to the index that it has afterwards */
  #move(from, to) {
    if (to < 0 || to >= this.shown.length - 1 || to === from) return;
    this.#change((parts) => parts.splice(to, 0, ...parts.splice(from, 1)), to);
  }

  #onKey(column, event) {
    const { index } = column;
    const act = {
      Enter: () => this.does.open(index),
      " ": () => this.does.open(index),
      ArrowLeft: () => (event.altKey && !this.isFixed ? this.#move(index, index - 1) : this.shown[index]?.head.focus()),
      ArrowRight: () => (event.altKey && !this.isFixed ? this.#move(index, index + 1) : this.shown[index + 2]?.head.focus()),
      ...(index < 0 || this.isFixed ? {} : { Delete: () => this.#remove(index), d: () => this.#duplicate(index), o: () => this.#toggle(index) }),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
    if (event.altKey && !this.isFixed) this.shown[Math.max(0, Math.min(this.shown.length - 1, index + (event.key === "ArrowLeft" ? 0 : 2)))]?.head.focus();
  }

  // --- a layer that is dragged -------------------------------------------------------------------

  #take(column, down) {
    if (down.button !== 0) return;
    const { head } = column;
    let isDragged = false;
    let to = column.index;
    head.setPointerCapture(down.pointerId);
    const move = (event) => {
      if (!isDragged && Math.abs(event.clientX - down.clientX) < STILL) return;
      isDragged = column.index >= 0 && !this.isFixed;
      if (!isDragged) return;
      column.root.classList.add("dragged");
      const { left, right } = this.root.closest(".nv-scroll").getBoundingClientRect();
      const pull = Math.max(0, event.clientX - right + NEAR) - Math.max(0, left + NEAR - event.clientX);
      if (pull) this.root.closest(".nv-scroll").scrollBy(pull, 0);
      const centres = this.shown.slice(1).map(({ body }) => body.getBoundingClientRect()).map(({ left, width }) => left + width / 2);
      const others = centres.filter((_, i) => i !== column.index);
      to = others.filter((centre) => centre < event.clientX).length;
      const before = this.shown[to > column.index ? to + 1 : to].root;
      this.marker.hidden = false;
      this.marker.style.left = `${before.offsetLeft + before.offsetWidth - 16}px`;
    };
    const end = (event) => {
      for (const name of ["pointermove", "pointerup", "pointercancel"]) head.removeEventListener(name, name === "pointermove" ? move : end);
      column.root.classList.remove("dragged");
      this.marker.hidden = true;
      if (isDragged && event.type === "pointerup") this.#move(column.index, to);
      else if (!isDragged && event.type === "pointerup") this.does.open(column.index);
    };
    head.addEventListener("pointermove", move);
    head.addEventListener("pointerup", end);
    head.addEventListener("pointercancel", end);
  }
}

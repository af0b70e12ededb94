/** A sheet to draw on: what Streamlit mounts. What is drawn goes to the server while the hand still moves. */
import "./drop.js";
import { opened } from "./framing.js";
import { forget, keep } from "./history.js";
import "./menus.js";
import { mounted } from "./mount.js";
import { paint } from "./picture_painting.js";
import { Sheet } from "./drawing_sheet.js";
import { element, setText, stylesheet } from "./stage_dom.js";

const styled = stylesheet(new URL("drawing_pad.css", import.meta.url).href);

const PACE = 120; // ms between two words to the server while a hand draws
const PATIENCE = 2000; // ms that it waits for the server's answer to the word before
const STEP = 1 / 26; // of the side, that an arrow key goes
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const HINT = "Draw here";

const button = (text, title, onclick) => element("button", { type: "button", className: "dp-button", textContent: text, title, onclick });

class DrawingPad {
  drawn = 0;
  pen = null; // where the keys are, as shares of the side; null until they are used
  hand = null; // that draws now with a mouse, a pen or a finger
  lastSent = "";
  sentAt = -Infinity;

  constructor(parent) {
    this.canvas = element("canvas", { className: "dp-sheet", tabIndex: 0, role: "application" });
    this.behind = element("canvas", { className: "dp-behind", "aria-hidden": "true" });
    this.cross = element("i", { className: "dp-pen", hidden: true });
    this.hint = element("span", { className: "dp-hint", "aria-hidden": "true" }, HINT);
    this.sheet = new Sheet(this.canvas);
    this.rubber = button("Eraser", "Rub out (E)", () => this.#toggle(this.rubber));
    this.fill = button("Fill", "Fill what a line goes around: one that ends near where it began (F)", () => this.#toggle(this.fill));
    this.undo = button("Undo", "Take the last line away (Ctrl+Z)", () => this.#undo());
    this.clear = button("Clear", "Take all away (Delete)", () => this.#clear());
    this.ink = element("input", { type: "color", value: "#e8b04a", oninput: () => this.#recolour() });
    this.paper = element("input", { type: "color", value: "#33415c", oninput: () => this.#recolour() });
    this.colours = element("span", { className: "dp-colours" }, element("label", {}, "brush", this.ink), element("label", {}, "paper", this.paper));
    this.said = element("span", { className: "dp-said", "aria-live": "polite" });
    this.root = element("div", { className: "drawing-pad" }, element("div", { className: "dp-frame" }, this.behind, this.canvas, this.hint, this.cross), element("div", { className: "dp-bar" }, this.rubber, this.fill, this.undo, this.clear, this.colours), this.said);
    this.canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.canvas.addEventListener("keydown", (event) => this.#onKey(event));
    this.canvas.addEventListener("blur", () => this.hand === null && this.#lift()); // keys go elsewhere
    parent.append(this.root);
  }

  close() {
    clearTimeout(this.timer);
    this.root.remove();
  }

  /** @param {any} message @param {(name: string, told: any) => void} say */
  update(message, say) {
    Object.assign(this, { message, say });
    forget(message.ignored);
    keep(message.address);
    const isColoured = message.shape[0] === 3;
    if (isColoured !== this.isColoured) {
      this.isColoured = isColoured;
      this.fill.setAttribute("aria-pressed", `${isColoured}`);
      this.#dress();
      this.sheet.redraw();
    }
    this.colours.hidden = this.fill.hidden = !isColoured;
    const isBusy = this.timer || this.sheet.isDown || message.heard !== this.lastSent; // a newer drawing is on its way
    if (this.drawn === 0) this.lastSent = message.heard;
    if (message.isDrawn && this.sheet.isEmpty && !this.timer && message.heard === this.lastSent) this.#restore(message.heard);
    else if (!message.isDrawn && !isBusy) this.sheet.forget();
    const [, height, width] = message.shape;
    paint(this.behind, { ...message, width, height, values: message.levels, isMap: false }, {});
    this.#show();
    if (!this.sheet.isDown && message.said !== this.saidLast) setText(this.said, (this.saidLast = message.said));
    this.root.dataset.drawn = `${++this.drawn}`;
  }

  #dress() {
    this.sheet.colours = this.isColoured ? [this.ink.value, this.paper.value] : ["#ffffff", "#000000"];
    this.sheet.isFilling = this.isColoured && this.fill.getAttribute("aria-pressed") === "true";
    this.sheet.isErasing = this.rubber.getAttribute("aria-pressed") === "true";
  }

  #show() {
    const { isEmpty } = this.sheet;
    this.canvas.classList.toggle("empty", isEmpty);
    this.hint.hidden = !isEmpty || Boolean(this.pen);
    this.undo.disabled = this.clear.disabled = isEmpty;
    this.cross.hidden = !this.pen;
    if (this.pen) this.cross.style.cssText = `left:${this.pen[0] * 100}%;top:${this.pen[1] * 100}%`;
    this.cross.classList.toggle("down", this.sheet.isDown);
    this.canvas.setAttribute("aria-label", `${isEmpty ? this.message.title : "Your drawing"}. Draw with a mouse, a pen or a finger; or arrow keys move a brush, Space puts it down and lifts it, E is the eraser, Delete takes all away.`);
  }

  #toggle(tool) {
    tool.setAttribute("aria-pressed", `${tool.getAttribute("aria-pressed") !== "true"}`);
    this.#dress();
  }

  // --- hands -------------------------------------------------------------------------------------

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault(); // no selection, no drag
    this.canvas.focus({ preventScroll: true });
    [this.hand, this.pen] = [event.pointerId, null];
    const place = ({ clientX, clientY }) => {
      const { left, top, width, height } = this.canvas.getBoundingClientRect();
      return [(clientX - left) / width, (clientY - top) / height];
    };
    this.#begin(place(event));
    const over = new AbortController();
    const hear = (name, does) =>
      addEventListener(name, (each) => each.pointerId === event.pointerId && does(each), { capture: true, signal: over.signal });
    hear("pointermove", (each) => {
      const all = each.getCoalescedEvents?.() ?? [];
      for (const one of all.length > 0 ? all : [each]) this.sheet.to(place(one));
      this.#changed();
    });
    const end = () => {
      over.abort();
      this.hand = null;
      this.#lift();
    };
    for (const name of ["pointerup", "pointercancel"]) hear(name, end); // anywhere: a page that is busy loses no stroke
  }

  #begin(place) {
    this.#dress();
    this.sheet.begin(place);
    this.#changed();
  }

  #lift() {
    if (!this.sheet.isDown) return;
    this.sheet.end();
    this.#changed();
  }

  #onKey(event) {
    const arrow = ARROWS[event.key];
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") this.#undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (arrow) this.#walk(arrow);
    else if (event.key === " " || event.key === "Enter") this.#press();
    else if (event.key === "Delete") this.#clear();
    else if (event.key.toLowerCase() === "e") this.#toggle(this.rubber);
    else if (event.key.toLowerCase() === "f" && this.isColoured) this.#toggle(this.fill);
    else return;
    event.preventDefault();
  }

  #walk([x, y]) {
    const [left, top] = this.pen ?? [0.5, 0.5];
    const within = (share) => Math.min(1, Math.max(0, share));
    this.pen = [within(left + x * STEP), within(top + y * STEP)];
    if (this.sheet.isDown) {
      this.sheet.to(this.pen);
      this.#changed();
    } else this.#show();
    setText(this.said, `${this.sheet.isDown ? "drawing, " : ""}${Math.round(this.pen[0] * 100)} % from the left, ${Math.round(this.pen[1] * 100)} % from the top`);
  }

  #press() {
    this.pen ??= [0.5, 0.5];
    if (this.sheet.isDown) this.#lift();
    else this.#begin(this.pen);
    setText(this.said, this.sheet.isDown ? "the brush is down" : "the brush is up");
  }

  // --- what the server hears ---------------------------------------------------------------------

  #undo() {
    this.sheet.undo();
    this.#changed();
  }

  #clear() {
    this.sheet.clear();
    this.#changed();
  }

  #recolour() {
    this.#dress();
    this.sheet.redraw();
    this.#changed();
  }

  #changed() {
    this.#show();
    this.timer ??= setTimeout(() => this.#send(), PACE);
  }

  #send() {
    const isAwaited = this.message.heard !== this.lastSent && performance.now() - this.sentAt < PATIENCE;
    this.timer = isAwaited ? setTimeout(() => this.#send(), PACE) : undefined;
    if (isAwaited) return; // a hand is faster than a busy server: what it has drawn by then goes at once
    const png = this.sheet.isEmpty ? "" : this.canvas.toDataURL("image/png").split(",")[1];
    const { isDown } = this.sheet;
    if (png === this.lastSent && isDown === this.wasDown) return;
    Object.assign(this, { lastSent: png, wasDown: isDown, sentAt: performance.now() });
    this.say("drawing", { png, isDown });
  }

  /** Begin with a drawing that the server has: this pad was taken down in between, or another picture looked at. */
  async #restore(heard) {
    if (!heard) return;
    const image = new Image();
    image.src = `data:image/png;base64,${heard}`;
    await image.decode().catch(() => {});
    if (!this.sheet.isEmpty || !image.naturalWidth) return;
    this.sheet.beginWith(image);
    this.#show();
  }
}

const viewIn = mounted((parent) => new DrawingPad(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function drawingPad({ data, parentElement, setStateValue }) {
  const [view, leave] = viewIn(parentElement);
  await styled;
  const [message, take] = opened(data);
  message.levels = take(message.shape.reduce((a, b) => a * b, 1));
  view.update(message, setStateValue);
  return leave;
}

/** Change a weight by hand: drag its cell sideways, or turn the wheel over the one in focus. */

/** @typedef {import("./kernel_cells.js").Cell} Cell */
/**
 * @typedef {object} Host
 * @property {(target: EventTarget | null) => Cell | null} cellOf
 * @property {(cell: Cell) => boolean} isFocused
 * @property {(cell: Cell) => boolean} isTyping  a drag then selects text
 * @property {(cell: Cell, change: number, group: unknown) => void} step
 */

const DRAG_START = 5; // px: less is a click
const DRAG_STEP = 6; // px
const WHEEL_STEP = 40; // px: a touchpad sends many small turns, a wheel one of 100
const PAUSE = 800; // ms that end a burst

/** @param {{shiftKey: boolean, altKey: boolean, ctrlKey: boolean}} event */
export const stepSize = (event) => (event.shiftKey ? 1 : event.altKey || event.ctrlKey ? 0.01 : 0.1);

/** Turns or presses that follow closely: undo takes them back together. */
export class Burst {
  #last = 0;
  #group = {};

  group() {
    const now = performance.now();
    if (now - this.#last > PAUSE) this.#group = {};
    this.#last = now;
    return this.#group;
  }
}

export class Scrub {
  /** @param {HTMLElement} root @param {Host} host */
  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.turned = 0;
    this.turns = new Burst();
    /** @type {{cell: Cell, x: number, y: number, steps: number, group: object | null} | null} */ this.drag = null;
    root.addEventListener("wheel", (event) => this.#turn(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.#press(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => this.#drop());
  }

  /** @param {WheelEvent} event */
  #turn(event) {
    const cell = this.host.cellOf(event.target);
    if (!cell || !this.host.isFocused(cell)) return; // the page scrolls
    event.preventDefault();
    const delta = -(event.deltaY || event.deltaX) * (event.deltaMode === 0 ? 1 : WHEEL_STEP); // Shift turns sideways
    this.turned = Math.sign(delta) === Math.sign(this.turned) ? this.turned + delta : delta;
    if (Math.abs(this.turned) < WHEEL_STEP) return;
    this.turned = 0;
    this.host.step(cell, Math.sign(delta) * stepSize(event), this.turns.group());
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const cell = this.host.cellOf(event.target);
    if (!cell || event.button !== 0 || this.host.isTyping(cell)) return;
    this.drag = { cell, x: event.clientX, y: event.clientY, steps: 0, group: null };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { drag } = this;
    if (!drag) return;
    if (event.buttons === 0) return this.#drop();
    const across = event.clientX - drag.x;
    if (drag.group === null) {
      if (Math.abs(across) < DRAG_START || Math.abs(across) < Math.abs(event.clientY - drag.y)) return;
      drag.group = {};
      drag.x = event.clientX;
      drag.cell.input.setPointerCapture(event.pointerId);
      this.root.classList.add("kg-scrubs");
      return;
    }
    const steps = Math.round(across / DRAG_STEP);
    if (steps === drag.steps) return;
    const change = (steps - drag.steps) * stepSize(event);
    drag.steps = steps;
    this.host.step(drag.cell, change, drag.group);
  }

  #drop() {
    this.drag = null;
    this.root.classList.remove("kg-scrubs");
  }
}

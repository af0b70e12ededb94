/** A small grid of numbers in their colours. Where cells are too small for numbers, the colours stay. */
import { element, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const CHARACTER = { tight: 5.5, roomy: 6.7 }; // px, of the grid's two sizes of text
const ROOMY = { wide: 40, tall: 12 }; // px of a cell for the larger
const LEAST = { wide: 30, tall: 10 }; // px of a cell that has room for a number
const GAP = 1; // px between cells with numbers
const LARGEST = { wide: 84, tall: 26 };

/** Whether cells of this size in px, the gap counted, have room for numbers. */
export const hasRoom = (wide, tall) => wide - GAP >= LEAST.wide && tall - GAP >= LEAST.tall;

/** A number in so many characters; what does not fit is not cut but left out. */
function short(number, characters) {
  if (Number.isNaN(number)) return "";
  for (let digits = 4; digits > 0; digits--) {
    const text = format(number, digits);
    if (text.length <= characters) return text;
    const shorter = text.replace(/^(−?)0\./, "$1.");
    if (shorter.length <= characters) return shorter;
  }
  return "…";
}

export class Grid {
  /** @param {string} className @param {(n: number | null) => void} point is told the cell under the pointer */
  constructor(className, point) {
    const here = (event) => point(this.at(event.target));
    // A finger leaves as soon as it has tapped; its click comes after that, and stays.
    this.grid = element("div", { className: `ln-grid ${className}`, onpointerover: here, onpointerleave: () => point(null), onclick: here });
    this.colours = element("canvas", { className: "ln-colours", "aria-hidden": "true" }); // of folded cells: one picture, not hundreds of boxes
    this.root = element("div", { className: "ln-layers" }, this.colours, this.grid);
    this.size = "";
  }

  at = (node) => {
    const n = this.cells.indexOf(node);
    return n < 0 ? null : n;
  };

  cells = [];

  /** @param {number} height @param {number} width in cells @param {{wide: number, tall: number}} room in px */
  resize(height, width, room) {
    const size = `${height} ${width} ${room.wide} ${room.tall}`;
    if (size === this.size) return;
    this.size = size;
    this.isFolded = !hasRoom(room.wide / width, room.tall / height);
    let [wide, tall] = [Math.min(LARGEST.wide, room.wide / width - GAP), Math.min(LARGEST.tall, room.tall / height - GAP)];
    if (this.isFolded) wide = tall = Math.min(room.wide / width, room.tall / height, LARGEST.tall);
    const isTight = wide < ROOMY.wide || tall < ROOMY.tall;
    this.characters = this.isFolded ? 0 : Math.floor((wide - 2) / CHARACTER[isTight ? "tight" : "roomy"]);
    this.grid.classList.toggle("folded", this.isFolded);
    this.grid.classList.toggle("tight", isTight);
    this.grid.style.cssText = `grid-template-columns:repeat(${width},${wide}px);grid-auto-rows:${tall}px;line-height:${tall}px`;
    this.colours.hidden = !this.isFolded;
    if (this.isFolded) Object.assign(this.colours, { width, height });
    this.cells = Array.from({ length: height * width }, () => element("i"));
    this.grid.replaceChildren(...this.cells);
    this.shown = [];
  }

  /**
   * @param {ArrayLike<number>} values row by row; NaN: there is none
   * @param {(value: number) => {background: string, text: string}} colour
   * @param {boolean[]} isPadding
   */
  fill(values, colour, isPadding) {
    const { width } = this.colours;
    const pen = this.isFolded ? this.colours.getContext("2d") : null;
    this.cells.forEach((cell, n) => {
      const { background, text } = Number.isNaN(values[n]) ? { background: "", text: "" } : colour(values[n]);
      const now = `${values[n]} ${background} ${isPadding[n]}`;
      if (this.shown[n] === now) return; // most stay as they are from one place to the next
      this.shown[n] = now;
      const className = isPadding[n] ? "pad" : "";
      if (cell.className !== className) cell.className = className;
      if (pen) {
        pen.clearRect(n % width, Math.floor(n / width), 1, 1);
        if (background) pen.fillStyle = background;
        if (background) pen.fillRect(n % width, Math.floor(n / width), 1, 1);
      } else {
        cell.style.backgroundColor = background;
        cell.style.color = text;
        setText(cell, short(values[n], this.characters));
      }
    });
  }

  /** Ring cells: by class, which. @param {Record<string, number[]>} rings */
  ring(rings) {
    for (const [name, which] of Object.entries(rings)) {
      for (const cell of this.grid.querySelectorAll(`.${name}`)) cell.classList.remove(name);
      for (const n of which) this.cells[n]?.classList.add(name);
    }
  }
}

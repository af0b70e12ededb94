/** Kernels as grids of numbers, coloured by sign and size. The learned one's cells can be chosen. */
import { Palette } from "./kernel_colors.js";
import { element, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const TALL = 168; // px of a grid
const LARGEST = 52; // px of a cell
const NARROW = 31; // px of one in which the 0 before the point is left out
const FAINT = 2e-3; // of the strongest colour: what is less has none
const WITH_NUMBER = 23; // px of a cell that has room for one

/** As many digits as there is room for. @param {boolean} isSmall whether what is nearly 0 is what counts */
const short = (value, isSmall) => {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (isSmall && size < 0.005) return format(Number(value.toExponential(0)), 1);
  if (size >= 1e4) return value.toExponential(0).replace("e+", "e").replaceAll("-", "−");
  const text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
  return text === "-0.00" ? "0.00" : text.replace("-", "−");
};

class Grid {
  /** @param {((place: number) => void) | null} choose */
  constructor(choose) {
    this.choose = choose;
    this.title = element("h4");
    this.table = element("table", { className: "de-grid" });
    this.note = element("span", { className: "de-range" });
    this.root = element("figure", { className: "de-kernel" }, this.title, this.table, this.note);
    this.table.addEventListener("pointerover", ({ target }) => this.#read(target.closest("td")));
    this.table.addEventListener("pointerleave", () => this.#read(null));
    this.table.addEventListener("focusin", ({ target }) => this.#read(target.closest("td")));
    this.table.addEventListener("click", ({ target }) => target.closest("td") && this.choose?.(Number(target.closest("td").dataset.place)));
    this.table.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {{of: string, title: string}} grid @param {{values: Float32Array, shape: number[]}} block @param {number} weight that is watched; -1: none */
  show(grid, block, palette, scale, weight, bias) {
    const [rows, columns] = block.shape;
    const isNew = this.block?.shape.join() !== block.shape.join();
    Object.assign(this, { block, bias });
    this.root.dataset.grid = grid.of;
    setText(this.title, grid.title);
    const side = Math.max(6, Math.min(LARGEST, Math.floor(TALL / Math.max(rows, columns))));
    if (isNew) this.#build(rows, columns, side);
    this.table.setAttribute("aria-label", `${grid.title}, ${rows}×${columns}`);
    const isSmall = grid.of === "error" || grid.of === "gap";
    this.cells.forEach((cell, place) => {
      const value = block.values[place];
      const share = Math.abs(value) < FAINT * scale ? 0 : value / scale;
      const { background, text } = palette.colors(Math.max(-1, Math.min(1, share)));
      cell.style.background = background;
      cell.style.color = text;
      cell.dataset.value = `${value}`;
      if (side >= WITH_NUMBER) setText(cell.firstChild, side < NARROW ? short(value, isSmall).replace(/0(?=\.)/, "") : short(value, isSmall));
      cell.classList.toggle("watched", place === weight);
      if (this.choose) cell.tabIndex = place === Math.max(0, Math.min(weight, this.cells.length - 1)) ? 0 : -1;
    });
    this.#read(this.read);
  }

  #build(rows, columns, side) {
    this.read = null;
    this.cells = Array.from({ length: rows * columns }, (_, place) => element("td", { "data-place": place, style: `width:${side}px;height:${side}px;min-width:${side}px;font-size:${Math.max(8, Math.min(13, side / 3.2)).toFixed(1)}px` }, element("span")));
    this.table.classList.toggle("chosen", Boolean(this.choose));
    this.table.replaceChildren(...Array.from({ length: rows }, (_, row) => element("tr", {}, ...this.cells.slice(row * columns, (row + 1) * columns))));
  }

  #read(cell) {
    this.read = cell;
    const [, columns] = this.block.shape;
    const place = cell ? Number(cell.dataset.place) : -1;
    const added = this.bias === undefined ? "" : `, added: ${format(this.bias, 4)}`;
    setText(this.note, cell ? `row ${Math.floor(place / columns)}, column ${place % columns}: ${format(this.block.values[place], 6)}` : `${this.block.shape.join("×")}${added}`);
  }

  #key(event) {
    if (!this.choose) return;
    const [, columns] = this.block.shape;
    const place = Number(event.target.dataset.place);
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (event.key === "Enter" || event.key === " ") this.choose(place);
    else if (by && this.cells[place + by]) this.cells[place + by].focus();
    else return;
    event.preventDefault();
  }
}

export class Kernels {
  /** @param {(place: number) => void} choose a weight of the learned kernel */
  constructor(choose) {
    this.choose = choose;
    this.root = element("div", { className: "de-row de-kernels" });
    this.grids = [];
  }

  /** @param {any} message @param {Record<string, any>} blocks by what they hold */
  show(message, blocks) {
    const titles = message.grids.map(({ of }) => of).join();
    if (titles !== this.titles) {
      this.titles = titles;
      this.grids = message.grids.map(({ of }) => new Grid(of === "learned" ? this.choose : null));
      this.root.replaceChildren(...this.grids.map(({ root }) => root));
    }
    const palette = new Palette(getComputedStyle(this.root).getPropertyValue("--st-background-color") || "#fff");
    const most = (block) => block.values.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
    const scale = most(blocks.optimum) || 1; // one for all, so that colours compare and a difference fades
    message.grids.forEach((grid, i) => {
      const own = grid.of === "both" || (grid.of === "filter" && message.responses) ? most(blocks[grid.of]) || 1 : scale;
      const isLearned = grid.of === "learned";
      this.grids[i].show(grid, blocks[grid.of], palette, own, isLearned ? message.weight : -1, isLearned && message.bias ? blocks.bias : undefined);
    });
  }
}

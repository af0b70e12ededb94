/** A vector as the maps that it was, or as a strip that reads like a page: its values, its weights, their products. */
import { drawCells, lookup } from "./stage_paint.js";
import { element } from "./stage_dom.js";
import { format } from "./stage_values.js";

const TALL = 190; // px
const GAP = 3;
const LARGEST = 90; // px of a map
const MARK = "#22d3ee";

const ends = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [0, 0]);

/** How `count` maps fit into a box, as large as they can be. */
function fit(count, [height, width], wide) {
  let best = { scale: 0, columns: 1 };
  for (let columns = 1; columns <= count; columns++) {
    const lines = Math.ceil(count / columns);
    const scale = Math.min((wide - GAP * columns) / columns / width, (TALL - GAP * lines) / lines / height, count > 1 ? LARGEST / Math.max(height, width) : 8);
    if (scale > best.scale) best = { scale, columns };
  }
  return best;
}

/** One vector, drawn as tiles. A tile is a map, or a strip of a vector that never was one. */
class Grid {
  at = null; // the cell that is marked

  constructor(title, point) {
    this.canvas = element("canvas", { className: "dv-cells", tabIndex: 0, role: "img", "aria-label": `${title}: arrow keys go from cell to cell` });
    this.title = element("h4", {}, title);
    this.range = element("span", { className: "dv-range" });
    this.root = element("figure", { className: "dv-grid" }, this.title, this.canvas, this.range);
    for (const name of ["pointermove", "pointerdown"]) this.canvas.addEventListener(name, (event) => point(this.#at(event.offsetX, event.offsetY)));
    for (const name of ["pointerleave", "blur"]) this.canvas.addEventListener(name, () => point(null));
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
      if (!step) return;
      event.preventDefault();
      const at = this.at === null ? 0 : this.at + step;
      point(Math.min(Math.max(at, 0), this.values.length - 1));
    });
  }

  /** @param {Float32Array} values @param {number[][]} tiles each [count of tiles, rows, columns] */
  show(values, [count, rows, columns], palettes, wide) {
    const [low, high] = ends(values);
    const reach = Math.max(-low, high) || 1;
    const [scale, span] = low < 0 ? ["diverging", [-reach, reach]] : ["sequential", [0, high || 1]];
    const words = lookup(palettes[scale], low, high, span);
    const layout = fit(count, [rows, columns], wide);
    Object.assign(this, { count, rows, columns, values, scale: layout.scale, columnsOfTiles: layout.columns });
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [layout.columns * (columns * layout.scale + GAP), Math.ceil(count / layout.columns) * (rows * layout.scale + GAP)];
    Object.assign(this.canvas, { width: Math.ceil(w * ratio), height: Math.ceil(h * ratio) });
    this.canvas.style.cssText = `width:${w}px;height:${h}px`;
    const cells = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const image = cells.getContext("2d").createImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    const pen = this.canvas.getContext("2d");
    for (let tile = 0; tile < count; tile++) {
      for (let i = 0; i < rows * columns; i++) {
        const at = tile * rows * columns + i;
        pixels[i] = at < values.length ? words[high > low ? Math.round(((values[at] - low) / (high - low)) * 255) : 0] : 0;
      }
      cells.getContext("2d").putImageData(image, 0, 0);
      const [x, y] = this.#corner(tile);
      pen.setTransform(ratio, 0, 0, ratio, x * ratio, y * ratio);
      drawCells(pen, cells, [0, 0, columns, rows], columns * layout.scale, rows * layout.scale, ratio);
    }
    this.picture = pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    this.range.textContent = `${format(low)} … ${format(high)}`;
  }

  #corner = (tile) => [(tile % this.columnsOfTiles) * (this.columns * this.scale + GAP), Math.floor(tile / this.columnsOfTiles) * (this.rows * this.scale + GAP)];

  #at(x, y) {
    const [wide, tall] = [this.columns * this.scale + GAP, this.rows * this.scale + GAP];
    const tile = Math.floor(y / tall) * this.columnsOfTiles + Math.floor(x / wide);
    const [column, row] = [Math.floor((x % wide) / this.scale), Math.floor((y % tall) / this.scale)];
    const at = tile * this.rows * this.columns + row * this.columns + column;
    return column < this.columns && row < this.rows && at < this.values.length ? at : null;
  }

  mark(at) {
    this.at = at;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.putImageData(this.picture, 0, 0);
    if (at === null) return;
    const ratio = window.devicePixelRatio || 1;
    const each = this.rows * this.columns;
    const [x, y] = this.#corner(Math.floor(at / each));
    const [row, column] = [Math.floor((at % each) / this.columns), (at % each) % this.columns];
    const size = Math.max(this.scale, 7);
    const centre = [x + (column + 0.5) * this.scale, y + (row + 0.5) * this.scale];
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const [width, color] of [[3.5, "#000"], [1.75, MARK]]) {
      pen.lineWidth = width;
      pen.strokeStyle = color;
      pen.strokeRect(centre[0] - size / 2, centre[1] - size / 2, size, size);
    }
  }
}

export class Grids {
  /** @param {(at: number | null) => void} point */
  constructor(point) {
    this.point = point;
    this.root = element("div", { className: "dv-grids" });
    this.grids = [];
  }

  show(message, wide) {
    const { kind, before, weight, maps, palettes } = message;
    const titles = kind === "linear" ? ["Input", "× weights", "= products"] : kind === "flatten" ? ["The maps", "→ one after another"] : [];
    if (titles.join() !== this.titles) {
      this.titles = titles.join();
      this.grids = titles.map((title) => new Grid(title, this.point));
      this.root.replaceChildren(...this.grids.map(({ root }) => root));
    }
    const strip = [1, Math.ceil(before.length / Math.ceil(Math.sqrt(before.length * 2))), Math.ceil(Math.sqrt(before.length * 2))];
    const asMaps = maps.length === 3 ? maps : strip;
    const each = Math.max(120, wide / Math.max(1, titles.length) - 24);
    if (kind === "linear") {
      const products = before.map((x, i) => x * weight[i]);
      [before, weight, products].forEach((values, i) => this.grids[i].show(values, asMaps, palettes, each));
    } else if (kind === "flatten") [asMaps, strip].forEach((tiles, i) => this.grids[i].show(before, tiles, palettes, each));
  }

  mark(at) {
    for (const grid of this.grids) grid.mark(at);
  }
}

/** The pictures of a descent side by side, and the cell under the pointer in all of them. */
import { element, setText } from "./stage_dom.js";
import { drawCells, lookup } from "./stage_paint.js";
import { format } from "./stage_values.js";

const TALL = 210; // px that a picture takes at most
const MARK = "#22d3ee";

class Picture {
  constructor(point) {
    this.title = element("h4");
    this.canvas = element("canvas", { className: "de-canvas", role: "img", tabIndex: 0 });
    this.range = element("span", { className: "de-range" });
    this.root = element("figure", { className: "de-picture" }, this.title, this.canvas, this.range);
    this.cells = document.createElement("canvas");
    const go = (row, column) => {
      const [height, width] = this.block.shape;
      this.cell = [Math.min(height - 1, Math.max(0, row)), Math.min(width - 1, Math.max(0, column))];
      point(this.cell, this);
    };
    for (const name of ["pointermove", "pointerdown"])
      this.canvas.addEventListener(name, ({ offsetX, offsetY }) => {
        const [height, width] = this.block.shape;
        go(Math.floor((offsetY / this.canvas.clientHeight) * height), Math.floor((offsetX / this.canvas.clientWidth) * width));
      });
    for (const name of ["pointerleave", "blur"]) this.canvas.addEventListener(name, () => point(null, this));
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      const from = this.cell ?? this.block.shape.map((size) => size >> 1);
      go(from[0] + step[0], from[1] + step[1]);
    });
  }

  /** @param {{title: string, scale: string, ends: [number, number], of: string}} panel */
  show(panel, block, palettes) {
    Object.assign(this, { panel, block });
    const [height, width] = block.shape;
    setText(this.title, panel.title);
    this.root.dataset.panel = panel.of;
    const [low, high] = panel.ends;
    const words = lookup(palettes[panel.scale], low, high, [low, high]);
    if (this.cells.width !== width || this.cells.height !== height) Object.assign(this.cells, { width, height });
    const pen = this.cells.getContext("2d");
    const image = pen.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const share = 255 / (high - low);
    let [least, most] = [Infinity, -Infinity];
    for (let i = 0; i < pixels.length; i++) {
      const value = block.values[i];
      if (value < least) least = value;
      if (value > most) most = value;
      pixels[i] = words[Math.max(0, Math.min(255, Math.round((value - low) * share)))];
    }
    pen.putImageData(image, 0, 0);
    const isBeyond = least < low - 0.002 || most > high + 0.002;
    const digits = isBeyond ? 2 : 3;
    const seen = low === -high ? `±${format(high, 2)}` : `${format(low, 2)} … ${format(high, 2)}`;
    const told = `${format(least, digits)} … ${format(most, digits)}${isBeyond ? `, seen ${seen}` : ""}`;
    setText(this.range, told);
    this.canvas.setAttribute("aria-label", `${panel.title}, ${height}×${width}, values ${told}. Arrow keys go from cell to cell.`);
    this.paint(null);
  }

  /** A cell's value; of a picture that came in 256 levels no more digits than these tell apart. */
  read([row, column]) {
    const value = this.block.values[row * this.block.shape[1] + column];
    if (!this.panel.isRounded) return format(value, 4);
    const digits = Math.max(0, Math.min(9, Math.floor(-Math.log10(this.block.level || 1))));
    return `≈ ${value.toFixed(digits).replace("-", "−")}`;
  }

  /** @param {[number, number] | null} at the cell that is marked */
  paint(at) {
    const [height, width] = this.block.shape;
    const room = this.root.clientWidth || TALL;
    const scale = Math.min(room / width, TALL / height);
    const [wide, tall] = [Math.floor(width * scale), Math.floor(height * scale)];
    const ratio = window.devicePixelRatio || 1;
    const size = [Math.round(wide * ratio), Math.round(tall * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) Object.assign(this.canvas, { width: size[0], height: size[1] });
    this.canvas.style.cssText = `width:${wide}px;height:${tall}px`;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawCells(pen, this.cells, [0, 0, width, height], wide, tall, ratio);
    if (!at) return;
    const side = Math.max(scale, 7);
    for (const [line, color] of [[3.5, "#000"], [1.75, MARK]]) {
      pen.lineWidth = line;
      pen.strokeStyle = color;
      pen.strokeRect((at[1] + 0.5) * scale - side / 2, (at[0] + 0.5) * scale - side / 2, side, side);
    }
  }
}

export class Pictures {
  at = null;

  constructor() {
    this.pictures = [];
    this.row = element("div", { className: "de-row de-pictures" });
    this.note = element("p", { className: "de-note", "aria-live": "polite" });
    this.root = element("div", {}, this.row, this.note);
  }

  /** @param {any[]} panels @param {Record<string, any>} blocks by what they hold */
  show(panels, blocks, palettes) {
    while (this.pictures.length > panels.length) this.pictures.pop().root.remove();
    while (this.pictures.length < panels.length) {
      const picture = new Picture((at, from) => this.#point(at, from));
      this.pictures.push(picture);
      this.row.append(picture.root);
    }
    panels.forEach((panel, i) => this.pictures[i].show(panel, blocks[panel.of], palettes));
    this.#mark();
  }

  #point(at, from) {
    this.at = at && { cell: at, from };
    for (const picture of this.pictures) picture.paint(null);
    this.#mark();
  }

  /** Smaller pictures are what is left without a rim: their cells lie in the middle of the larger ones. */
  #placed({ shape }, { cell, from }) {
    const [top, left] = [0, 1].map((axis) => Math.floor((from.block.shape[axis] - shape[axis]) / 2));
    const placed = [cell[0] - top, cell[1] - left];
    return placed.every((index, axis) => index >= 0 && index < shape[axis]) ? placed : null;
  }

  #mark() {
    if (!this.at) return setText(this.note, `Point at a picture to read a cell in all of them.${this.pictures.some(({ panel }) => panel.scale === "diverging") ? " In colour: blue is below 0, black is 0, orange above." : ""}`);
    const values = this.pictures.map((picture) => {
      const cell = this.#placed(picture.block, this.at);
      picture.paint(cell);
      return `${picture.panel.title} ${cell ? picture.read(cell) : "–"}`;
    });
    setText(this.note, `row ${this.at.cell[0]}, column ${this.at.cell[1]}: ${values.join(" · ")}`);
  }
}

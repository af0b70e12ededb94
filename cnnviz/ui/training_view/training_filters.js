/** The first layer's filters as pictures: of one channel on the diverging scale, of three in their own colours around grey. */
import { element, setText } from "./stage_dom.js";
import { lookup } from "./stage_paint.js";
import { format } from "./stage_values.js";

const LARGEST = 58; // px for a filter
const SMALLEST = 30;

export class Filters {
  /** @param {(place: number) => void} choose a weight, by its place in all filters, one after another */
  constructor(choose) {
    this.choose = choose;
    this.grid = element("div", { className: "tv-filters", role: "group" });
    this.title = element("figcaption", {}, "Filters of the first layer");
    this.note = element("p", { className: "tv-note" });
    this.root = element("figure", { className: "tv-chart tv-filter-part" }, this.title, this.grid, this.note);
    this.grid.addEventListener("pointermove", (event) => this.#point(this.#place(event)));
    this.grid.addEventListener("pointerleave", () => this.#point(-1));
    this.grid.addEventListener("click", (event) => {
      const place = this.#place(event);
      if (place >= 0) this.choose(place);
    });
  }

  draw(message, frame) {
    const [count, channels, height, width] = message.filters;
    Object.assign(this, { message, weights: message.weights[frame] ?? new Float32Array(0) });
    const side = Math.max(SMALLEST, Math.min(LARGEST, Math.round(420 / Math.sqrt(Math.max(1, count)) / 1.6)));
    const reach = message.weights.reduce((most, weights) => weights.reduce((m, w) => Math.max(m, Math.abs(w)), most), 0) || 1;
    while (this.grid.children.length > count) this.grid.lastChild.remove();
    while (this.grid.children.length < count) this.grid.append(element("div", { className: "tv-filter" }, element("canvas", { role: "img" }), element("i", { className: "tv-mark" })));
    const each = channels * height * width;
    [...this.grid.children].forEach((tile, filter) => {
      const [canvas, mark] = tile.children;
      const own = this.weights.subarray(filter * channels * height * width, (filter + 1) * channels * height * width);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      canvas.style.cssText = `width:${side * Math.min(1, width / height)}px;height:${side * Math.min(1, height / width)}px`;
      paint(canvas, own, channels, reach, message.palettes.diverging);
      const place = message.weight - filter * each;
      mark.hidden = !(place >= 0 && place < each);
      const cell = place % (height * width);
      if (!mark.hidden) mark.style.cssText = `left:${((cell % width) * 100) / width}%;top:${(Math.floor(cell / width) * 100) / height}%;width:${100 / width}%;height:${100 / height}%`;
      canvas.setAttribute("aria-label", `Filter ${filter}, weights ${format(Math.min(...own), 2)} to ${format(Math.max(...own), 2)}`);
    });
    this.grid.classList.toggle("none", count === 0);
    this.#point(-1);
  }

  /** Which weight lies under the pointer; -1: none. */
  #place({ target, offsetX, offsetY }) {
    const filter = [...this.grid.children].indexOf(target.parentElement);
    if (filter < 0) return -1;
    const [, channels, height, width] = this.message.filters;
    const column = Math.min(width - 1, Math.max(0, Math.floor((offsetX / target.clientWidth) * width)));
    const row = Math.min(height - 1, Math.max(0, Math.floor((offsetY / target.clientHeight) * height)));
    return filter * channels * height * width + row * width + column;
  }

  #point(place) {
    const { message, weights } = this;
    if (!message) return;
    const [count, channels, height, width] = message.filters;
    if (count === 0) return setText(this.note, "The first layer that learns has no filters that can be seen as pictures.");
    const hidden = message.hidden ? ` · ${message.hidden} more are not shown` : "";
    const legend = channels === 1 ? "light blue: negative, black: 0, light orange: positive" : "grey: 0; brighter in a colour: it wants more of it";
    if (place < 0) return setText(this.note, `${count} of ${channels}×${height}×${width} · ${legend}${hidden}. Click a weight to watch its steps.`);
    const each = channels * height * width;
    const [filter, row, column] = [Math.floor(place / each), Math.floor((place % each) / width), place % width];
    const values = Array.from({ length: channels }, (_, c) => format(weights[place + c * height * width], 3));
    setText(this.note, `filter ${filter}, row ${row}, column ${column}: ${channels === 3 ? `red ${values[0]}, green ${values[1]}, blue ${values[2]}` : values.join(", ")}`);
  }
}

function paint(canvas, weights, channels, reach, palette) {
  const { width, height } = canvas;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const level = (w) => Math.max(0, Math.min(255, Math.round(127.5 + (w / reach) * 127.5)));
  if (channels === 3) {
    const plane = width * height;
    for (let i = 0; i < plane; i++) pixels[i] = 0xff000000 | (level(weights[2 * plane + i]) << 16) | (level(weights[plane + i]) << 8) | level(weights[i]);
  } else {
    const words = lookup(palette, -reach, reach, [-reach, reach]);
    for (let i = 0; i < pixels.length; i++) pixels[i] = words[level(weights[i])];
  }
  pen.putImageData(image, 0, 0);
}

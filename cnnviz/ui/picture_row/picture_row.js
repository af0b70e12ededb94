/** Pictures and maps side by side: what Streamlit mounts. A pixel that is pointed at is marked in all of them, and its values are said. */
import { write } from "./boxes.js";
import { opened } from "./framing.js";
import { mounted } from "./mount.js";
import { paint } from "./picture_painting.js";
import { element, setText, stylesheet } from "./stage_dom.js";
import { gradient } from "./stage_paint.js";
import { format } from "./stage_values.js";

const styled = stylesheet(new URL("picture_row.css", import.meta.url).href);

const REST = 180; // ms without another key after which the server hears of a pixel
const KEYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @param {Uint8Array} data see `pack` in __init__.py */
function unpack(data) {
  const [message, take] = opened(data);
  for (const each of message.shown) {
    each.isMap = each.shape.length === 2;
    const count = each.shape.reduce((a, b) => a * b, 1);
    each.values = each.isMap ? new Float32Array(take(4 * count).slice().buffer) : take(count);
    [each.height, each.width] = each.shape.slice(-2);
  }
  return message;
}

class PictureRow {
  drawn = 0;
  /** @type {any[]} */ figures = [];

  constructor(parent) {
    this.row = element("div", { className: "pr-row" });
    this.said = element("p", { className: "pr-said", hidden: true });
    this.heard = element("p", { className: "pr-heard", "aria-live": "polite" });
    this.root = element("div", { className: "picture-row" }, this.row, this.said, this.heard);
    parent.append(this.root);
  }

  close() {
    clearTimeout(this.timer);
    this.root.remove();
  }

  /** @param {any} message @param {(name: string, told: any) => void} trigger */
  update(message, trigger) {
    Object.assign(this, { message, trigger });
    if (!this.timer) this.at = message.at; // what was chosen here is newer than what the server says
    const kind = `${message.shown.length} ${message.shown.map(({ choose }) => Boolean(choose))} ${Boolean(message.at)}`;
    if (kind !== this.kind) this.#build(message);
    this.kind = kind;
    message.shown.forEach((each, i) => this.#show(this.figures[i], each));
    this.mark(this.at);
    setText(this.heard, message.said || " ");
    this.root.dataset.drawn = `${++this.drawn}`;
  }

  #build({ shown, at }) {
    this.figures = shown.map((each, i) => this.#figure(i, Boolean(each.choose), Boolean(at)));
    this.row.classList.toggle("bare", shown.every(({ title }) => !title));
    this.row.replaceChildren(...this.figures.map(({ root }) => root));
  }

  #figure(index, canBeChosen, hasPixels) {
    const found = { canvas: element("canvas", { "aria-hidden": "true" }), hair: element("i", { className: "pr-hair", hidden: true }), frame: element("i", { className: "pr-frame", hidden: true }), title: element("figcaption"), note: element("small"), low: element("span"), legend: element("div", { className: "pr-gradient", role: "img" }), high: element("span"), value: element("output", { className: "pr-value" }) };
    const inside = [found.canvas, found.frame, found.hair];
    if (canBeChosen) found.plot = element("button", { type: "button", className: "pr-plot", onclick: () => write(this.message.box, this.message.shown[index].choose) || this.trigger("same", true) }, ...inside);
    else found.plot = element("div", { className: "pr-plot" }, ...inside);
    found.scale = element("div", { className: "pr-scale" }, found.low, found.legend, found.high);
    found.root = element("figure", { className: "pr-figure" }, found.title, found.plot, found.scale, found.value, found.note);
    if (!hasPixels) return found;
    Object.assign(found.plot, { tabIndex: 0 });
    found.plot.setAttribute("role", "application");
    found.plot.classList.add("pixels");
    const place = ({ clientX, clientY }) => {
      const { left, top, width, height } = found.canvas.getBoundingClientRect();
      const { height: rows, width: cols } = this.message.shown[index];
      const within = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
      return [within((clientY - top) / height, rows), within((clientX - left) / width, cols)];
    };
    found.plot.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.mark(place(event)));
    found.plot.addEventListener("pointerleave", () => this.mark(this.at));
    found.plot.addEventListener("click", (event) => event.detail > 0 && this.choose(place(event), 0));
    found.plot.addEventListener("keydown", (event) => {
      const step = KEYS[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const { height: rows, width: cols } = this.message.shown[index];
      this.choose([Math.min(rows - 1, Math.max(0, this.at[0] + step[0])), Math.min(cols - 1, Math.max(0, this.at[1] + step[1]))], REST);
    });
    return found;
  }

  #show(found, each) {
    const { side, palettes } = this.message;
    const scale = side / Math.max(each.width, each.height);
    const [wide, tall] = [Math.max(4, Math.round(each.width * scale)), Math.max(4, Math.round(each.height * scale))];
    paint(found.canvas, each, palettes);
    found.root.style.setProperty("--pr-wide", `${wide}px`);
    found.root.style.setProperty("--pr-shape", `${each.width} / ${each.height}`);
    setText(found.title, each.title || " ");
    found.title.hidden = !each.title;
    setText(found.note, each.note || " ");
    found.note.hidden = !each.note;
    found.scale.hidden = !each.isMap || !each.hasScale;
    if (each.isMap) {
      const [low, high] = each.ends.map((end) => format(end, 3));
      setText(found.low, low);
      setText(found.high, high);
      found.legend.style.background = gradient(palettes[each.scale], ...each.ends, each.ends);
      found.legend.setAttribute("aria-label", `colours from ${low} to ${high}${each.scale === "diverging" ? ", black is 0" : ""}`);
    }
    this.#put(found.frame, each.outline, each);
    found.plot.setAttribute("aria-label", `${each.title || "Picture"}${each.note ? `, ${each.note}` : ""}${this.message.at ? ". Arrow keys go from pixel to pixel." : ""}`);
    if (each.choose) found.plot.setAttribute("aria-pressed", `${each.isChosen}`);
  }

  /** Lay a frame over a part. @param {[number, number, number, number] | null} part top, left, bottom, right */
  #put(node, part, { width, height }) {
    node.hidden = !part;
    if (!part) return;
    const [top, left, bottom, right] = part;
    node.style.cssText = `top:${(top * 100) / height}%;left:${(left * 100) / width}%;height:${((bottom - top) * 100) / height}%;width:${((right - left) * 100) / width}%`;
  }

  /** Mark a pixel in all, and say its values. @param {[number, number] | null} at */
  mark(at) {
    if (!at) return void (this.said.hidden = true);
    const [row, col] = at;
    this.message.shown.forEach((each, i) => {
      const isThere = row < each.height && col < each.width;
      this.#put(this.figures[i].hair, isThere ? [row, col, row + 1, col + 1] : null, each);
      const plane = each.height * each.width;
      const values = each.isMap ? [each.values[row * each.width + col]] : Array.from({ length: each.shape[0] }, (_, c) => each.values[c * plane + row * each.width + col] / 255);
      setText(this.figures[i].value, isThere ? values.map((value) => format(value, each.isMap ? 3 : 2)).join(", ") : "–");
    });
    this.said.hidden = false;
    setText(this.said, `row ${row}, column ${col}`);
  }

  choose(at, rest) {
    this.at = at;
    this.mark(at);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      write(this.message.box, at.join(","));
    }, rest);
  }
}

const viewIn = mounted((parent) => new PictureRow(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function pictureRow({ data, parentElement, setTriggerValue }) {
  const [view, leave] = viewIn(parentElement);
  await styled;
  view.update(unpack(data), setTriggerValue);
  return leave;
}

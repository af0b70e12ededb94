/** Flatten, linear and softmax, opened: what Streamlit mounts. */
import { write } from "./boxes.js";
import { Grids } from "./dense_grids.js";
import { showShares } from "./dense_shares.js";
import { opened } from "./framing.js";
import { mounted } from "./mount.js";
import { element, setText, stylesheet } from "./stage_dom.js";
import { format } from "./stage_values.js";

const styled = stylesheet(new URL("dense_view.css", import.meta.url).href);

/** @param {Uint8Array} data see `pack` in __init__.py */
function unpack(data) {
  const [message, take] = opened(data);
  [message.before, message.after, message.weight] = message.lengths.map((count) => new Float32Array(take(4 * count).slice().buffer));
  return message;
}

class DenseView {
  drawn = 0;

  constructor(parent) {
    this.grids = new Grids((at) => this.point(at));
    this.shares = element("div", { className: "dv-shares" });
    this.note = element("p", { className: "dv-note", "aria-live": "polite" });
    this.root = element("div", { className: "dense-view" }, this.grids.root, this.note, this.shares);
    this.resized = new ResizeObserver(() => this.message && this.root.clientWidth !== this.width && this.draw());
    this.resized.observe(this.root);
    parent.append(this.root);
  }

  close() {
    this.resized.disconnect();
    this.root.remove();
  }

  update(message) {
    this.message = message;
    this.draw();
  }

  draw() {
    const { message } = this;
    this.width = this.root.clientWidth;
    this.grids.show(message, this.width);
    this.grids.root.hidden = message.kind === "softmax";
    showShares(this.shares, message, (unit) => write(message.box, `${unit}`));
    this.point(null);
    this.root.dataset.drawn = `${++this.drawn}`;
  }

  /** A place of the input is pointed at. @param {number | null} at */
  point(at) {
    this.grids.mark(at);
    setText(this.note, at === null ? this.#all() : this.#one(at));
  }

  #one(at) {
    const { kind, before, weight, maps } = this.message;
    const where = maps.length === 3 ? `channel ${Math.floor(at / (maps[1] * maps[2]))}, row ${Math.floor(at / maps[2]) % maps[1]}, column ${at % maps[2]}` : `input ${at}`;
    if (kind === "linear") return `${where}: ${format(before[at])} × ${format(weight[at])} = ${format(before[at] * weight[at])}`;
    const [, height, width] = maps;
    const [c, r, x] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
    return `${where} → place ${c} · ${height * width} + ${r} · ${width} + ${x} = ${at} of ${before.length}: ${format(before[at])}`;
  }

  #all() {
    const { kind, before, after, weight, bias, unit, maps } = this.message;
    if (kind === "flatten") return `${maps.join(" × ")} = ${before.length}: map after map, row after row. Point at a cell to see where it goes.`;
    if (kind === "linear") {
      let sum = 0;
      for (let i = 0; i < before.length; i++) sum += before[i] * weight[i];
      return `Output ${unit}: Σ of ${before.length} products ${format(sum)} ${bias < 0 ? "−" : "+"} bias ${format(Math.abs(bias))} = ${format(after[unit])}`;
    }
    return "";
  }
}

const viewIn = mounted((parent) => new DenseView(parent));

/** Streamlit calls this on mounting and again for every new message. */
export default async function denseView({ data, parentElement }) {
  const [view, leave] = viewIn(parentElement);
  await styled;
  view.update(unpack(data));
  return leave;
}

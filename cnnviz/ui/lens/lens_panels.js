/** The lens's five panels, one under each stage: patch × kernel = products, the activation's curve, the pool's window. */
import { weightColour, stageColour } from "./lens_colors.js";
import { Curve } from "./lens_curve.js";
import { Grid, hasRoom } from "./lens_grid.js";
import { noteOf, partNote, poolNote, shareNote, sumNote, termNote, weightNote } from "./lens_words.js";
import { element, setAttributes, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const TALL = 80; // px for the grids of a panel
const TALL_EACH = 55; // and for each channel's, where there are several, one below the other
const TALL_ALL = 177; // for all of them
const MANY = 4; // channels: more stand in a square of small grids
const GAP = 4; // px between them
const TERM = /** @type {const} */ (["x", "w", "product"]); // of the products' cells
const PARTS = /** @type {const} */ (["patch", "kernel", "product"]);

const panel = (name, ...children) => {
  const title = element("h4");
  const body = element("div", { className: "ln-body" }, ...children);
  const head = element("div", { className: "ln-head" }, title);
  return { title, body, head, root: element("div", { className: `ln-panel ln-${name}` }, head, body) };
};

export class Panels {
  /** @param {{pointAtWeight: (weight: import("./lens.js").Weight | null) => void, say: (text: string) => void}} lens */
  constructor(lens) {
    this.lens = lens;
    this.panels = Object.fromEntries([...PARTS, "activation", "pool"].map((name) => [name, panel(name)]));
    this.panels.product.body.tabIndex = 0;
    this.panels.product.body.addEventListener("keydown", (event) => this.#onKey(event));
    this.panels.product.body.addEventListener("blur", () => this.explained?.conv && this.#point("product", 0, null));
    this.curve = new Curve();
    this.window = new Grid("ln-window", () => {});
    this.rows = []; // by channel of the convolution, its three grids
    this.note = element("p", { className: "ln-note" });
    this.term = null; // the term that is asked for: {k, n}
    this.sum = element("p", { className: "ln-result ln-of-conv" });
    this.check = element("span", { className: "ln-check", hidden: true });
    this.activationNote = element("p", { className: "ln-result ln-of-activation" });
    this.poolNote = element("p", { className: "ln-result ln-of-pool" });
    this.panels.activation.body.append(this.curve.root);
    this.panels.pool.body.append(this.window.root);
    const notes = [this.note, this.sum, this.activationNote, this.poolNote];
    this.root = element("div", { className: "ln-panels" }, ...Object.values(this.panels).map(({ root }) => root), ...notes);
  }

  /** @param {number} wide px that a panel has */
  show(explained, looks, wide) {
    this.explained = explained;
    const { conv, activation, pool } = explained;
    this.root.hidden = !conv && !activation && !pool;
    if (this.root.hidden) return;
    if (conv) this.#conv(conv, looks, wide);
    this.panels.activation.root.classList.toggle("off", !activation);
    setText(this.panels.activation.title, activation ? activation.name.replaceAll("_", " ") : "no activation");
    if (activation) this.curve.show(activation, looks.low, looks.high);
    setText(this.activationNote, activation ? `f(${format(activation.x)}) = ${format(activation.value)}` : "");
    this.#pool(pool, looks, wide);
  }

  #conv(conv, looks, wide) {
    const { channels, height, width, isPadding } = conv;
    const room = this.#room(channels.length, height, width, wide);
    const weight = weightColour(looks.background);
    const largest = channels.reduce((most, { w }) => w.reduce((a, v) => Math.max(a, Math.abs(v)), most), 0) || 1;
    channels.forEach((terms, k) => {
      const grids = this.rows[k];
      for (const part of PARTS) grids[part].resize(height, width, room);
      const pixel = stageColour(looks.palettes[conv.isPicture ? looks.scales[terms.channel] : looks.scale], looks.ends);
      grids.patch.fill(terms.x, pixel, isPadding);
      grids.patch.ring({ here: conv.here ?? [] });
      grids.kernel.fill(terms.w, (w) => weight(w / largest), []);
      grids.product.fill(terms.product, (p) => weight(p / (largest * looks.reach)), isPadding);
      grids.product.cells.forEach((cell, n) => {
        const now = [terms.x[n], terms.w[n], terms.product[n]];
        for (const [i, name] of TERM.entries()) if (cell[name] !== now[i]) cell.dataset[name] = cell[name] = now[i]; // else it is said
      });
    });
    const { row, column } = this.explained.at.conv;
    setText(this.panels.patch.title, `Patch of sum ${row}, ${column}`);
    setText(this.panels.kernel.title, `Kernel ${height}×${width}`);
    const { isFolded } = this.rows[0].patch;
    setText(this.panels.product.title, isFolded ? "Products: point at one" : "Products, rounded");
    setAttributes(this.panels.product.body, { "aria-label": `${channels.length * height * width} products; arrow keys read them one by one` });
    this.root.classList.toggle("deep", channels.length > 1);
    setText(this.sum, sumNote(conv));
    if (this.term && (this.term.k >= channels.length || this.term.n >= height * width)) this.term = null;
    this.#note();
  }

  /** Px for a grid: those of several channels stand side by side where only their colours have room. */
  #room(count, height, width, wide) {
    this.root.classList.toggle("many", count > MANY);
    if (count === 1) return { wide, tall: TALL };
    if (count > MANY) {
      const columns = Math.ceil(Math.sqrt(count));
      const each = Math.floor(Math.min(wide / columns, TALL_ALL / Math.ceil(count / columns))) - GAP;
      this.root.style.setProperty("--ln-across", `${columns * (each + GAP)}px`);
      return { wide: each, tall: each };
    }
    const isStacked = hasRoom(wide / width, TALL_EACH / height);
    this.root.classList.toggle("side-by-side", !isStacked);
    return isStacked ? { wide, tall: TALL_EACH } : { wide: (wide - 8) / count, tall: TALL };
  }

  /** As many rows of grids as the convolution has channels. @param {number} count */
  build(count) {
    while (this.rows.length > count) for (const grid of Object.values(this.rows.pop())) grid.root.remove();
    while (this.rows.length < count) {
      const k = this.rows.length;
      const grid = (part) => new Grid(`ln-${part}-grid`, (n) => this.#point(part, k, n));
      this.rows.push(Object.fromEntries(PARTS.map((part) => [part, grid(part)])));
      for (const part of PARTS) this.panels[part].body.append(this.rows[k][part].root);
    }
  }

  #pool(pool, looks, wide) {
    this.panels.pool.root.classList.toggle("off", !pool);
    const { row: poolRow, column: poolColumn } = this.explained.at.pool ?? {};
    setText(this.panels.pool.title, pool ? `${pool.kind} ${pool.height}×${pool.width}, cell ${poolRow}, ${poolColumn}` : looks.poolOff);
    setText(this.poolNote, pool ? poolNote(pool) : "");
    this.window.root.hidden = !pool;
    if (!pool) return;
    this.window.resize(pool.height, pool.width, { wide, tall: TALL });
    const x = pool.x.map((value, n) => (pool.isPending[n] ? NaN : value)); // the slide will come to it
    this.window.fill(x, stageColour(looks.palettes[looks.poolScale], looks.poolEnds), pool.isPadding);
    const { row, column } = pool.here ?? {};
    const here = pool.here ? pool.rows.indexOf(row) * pool.width + pool.columns.indexOf(column) : -1;
    this.window.ring({ winner: pool.isPending.includes(true) ? [] : pool.winners, here: [here] });
  }

  #point(part, k, n) {
    this.term = n === null ? null : { k, n };
    const { width, weight } = this.explained.conv;
    const isWeight = part === "kernel" && n !== null;
    if (!isWeight && !weight) return this.#note();
    this.lens.pointAtWeight(isWeight ? { at: [Math.floor(n / width), n % width], node: this.rows[k].kernel.root } : null);
  }

  /** Say where the patch lies, or one term or weight on demand, which is ringed in all three grids. */
  #note() {
    const { conv } = this.explained;
    const { term } = this;
    const weight = conv.weight ? conv.weight.at[0] * conv.width + conv.weight.at[1] : -1;
    this.rows.forEach((grids, k) => {
      const on = term ? (term.k === k ? [term.n] : []) : [weight];
      for (const part of PARTS) grids[part].ring({ on });
    });
    const where = conv.weight ? weightNote(conv) : conv.sums ? partNote(conv) : noteOf(conv);
    const isIn = conv.weight ? `; the weight is in ${shareNote(conv.weight)} sums` : "";
    setText(this.note, term ? `${termNote(conv, term.k, term.n)}${isIn}` : where);
  }

  #onKey(event) {
    const { conv } = this.explained ?? {};
    const step = conv && { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -conv.width, ArrowDown: conv.width }[event.key];
    if (!step) return;
    event.preventDefault();
    const each = conv.height * conv.width;
    const last = this.term ? this.term.k * each + this.term.n : -step;
    const at = last + step >= 0 && last + step < conv.channels.length * each ? last + step : last;
    this.term = { k: Math.floor(at / each), n: at % each };
    this.#note();
    this.lens.say(this.note.textContent);
  }
}

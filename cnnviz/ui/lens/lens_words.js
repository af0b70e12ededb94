/** What the lens says in words: to the eye, to a screen reader, and as LaTeX or text to take away. */
import { format } from "./stage_values.js";

const MODES = { zeros: "zeros", constant: "a constant", reflect: "mirrored", replicate: "the edge repeated", circular: "the other side", between: "zeros put between" };
const COLORS = ["red", "green", "blue"];

/** Rising indices in short: 3 to 5; 3, 5, 7; 3, 5, … 17. @param {number[]} list */
export function span(list) {
  const [first, last] = [list[0], list.at(-1)];
  if (list.length === 1) return format(first);
  if (last - first === list.length - 1) return `${format(first)} to ${format(last)}`;
  return list.length > 4 ? `${format(first)}, ${format(list[1])}, … ${format(last)}` : list.map((at) => format(at)).join(", ");
}

const plural = (list, word) => `${word}${list.length === 1 ? "" : "s"} ${span(list)}`;
export const nameOf = (channel, isPicture) => (isPicture ? COLORS[channel] : `channel ${channel}`);

/** Where a window lies on the input, and how much of it is padding. */
export function noteOf({ rows, columns, isPadding, mode, channels }) {
  const pads = isPadding.filter(Boolean).length;
  const count = channels.length > 1 ? `${channels.length} × ${isPadding.length}` : `${isPadding.length}`;
  const where = `${count} ${count === "1" ? "term" : "terms"}: ${plural(rows, "row")}, ${plural(columns, "column")}`;
  return pads === 0 ? where : `${where}; ${pads} padding (${MODES[mode]})`;
}

/** In which sums a pixel has a part. */
export function partNote({ sums: { rows, columns }, place }) {
  const count = rows.length * columns.length;
  if (count === 0) return "No window looks at this pixel.";
  return `In ${count} ${count === 1 ? "sum" : "sums"}: ${plural(rows, "row")}, ${plural(columns, "column")}; here: row ${place.row}, column ${place.column}`;
}

/** In how many of the sums a weight has a part. */
export function shareNote({ sums, of }) {
  const [count, all] = [sums.rows.length * sums.columns.length, of[1] * of[2]];
  return count === all ? `all ${all}` : `${count} of ${all}`;
}

/** The same as a sentence. */
export function weightNote({ weight }) {
  const share = shareNote(weight);
  return `Weight ${weight.at.join(", ")} is in ${share} sums${share.startsWith("all") ? "" : "; in the others it meets padding"}`;
}

/** One term of a convolution, on demand. @param {any} terms @param {number} k of its channels @param {number} n */
export function termNote(terms, k, n) {
  const { channel, x, w, product } = terms.channels[k];
  const [r, s] = [Math.floor(n / terms.width), n % terms.width];
  const color = terms.channels.length > 1 ? `${nameOf(channel, terms.isPicture)}, ` : "";
  const place = `${color}row ${format(terms.rows[r], 5)}, column ${format(terms.columns[s], 5)}`;
  const [row, column] = [terms.copiedRows[r], terms.copiedColumns[s]];
  const copy = row < 0 || column < 0 ? `padding (${MODES[terms.mode]})` : `padding (${terms.mode}: row ${row}, column ${column} again)`;
  return `${place}${terms.isPadding[n] ? `, ${copy}` : ""}: ${format(x[n], 7)} × ${format(w[n], 7)} = ${format(product[n], 7)}`;
}

const signed = (numbers) => numbers.map((number, i) => (i === 0 ? format(number) : `${number < 0 ? "−" : "+"} ${format(Math.abs(number))}`)).join(" ");

/** Σ of the channels, bias, and what comes of them. */
export function sumNote({ channels, sum, bias, value }) {
  const isFew = channels.length > 1 && channels.length <= 4;
  const parts = isFew ? signed(channels.map((channel) => channel.sum)) : `${channels.length > 1 ? `of ${channels.length} channels: ` : ""}${format(sum)}`;
  return `Σ ${parts} ${bias < 0 ? "−" : "+"} bias ${format(Math.abs(bias))} = ${format(value)}`;
}

export function poolNote({ kind, count, sum, squares, value, winners, isPending }) {
  const pending = isPending?.filter(Boolean).length;
  if (pending) return `${count - pending} of its ${count} cells so far`;
  const tie = winners.length > 1 ? ` (${winners.length} of them equal)` : "";
  if (kind === "avg") return `Σ ${format(sum)} / ${count} = ${format(value)}`;
  if (kind === "l2") return `√Σx² = √${format(squares)} = ${format(value)}`;
  return `${kind} of ${count} = ${format(value)}${tie}`;
}

/** What a screen reader hears of a cell. @param {{stage: any, row: number, column: number, values: number[], conv: any, activation: any, pool: any}} explained */
export function said({ stage, row, column, values, conv, activation, pool }) {
  const where = `row ${row}, column ${column}`;
  if (stage.how.op === "conv") {
    const count = conv.channels.length * conv.isPadding.length;
    const bias = conv.bias === 0 ? "" : `, with bias ${format(conv.bias)}: ${format(conv.value)}`;
    return `${where}: sum ${format(conv.sum)} from ${count} ${count === 1 ? "term" : "terms"}${bias}`;
  }
  if (stage.how.op === "activation") return `${where}: ${activation.name} of ${format(activation.x)} is ${format(activation.value)}`;
  if (stage.how.op === "pool") return `${where}: ${poolNote(pool)}`;
  return `${where}: ${values.map((value) => format(value)).join(", ")}`;
}

// --- to take away: nine digits, which are all that a float32 has -------------------------------------------------------------------

const plain = (number) => String(Number(number.toPrecision(9)));

/** Numbers in columns, as text. */
function table(numbers, width) {
  const texts = Array.from(numbers, plain);
  const wide = Math.max(...texts.map((text) => text.length));
  const lines = [];
  for (let at = 0; at < texts.length; at += width) lines.push(texts.slice(at, at + width).map((text) => text.padStart(wide)).join("  "));
  return lines;
}

function sideBySide(blocks, signs) {
  return blocks[0].map((_, row) => blocks.map((block, i) => block[row] + (i < signs.length ? (row === 0 ? ` ${signs[i]} ` : "   ") : "")).join(""));
}

/** The arithmetic as plain text. */
export function asText({ stage, row, column, conv, activation, pool, at }) {
  const lines = [`${stage.title}, row ${row}, column ${column}`, ""];
  if (conv) {
    if (stage.how.op !== "conv") lines.push(`the sum at row ${at.conv.row}, column ${at.conv.column}`);
    for (const { channel, x, w, product, sum } of conv.channels) {
      if (conv.channels.length > 1) lines.push(nameOf(channel, conv.isPicture));
      lines.push(...sideBySide([table(x, conv.width), table(w, conv.width), table(product, conv.width)], ["×", "="]), `sum ${plain(sum)}`, "");
    }
    lines.push(`${conv.channels.map(({ sum }) => plain(sum)).join(" + ")} + bias ${plain(conv.bias)} = ${plain(conv.value)}`);
  }
  if (activation) lines.push(`${activation.name}(${plain(activation.x)}) = ${plain(activation.value)}`);
  if (pool) {
    const cells = Array.from(pool.x, (x) => (Number.isNaN(x) ? "outside" : plain(x)));
    lines.push(`the pool's cell at row ${at.pool.row}, column ${at.pool.column}: ${pool.kind} of ${cells.join(", ")} = ${plain(pool.value)}`);
  }
  return lines.join("\n");
}

const tex = (number) => plain(number).replace(/e\+?(-?\d+)/, "\\cdot 10^{$1}");
const matrix = (numbers, width) => {
  const rows = [];
  for (let at = 0; at < numbers.length; at += width) rows.push(Array.from(numbers.slice(at, at + width), tex).join(" & "));
  return `\\left[\\begin{array}{${"r".repeat(width)}}\n  ${rows.join(" \\\\\n  ")}\n\\end{array}\\right]`;
};
const bracketed = (number) => (number < 0 || tex(number).includes("cdot") ? `(${tex(number)})` : tex(number));
const TEX_POOL = {
  max: (cells) => `\\max(${cells.map(tex).join(", ")})`,
  min: (cells) => `\\min(${cells.map(tex).join(", ")})`,
  avg: (cells) => `\\frac{1}{${cells.length}}(${cells.map(bracketed).join(" + ")})`,
  l2: (cells) => `\\sqrt{${cells.map((x) => `${bracketed(x)}^2`).join(" + ")}}`,
};

/** The arithmetic as LaTeX that needs nothing but amsmath. */
export function asLatex({ stage, row, column, conv, activation, pool, at }) {
  const lines = [];
  const placed = (letter, place) => `${letter}_{${place.row},${place.column}}`;
  if (conv) {
    const many = conv.channels.length > 1;
    conv.channels.forEach(({ x, w, product, sum }, k) => {
      const s = many ? `s_{${k + 1}}` : "s";
      lines.push(`${matrix(x, conv.width)} \\odot ${matrix(w, conv.width)} &= ${matrix(product, conv.width)}`, `${s} = \\sum &= ${tex(sum)}`);
    });
    const sums = conv.channels.map(({ sum }) => bracketed(sum)).join(" + ");
    lines.push(`${placed("y", at.conv)} = ${many ? "\\sum_k s_k" : "s"} + b &= ${sums} + ${bracketed(conv.bias)} = ${tex(conv.value)}`);
  }
  if (activation) lines.push(`${placed("a", at.activation)} = \\operatorname{${activation.name.replaceAll("_", "\\_")}}(${tex(activation.x)}) &= ${tex(activation.value)}`);
  if (pool) lines.push(`${placed("p", at.pool)} = ${TEX_POOL[pool.kind](Array.from(pool.x).filter((x) => !Number.isNaN(x)))} &= ${tex(pool.value)}`);
  return `% ${stage.title}, row ${row}, column ${column}\n\\begin{align*}\n${lines.join(" \\\\\n")}\n\\end{align*}`;
}

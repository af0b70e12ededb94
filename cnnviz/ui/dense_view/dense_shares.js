/** The outputs as rows: of a linear layer what each sums up to, of a softmax how its share arises. */
import { element } from "./stage_dom.js";
import { format } from "./stage_values.js";

const MOST = 100; // rows

const cell = (text, className = "") => element("td", { className }, text);

/** @param {HTMLElement} root @param {any} message @param {(unit: number) => void} choose */
export function showShares(root, message, choose) {
  const { kind, before, after, unit } = message;
  root.hidden = kind === "flatten";
  if (root.hidden) return;
  const isSoftmax = kind === "softmax";
  const largest = before.reduce((most, x) => Math.max(most, x), -Infinity);
  const powers = isSoftmax ? Array.from(before, (x) => Math.exp(x - largest)) : [];
  const total = powers.reduce((sum, power) => sum + power, 0);
  const order = Array.from({ length: Math.min(MOST, after.length) }, (_, i) => i);
  const isHere = root.contains(document.activeElement);
  const reach = after.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  const room = after.some((x) => x < 0) ? 50 : 100; // % for one side of zero
  const rows = order.map((i) => {
    const bar = element("span", { className: after[i] < 0 ? "dv-bar below" : "dv-bar" });
    const share = (Math.abs(after[i]) / reach) * room;
    bar.style.cssText = `width:${share}%;margin-left:${after[i] < 0 ? room - share : 100 - room}%`;
    const row = element("tr", { className: !isSoftmax && i === unit ? "chosen" : "", tabIndex: isSoftmax ? -1 : 0 }, cell(`${i}`, "dv-number"),
      ...(isSoftmax ? [cell(format(before[i]), "dv-number"), cell(format(powers[i]), "dv-number"), cell(`${format(powers[i])} / ${format(total)}`, "dv-number")] : []),
      cell(format(after[i]), "dv-number dv-share"), element("td", { className: "dv-of" }, bar));
    if (!isSoftmax) {
      row.addEventListener("click", () => choose(i));
      row.addEventListener("keydown", ({ key }) => key === "Enter" && choose(i));
    }
    return row;
  });
  const heads = isSoftmax ? ["output", "x, the logit", largest === 0 ? "eˣ" : `e^(x − ${format(largest)})`, "divided by their sum", "share", ""] : ["output", "sum", ""];
  const more = after.length > MOST ? [element("caption", {}, `the first ${MOST} of ${after.length}`)] : [];
  const note = isSoftmax ? element("p", { className: "dv-note" }, `The largest logit is taken from all first: shares stay the same, and no power grows beyond what a float can hold. Σ = ${format(total)}; the shares add up to ${format(after.reduce((sum, x) => sum + x, 0))}.`) : "";
  root.replaceChildren(element("table", { className: "dv-table" }, ...more, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {}, head)))), element("tbody", {}, ...rows)), note);
  if (isHere) rows[unit]?.focus(); // Enter on a row chose it, and built them anew
}

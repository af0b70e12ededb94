/** The line under the stages: what the pointed cell reads, and what acts on all stages. */
import { element, setText } from "./stage_dom.js";

const page = () => document.querySelector("[data-testid=stMain]") ?? document.documentElement;

const LITTLE = 0.1; // of its height

/** Whether the page itself can be scrolled more than a little: then the wheel is its own until a picture was clicked. */
export const scrolls = () => page().scrollHeight > (1 + LITTLE) * page().clientHeight;

const button = (textContent, onclick, more = {}) => element("button", { type: "button", className: "sv-button", textContent, onclick, ...more });

export class Bar {
  linkNote = ""; // what a copied link does not carry

  /** @param {{redraw: () => void, showAll: () => void, zoomBy: (factor: number) => void}} view */
  constructor({ redraw, showAll, zoomBy }) {
    this.readout = element("output", { className: "sv-readout", "aria-live": "off" }); // the lens says it, when keys moved it
    this.copied = element("span", { className: "sv-copied", role: "status" });
    this.all = button("Show all", showAll, { hidden: true });
    this.shared = element("input", { type: "checkbox", onchange: redraw });
    const title = "One colour range for all stages after the input, so that their colours compare";
    this.root = element(
      "div",
      { className: "sv-bar" },
      this.readout,
      element("span", { className: "sv-busy" }, "computing…"),
      this.copied,
      this.all,
      element(
        "span",
        { className: "sv-pair" },
        button("−", () => zoomBy(2), { title: "Zoom out", "aria-label": "Zoom out" }),
        button("+", () => zoomBy(0.5), { title: "Zoom in", "aria-label": "Zoom in" }),
      ),
      element("label", { className: "sv-switch", title }, this.shared, "shared scale"),
      button("Copy link", () => this.#copyLink(), { className: "sv-button sv-link" }),
    );
  }

  get isShared() {
    return this.shared.checked;
  }

  /** @param {HTMLElement} tools what acts on the cell that is read */
  add(tools) {
    this.readout.after(tools);
  }

  /** @param {string} text of a cell */
  read(text) {
    setText(this.readout, text);
  }

  async #copyLink() {
    const note = this.linkNote ? ` ${this.linkNote}` : "";
    try {
      await navigator.clipboard.writeText(location.href);
      this.copied.textContent = `Link copied.${note}`;
    } catch {
      this.copied.textContent = `The link is in the address bar.${note}`; // no clipboard without https
    }
    setTimeout(() => (this.copied.textContent = ""), note ? 8000 : 3000);
  }
}

/** What acts on the lens: slide, pin, take away, and the keys. */
import { sliderOf, speedOf } from "./lens_player.js";
import { asLatex, asText } from "./lens_words.js";
import { drawing, element, setAttributes, setText } from "./stage_dom.js";
import { format } from "./stage_values.js";

const KEYS = [
  ["← ↑ → ↓", "the next cell"],
  ["Shift + arrow", "as far as the window that reads this map moves: its stride"],
  ["Home, End", "the row's first and last cell; with Ctrl the map's"],
  ["Enter", "pin the cell, or let it go"],
  ["Space", "slide the window, or stop it"],
  [". and ,", "one step on, one step back"],
  ["+ − 0", "zoom in, zoom out, show all"],
  ["[ ] { }", "turn a stack of maps"],
  ["Escape", "end the slide"],
  ["?", "these keys"],
];
const COPIED = 2500; // ms
const INVITATION = matchMedia("(pointer: coarse)").matches ? "Tap any cell: it is explained, and pinned." : "Point at any cell; a click pins it.";

const ICONS = { play: "M4 2l9 6-9 6z", pause: "M4 2h3v12H4zM9 2h3v12H9z", step: "M3 2l7 6-7 6zM11 2h2v12h-2z", first: "M13 2L6 8l7 6zM3 2h2v12H3z" };
const icon = (name) => drawing("svg", { class: "ln-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, drawing("path", { d: ICONS[name] }));

const button = (textContent, title, onclick) => element("button", { type: "button", className: "sv-button", textContent, title, "aria-label": title, onclick });
/** What keys do wherever the lens or a stage has the focus. */
const ACTIONS = {
  ".": (reader) => reader.step(1),
  ",": (reader) => reader.step(-1),
  "?": (reader) => reader.tools.showKeys(),
  Escape: (reader) => reader.player.close(),
};

/** @param {any} reader @param {KeyboardEvent} event @returns {boolean} whether it was one of these keys */
export function act(reader, event) {
  const action = !event.ctrlKey && ACTIONS[event.key];
  if (!action) return false;
  event.preventDefault();
  action(reader);
  return true;
}

export class Tools {
  /** @param {any} view */
  constructor(view) {
    const { player } = view;
    this.view = view;
    this.play = button("", "Slide the window over the map (Space)", () => view.togglePlay());
    this.back = button("", "To the first cell", () => player.seek(0));
    this.step = button("", "One step (.)", () => view.step(1));
    this.end = button("✕", "End the slide, show the whole map (Escape)", () => player.close());
    this.scrub = element("input", { type: "range", min: 0, value: 0, title: "How far the window is", "aria-label": "How far the window is", oninput: () => player.seek(Number(this.scrub.value)) });
    this.speed = element("input", { type: "range", min: 0, max: 100, title: "Cells a second", "aria-label": "Speed", oninput: () => this.#setSpeed(Number(this.speed.value)) });
    this.rate = element("span", { className: "ln-rate" });
    this.stage = element("select", { title: "What fills in", "aria-label": "What fills in", onchange: () => view.restart(this.stage.value) });
    this.pin = button("Pin", "Keep this cell through every change, and in the link (click a cell, or Enter)", () => view.togglePin());
    this.pin.classList.add("ln-pin");
    this.export = button("Export", "The arithmetic of this cell as LaTeX or text", () => this.#export());
    this.hint = element("span", { className: "ln-hint" }, INVITATION);
    this.during = element("span", { className: "ln-during", hidden: true }, this.back, this.stage, this.scrub, this.speed, this.rate, this.end);
    this.root = element(
      "div",
      { className: "ln-tools", role: "group", "aria-label": "Lens", onkeydown: (event) => void act(view, event) }, // false would keep Tab from going on
      this.play,
      this.step,
      this.pin,
      this.export,
      button("?", "The keys", () => this.showKeys()),
      this.hint,
      this.during, // last, so that nothing moves under the hand that presses play
    );
    this.back.append(icon("first"));
    this.step.append(icon("step"));
  }

  #setSpeed(slider) {
    this.view.player.speed = speedOf(slider);
    const rate = format(this.view.player.speed, 2);
    this.rate.textContent = `${rate} cells/s`;
    this.speed.setAttribute("aria-valuetext", `${rate} cells a second`);
    this.isSpeedChosen = true;
  }

  /** A speed at which a row takes about two seconds, until another was chosen. @param {number} width cells in a row */
  suggestSpeed(width) {
    if (this.isSpeedChosen) return;
    this.speed.value = sliderOf(width / 2);
    this.#setSpeed(Number(this.speed.value));
    this.isSpeedChosen = false;
  }

  /** Say what the player does and whether the cell is pinned. */
  update() {
    const { player, sliding, isPinned, lens } = this.view;
    const { isOn, isPlaying } = player;
    for (const control of [this.play, this.step]) control.disabled = sliding.length === 0;
    this.export.disabled = !lens.explained.conv;
    if (!isOn && this.during.contains(document.activeElement)) this.play.focus(); // what is hidden cannot keep it
    this.during.hidden = !isOn;
    this.hint.hidden ||= isOn || Boolean(this.view.cell); // who has done it once knows
    const names = sliding.map(({ name }) => name).join();
    if (this.names !== names) {
      this.names = names;
      this.stage.replaceChildren(...sliding.map(({ name, title }) => element("option", { value: name, textContent: title })));
    }
    this.stage.hidden = sliding.length < 2;
    this.stage.value = player.name;
    if (this.isPlaying !== isPlaying) this.play.replaceChildren(icon(isPlaying ? "pause" : "play"));
    this.isPlaying = isPlaying;
    const title = isPlaying ? "Pause (Space)" : "Slide the window over the map (Space)";
    setAttributes(this.play, { title, "aria-label": title });
    if (isOn) Object.assign(this.scrub, { max: player.count - 1, value: player.at });
    setAttributes(this.pin, { "aria-pressed": isPinned });
    setText(this.pin, isPinned ? "Unpin" : "Pin");
  }

  #dialog(title, ...children) {
    const dialog = element("dialog", { className: "ln-dialog", "aria-label": title, onclose: () => dialog.remove() });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // its keys are its own
    const header = element("header", {}, element("h4", { textContent: title }), button("✕", "Close", () => dialog.close()));
    dialog.append(element("div", {}, header, ...children));
    this.view.root.append(dialog);
    dialog.showModal();
  }

  showKeys() {
    const rows = KEYS.flatMap(([keys, meaning]) => [element("dt", { textContent: keys }), element("dd", { textContent: meaning })]);
    const how = "Point at a cell, or go to a stage with Tab and from cell to cell with the keys. A click pins; dragging moves the picture, the wheel zooms, a double click shows all.";
    this.#dialog("Keys", element("p", { textContent: how }), element("dl", {}, ...rows));
  }

  #export() {
    const { explained } = this.view.lens;
    const forms = { LaTeX: [asLatex(explained), "tex"], text: [asText(explained), "txt"] };
    const area = element("textarea", { readOnly: true, rows: 14, spellcheck: false, "aria-label": "The arithmetic" });
    const said = element("span", { role: "status" });
    let form = "LaTeX";
    const tabs = Object.keys(forms).map((name) => button(name, name, () => choose(name)));
    const choose = (name) => {
      form = name;
      area.value = forms[form][0];
      tabs.forEach((tab) => tab.setAttribute("aria-pressed", `${tab.textContent === name}`));
      said.textContent = "";
    };
    const copy = async () => {
      area.select();
      try {
        await navigator.clipboard.writeText(area.value);
        said.textContent = "Copied.";
      } catch {
        said.textContent = "Press Ctrl+C: it is selected."; // no clipboard without https
      }
      setTimeout(() => (said.textContent = ""), COPIED);
    };
    const save = () => {
      const { stage, row, column } = explained;
      const href = URL.createObjectURL(new Blob([area.value], { type: "text/plain" }));
      element("a", { href, download: `${stage.name}-${row}-${column}.${forms[form][1]}` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 1000);
    };
    choose(form);
    const actions = element("div", { className: "ln-actions" }, ...tabs, button("Copy", "Copy", copy), button("Save", "Save as a file", save), said);
    this.#dialog(`${explained.stage.title}, row ${explained.row}, column ${explained.column}`, actions, area);
  }
}

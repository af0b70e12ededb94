/**
 * A menu that takes any text takes it as it is written. Streamlit's own reads letters that are added to the text of
 * such a box as a search for these letters alone: "2", continued to "2,1", would become ",1". So each change is handed
 * to it as an emptied box and a new text.
 */
const WRITABLE = "[role=combobox][placeholder='Choose or write']"; // see controls.py
const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set; // React's own hides it
let isHandingOn = false;
let written = null; // the box whose text was changed and not taken yet

function handOn(box, text) {
  setValue.call(box, text);
  box.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function take(box) {
  const { value, selectionStart } = box;
  written = box;
  isHandingOn = true;
  handOn(box, "");
  if (value) handOn(box, value);
  isHandingOn = false;
  box.setSelectionRange(selectionStart, selectionStart);
}

addEventListener(
  "input",
  (event) => {
    if (isHandingOn || !event.target.matches?.(WRITABLE)) return;
    event.stopImmediatePropagation();
    if (!event.isComposing) take(event.target);
  },
  { capture: true },
);
addEventListener("compositionend", ({ target }) => target.matches?.(WRITABLE) && take(target), { capture: true });

/** Who comes to such a box finds its text selected, as in a browser's line for addresses: what is written takes its place. */
let entered = null; // the box that has the focus since the last press of a button or a key

addEventListener("focusin", ({ target }) => {
  entered = target.matches?.(WRITABLE) && target !== written ? target : null; // not where the person is back at what he began
  entered?.select();
});
addEventListener("click", () => {
  if (entered && entered.selectionStart === entered.selectionEnd) entered.select(); // the click has put the caret somewhere
  entered = null;
});

/** What was written counts when the person goes on to something else, as in every other box. Escape gives it up. */
function finish() {
  const box = document.activeElement;
  if (!box || box !== written) return; // whether its list is open says nothing: an answer of the server's closes it
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
}

addEventListener(
  "keydown",
  ({ key }) => {
    entered = null;
    if (key === "Tab") finish();
    if (["Tab", "Enter", "Escape"].includes(key)) written = null;
  },
  { capture: true },
);
addEventListener("pointerup", ({ target }) => target.closest?.("[role=option]") && (written = null), { capture: true });
addEventListener(
  "pointerdown",
  ({ target }) => {
    if (target === document.activeElement || target.closest?.("[role=listbox]")) return;
    finish();
    written = null;
  },
  { capture: true },
);

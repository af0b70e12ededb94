/**
 * A menu that takes any text takes it as it is written. Streamlit's own reads letters that are added to the text of
 * such a box as a search for these letters alone: "2", continued to "2,1", would become ",1". So each change is handed
 * to it as an emptied box and a new text.
 */
const WRITABLE = "[role=combobox][placeholder='Choose or write']"; // see controls.py
const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set; // React's own hides it
let isHandingOn = false;

function handOn(box, text) {
  setValue.call(box, text);
  box.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

addEventListener(
  "input",
  (event) => {
    const box = event.target;
    if (isHandingOn || event.isComposing || !box.matches?.(WRITABLE)) return;
    event.stopImmediatePropagation();
    const { value, selectionStart } = box;
    isHandingOn = true;
    handOn(box, "");
    if (value) handOn(box, value);
    isHandingOn = false;
    box.setSelectionRange(selectionStart, selectionStart);
  },
  { capture: true },
);

/** What was written counts when the person goes on to something else, as in every other box. Escape gives it up. */
function finish() {
  const box = document.activeElement;
  if (!box?.matches(WRITABLE) || box.getAttribute("aria-expanded") !== "true") return;
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
}

addEventListener("keydown", (event) => event.key === "Tab" && finish(), { capture: true });
addEventListener(
  "pointerdown",
  ({ target }) => target !== document.activeElement && !target.closest?.("[role=listbox]") && finish(),
  { capture: true },
);

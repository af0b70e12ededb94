/** Streamlit's text boxes, found by their keys. */
const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set; // React's own hides it

/** @param {string} key @returns {HTMLInputElement | null} */
export const box = (key) => document.querySelector(`.st-key-${key} input`);

/** Write into a text box as a hand does, followed by Enter. @param {string} key @param {string} text */
export function write(key, text) {
  const input = box(key);
  if (!input || input.value === text) return false;
  setValue.call(input, text);
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  return true;
}

/**
 * A box takes no text that is far beyond any use: the address could not hold it, and the server ends the connection of a
 * page that says more than it takes in one message, again and again.
 */
const MOST = 20_000; // characters; a 15×15 kernel has 3,000

addEventListener(
  "beforeinput",
  (event) => {
    const { target: box } = event;
    const text = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
    if (typeof box.value !== "string" || !text) return; // what is taken out is always allowed
    const length = box.value.length - (box.selectionEnd - box.selectionStart) + text.length;
    if (length <= MOST) return;
    event.preventDefault(); // what stands there stays
    box.setCustomValidity(`That text has ${length.toLocaleString("en")} characters: a box takes ${MOST.toLocaleString("en")}.`);
    box.reportValidity();
    const forget = () => box.setCustomValidity("");
    for (const next of ["input", "blur"]) box.addEventListener(next, forget, { once: true });
  },
  { capture: true },
);

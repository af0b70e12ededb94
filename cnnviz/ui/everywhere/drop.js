/**
 * A picture dropped anywhere on the page, or pasted, goes where a chosen file goes: to Streamlit's own uploader.
 */
const input = () => document.querySelector(".st-key-upload input[type=file]");
const pictures = (transfer) => [...(transfer?.files ?? [])].filter((file) => file.type.startsWith("image/"));

function hand(files) {
  const transfer = new DataTransfer();
  transfer.items.add(files[0]);
  input().files = transfer.files;
  input().dispatchEvent(new Event("change", { bubbles: true }));
}

// The system's own dialog offers pictures; what is dropped may be anything.
addEventListener("click", () => input()?.setAttribute("accept", "image/*"), { capture: true });

const mark = (on) => document.documentElement.classList.toggle("dropping", on);

addEventListener("dragover", (event) => {
  if (!input() || ![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
  event.preventDefault(); // or the browser would open the picture instead of the page
  mark(true);
});
addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
// Before the uploader's own listeners, which claim every drop on the page and take those on their box.
addEventListener(
  "drop",
  (event) => {
    mark(false);
    const isTheirs = event.target.closest?.("[data-testid=stFileUploaderDropzone]");
    if (isTheirs || !input() || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    hand([...event.dataTransfer.files]); // whatever it is: the server says kindly what it cannot read
  },
  { capture: true },
);
addEventListener("paste", (event) => {
  const files = pictures(event.clipboardData);
  if (!input() || files.length === 0) return;
  event.preventDefault();
  hand(files);
});

/**
 * A page that lost its server and found one again asks it to run: what was changed meanwhile has not been heard, and the
 * server may be another one, or new, that has nothing of this page. So it is told what its own words last said it had.
 * And a page that is loaded anew tells whose place it takes.
 */
import { app } from "./running.js";
import { stylesheet } from "./stage_dom.js";
import "./refusals.js";
import "./texts.js";

stylesheet(new URL("presence.css", import.meta.url).href);

const ATTRIBUTE = "data-test-connection-state";
const isConnected = () => app()?.getAttribute(ATTRIBUTE) === "CONNECTED";

const LEFT = "cnnviz left"; // in this tab's memory: the session of a page that is loaded anew, or left for another site
const isNew = performance.getEntriesByType("navigation")[0]?.type === "navigate"; // by a link, or an address that was typed

let tell = () => {}; // Streamlit's newest way to be told
let session = "";
let left = isNew ? null : memory()?.getItem(LEFT);
let kept = [];
let wasAway = false;

new MutationObserver(() => {
  if (!isConnected()) wasAway = true;
  else if (wasAway) {
    wasAway = false;
    tell("back", kept);
  }
}).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: [ATTRIBUTE] });

addEventListener("pagehide", () => session && memory()?.setItem(LEFT, session)); // else it had no time to take over itself

/** None where the browser keeps it from a page inside another site's. */
function memory() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** Streamlit calls this on mounting and again for every new message. */
export default function presence({ data, setTriggerValue }) {
  [tell, kept, session] = [setTriggerValue, data.kept, data.session];
  if (!left) return;
  tell("left", left);
  left = null;
}

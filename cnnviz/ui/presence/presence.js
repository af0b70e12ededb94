/**
 * A page that lost its server and found one again asks it to run: what was changed meanwhile has not been heard, and the
 * server may be another one, or new, that has nothing of this page. So it is told what its own words last said it had.
 */
import { app } from "./running.js";
import { stylesheet } from "./stage_dom.js";
import "./refusals.js";
import "./texts.js";

stylesheet(new URL("presence.css", import.meta.url).href);

const ATTRIBUTE = "data-test-connection-state";
const isConnected = () => app()?.getAttribute(ATTRIBUTE) === "CONNECTED";

let tell = () => {}; // Streamlit's newest way to be told
let kept = [];
let wasAway = false;

new MutationObserver(() => {
  if (!isConnected()) wasAway = true;
  else if (wasAway) {
    wasAway = false;
    tell("back", kept);
  }
}).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: [ATTRIBUTE] });

/** Streamlit calls this on mounting and again for every new message. */
export default function presence({ data, setTriggerValue }) {
  [tell, kept] = [setTriggerValue, data.kept];
}

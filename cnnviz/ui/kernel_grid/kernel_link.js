/**
 * The way to the server, through the kernel's text box: at most one edit under way, the newest of the others waiting.
 *
 * A new edit would stop the script run that answers the one before, and the stages of a fast scrub would
 * starve. So an edit counts as under way until its echo is here *and* its run is over.
 */

import { write } from "./boxes.js";
import { app, runs } from "./running.js";

const PATIENCE = 1000; // ms: after that an answer counts as lost, unless a script runs or the server is known to be slower
const LONGEST_PATIENCE = 5000;
const LOOKS = 10; // patience is that many looks at the clock: while the page itself is busy it cannot hear, and no time passes

export class Link {
  /** @param {() => void} onRest is called when an edit was given up: what the server said last is to be shown */
  constructor(onRest) {
    this.onRest = onRest;
    this.box = ""; // the key of the text box
    /** @type {string | null} */ this.waiting = null;
    /** @type {string | null} */ this.underWay = null;
    this.patience = PATIENCE;
    this.sentAt = 0;
    this.timer = 0;
    this.observer = new MutationObserver(() => this.#landWhenIdle());
  }

  /** What was sent last and is not answered. @returns {string | null} */
  get newest() {
    return this.waiting ?? this.underWay;
  }

  /** @param {string} text */
  send(text) {
    this.waiting = text;
    if (this.underWay === null) this.#sendWaiting();
  }

  /**
   * Take note of what the server has read from the box.
   * @param {string} text
   * @returns {boolean} whether it is news: no edit of ours is still to be answered
   */
  hear(text) {
    const isAnswer = text === this.underWay;
    const isNews = this.waiting === null && (isAnswer || this.underWay === null);
    if (isAnswer) this.#landWhenIdle(); // may send what waits
    return isNews;
  }

  close() {
    this.observer.disconnect();
    window.clearTimeout(this.timer);
  }

  #sendWaiting() {
    const text = this.waiting;
    this.waiting = null;
    if (!write(this.box, text)) return;
    this.underWay = text;
    this.sentAt = performance.now();
    this.#giveUpLater();
  }

  #giveUpLater(looks = LOOKS) {
    this.timer = window.setTimeout(() => {
      if (runs()) return this.#giveUpLater();
      if (looks > 1) return this.#giveUpLater(looks - 1);
      this.patience = Math.min(2 * this.patience, LONGEST_PATIENCE);
      this.#land();
      if (this.underWay === null) this.onRest();
    }, this.patience / LOOKS);
  }

  #landWhenIdle() {
    if (runs()) {
      this.observer.observe(app(), { attributeFilter: ["data-test-script-state"] });
    } else {
      this.patience = Math.min(Math.max(PATIENCE, 3 * (performance.now() - this.sentAt)), LONGEST_PATIENCE);
      this.#land();
    }
  }

  #land() {
    this.close();
    this.underWay = null;
    if (this.waiting !== null) this.#sendWaiting();
  }
}

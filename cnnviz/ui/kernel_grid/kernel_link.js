/**
 * The way to the server: at most one edit under way, the newest of the others waiting.
 *
 * A new edit would stop the script run that answers the one before, and the stages of a fast scrub would
 * starve. So an edit counts as under way until its echo is here *and* its run is over.
 */

const PATIENCE = 300; // ms: after that an answer counts as lost, unless the server is known to be slower
const LONGEST_PATIENCE = 5000;

export class Link {
  constructor() {
    /** The last edit sent. */
    this.number = 0;
    /** @type {object | null} */ this.waiting = null;
    /** @type {((name: string, value: unknown) => void) | null} */ this.setStateValue = null;
    this.library = "";
    this.patience = PATIENCE;
    this.underWay = false;
    this.sentAt = 0;
    this.timer = 0;
    this.observer = new MutationObserver(() => this.#landWhenIdle());
  }

  /** @param {object} edit */
  send(edit) {
    this.waiting = edit;
    if (!this.underWay) this.#sendWaiting();
  }

  /**
   * Take note of what the server has seen.
   * @param {number} number
   * @returns {boolean} whether its kernel is news: no edit of ours is still to be answered
   */
  hear(number) {
    if (number < this.number) return false;
    this.number = number;
    const isNews = this.waiting === null;
    if (this.underWay) this.#landWhenIdle(); // may send what waits
    return isNews;
  }

  close() {
    this.observer.disconnect();
    window.clearTimeout(this.timer);
  }

  #sendWaiting() {
    const edit = this.waiting;
    this.waiting = null;
    this.number += 1;
    this.underWay = true;
    this.sentAt = performance.now();
    this.setStateValue?.("edit", { number: this.number, library: this.library, ...edit });
    this.timer = window.setTimeout(() => {
      this.patience = Math.min(2 * this.patience, LONGEST_PATIENCE);
      this.#land();
    }, this.patience);
  }

  #landWhenIdle() {
    const app = document.querySelector("[data-test-script-state]");
    const state = app?.getAttribute("data-test-script-state");
    if (state === "running" || state === "rerunRequested") {
      this.observer.observe(app, { attributeFilter: ["data-test-script-state"] });
    } else {
      this.patience = Math.min(Math.max(PATIENCE, 3 * (performance.now() - this.sentAt)), LONGEST_PATIENCE);
      this.#land();
    }
  }

  #land() {
    this.close();
    this.underWay = false;
    if (this.waiting !== null) this.#sendWaiting();
  }
}

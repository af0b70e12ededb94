/** What can be done to a network's text: its layers are parts, and skips keep what they add while others come and go. */

const SKIP = /^(-?)add:(\d+)$/;
const MOST = 200; // steps that can be undone

/** A layer's text with its fields at new values. @param {string} part @param {{prefix: string, name: string, kind: string, now: string, usual: string}[]} fields */
export function composed(part, fields) {
  const [, off, word] = /^(-?)([a-z0-9_]+)/.exec(part);
  const written = fields.map(({ prefix, name, kind, now, usual }) => {
    if (prefix === ":" || prefix === "@") return `${prefix}${now}`;
    if (now === usual || now === "") return "";
    if (kind === "flag") return now === "no" ? `,no${name}` : "";
    if (prefix === "word" || (kind === "padding" && !/^\d/.test(now))) return `,${now}`;
    return `,${prefix}${now}`;
  });
  return `${off}${word}${written.join("")}`;
}

/** Which layer's output each skip adds: by its part, the part that made it, or null for the picture. @param {{text: string}[]} parts */
const sources = (parts) =>
  new Map(parts.flatMap((part, i) => {
    const found = SKIP.exec(part.text);
    return found ? [[part, parts[i - Number(found[2]) - 1] ?? null]] : [];
  }));

/**
 * Change the list of layers, and let every skip still add what it added, as far as that still stands before it.
 * @param {string[]} texts @param {(parts: {text: string}[]) => void} change moves, adds or takes away parts @returns {string[]}
 */
export function rearranged(texts, change) {
  const parts = texts.map((text) => ({ text }));
  const added = sources(parts);
  change(parts);
  return parts.map((part, i) => {
    const found = SKIP.exec(part.text);
    if (!found || !added.has(part)) return part.text;
    const from = added.get(part);
    const at = from ? parts.indexOf(from) : -1;
    const isGone = from && (at < 0 || at >= i);
    return isGone ? part.text : `${found[1]}add:${Math.max(1, i - at - 1)}`;
  });
}

/** A network's text in a form in which the same sizes are the same text: the server writes 3x3 where a person wrote 3. @param {string[]} parts */
const plain = (parts) => parts.join("|").replace(/\b(\d+)x\1\b/g, "$1");

/** The layers with all that can be undone. */
export class Stack {
  /** @type {string[]} */ parts = [];
  past = [];
  future = [];

  /**
   * The server says what the network is; that is news where it is not what was sent last. Where it is the one before, what
   * was sent could not be read, or Back took it away: nothing that anyone wants back.
   * @param {string[]} parts
   */
  hear(parts) {
    if (plain(parts) !== plain(this.parts) && this.known) {
      if (this.past.length > 0 && plain(parts) === plain(this.past.at(-1))) this.past.pop();
      else this.#remember();
    }
    this.parts = parts;
    this.known = true;
  }

  #remember() {
    this.past = [...this.past.slice(1 - MOST), this.parts];
    this.future = [];
  }

  /** @param {string[]} parts @returns {boolean} whether that is a change */
  put(parts) {
    if (plain(parts) === plain(this.parts)) return false;
    this.#remember();
    this.parts = parts;
    return true;
  }

  /** @param {-1 | 1} by */
  canGo = (by) => (by < 0 ? this.past : this.future).length > 0;

  /** @param {-1 | 1} by */
  travel(by) {
    if (!this.canGo(by)) return false;
    const [from, to] = by < 0 ? [this.past, this.future] : [this.future, this.past];
    to.push(this.parts);
    this.parts = from.pop();
    return true;
  }
}

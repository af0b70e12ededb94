/** What a filter and its inverse do to each frequency: 0 in the middle, fine stripes at the rim. What is lost is red. */
import { part } from "./descent_message.js";
import { element, setText } from "./stage_dom.js";
import { lookup } from "./stage_paint.js";
import { format } from "./stage_values.js";

const LOST = 0xff3c28dc; // red, as a little-endian word
const BOTH = 1.5; // where the scale of both together ends; 1 is what comes back as it was

export class Responses {
  constructor() {
    this.maps = Array.from({ length: 3 }, () => {
      const canvas = element("canvas", { className: "de-response", role: "img" });
      const [title, range] = [element("span", {}), element("span", { className: "de-range" })];
      return { canvas, title, range, root: element("div", {}, title, canvas, range) };
    });
    this.swatch = element("i", { className: "de-swatch", hidden: true });
    this.said = element("span");
    this.note = element("p", { className: "de-note" }, this.swatch, this.said);
    this.root = element("figure", { className: "tv-chart de-responses" }, element("figcaption", {}, "By frequency"), element("div", { className: "de-trio" }, ...this.maps.map(({ root }) => root)), this.note);
  }

  /** @param {any} message @param {number} frame */
  show({ responses, arrays, palettes }, frame) {
    const one = arrays.response;
    const inverse = part(arrays.inverses, Math.min(frame, arrays.inverses.shape[0] - 1));
    const both = inverse.values.map((value, i) => value * one.values[i]);
    const ends = [one.values.reduce((a, b) => Math.max(a, b), 0), inverse.values.reduce((a, b) => Math.max(a, b), 0), BOTH];
    let isRed = false;
    [one.values, inverse.values, both].forEach((values, i) => {
      const { canvas, title, range } = this.maps[i];
      const [height, width] = one.shape;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const most = ends[i] || 1;
      const words = lookup(palettes.sequential, 0, most, [0, most]);
      const pen = canvas.getContext("2d");
      const image = pen.createImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      for (let at = 0; at < pixels.length; at++) {
        const isLost = one.values[at] < responses.lost;
        isRed ||= isLost;
        pixels[at] = isLost && i !== 1 ? LOST : words[Math.min(255, Math.round((values[at] / most) * 255))];
      }
      pen.putImageData(image, 0, 0);
      const told = `0 … ${format(most, 2)}`;
      setText(title, responses.titles[i]);
      setText(range, told);
      canvas.setAttribute("aria-label", `${responses.titles[i]}, ${told}`);
    });
    // the share is that of the picture's own frequencies, which are finer than these
    const lost = responses.share ? `${responses.share} of this picture’s frequencies` : "none of them is in this picture";
    const said = isRed ? `Lost, in this colour: less than a thousandth is left (${lost}).` : responses.share ? `Lost, less than a thousandth is left: ${lost}.` : "Nothing is lost.";
    this.swatch.hidden = !isRed;
    setText(this.said, `The middle is the mean, the rim stripes two pixels wide. ${said} Where |F·G| is 1 all comes back.`);
  }
}

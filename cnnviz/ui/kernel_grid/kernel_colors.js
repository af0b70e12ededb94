/** A weight's colour: blue below zero and orange above, as in the stages; zero is the page's own background. */

/** @typedef {[number, number, number]} Rgb */

/** @type {Record<string, {negative: Rgb[], positive: Rgb[]}>}  from a weak weight to the strongest */
const ENDS = {
  light: { negative: [[186, 214, 240], [62, 127, 196]], positive: [[253, 212, 170], [226, 116, 38]] },
  dark: { negative: [[32, 67, 116], [104, 174, 245]], positive: [[104, 54, 26], [246, 156, 84]] },
};
const WEAKEST = 0.12; // how far from zero's colour a tiny weight already is

/** @param {Rgb} a @param {Rgb} b @param {number} t @returns {Rgb} */
const mix = (a, b, t) => /** @type {Rgb} */ (a.map((value, i) => Math.round(value + (b[i] - value) * t)));
const css = (/** @type {Rgb} */ color) => `rgb(${color.join(" ")})`;

/** Relative luminance as WCAG defines it. @param {Rgb} color */
function luminance(color) {
  const [r, g, b] = color.map((value) => (value <= 10 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever is read better on a colour: one of them always has 4.5 : 1. @param {Rgb} color */
export function textOn(color) {
  const light = luminance(color);
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.05 ? "#fff" : "#000";
}

/** @param {string} color  anything that CSS takes @returns {Rgb} */
function resolve(color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillStyle = color;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return [r, g, b];
}

export class Palette {
  /** @param {string} background */
  constructor(background) {
    this.background = resolve(background);
    this.scheme = luminance(this.background) < 0.18 ? "dark" : "light";
  }

  /**
   * @param {number} share  the weight divided by the largest in size, -1 to 1
   * @returns {{background: string, text: string}}
   */
  colors(share) {
    const ends = ENDS[this.scheme][share < 0 ? "negative" : "positive"];
    const t = share === 0 ? 0 : WEAKEST + (1 - WEAKEST) * Math.abs(share);
    const color = t < 0.5 ? mix(this.background, ends[0], 2 * t) : mix(ends[0], ends[1], 2 * t - 1);
    return { background: css(color), text: textOn(color) };
  }
}

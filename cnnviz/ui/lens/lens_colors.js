/** The colours of the lens: a stage's values in the stage's own, weights and products in the kernel's. */
import { Palette, textOn } from "./kernel_colors.js";

const LEVELS = 128; // that a weight's colour has, to either side

let weights = null; // {background, shades}

/** The colour of a weight, or of a product, by its share of the largest there can be: -1 to 1. */
export function weightColour(background) {
  if (weights?.background !== background) {
    const palette = new Palette(background);
    const shades = Array.from({ length: 2 * LEVELS + 1 }, (_, i) => palette.colors(i / LEVELS - 1));
    weights = { background, shades };
  }
  return (share) => weights.shades[Math.round((Math.max(-1, Math.min(1, share)) + 1) * LEVELS)];
}

const made = new WeakMap(); // of a palette's 256 colours

function shades(palette) {
  if (!made.has(palette)) {
    const all = Array.from({ length: 256 }, (_, i) => {
      const [r, g, b] = palette.subarray(3 * i, 3 * i + 3);
      return { background: `rgb(${r} ${g} ${b})`, text: textOn([r, g, b]) };
    });
    made.set(palette, all);
  }
  return made.get(palette);
}

/** The colour of a stage's value on a scale that ends at `ends`. */
export function stageColour(palette, [first, last]) {
  const all = shades(palette);
  return (value) => all[last > first ? Math.max(0, Math.min(255, Math.round((255 * (value - first)) / (last - first)))) : 0];
}

/** Paint a picture or a map onto a canvas of one pixel a cell, which a style makes large. */
const OPAQUE = 0xff000000; // a pixel is one little-endian word: alpha, blue, green, red

/** @param {HTMLCanvasElement} canvas @param {any} each what is shown @param {Record<string, Uint8Array>} palettes */
export function paint(canvas, { width, height, shape, values, isMap, scale, ends }, palettes) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const plane = width * height;
  if (isMap) {
    const palette = palettes[scale];
    const span = ends[1] - ends[0] || 1;
    for (let i = 0; i < plane; i++) {
      const at = 3 * Math.min(255, Math.max(0, Math.round(((values[i] - ends[0]) / span) * 255)));
      pixels[i] = OPAQUE | (palette[at + 2] << 16) | (palette[at + 1] << 8) | palette[at];
    }
  } else {
    const [green, blue] = shape[0] === 3 ? [plane, 2 * plane] : [0, 0];
    for (let i = 0; i < plane; i++) pixels[i] = OPAQUE | (values[i + blue] << 16) | (values[i + green] << 8) | values[i];
  }
  pen.putImageData(image, 0, 0);
}

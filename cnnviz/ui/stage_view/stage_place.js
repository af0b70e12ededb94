/** Where cells are: in a plot, in the image, in the zoomed part that all stages share. */
import { MARGIN } from "./stage_frame.js";
import { tileAt } from "./stage_tiles.js";

const CLOSEST = 4; // cells across at the most zoom

/**
 * The part of a stage to show, in its cells; cell i covers i ± 1/2.
 * @param {any} stage @param {{x: number[], y: number[]} | null} view the zoomed part in input pixels
 */
export function shownRange(stage, view) {
  const [, height, width] = stage.shape;
  if (!view) return { x: [-0.5, width - 0.5], y: [-0.5, height - 0.5] };
  const along = (axis, ends) => ends.map((at) => (at - stage.start[axis]) / stage.jump[axis]);
  return { x: along(1, view.x), y: along(0, view.y) };
}

/**
 * A plot's size in CSS pixels: as wide as its column, its cells as tall as they are in the image; for several maps a square.
 * @param {any} stage @param {number} columnWidth @param {boolean} isTiled @param {number} tallest share of the window's height
 */
export function plotSize(stage, columnWidth, isTiled, tallest) {
  const room = Math.max(40, columnWidth - MARGIN.l - MARGIN.r);
  const aspect = isTiled ? 1 : (stage.shape[1] * stage.jump[0]) / (stage.shape[2] * stage.jump[1]);
  const height = Math.max(24, Math.min(room * aspect, Math.max(160, tallest * window.innerHeight)));
  const width = Math.max(24, Math.min(room, height / aspect));
  return { width: Math.round(width) + MARGIN.l + MARGIN.r, height: Math.round(height) + MARGIN.t + MARGIN.b };
}

/**
 * The zoomed part in input pixels for the cells that a figure was zoomed to: widened so that cells keep
 * their shape, moved into the stage, null when it is all of it.
 */
export function viewOf(stage, range) {
  const full = shownRange(stage, null);
  const span = (ends) => ends[1] - ends[0];
  const aspect = span(full.y) / span(full.x);
  const least = Math.min(CLOSEST, span(full.x), span(full.y) / aspect);
  const across = Math.max(span(range.x), span(range.y) / aspect, least);
  if (across >= span(full.x) * 0.999) return null;
  const place = (ends, size, [first, last]) => {
    const from = Math.min(Math.max((ends[0] + ends[1] - size) / 2, first), last - size);
    return [from, from + size];
  };
  const cells = { x: place(range.x, across, full.x), y: place(range.y, across * aspect, full.y) };
  const along = (axis, ends) => ends.map((at) => stage.start[axis] + at * stage.jump[axis]);
  return { x: along(1, cells.x), y: along(0, cells.y) };
}

/** The cell under a pointer, or null outside; where several maps are shown, its channel too. */
export function cellAt(frame, stage, range, event) {
  const box = frame.screen.getBoundingClientRect();
  if (frame.tiles.length > 0) {
    const found = tileAt(frame.tiles, event.clientX - box.left, event.clientY - box.top);
    if (!found) return null;
    const { tile, u, v } = found;
    return { row: Math.floor(v * stage.shape[1]), column: Math.floor(u * stage.shape[2]), ...(tile.channel >= 0 ? { channel: tile.channel } : {}) };
  }
  const share = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  if (share.x < 0 || share.x >= 1 || share.y < 0 || share.y >= 1) return null;
  const along = (ends, at) => Math.round(ends[0] + at * (ends[1] - ends[0]));
  const [row, column] = [along(range.y, share.y), along(range.x, share.x)];
  return row >= 0 && row < stage.shape[1] && column >= 0 && column < stage.shape[2] ? { row, column } : null;
}

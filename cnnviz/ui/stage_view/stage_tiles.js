/**
 * All maps of a stage at once: side by side as small multiples, or one behind the other with depth, which can be turned.
 * Each is a tile, and seen from far away a turned map is an affine picture of it, so a canvas draws it as it is.
 *
 * @typedef {{channel: number, at: number[], wide: number, tall: number, side: keyof SIDES}} Tile
 *   `at`: where a map of `wide` × `tall` px lies in the plot, as `setTransform` takes it; `side`: which part of the map it shows
 * @typedef {{yaw: number, pitch: number}} Turn in radians
 */
import { drawCells } from "./stage_paint.js";

const GAP = 3; // px between small multiples
const SPREAD = 0.22; // of a map's width, between it and the one behind it
const DEEPEST = 1.5; // widths, of all maps together
const SLAB = 0.14; // of a picture's width: how thick each of its colours is drawn
const STEEPEST = { yaw: 1.25, pitch: 1 };
const EDGE = "rgb(128 128 128 / 0.75)";

export const FIRST_TURN = { yaw: 0.62, pitch: 0.38 };

/** What a tile shows of a map of these sizes: all of it, or its outermost row or column, drawn as a cuboid's wall. */
const SIDES = {
  all: (width, height) => [0, 0, width, height],
  left: (_, height) => [0, 0, 1, height],
  right: (width, height) => [width - 1, 0, 1, height],
  top: (width) => [0, 0, width, 1],
  bottom: (width, height) => [0, height - 1, width, 1],
};

/** @param {Turn} turn @param {number} yaw @param {number} pitch to turn it by @returns {Turn} */
export const turned = (turn, yaw, pitch) => ({
  yaw: Math.max(-STEEPEST.yaw, Math.min(STEEPEST.yaw, turn.yaw + yaw)),
  pitch: Math.max(-STEEPEST.pitch, Math.min(STEEPEST.pitch, turn.pitch + pitch)),
});

/**
 * Small multiples, as large as the box allows.
 * @param {number[]} channels @param {number} aspect height / width of a map @param {{width: number, height: number}} box
 * @returns {Tile[]}
 */
export function multiples(channels, aspect, { width, height }) {
  const fit = (columns) => {
    const lines = Math.ceil(channels.length / columns);
    return Math.min((width + GAP) / columns - GAP, ((height + GAP) / lines - GAP) / aspect);
  };
  const all = channels.map((_, i) => i + 1);
  const columns = all.reduce((best, count) => (fit(count) > fit(best) ? count : best), 1);
  const wide = Math.max(2, fit(columns));
  const tall = wide * aspect;
  const left = (width - columns * (wide + GAP) + GAP) / 2;
  const place = (i) => [1, 0, 0, 1, left + (i % columns) * (wide + GAP), Math.floor(i / columns) * (tall + GAP)];
  return channels.map((channel, i) => ({ channel, at: place(i), wide, tall, side: "all" }));
}

/**
 * A stack, the first map in front. A picture is a solid cuboid: its colours in front, and its layers on the walls.
 * @param {number[]} channels @param {number} aspect @param {{width: number, height: number}} box @param {Turn} turn
 * @param {boolean} isPicture
 * @returns {{tiles: Tile[], edges: [number[], number[]][], far: number[] | null}} from the farthest to the nearest; the block's
 *   lines in the plot; where the back of a solid cuboid lies, as a tile's `at`
 */
export function stack(channels, aspect, { width, height }, { yaw, pitch }, isPicture) {
  const each = isPicture ? SLAB : Math.min(SPREAD, DEEPEST / channels.length);
  const deep = each * (isPicture ? channels.length : channels.length - 1);
  const project = (x, y, z) => [x * Math.cos(yaw) + z * Math.sin(yaw), y * Math.cos(pitch) + (x * Math.sin(yaw) - z * Math.cos(yaw)) * Math.sin(pitch)];
  const corners = [0, 1].flatMap((x) => [0, aspect].flatMap((y) => [0, deep].map((z) => project(x, y, z))));
  const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
  const span = (list) => Math.max(...list) - Math.min(...list);
  const wide = Math.min(width / span(xs), height / span(ys));
  const tall = wide * aspect;
  const place = (x, y, z) => {
    const [X, Y] = project(x, y, z);
    return [(X - Math.min(...xs) - span(xs) / 2) * wide + width / 2, (Y - Math.min(...ys) - span(ys) / 2) * wide + height / 2];
  };
  /** A tile from its corner along two sides. */
  const tile = (channel, side, corner, across, down) => {
    const [from, right, below] = [place(...corner), place(...across), place(...down)];
    return { channel, side, wide, tall, at: [(right[0] - from[0]) / wide, (right[1] - from[1]) / wide, (below[0] - from[0]) / tall, (below[1] - from[1]) / tall, ...from] };
  };
  const front = (channel, z) => tile(channel, "all", [0, 0, z], [1, 0, z], [0, aspect, z]);
  const tiles = [];
  if (isPicture) {
    const [x, y] = [yaw > 0 ? 1 : 0, pitch > 0 ? 0 : aspect]; // the walls that are seen
    channels.forEach((channel, i) => {
      const [near, far] = [i * each, (i + 1) * each];
      tiles.push(tile(channel, x ? "right" : "left", [x, 0, near], [x, 0, far], [x, aspect, near]));
      tiles.push(tile(channel, y ? "bottom" : "top", [0, y, near], [1, y, near], [0, y, far]));
    });
    tiles.push(front(-1, 0));
  } else for (let i = channels.length - 1; i >= 0; i--) tiles.push(front(channels[i], i * each));
  const line = (one, other) => [place(...one), place(...other)];
  const edges = [0, 1].flatMap((x) => [0, aspect].map((y) => line([x, y, 0], [x, y, deep])));
  return { tiles, edges: isPicture ? [] : edges, far: isPicture ? front(-1, deep).at : null };
}

/**
 * Draw tiles.
 * @param {HTMLCanvasElement} screen @param {Tile[]} tiles @param {[number[], number[]][]} edges
 * @param {(channel: number) => HTMLCanvasElement} picture of a channel
 * @param {(pen: CanvasRenderingContext2D, tile: Tile) => void} hide covers what is not to be seen yet
 */
export function paintTiles(screen, tiles, edges, picture, hide) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [screen.clientWidth, screen.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
  if (screen.width !== width || screen.height !== height) Object.assign(screen, { width, height });
  const pen = screen.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.strokeStyle = EDGE;
  pen.lineWidth = 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.beginPath();
  for (const [from, to] of edges) {
    pen.moveTo(...from);
    pen.lineTo(...to);
  }
  pen.stroke(); // before the maps, which hide those behind them
  for (const { channel, at, wide, tall, side } of tiles) {
    const cells = picture(channel);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.transform(...at);
    drawCells(pen, cells, SIDES[side](cells.width, cells.height), wide, tall, ratio);
    if (side === "all") hide(pen, { channel, at, wide, tall, side });
    if (edges.length > 0) pen.strokeRect(0.5, 0.5, wide - 1, tall - 1);
  }
}

/** The nearest tile under a point of the plot, and the share of its width and height; null where there is none. @param {Tile[]} tiles */
export function tileAt(tiles, x, y) {
  for (const tile of tiles.toReversed()) {
    if (tile.side !== "all") continue;
    const [a, b, c, d, e, f] = tile.at;
    const det = a * d - b * c;
    const [u, v] = [(d * (x - e) - c * (y - f)) / det / tile.wide, (a * (y - f) - b * (x - e)) / det / tile.tall];
    if (u >= 0 && u < 1 && v >= 0 && v < 1) return { tile, u, v };
  }
  return null;
}

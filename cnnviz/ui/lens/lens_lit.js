/** What lights up on the heatmaps: windows, receptive fields, the cells on the way, the pin. */
import { MARGIN } from "./stage_frame.js";

const LEAST = 9; // px: a window of three cells on a map of 300 would not be seen
const ROOM = 6; // px around a plot: what marks a corner may stick out; the same in the style sheet
const SEEN = 3; // px of a gap between cells that is worth showing
const CELL = "#fff";
const WINDOW = "#22d3ee"; // on no scale, and apart from all of them for colour-blind eyes too
const FILL = "rgb(34 211 238 / 0.3)";
const PIN = "#ff5da2";
const SELECTED = "#7d5fe0";

const NONE = { rows: [], columns: [] };
const MOST = 64; // outlines on a map
const FAR = 4; // times the smallest step between indices: what lies so far off has an outline of its own

/** Rising indices in groups that lie together: a window with its gaps, but not the two ends that padding wraps around to. */
function groups(list, isWindow) {
  const steps = list.slice(1).map((at, k) => at - list[k]);
  const far = isWindow ? FAR * Math.min(...steps) : 1;
  const found = [[list[0]]];
  steps.forEach((step, k) => (step > far ? found.push([list[k + 1]]) : found.at(-1).push(list[k + 1])));
  return found;
}

/** Runs of rising indices as [from, to] in px; gaps too small to be seen are closed. */
function runs(list, px, size) {
  const found = [];
  for (const at of list) {
    const last = found.at(-1);
    if (last && (at - last[1] - 1) * size < SEEN && (at === last[1] + 1 || size < SEEN)) last[1] = at;
    else found.push([at, at]);
  }
  return found.map(([from, to]) => [px(from - 0.5), px(to + 0.5)]);
}

function outline(pen, [left, right], [top, bottom], color, grown = LEAST) {
  const [dx, dy] = [Math.max(0, grown - (right - left)) / 2, Math.max(0, grown - (bottom - top)) / 2];
  const box = [left - dx, top - dy, right - left + 2 * dx, bottom - top + 2 * dy];
  pen.lineWidth = 3.5;
  pen.strokeStyle = "#000";
  pen.strokeRect(...box);
  pen.lineWidth = 1.75;
  pen.strokeStyle = color;
  pen.strokeRect(...box);
}

/**
 * @typedef {{cells: {rows: number[], columns: number[]}, isWindow: boolean, place: any, pin: any}} Marks
 *   the cells that are lit, whether they are what one cell reads, the cell on the way, the pinned one; of several maps also
 *   which are meant (`channels`) and which is `selected`
 */

/**
 * Draw marks over a picture.
 * @param {CanvasRenderingContext2D} pen @param {{x: number, y: number, width: number, height: number}} box of the picture
 * @param {{x: number[], y: number[]}} range the cells that are shown @param {Marks} marks
 */
export function mark(pen, box, range, { cells, isWindow, place, pin }) {
  const size = { x: box.width / (range.x[1] - range.x[0]), y: box.height / (range.y[1] - range.y[0]) };
  const px = (at) => box.x + (at - range.x[0]) * size.x;
  const py = (at) => box.y + (at - range.y[0]) * size.y;
  const ends = (list, px) => [px(list[0] - 0.5), px(list.at(-1) + 0.5)];
  const one = ({ row, column }, color, least) => outline(pen, ends([column], px), ends([row], py), color, least);
  const count = cells.rows.length * cells.columns.length;
  if (count === 1) one({ row: cells.rows[0], column: cells.columns[0] }, CELL, 7);
  if (count > 1) {
    const [across, down] = [runs(cells.columns, px, size.x), runs(cells.rows, py, size.y)];
    pen.fillStyle = FILL;
    if (across.length * down.length > 1) for (const [top, bottom] of down) for (const [left, right] of across) pen.fillRect(left, top, right - left, bottom - top);
    let [rows, columns] = [groups(cells.rows, isWindow), groups(cells.columns, isWindow)];
    if (rows.length * columns.length > MOST) [rows, columns] = [[cells.rows], [cells.columns]];
    for (const some of rows) for (const others of columns) outline(pen, ends(others, px), ends(some, py), WINDOW);
    if (place) one(place, CELL, 3);
  }
  if (pin) one(pin, PIN, 7);
}

/** A window goes through the whole depth of a cuboid: its lines from the front to the back. @param {number[]} near @param {number[]} far `at` of both */
function through(pen, { at, wide, tall }, far, [, rows, columns], { cells }) {
  const [left, right] = [cells.columns[0], cells.columns.at(-1) + 1].map((x) => (x / columns) * wide);
  const [top, bottom] = [cells.rows[0], cells.rows.at(-1) + 1].map((y) => (y / rows) * tall);
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
  const [front, back] = [at, far].map(([a, b, c, d, e, f]) => corners.map(([x, y]) => [a * x + c * y + e, b * x + d * y + f]));
  pen.beginPath();
  front.forEach((corner, i) => {
    pen.moveTo(...corner);
    pen.lineTo(...back[i]);
    pen.lineTo(...back[(i + 1) % 4]);
  });
  for (const [width, color] of [[3, "#000"], [1.5, WINDOW]]) {
    pen.lineWidth = width;
    pen.strokeStyle = color;
    pen.stroke();
  }
}

/**
 * Mark a stage, on each of its maps that the marks are of.
 * @param {{lit: {canvas: HTMLCanvasElement, width: number, height: number}, tiles: any[], far: number[] | null}} frame
 *   `lit` lies over its plot, and `ROOM` around it
 */
export function light({ lit: { canvas, width, height }, tiles, far }, stage, range, marks) {
  const ratio = window.devicePixelRatio || 1;
  const [wide, tall] = [width, height].map((side) => Math.round((side + 2 * ROOM) * ratio));
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width + 2 * ROOM, height + 2 * ROOM);
  const box = { x: MARGIN.l + ROOM, y: MARGIN.t + ROOM, width: width - MARGIN.l - MARGIN.r, height: height - MARGIN.t - MARGIN.b };
  pen.save();
  pen.beginPath();
  pen.rect(box.x - ROOM, box.y - ROOM, box.width + 2 * ROOM, box.height + 2 * ROOM);
  pen.clip();
  if (tiles.length === 0) mark(pen, box, range, marks);
  const all = { x: [-0.5, stage.shape[2] - 0.5], y: [-0.5, stage.shape[1] - 0.5] };
  for (const tile of tiles) {
    const isLit = tile.side === "all" && (!marks.channels || tile.channel < 0 || marks.channels.includes(tile.channel));
    const pin = marks.pin && tile.side === "all" && (marks.pin.channel ?? tile.channel) === tile.channel ? marks.pin : null;
    const isSelected = tile.side === "all" && tile.channel === marks.selected && tiles.length > 1;
    if (!isLit && !pin && !isSelected) continue;
    pen.setTransform(ratio, 0, 0, ratio, box.x * ratio, box.y * ratio);
    if (far && isLit && marks.isWindow && marks.cells.rows.length * marks.cells.columns.length > 0) through(pen, tile, far, stage.shape, marks);
    pen.transform(...tile.at);
    if (isSelected) {
      pen.lineWidth = 2.5;
      pen.strokeStyle = SELECTED;
      pen.strokeRect(-1, -1, tile.wide + 2, tile.tall + 2);
    }
    mark(pen, { x: 0, y: 0, width: tile.wide, height: tile.tall }, all, isLit ? { ...marks, pin } : { cells: NONE, pin });
  }
  pen.restore();
}

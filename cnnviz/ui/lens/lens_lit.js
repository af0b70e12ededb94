/** What lights up on the heatmaps: windows, receptive fields, the cells on the way, the pin. */
import { MARGIN } from "./stage_frame.js";

const LEAST = 9; // px: a window of three cells on a map of 300 would not be seen
const SEEN = 3; // px of a gap between cells that is worth showing
const CELL = "#fff";
const WINDOW = "#22d3ee"; // on no scale, and apart from all of them for colour-blind eyes too
const FILL = "rgb(34 211 238 / 0.3)";
const PIN = "#ff5da2";

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
 * @param {any} frame of the stage
 * @param {{x: number[], y: number[]}} range the cells that are shown
 * @param {{rows: number[], columns: number[]} | null} cells that are lit; null: none
 * @param {boolean} isWindow whether they are what one cell reads
 * @param {{row: number, column: number} | null} place the cell on the way
 * @param {{row: number, column: number} | null} pin
 */
export function light(frame, range, cells, isWindow, place, pin) {
  const { canvas, width, height } = frame.lit;
  const ratio = window.devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const size = {
    x: (width - MARGIN.l - MARGIN.r) / (range.x[1] - range.x[0]),
    y: (height - MARGIN.t - MARGIN.b) / (range.y[1] - range.y[0]),
  };
  const px = (at) => MARGIN.l + (at - range.x[0]) * size.x;
  const py = (at) => MARGIN.t + (at - range.y[0]) * size.y;
  pen.save();
  pen.beginPath();
  pen.rect(MARGIN.l - 3, 0, width - MARGIN.l - MARGIN.r + 6, height - MARGIN.b + 3);
  pen.clip();
  const one = (cell, color, grown) => outline(pen, [px(cell.column - 0.5), px(cell.column + 0.5)], [py(cell.row - 0.5), py(cell.row + 0.5)], color, grown);
  if (cells && cells.rows.length > 0) {
    const [across, down] = [runs(cells.columns, px, size.x), runs(cells.rows, py, size.y)];
    pen.fillStyle = FILL;
    if (across.length * down.length > 1) for (const [top, bottom] of down) for (const [left, right] of across) pen.fillRect(left, top, right - left, bottom - top);
    const isOne = cells.rows.length * cells.columns.length === 1;
    const ends = (list, px) => [px(list[0] - 0.5), px(list.at(-1) + 0.5)];
    let [rows, columns] = [groups(cells.rows, isWindow), groups(cells.columns, isWindow)];
    if (rows.length * columns.length > MOST) [rows, columns] = [[cells.rows], [cells.columns]];
    for (const down of rows) for (const across of columns) outline(pen, ends(across, px), ends(down, py), isOne ? CELL : WINDOW, isOne ? 7 : LEAST);
  }
  if (place && cells?.rows.length * cells?.columns.length !== 1) one(place, CELL, 3);
  if (pin) one(pin, PIN, 7);
  pen.restore();
}

/** The window slides over the map, row by row, and the output fills in. All of it in the browser. */
import { range as indices, origin, origins, reads, seesAll } from "./stage_window.js";

const SLOWEST = 0.5; // cells a second
const FASTEST = 20_000;
const CALM = 500; // ms between two pictures for those who want less motion

/** Cells a second of a slider from 0 to 100: each step is as much faster as the one before. */
export const speedOf = (slider) => SLOWEST * (FASTEST / SLOWEST) ** (slider / 100);
export const sliderOf = (speed) => (100 * Math.log(speed / SLOWEST)) / Math.log(FASTEST / SLOWEST);

export class Player {
  isOn = false; // a stage is partly covered
  isPlaying = false;
  name = ""; // of the stage that fills in
  #at = 0; // the cell computed last, row by row; a smaller map has its last one instead, until it is larger again
  speed = SLOWEST;

  /** @param {{size: (name: string) => [number, number], show: () => void}} view `show` brings the page to `at` */
  constructor(view) {
    this.view = view;
    this.tick = (now) => this.#advance(now);
  }

  get count() {
    const [height, width] = this.view.size(this.name);
    return height * width;
  }

  get at() {
    return Math.min(this.#at, this.count - 1);
  }

  get cell() {
    const [, width] = this.view.size(this.name);
    return { name: this.name, row: Math.floor(this.at / width), column: this.at % width };
  }

  /** @param {string} name of the stage @param {number} at the cell to begin with */
  open(name, at) {
    Object.assign(this, { isOn: true, name });
    this.#at = at;
  }

  play() {
    if (this.at === this.count - 1) this.#at = 0;
    this.isPlaying = true;
    this.last = performance.now();
    this.rest = 0;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(this.tick);
    this.view.show();
  }

  stop() {
    this.isPlaying = false;
    cancelAnimationFrame(this.frame);
  }

  pause() {
    this.stop();
    this.view.show();
  }

  close() {
    this.isOn = false;
    this.pause();
  }

  /** @param {number} at a cell; one beyond the ends is the last or the first */
  seek(at) {
    this.#at = Math.min(Math.max(at, 0), this.count - 1);
    this.view.show();
  }

  #advance(now) {
    if (!this.isPlaying) return;
    this.frame = requestAnimationFrame(this.tick);
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const passed = Math.max(0, now - this.last); // a frame bears the time of its beginning
    if (isCalm && passed < CALM) return;
    this.last = now;
    this.rest += (Math.min(passed, 2 * CALM) / 1000) * this.speed;
    const steps = Math.floor(this.rest);
    this.rest -= steps;
    if (steps === 0) return;
    this.#at = Math.min(this.at + steps, this.count - 1);
    if (this.at === this.count - 1) this.pause();
    else this.view.show();
  }

  /**
   * How far each stage is computed: `rows` whole rows, then rows up to `partial` as far as `columns`. Null: all of it.
   * @param {import("./stage_values.js").Stage[]} stages
   */
  progress(stages) {
    const found = stages.map(() => null);
    const first = stages.findIndex((stage) => stage.name === this.name);
    if (!this.isOn || first < 0) return found;
    const width = stages[first].shape[2];
    const done = this.at + 1;
    found[first] = { rows: Math.floor(done / width), partial: Math.ceil(done / width), columns: done % width };
    for (let j = first + 1; j < stages.length; j++) {
      const from = origin(stages, j);
      const before = found[origins(stages, j).find((i) => found[i])];
      if (!before) continue;
      if (seesAll(stages[j])) {
        const isDone = before.rows === stages[from].shape[1];
        found[j] = { rows: isDone ? stages[j].shape[1] : 0, partial: isDone ? stages[j].shape[1] : 0, columns: 0 };
        continue;
      }
      const [rows, columns] = [0, 1].map((axis) => {
        const size = stages[from].shape[1 + axis];
        return indices(stages[j].shape[1 + axis], (at) => Math.max(...reads(stages, j, axis, at).filter((index) => index < size)));
      });
      const count = (list, end) => list.filter((last) => last < end).length;
      found[j] = { rows: count(rows, before.rows), partial: count(rows, before.partial), columns: count(columns, before.columns) };
    }
    return found;
  }
}

/** Whether a cell of a stage is computed, by its progress. */
export const isDone = (progress, row, column) =>
  !progress || row < progress.rows || (row < progress.partial && column < progress.columns);

/**
 * Cover what is not computed yet.
 * @param {CanvasRenderingContext2D} pen @param {{width: number, height: number}} size of the picture, at the pen's origin
 * @param {{x: number[], y: number[]}} range shown
 */
export function cover(pen, { width, height }, range, { rows, partial, columns }, color) {
  const [wide, tall] = [width / (range.x[1] - range.x[0]), height / (range.y[1] - range.y[0])];
  const [x, top, bottom] = [(columns - 0.5 - range.x[0]) * wide, (rows - 0.5 - range.y[0]) * tall, (partial - 0.5 - range.y[0]) * tall];
  pen.fillStyle = color;
  pen.fillRect(Math.max(0, x), top, width - Math.max(0, x), bottom - top);
  pen.fillRect(0, bottom, width, Math.max(0, height - bottom));
}

/** Lines on a sheet: kept as lines, so that the last can be taken away and all can be drawn anew in other colours. */
const SIDE = 256; // pixels of a drawing
const BRUSH = SIDE / 13;

const NEAR = 0.3; // of what a line spans, that its ends are apart at most where it goes around something

/** @param {[number, number][]} points */
function isClosed(points) {
  const spans = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])) - Math.min(...points.map((point) => point[axis])));
  const [first, last] = [points[0], points.at(-1)];
  return Math.hypot(last[0] - first[0], last[1] - first[1]) <= NEAR * Math.hypot(...spans);
}

/** @typedef {{points: [number, number][], isErasing: boolean, isFilled: boolean}} Line points as shares of the side */

export class Sheet {
  /** @type {Line[]} */ lines = [];
  /** @type {Line | null} */ line = null;
  /** @type {HTMLImageElement | null} */ ground = null; // what was drawn before this sheet was there
  colours = ["#ffffff", "#000000"]; // of brush and paper
  isErasing = false;
  isFilling = false;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    Object.assign(canvas, { width: SIDE, height: SIDE });
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
  }

  get isDown() {
    return this.line !== null;
  }

  get isEmpty() {
    return this.lines.length === 0 && !this.ground;
  }

  /** @param {[number, number]} place */
  begin(place) {
    if (this.isErasing && this.isEmpty) return;
    this.line = { points: [place], isErasing: this.isErasing, isFilled: false };
    this.lines.push(this.line);
    this.redraw();
  }

  /** @param {[number, number]} place */
  to(place) {
    if (!this.line) return;
    this.line.points.push(place);
    this.#draw(this.line, this.line.points.slice(-2));
  }

  end() {
    const { line } = this;
    this.line = null;
    if (!line || !this.isFilling || line.isErasing || line.points.length < 3 || !isClosed(line.points)) return;
    line.isFilled = true;
    this.redraw();
  }

  undo() {
    if (this.lines.length > 0) this.lines.pop();
    else this.ground = null;
    this.redraw();
  }

  clear() {
    Object.assign(this, { lines: [], line: null, ground: null });
    this.redraw();
  }

  forget() {
    if (!this.isEmpty) this.clear();
  }

  /** @param {HTMLImageElement} image */
  beginWith(image) {
    this.ground = image;
    this.redraw();
  }

  redraw() {
    this.pen.fillStyle = this.colours[1];
    this.pen.fillRect(0, 0, SIDE, SIDE);
    if (this.ground) this.pen.drawImage(this.ground, 0, 0, SIDE, SIDE);
    for (const line of this.lines) this.#draw(line, line.points);
  }

  /** @param {Line} line @param {[number, number][]} points */
  #draw({ isErasing, isFilled }, points) {
    const { pen } = this;
    Object.assign(pen, { lineWidth: isErasing ? BRUSH * 1.6 : BRUSH, lineCap: "round", lineJoin: "round" });
    pen.strokeStyle = pen.fillStyle = this.colours[isErasing ? 1 : 0];
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x * SIDE, y * SIDE) : pen.moveTo(x * SIDE, y * SIDE)));
    if (points.length === 1) pen.lineTo(points[0][0] * SIDE + 0.01, points[0][1] * SIDE);
    if (isFilled) {
      pen.closePath();
      pen.fill();
    }
    pen.stroke();
  }
}

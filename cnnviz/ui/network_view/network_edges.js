/** The lines between maps: which of the layer before each reads. Faint, and lit for the map under the pointer. */
import { element } from "./stage_dom.js";

const MOST = 600; // faint lines between two layers: more would be one grey area

export class Edges {
  root = element("canvas", { className: "nv-edges", "aria-hidden": "true" });
  lines = []; // from, to: each {column, map}

  /** @param {any[][]} boxes by column and map @param {any[]} columns @param {HTMLElement} track */
  draw(boxes, columns, track) {
    this.boxes = boxes;
    this.lines = columns.flatMap((column, at) => (at === 0 ? [] : linesTo(columns, boxes, at)));
    this.root.style.cssText = "width:0;height:0"; // or a row that gets shorter would keep its room
    this.size = [track.scrollWidth, track.scrollHeight];
    const style = getComputedStyle(track);
    this.colors = { faint: style.getPropertyValue("--nv-faint"), lit: style.getPropertyValue("--st-primary-color") };
    this.light(null);
  }

  /** Light what a map reads and what reads it. @param {{column: number, map: number} | null} at map -1: all of the layer */
  light(at) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = this.size;
    if (this.root.width !== Math.round(width * ratio)) this.root.width = Math.round(width * ratio);
    this.root.height = Math.round(height * ratio);
    this.root.style.cssText = `width:${width}px;height:${height}px`;
    const pen = this.root.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.strokeStyle = this.colors.faint;
    this.boxes.forEach((_, column) => {
      const lines = this.lines.filter(({ to }) => to.column === column);
      pen.lineWidth = Math.min(0.8, 6 / Math.sqrt(lines.length + 1) / 2); // many lines together are as faint as few
      this.#stroke(pen, lines);
    });
    if (!at) return;
    const isAt = (end) => end.column === at.column && (at.map < 0 || end.map === at.map);
    pen.lineWidth = 1.6;
    pen.strokeStyle = this.colors.lit;
    this.#stroke(pen, this.lines.filter(({ from, to }) => isAt(to) || isAt(from)));
    const box = this.boxes[at.column]?.[at.map];
    if (box) pen.strokeRect(box.x - 1.5, box.y - 1.5, box.width + 3, box.height + 3);
  }

  #stroke(pen, lines) {
    pen.beginPath();
    for (const { from, to, isSkip } of lines) {
      const [a, b] = [this.boxes[from.column][from.map], this.boxes[to.column][to.map]];
      const start = [a.x + (a.reach ?? a.width), a.y + a.height * (from.share ?? 0.5)];
      const end = [b.x, b.y + b.height * (to.share ?? 0.5)];
      const bend = Math.max(12, (end[0] - start[0]) / 2);
      const lift = isSkip ? Math.min(start[1], end[1]) - 8 : 0;
      pen.moveTo(...start);
      if (isSkip) pen.bezierCurveTo(start[0] + bend, 2, end[0] - bend, 2, ...end);
      else pen.bezierCurveTo(start[0] + bend, start[1] - lift, end[0] - bend, end[1] - lift, ...end);
    }
    pen.stroke();
  }
}

/** The lines that lead to a layer. */
function linesTo(columns, boxes, at) {
  const column = columns[at];
  const from = (before, isSkip) => {
    const [left, right] = [boxes[before], boxes[at]];
    if (left.length === 0 || right.length === 0) return [];
    const pairs = [];
    right.forEach((_, map) => {
      left.forEach((_, other) => {
        if (reads(column, columns[before], map, other, right.length, left.length)) pairs.push({ from: { column: before, map: other }, to: { column: at, map }, isSkip });
      });
    });
    if (column.reads === "flatten" && right.length === 1) pairs.forEach((pair) => (pair.to.share = (pair.from.map + 0.5) / left.length));
    return pairs.slice(0, MOST);
  };
  return [...from(at - 1, false), ...(column.skips ? from(at - 1 - column.skips, true) : [])];
}

/** Whether a map reads one of the layer before. */
function reads({ reads: how, shape }, before, map, other, count, others) {
  if (how === "own") return count === others ? map === other : true;
  if (typeof how !== "number") return true;
  const [size, sizeBefore] = [shape[0] / how, before.shape[0] / how]; // maps of a group
  return Math.floor(map / size) === Math.floor(other / sizeBefore);
}

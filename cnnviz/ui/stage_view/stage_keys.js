/** A stage by keyboard: arrows read a cell, plus and minus zoom, 0 shows all. */

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const ZOOMS = { "+": 0.5, "=": 0.5, "-": 2 };

/** @param {any} view @param {string} name of the stage @param {KeyboardEvent} event */
export function onKey(view, name, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const [, height, width] = view.stage(name).shape;
  const cell = view.cell?.name === name ? view.cell : { name, row: Math.floor(height / 2), column: Math.floor(width / 2) };
  const step = STEPS[event.key];
  const factor = ZOOMS[event.key];
  if (step) view.read({ name, row: cell.row + step[0], column: cell.column + step[1] }, "polite");
  else if (factor) view.zoomBy(factor, cell);
  else if (event.key === "0") view.zoom(null);
  else return;
  event.preventDefault();
}

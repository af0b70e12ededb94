/** A stage by keyboard. The lens's `?` lists the keys. */
import { act } from "./lens_tools.js";
import { isWindowed } from "./stage_window.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const TURNS = { "[": [12, 0], "]": [-12, 0], "{": [0, -12], "}": [0, 12] }; // px of a drag
const ZOOMS = { "+": 0.5, "=": 0.5, "-": 2 };

/** How far Shift and an arrow go: as far as the window that reads this map moves; on the last map, its own. */
function strideOn(view, name) {
  const { stages } = view;
  const at = stages.findIndex((stage) => stage.name === name);
  const windowed = stages.slice(at + 1).find(isWindowed) ?? stages.findLast(isWindowed);
  return windowed?.how.stride ?? [1, 1];
}

/** @param {any} view @param {string} name of the stage @param {KeyboardEvent} event */
export function onKey(view, name, event) {
  if (event.metaKey || event.altKey) return;
  const { reader } = view;
  const cell = reader.cellOn(name);
  const step = STEPS[event.key];
  const goTo = (to) => reader.go({ ...cell, ...to });
  const [, height, width] = view.stage(name).shape;
  if (event.ctrlKey && event.key === "Home") goTo({ row: 0, column: 0 });
  else if (event.ctrlKey && event.key === "End") goTo({ row: height - 1, column: width - 1 });
  else if (event.ctrlKey) return;
  else if (step) {
    const [down, across] = event.shiftKey ? strideOn(view, name) : [1, 1];
    goTo({ row: cell.row + step[0] * down, column: cell.column + step[1] * across });
  } else if (event.key === "Home") goTo({ column: 0 });
  else if (event.key === "End") goTo({ column: width - 1 });
  else if (event.key === "Enter") reader.togglePin();
  else if (event.key === " ") reader.togglePlay();
  else if (act(reader, event)) return;
  else if (ZOOMS[event.key]) view.zoomBy(ZOOMS[event.key], cell);
  else if (TURNS[event.key]) view.turn(name, ...TURNS[event.key]);
  else if (event.key === "0") view.zoom(null);
  else return;
  event.preventDefault();
}

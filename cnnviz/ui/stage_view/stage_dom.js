/** The elements of the stage view. Text only ever enters as text. */
import { format } from "./stage_values.js";
import { gradient } from "./stage_paint.js";

/** @param {string} tag @param {Record<string, any>} properties @param {...(Node | string)} children */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, content] of Object.entries(properties)) {
    if (name in node) node[name] = content;
    else node.setAttribute(name, content);
  }
  node.append(...children);
  return node;
}

/** Give an element a text, where it has another: the same one set again, or a new node for it, would cost a layout. @param {Node} node @param {string} text */
export function setText(node, text) {
  if (!node.firstChild) node.append(text);
  else if (node.firstChild.data !== text) node.firstChild.data = text;
}

/** Give an element attributes, where it has others. @param {Element} node @param {Record<string, any>} attributes */
export function setAttributes(node, attributes) {
  for (const [name, content] of Object.entries(attributes)) if (node.getAttribute(name) !== `${content}`) node.setAttribute(name, content);
}

/** An element of an SVG picture. @param {string} tag @param {Record<string, any>} attributes @param {...Node} children */
export function drawing(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, content] of Object.entries(attributes)) node.setAttribute(name, content);
  node.append(...children);
  return node;
}

/** Put a style sheet on the page. @param {string} href @returns {Promise<unknown>} resolved when it applies */
export const stylesheet = (href) =>
  new Promise((resolve) => document.head.append(element("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve })));

export const styled = stylesheet(new URL("stage_view.css", import.meta.url).href);

/** One stage: a title and shape, the plot, a channel switch, a legend. @param {string} name */
export function buildStage(name) {
  const frame = {
    how: element("span", { className: "sv-how" }),
    title: element("h3"),
    shape: element("span", { className: "sv-shape" }),
    figure: element("div", { className: "sv-figure" }),
    screen: element("canvas", { className: "sv-cells", "aria-hidden": "true" }),
    lit: { canvas: element("canvas", { className: "sv-lit", "aria-hidden": "true" }), width: 0, height: 0 }, // over plot and margin
    channels: element("div", { className: "sv-channels", role: "group", "aria-label": "what is shown", hidden: true }),
    low: element("span"),
    legend: element("div", { className: "sv-gradient", role: "img" }),
    high: element("span"),
    cells: new Map(), // by channel, -1 for three as a picture: a canvas of one pixel a cell, never on the page
    tiles: [], // where the maps lie when several are shown at once; see stage_tiles.js
  };
  frame.plot = element("div", { className: "sv-plot", tabIndex: 0, role: "application" }, frame.figure, frame.screen, frame.lit.canvas);
  frame.section = element(
    "section",
    { className: "sv-stage", "data-stage": name },
    element("div", { className: "sv-top" }, frame.how, frame.channels),
    element("header", {}, frame.title, frame.shape),
    frame.plot,
    element("footer", {}, frame.low, frame.legend, frame.high),
  );
  return frame;
}

/** The place of a stage that is off. @param {string} title */
export const emptyPlace = (title) => element("div", { className: "sv-empty", "aria-hidden": "true" }, `${title}: off`);

/** Write what a stage says of itself. @param {[number, number]} span of the values that it shows */
export function labelStage(frame, stage, span, palette, ends) {
  const shape = stage.shape.join("×");
  const [low, high] = span.map((number) => format(number));
  frame.section.dataset.shape = stage.shape.join("x");
  frame.section.classList.toggle("source", !stage.arrow); // nothing leads to it
  frame.title.textContent = stage.title;
  frame.shape.textContent = shape;
  frame.how.textContent = stage.arrow.replaceAll("\n", " ");
  frame.low.textContent = low;
  frame.high.textContent = high;
  frame.low.title = "smallest value";
  frame.high.title = "largest value";
  frame.legend.style.background = gradient(palette, ...span, ends);
  frame.legend.title = `the colours of the values from ${low} to ${high}`;
  frame.legend.setAttribute("aria-label", frame.legend.title);
  const keys = "Arrow keys go from cell to cell, Enter pins, Space slides the window, question mark lists the keys.";
  frame.plot.setAttribute("aria-label", `${stage.title}, ${shape}, values from ${low} to ${high}. ${keys}`);
}

const ICONS = { all: "M1 1h6v6H1zM9 1h6v6H9zM1 9h6v6H1zM9 9h6v6H9z", stack: "M1 4h8v8H1zM3 3V2h9v9h-1V3zM6 1V0h9v9h-1V1z" };
const ALL = { all: ["all maps", "all maps side by side"], stack: ["stack", "all maps as a block with depth: drag to turn it"] };
const FEW = 4; // channels that have a button each

/** What a stage can show: each as its look (a channel, -1 for three as RGB, all, stack), how it is written, and its meaning. */
function looksOf(stage) {
  const maps = isRGB(stage)
    ? [[-1, "RGB", "RGB"], [0, "R", "red"], [1, "G", "green"], [2, "B", "blue"]]
    : stage.ranges.map((_, c) => [c, `${c}`, `map ${c}`]);
  return [...maps, ...Object.entries(ALL).map(([look, texts]) => [look, ...texts])];
}

/** Offer the looks of a stage that has several channels; `choose` gets the one that is wanted. */
export function labelChannels(frame, stage, shown, choose) {
  const count = stage.shape[0];
  frame.channels.hidden = count === 1;
  if (count === 1) return;
  const options = looksOf(stage);
  const key = `${count} ${isRGB(stage)}`;
  if (frame.offered !== key) {
    frame.offered = key;
    frame.channels.replaceChildren(...(count > FEW ? [menu(options, choose)] : options.map((option) => look(option, choose))));
  }
  if (count > FEW) frame.channels.firstChild.value = `${shown}`;
  else options.forEach(([name], i) => frame.channels.children[i].setAttribute("aria-pressed", `${name === shown}`));
}

function look([name, text, title], choose) {
  const button = element("button", { type: "button", textContent: ICONS[name] ? "" : text, title, "aria-label": title, onclick: () => choose(name) });
  if (ICONS[name]) button.append(drawing("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, drawing("path", { d: ICONS[name] })));
  return button;
}

const menu = (options, choose) =>
  element(
    "select",
    { "aria-label": "What is shown", onchange: ({ target }) => choose(target.value in ALL ? target.value : Number(target.value)) },
    ...options.map(([name, text, title]) => element("option", { value: `${name}`, textContent: name in ALL ? text : title })),
  );

/** Whether three channels are the colours of a picture. */
export const isRGB = (stage) => stage.scale === "gray" && stage.shape[0] === 3;

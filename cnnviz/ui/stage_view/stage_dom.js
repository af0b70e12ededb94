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
    channels: element("div", { className: "sv-channels", role: "group", "aria-label": "channel shown", hidden: true }),
    low: element("span"),
    legend: element("div", { className: "sv-gradient", role: "img" }),
    high: element("span"),
    cells: document.createElement("canvas"), // one pixel a cell, never on the page
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

/** Write what a stage says of itself. */
export function labelStage(frame, stage, palette, ends) {
  const shape = stage.shape.join("×");
  const [low, high] = [stage.low, stage.high].map((number) => format(number));
  frame.section.dataset.shape = stage.shape.join("x");
  frame.title.textContent = stage.title;
  frame.shape.textContent = shape;
  frame.how.textContent = stage.arrow.replaceAll("\n", " ");
  frame.low.textContent = low;
  frame.high.textContent = high;
  frame.low.title = "smallest value";
  frame.high.title = "largest value";
  frame.legend.style.background = gradient(palette, stage.low, stage.high, ends);
  frame.legend.title = `the colours of the values from ${low} to ${high}`;
  frame.legend.setAttribute("aria-label", frame.legend.title);
  const keys = "Arrow keys go from cell to cell, Enter pins, Space slides the window, question mark lists the keys.";
  frame.plot.setAttribute("aria-label", `${stage.title}, ${shape}, values from ${low} to ${high}. ${keys}`);
}

/** Offer the channels of a stage that has several; `choose` gets the channel, -1 for all three as RGB. */
export function labelChannels(frame, stage, shown, choose) {
  const count = stage.shape[0];
  frame.channels.hidden = count === 1;
  if (count === 1) return;
  const options = isRGB(stage) ? [["RGB", -1], ["red", 0], ["green", 1], ["blue", 2]] : Array.from({ length: count }, (_, c) => [`${c}`, c]);
  if (frame.channels.childElementCount !== options.length) {
    frame.channels.replaceChildren(
      ...options.map(([label, channel]) => element("button", { type: "button", textContent: label, onclick: () => choose(channel) })),
    );
  }
  options.forEach(([, channel], i) => frame.channels.children[i].setAttribute("aria-pressed", `${channel === shown}`));
}

/** Whether three channels are the colours of a picture. */
export const isRGB = (stage) => stage.scale === "gray" && stage.shape[0] === 3;

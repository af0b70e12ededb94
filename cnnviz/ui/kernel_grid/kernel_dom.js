/** Small builders of elements. Data gets in as text or attributes only, never as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} className
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, className, attributes = {}, children = []) {
  const node = document.createElement(name);
  node.className = className;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Lines on a 16×16 field; a path that ends in Z is filled. */
const ICONS = {
  undo: ["M6 3.2 2.8 6.4 6 9.6M3 6.4h6.4a3.4 3.4 0 0 1 0 6.8H6.5"],
  redo: ["M10 3.2l3.2 3.2L10 9.6M13 6.4H6.6a3.4 3.4 0 0 0 0 6.8h2.9"],
  reset: ["M3 8.2a5 5 0 1 0 1.7-3.9L3 5.9M3 2.6v3.3h3.3"],
  rotate: ["M2.8 7.4h5.8v5.8H2.8z ", "M5.4 3.4h4.2a3.4 3.4 0 0 1 3.4 3.4v1.8", "M10.8 6.8 13 9l2.2-2.2"],
  flip: ["M2.5 8V2.5H8Z", "M13.5 8v5.5H8", "M13.5 8 8 13.5", "M8 8h.01"],
  dice: [
    "M4.6 2.6h6.8a2 2 0 0 1 2 2v6.8a2 2 0 0 1-2 2H4.6a2 2 0 0 1-2-2V4.6a2 2 0 0 1 2-2",
    "M5.6 5.6h.01", "M10.4 5.6h.01", "M8 8h.01", "M5.6 10.4h.01", "M10.4 10.4h.01",
  ],
};

/** @param {keyof typeof ICONS} name */
function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  for (const line of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    if (line.endsWith("Z")) path.setAttribute("fill", "currentColor");
    if (line.endsWith(".01")) path.setAttribute("class", "kg-dot");
    svg.append(path);
  }
  return svg;
}

/**
 * @param {string} face  an icon's name or a few signs
 * @param {string} label
 * @param {() => void} press
 */
export function button(face, label, press) {
  const node = element("button", "kg-button", { type: "button" }, [face in ICONS ? icon(face) : face]);
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-disabled") !== "true") press();
  });
  enable(node, true, label);
  return node;
}

/**
 * A button that cannot act stays in reach of the keyboard, and its label says why.
 * @param {HTMLElement} node
 * @param {boolean} enabled
 * @param {string} label
 */
export function enable(node, enabled, label) {
  node.setAttribute("aria-disabled", String(!enabled));
  node.setAttribute("aria-label", label);
  node.title = label;
}

/**
 * The Plotly figure under a stage's cells: axes in cells, zoom, pan, and the same heatmap.
 *
 * Plotly is loaded after the first picture is on the screen, and told of new values when no tweak came
 * for a moment: what it shows at rest is what the canvas shows, and no tweak waits for it.
 */

/** Pixels around the cells, for the axes. */
export const MARGIN = { l: 26, r: 2, t: 2, b: 16, pad: 0 };

const CONFIG = {
  scrollZoom: true,
  displayModeBar: false, // it would cover the cells; our own buttons zoom all stages at once
  doubleClick: false, // ours likewise
  plotlyServerURL: "", // nothing leaves this machine
};

let loading;

/** Plotly, fetched once from where this module lies. */
function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const src = new URL("plotly.min.js", import.meta.url).href;
    const failed = () => {
      loading = null; // the next rest tries again
      reject(new Error("Plotly could not be loaded"));
    };
    Object.assign(script, { src, async: true, onload: () => resolve(window.Plotly), onerror: failed });
    document.head.append(script);
  });
  return loading;
}

/** A Plotly colour scale from a palette of 256 colours. */
function colorscale(palette) {
  return Array.from({ length: 33 }, (_, i) => {
    const at = 3 * Math.round((i * 255) / 32);
    return [i / 32, `rgb(${palette[at]},${palette[at + 1]},${palette[at + 2]})`];
  });
}

function layout({ range, size, styles, isZoomed }) {
  const axis = {
    showgrid: false,
    zeroline: false,
    nticks: 4,
    ticks: "outside",
    ticklen: 3,
    tickfont: { size: 9, color: styles.text },
    tickcolor: styles.border,
    linecolor: styles.border,
    tickformat: "d",
    fixedrange: false,
  };
  return {
    width: size.width,
    height: size.height,
    margin: MARGIN,
    hovermode: false, // the lens says what is pointed at; Plotly need not look for it at every move
    dragmode: matchMedia("(pointer: coarse)").matches && !isZoomed ? false : "pan", // a finger scrolls the page
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: styles.font, color: styles.text },
    xaxis: { ...axis, range: [...range.x] },
    yaxis: { ...axis, range: [range.y[1], range.y[0]] }, // row 0 is on top
  };
}

/**
 * Bring the figure to what the canvas shows. It answers a zoom with a `stage-zoom` event (cells shown,
 * from the top left) and a double click with `stage-reset`.
 * @param {HTMLElement} figure
 * @param {{z: Float32Array[], step: number, ends: [number, number], palette: Uint8Array, range: any, size: any, styles: any, isZoomed: boolean}} now
 */
export async function settle(figure, now) {
  const Plotly = await loadPlotly();
  if (!figure.isConnected) return;
  const trace = {
    type: "heatmap",
    z: now.z,
    x0: (now.step - 1) / 2,
    dx: now.step,
    y0: (now.step - 1) / 2,
    dy: now.step,
    zmin: now.ends[0],
    zmax: now.ends[1],
    colorscale: colorscale(now.palette),
    showscale: false,
    hoverinfo: "none",
  };
  const first = !figure.data;
  await Plotly.react(figure, [trace], layout(now), CONFIG);
  if (first) listen(figure);
}

function listen(figure) {
  const zoomed = (event) => {
    const end = (axis, i) => event[`${axis}.range[${i}]`] ?? event[`${axis}.range`]?.[i];
    const detail = { x: [end("xaxis", 0), end("xaxis", 1)], y: [end("yaxis", 1), end("yaxis", 0)] };
    if ([...detail.x, ...detail.y].every(Number.isFinite)) figure.dispatchEvent(new CustomEvent("stage-zoom", { detail }));
  };
  figure.on("plotly_relayout", zoomed);
  // A box being drawn is not a zoom yet; a pan and the wheel are, all the way.
  figure.on("plotly_relayouting", (event) => figure.layout.dragmode !== "zoom" && zoomed(event));
  figure.on("plotly_doubleclick", () => figure.dispatchEvent(new CustomEvent("stage-reset")));
}

"""A stage view with its lens in a page that is not the app, and what NumPy alone says that it must show."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from playwright.sync_api import Page

from cnnviz.ui.components import ROUTE
from cnnviz.ui.experiment import Experiment
from cnnviz.ui.stage_view import StageMap, pack
from cnnviz.ui.stages import TITLES
from tests.option_space import both, naive_sides, naive_starts
from tests.test_stages import activated

Cells = tuple[list[int], list[int]]  # where one of the rows meets one of the columns
NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-−+]?\d+)?")
PADS = {"reflect": {"mode": "reflect"}, "replicate": {"mode": "edge"}, "circular": {"mode": "wrap"}}

# Show a message, make moves, and after each say what the lens and the stages say.
DRIVE = """async ([route, message, moves]) => {
  const { default: stageView } = await import(`${route}/stage_view.js`);
  const unbase = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  document.body.style.cssText = `margin: 0; --st-text-color: #31333f; --st-background-color: #ffffff;
    --st-secondary-background-color: #f0f2f6; --st-primary-color: #ff4b4b; --st-border-color: #cccccc;
    --st-font: sans-serif; --st-code-font: monospace; --st-base-radius: 8px`;
  const parentElement = document.createElement("div");
  parentElement.style.width = "1400px";
  document.body.replaceChildren(parentElement);
  const leave = await stageView({ data: unbase(message), parentElement });
  const one = (selector) => parentElement.querySelector(selector);
  const all = (selector) => [...parentElement.querySelectorAll(selector)];
  const frame = () => new Promise(requestAnimationFrame);
  if (!one("[data-drawn]")) throw new Error("nothing is drawn");
  const stageOf = (name) => one(`[data-stage="${name}"][data-shape]`);
  const plotOf = (name) => stageOf(name).querySelector(".sv-plot");
  const button = (root, text) => [...root.querySelectorAll("button")].find((node) => [node.textContent, node.title].includes(text));
  const weight = Object.assign(document.createElement("input"), { className: "kg-cell" });
  document.body.append(weight);
  const over = (node) => node.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  const grid = (part, k) => all(`.ln-${part}-grid`)[k];

  const MOVES = {
    keys(stage, keys) {
      for (const name of keys) {
        const init = { key: name.replace("Control+", ""), ctrlKey: name.startsWith("Control+") };
        plotOf(stage).dispatchEvent(new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true }));
      }
    },
    point(stage, row, column) {
      const [, height, width] = stageOf(stage).dataset.shape.split("x");
      const box = stageOf(stage).querySelector("canvas.sv-cells").getBoundingClientRect();
      const at = { clientX: box.left + ((column + 0.5) / width) * box.width, clientY: box.top + ((row + 0.5) / height) * box.height };
      plotOf(stage).dispatchEvent(new PointerEvent("pointermove", { ...at, bubbles: true }));
    },
    /** Point at a place of the plot, in shares of it; and the nine pixels that are seen there. */
    at(stage, across, down) {
      const canvas = stageOf(stage).querySelector("canvas.sv-cells");
      const box = canvas.getBoundingClientRect();
      const [x, y] = [Math.floor(across * canvas.width), Math.floor(down * canvas.height)];
      const at = { clientX: box.left + ((x + 0.5) / canvas.width) * box.width, clientY: box.top + ((y + 0.5) / canvas.height) * box.height };
      plotOf(stage).dispatchEvent(new PointerEvent("pointermove", { ...at, bubbles: true }));
      return { pixels: [...canvas.getContext("2d").getImageData(x - 1, y - 1, 3, 3).data] };
    },
    weight(row, column) {
      Object.assign(weight.dataset, { row, col: column });
      over(weight);
    },
    noWeight() {
      weight.dispatchEvent(new PointerEvent("pointerout", { bubbles: true }));
    },
    term: (part, k, n) => over(grid(part, k).children[n]),
    noTerm: (part, k) => grid(part, k).dispatchEvent(new PointerEvent("pointerleave")),
    channel(stage, label) {
      const menu = stageOf(stage).querySelector(".sv-channels select");
      if (!menu) return button(stageOf(stage), label).click();
      menu.value = label;
      menu.dispatchEvent(new Event("change"));
    },
    hear: (data) => stageView({ data: unbase(data), parentElement }),
    async tweak(rows) {
      const { drawn } = one("[data-drawn]").dataset;
      document.dispatchEvent(new CustomEvent("cnnviz-kernel", { detail: { rows } }));
      for (let i = 0; i < 100 && one("[data-drawn]").dataset.drawn === drawn; i++) await frame();
    },
    take() {
      button(parentElement, "Export").click();
      const dialog = all("dialog").at(-1);
      const texts = ["LaTeX", "text"].map((form) => (button(dialog, form).click(), dialog.querySelector("textarea").value));
      dialog.close();
      return { taken: texts };
    },
    /** What the small grids say, and whether a text is wider than its cell. */
    grids() {
      const read = (root) => ({
        isFolded: root.classList.contains("folded"),
        texts: [...root.children].map((cell) => cell.textContent),
        classes: [...root.children].map((cell) => cell.className),
        columns: new Set([...root.children].map((cell) => cell.offsetLeft)).size,
        rows: new Set([...root.children].map((cell) => cell.offsetTop)).size,
        cut: [...root.children].filter((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return range.getBoundingClientRect().width > cell.clientWidth;
        }).length,
      });
      const grids = Object.fromEntries(["patch", "kernel", "product"].map((part) => [part, all(`.ln-${part}-grid`).map(read)]));
      return { ...grids, window: read(one(".ln-window")) };
    },
    curve() {
      const of = (selector, ...names) => names.map((name) => one(`.ln-curve ${selector}`).getAttribute(name));
      return { point: of(".ln-point", "cx", "cy").map(Number), line: of(".ln-line", "d")[0], axes: of(".ln-axes", "d")[0] };
    },
    /** The box around all that is painted over each stage, in px of its cells; a cell's size; which middles are painted. */
    paint() {
      const paintedOn = (stage) => {
        const canvas = stage.querySelector("canvas.sv-lit");
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        const isOpaque = (x, y) => data[4 * (y * width + x) + 3] > 0;
        const [all, cells] = [canvas, stage.querySelector("canvas.sv-cells")].map((node) => node.getBoundingClientRect());
        const [dx, dy, ratio] = [cells.left - all.left, cells.top - all.top, width / all.width];
        const count = stage.dataset.shape.split("x").slice(1).map(Number);
        const [tall, wide] = [cells.height / count[0], cells.width / count[1]];
        let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            if (!isOpaque(x, y)) continue;
            [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
            [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
          }
        }
        const middle = (r, c) => isOpaque(Math.floor((dx + (c + 0.5) * wide) * ratio), Math.floor((dy + (r + 0.5) * tall) * ratio));
        const opaque = Array.from({ length: count[0] }, (_, r) => Array.from({ length: count[1] }, (_, c) => middle(r, c)));
        const box = [left / ratio - dx, top / ratio - dy, right / ratio - dx, bottom / ratio - dy];
        return [stage.dataset.stage, [...box, wide, tall, opaque]];
      };
      return { painted: Object.fromEntries(all("[data-stage][data-shape]").map(paintedOn)) };
    },
  };

  const look = () => {
    const lens = one("[data-lens]");
    const text = (selector) => lens.querySelector(selector).textContent;
    const lit = all("[data-stage][data-shape]").map(({ dataset }) => [dataset.stage, dataset.litRows, dataset.litCols]);
    const terms = [...lens.querySelectorAll("[data-product]")].map(({ dataset: { x, w, product } }) => [x, w, product]);
    return { ...lens.dataset, terms, lit, said: text(".ln-live"), note: text(".ln-note"), sum: text(".ln-of-conv"),
      activated: text(".ln-of-activation"), pooled: text(".ln-of-pool"),
      isPoolOff: lens.querySelector(".ln-pool").classList.contains("off") };
  };
  const seen = [look()];
  for (const [move, ...what] of moves) {
    const more = await MOVES[move](...what);
    seen.push({ ...look(), ...more });
  }
  leave();
  return JSON.stringify(seen);
}"""  # noqa: E501


@dataclass(frozen=True, eq=False)
class Seen:
    """What the DOM says after a move. terms: (x, w, product) of each, in the DOM's order. said: all the rest."""

    cell: tuple[str, int, int]
    channel: int
    value: float
    terms: np.ndarray
    lit: dict[str, Cells]
    said: Mapping[str, Any]


def _seen(told: dict[str, Any]) -> Seen:
    listed = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    cell = (told["stage"], int(told["row"]), int(told["col"]))
    terms = np.array(told["terms"], float).reshape(-1, 3)
    lit = {name: (listed(rows), listed(columns)) for name, rows, columns in told["lit"]}
    return Seen(cell, int(told["channel"]), float(told["value"]), terms, lit, told)


def message(maps: Sequence[StageMap], follow: Mapping[str, Any] | None = None) -> str:
    header: dict[str, Any] = {"places": list(TITLES), "titles": TITLES, "follow": follow, "ignored": {}}
    header |= {"address": {}, "pin": None, "check": None, "notice": "", "link_note": ""}
    return base64.b64encode(pack(maps, **header)).decode()


def drive(page: Page, shown: str, moves: Sequence[Sequence[Any]]) -> list[Seen]:
    """Show a message in a new view; what is seen at once, then after each move.

    Moves are the names of MOVES with what they take.
    """
    return [_seen(told) for told in json.loads(page.evaluate(DRIVE, [ROUTE, shown, list(moves)]))]


# --- what it must show --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Net:
    """One convolution, perhaps an activation (name, parameters), perhaps a pool, as plain arrays and numbers."""

    image: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    stride: Any
    padding: Any
    dilation: Any
    mode: str
    constant: float
    groups: int = 1
    activation: tuple[str, Mapping[str, Any]] | None = None
    pool: tuple[str, Mapping[str, Any]] | None = None


def net_of(now: Experiment) -> Net:
    """The Lab's settings, in the precision that the tensors have."""
    v, image = now.values, now.chosen.image[0].numpy()
    kernel = np.array(v["kernel"], np.float32)
    weight, bias = np.tile(kernel.astype(float), (1, len(image), 1, 1)), np.array([np.float32(v["bias"])], float)
    activation = None if v["activation"] == "none" else (v["activation"], v)
    window = {"kernel_size": v["pool_size"], "stride": v["pool_stride"], "padding": v["pool_padding"], "dilation": 1}
    return Net(
        image.astype(float), weight, bias, v["stride"], v["padding"], v["dilation"], v["padding_mode"],
        float(np.float32(v["padding_value"])), activation=activation, pool=(v["pool"], window) if now.pool else None,
    )  # fmt: skip


@dataclass(eq=False)
class Truth:
    """Every stage of a net in double precision, and which cells of the stage before each cell reads.

    names, maps: of the stages; maps (C, H, W).
    links: for each stage, bool (its cells, the cells of the stage before), row by row.
    source: (H, W) of the padded map, the input pixel that a place holds, row by row; -1: a constant.
    is_padding: (H, W) of the padded map. pads: rows and columns before the image.
    places: of the convolution's windows on the padded map, their rows, their columns; pool_places: of the pool's.
    under: the size of the map under the pool.
    """

    net: Net
    names: list[str] = field(default_factory=lambda: ["input"])
    links: list[np.ndarray] = field(default_factory=lambda: [np.zeros((0, 0), bool)])

    def __post_init__(self) -> None:
        net = self.net
        self.maps = [net.image]
        self._convolve()
        if net.activation:
            name, parameters = net.activation
            x = self.maps[-1]
            is_over_all = name == "softmax" and parameters["over"] == "all"
            shift = {"shift": float(np.logaddexp.reduce(x.ravel()))} if is_over_all else {}
            cells = x[0].size
            links = np.ones((cells, cells), bool) if is_over_all else np.eye(cells, dtype=bool)
            self._add("activation", activated(x, {"name": name, "parameters": parameters} | shift), links)
        if net.pool:
            self._pool(*net.pool)

    def _add(self, name: str, maps: np.ndarray, links: np.ndarray) -> None:
        self.names.append(name)
        self.maps.append(maps)
        self.links.append(links)

    def _convolve(self) -> None:
        net, (_, height, width) = self.net, self.net.image.shape
        k, s, d = net.weight.shape[2:], both(net.stride), both(net.dilation)
        sides = [naive_sides((height, width)[a], k[a], s[a], d[a], net.padding, a) for a in (0, 1)]
        how = PADS.get(net.mode, {"mode": "constant", "constant_values": -1})
        self.source = np.pad(np.arange(height * width).reshape(height, width), sides, **how)
        inside = np.pad(np.ones((height, width), bool), sides)
        self.is_padding = ~inside
        constant = net.constant if net.mode == "constant" else 0.0
        flat = net.image.reshape(len(net.image), -1)
        self.padded = np.where(self.source < 0, constant, flat[:, self.source])
        self.pads = sides[0][0], sides[1][0]
        if np.any(sides):
            copied = self.source.ravel()[:, None] == np.arange(height * width)
            self._add("padded", self.padded, copied)
        places = [
            [[start + d[a] * i for i in range(k[a])] for start in naive_starts(self.source.shape[a], k[a], s[a], d[a])]
            for a in (0, 1)
        ]
        self.places = places
        out = np.empty((len(net.weight), len(places[0]), len(places[1])))
        for c, row, column in np.ndindex(out.shape):
            x, w = self.terms(c, row, column)
            out[c, row, column] = math.fsum(x * w) + net.bias[c]
        self.conv = len(self.names)
        self._add("conv", out, window_links(places, self.source.shape))

    def _pool(self, kind: str, window: Mapping[str, Any]) -> None:
        x = self.maps[-1]
        k, s, d = (both(window[name]) for name in ("kernel_size", "stride", "dilation"))
        places = []
        for a in (0, 1):
            before, after = naive_sides(x.shape[1 + a], k[a], s[a], d[a], window["padding"], a)
            starts = naive_starts(before + x.shape[1 + a] + after, k[a], s[a], d[a])
            places.append([[start - before + d[a] * i for i in range(k[a])] for start in starts])
        self.pool_places, self.under = places, x.shape[1:]
        out = np.empty((len(x), len(places[0]), len(places[1])))
        for c, row, column in np.ndindex(out.shape):
            cells = np.array([x[c, y, z] for y, z in self.window(row, column)])
            if kind == "l2":
                out[c, row, column] = math.sqrt(math.fsum(cells**2))
            else:
                out[c, row, column] = {"max": np.max, "min": np.min, "avg": np.mean}[kind](cells)
        self._add("pool", out, window_links(places, x.shape[1:]))

    # --- one cell ---------------------------------------------------------------------------------

    def at(self, name: str) -> int:
        return self.names.index(name)

    def terms(self, c: int, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """x and w of a cell of the convolution, channel by channel, each row by row."""
        filters, depth = self.net.weight.shape[:2]
        first = c // (filters // self.net.groups) * depth
        rows, columns = np.ix_(self.places[0][row], self.places[1][column])
        return self.padded[first : first + depth, rows, columns].ravel(), self.net.weight[c].ravel()

    def size(self, c: int, row: int, column: int) -> float:
        """Of all that is added up for a cell of the convolution: rounding is a share of it."""
        x, w = self.terms(c, row, column)
        return float(np.abs(x * w).sum() + abs(self.net.bias[c]))

    @cached_property
    def largest(self) -> float:
        """Of `size` anywhere."""
        return max(self.size(*cell) for cell in np.ndindex(self.maps[self.conv].shape))

    def window(self, row: int, column: int) -> list[tuple[int, int]]:
        """The cells that exist under a pool's window, row by row."""
        rows, columns = self.pool_places[0][row], self.pool_places[1][column]
        return [(y, x) for y in rows for x in columns if 0 <= y < self.under[0] and 0 <= x < self.under[1]]

    def winners(self, c: int, row: int, column: int) -> list[tuple[int, int]]:
        """The cells of a max or min that have the value."""
        return [cell for cell in self.window(row, column) if self.maps[-2][c][cell] == self.maps[-1][c, row, column]]

    def followed(self, c: int, row: int, column: int) -> list[tuple[int, int]]:
        """Of a pool's window the cell whose sum is explained; several where rounding decides."""
        assert self.net.pool
        if self.net.pool[0] in ("max", "min"):
            x, best = self.maps[-2][c], self.maps[-1][c, row, column]
            near = [cell for cell in self.window(row, column) if abs(x[cell] - best) <= 1e-12 * abs(best)]
            winners = self.winners(c, row, column)
            return near if len(near) > len(winners) else winners[:1]
        rows, columns = (sorted({cell[a] for cell in self.window(row, column)}) for a in (0, 1))
        return [(rows[len(rows) // 2], columns[len(columns) // 2])]

    def taker(self, row: int, column: int) -> tuple[int, int]:
        """The pool's cell whose window has a cell nearest to its middle."""
        middle = [[(window[0] + window[-1]) / 2 for window in windows] for windows in self.pool_places]
        cells = [cell for cell in np.ndindex(self.maps[-1].shape[1:]) if (row, column) in self.window(*cell)]
        return min(cells, key=lambda cell: abs(middle[0][cell[0]] - row) + abs(middle[1][cell[1]] - column))

    def nearest(self, name: str, row: int, column: int) -> list[tuple[int, int]]:
        """The cells of the convolution that see a pixel, padded or not, with it in their middle; of all, if none."""
        found = []
        seeing = self.lit(name, row, column)["conv"]
        for a, at in enumerate((row, column)):
            place = at + (self.pads[a] if name == "input" else 0)
            distances = [abs((window[0] + window[-1]) / 2 - place) for window in self.places[a]]
            among = seeing[a] or range(len(distances))
            least = min(distances[i] for i in among)
            found.append([i for i in among if distances[i] < least + 1e-9])
        return [(y, x) for y in found[0] for x in found[1]]

    def explained(self, name: str, c: int, row: int, column: int) -> list[tuple[int, int]]:
        """The cells of the convolution that may be explained for a cell of any stage: one, but for ties."""
        if name in ("input", "padded"):
            return self.nearest(name, row, column)
        return self.followed(c, row, column) if name == "pool" else [(row, column)]

    # --- what is lit ------------------------------------------------------------------------------

    def lit(self, name: str, row: int, column: int) -> dict[str, Cells]:
        """By stage, the cells that a cell reads, however indirectly, and those that read it."""
        i = self.at(name)
        masks = [np.zeros(links.shape[0], bool) for links in self.links]
        masks[0] = np.zeros(self.net.image[0].size, bool)
        masks[i][row * self.maps[i].shape[2] + column] = True
        for j in range(i, 0, -1):
            masks[j - 1] = self.links[j][masks[j]].any(0)
        return self._meshes(self._on(masks, i))

    def touched(self, r: int, s: int) -> dict[str, Cells]:
        """By stage, the cells that a weight is multiplied by, a padding's constant aside, and those that it reaches."""
        pixels, places = np.zeros(self.net.image[0].size, bool), np.zeros(self.source.size, bool)
        sums = np.zeros(self.maps[self.conv][0].shape, bool)
        for y, x in np.ndindex(sums.shape):
            place = self.places[0][y][r], self.places[1][x][s]
            if (pixel := self.source[place]) >= 0:
                pixels[pixel] = sums[y, x] = True
                places[place[0] * self.source.shape[1] + place[1]] = True
        masks = [pixels, *([places] if self.conv == 2 else []), sums.ravel()]
        return self._meshes(self._on([*masks, *self.names[self.conv + 1 :]], self.conv))

    def _on(self, masks: list[Any], i: int) -> list[np.ndarray]:
        for j in range(i + 1, len(self.links)):
            masks[j] = self.links[j][:, masks[j - 1]].any(1)
        return masks

    def _meshes(self, masks: Sequence[np.ndarray]) -> dict[str, Cells]:
        found = {}
        for name, maps, mask in zip(self.names, self.maps, masks):
            square = mask.reshape(maps.shape[1:])
            rows, columns = square.any(1), square.any(0)
            assert (square == np.outer(rows, columns)).all(), "rows and columns do not mix"
            found[name] = rows.nonzero()[0].tolist(), columns.nonzero()[0].tolist()
        return found


def window_links(places: Sequence[Sequence[Sequence[int]]], size: tuple[int, int]) -> np.ndarray:
    """Which cells of a map the windows at these rows and columns read: bool (windows, cells), row by row."""
    links = np.zeros((len(places[0]), len(places[1]), *size), bool)
    for y, rows in enumerate(places[0]):
        for x, columns in enumerate(places[1]):
            inside = [[at for at in window if 0 <= at < size[a]] for a, window in enumerate((rows, columns))]
            links[y, x][np.ix_(*inside)] = True
    return links.reshape(-1, size[0] * size[1])


# --- numbers in words ---------------------------------------------------------------------------------


def numbers(text: str) -> list[float]:
    """All numbers in a text."""
    return [float(found.replace("−", "-")) for found in NUMBER.findall(text)]


def is_rounded(text: str, value: float, least: int, most: int) -> bool:
    """Whether a text is a number rounded to so many digits, and off by no more than half of its last place."""
    plain = text.replace("−", "-")
    mantissa, _, power = plain.partition("e")
    whole, _, fraction = mantissa.partition(".")
    zeros = len(whole) - len(whole.rstrip("0")) if not fraction and float(plain) else 0  # 17620 may be 17617.7
    place = 10.0 ** (int(power or 0) - len(fraction) + zeros)
    is_tie = abs(abs(value / place) % 1 - 0.5) < 1e-9  # half way, either may be meant
    digits = [float(f"{value:.{n}g}") for n in range(least, most + 1)]
    is_digits = is_tie or any(math.isclose(float(plain), rounded, rel_tol=1e-12) for rounded in digits)
    return is_digits and abs(float(plain) - value) <= place * (0.5 + 1e-9)

"""What a moment of the slide looks like: the map before with the window over it, and the output as far as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnviz.figures import ColorRange, colored, palette

SMALLEST = 7  # px, the least that a window's outline measures
MARGIN, GAP, LINE = 14, 36, 20  # px around the pictures, between them, and for the text under them
NARROWEST = 280  # px, for the longest text

# The palette that all frames share: colours of the left picture, of the right one, and these. NOTHING is for what did
# not change since the frame before: it is transparent.
SHADES = 120
NOTHING, PENDING, WHITE, BLACK, PAPER, INK = (2 * SHADES + place for place in (0, 1, 2, 3, 4, 11))
OTHERS = [(0, 0, 0), (213, 210, 222), (255, 255, 255), (0, 0, 0), *np.linspace((255, 255, 255), (29, 26, 43), 8)]


@dataclass(frozen=True, eq=False)
class Slide:
    """A window, the map that it slides over, and one channel of what comes out.

    before: (C, H, W) float32, with its padding where that has values; its first channel is shown, or three grey ones
        as an RGB picture.
    after: (H_out, W_out) float32.
    kernel_size, stride, dilation, pads: (vertical, horizontal). pads: how far outside `before` the first window
        begins, for a pool, whose padding has no values.
    start: the cell of `after` to begin with, counted row by row.
    """

    before: np.ndarray
    after: np.ndarray
    before_colors: ColorRange
    after_colors: ColorRange
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    start: int = 0

    def window(self, cell: int) -> tuple[list[int], list[int]]:
        """The rows and the columns of `before` that a cell of `after` is made of; some may be outside."""
        axes = zip(divmod(cell, self.after.shape[1]), self.kernel_size, self.stride, self.dilation, self.pads)
        rows, columns = ([at * s - p + d * i for i in range(k)] for at, k, s, d, p in axes)
        return rows, columns

    def is_same(self, other: Slide) -> bool:
        """Whether the other one looks the same at every moment."""
        pairs = zip(vars(self).values(), vars(other).values())
        return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@dataclass(frozen=True)
class Pane:
    """A map's place in the frame: its top left and its size in px, and px per cell, each (vertical, horizontal)."""

    corner: tuple[int, int]
    size: tuple[int, int]
    scale: tuple[float, float]

    @property
    def pixels(self) -> tuple[slice, slice]:
        (top, left), (height, width) = self.corner, self.size
        return np.s_[top : top + height, left : left + width]

    def outline(self, draw: ImageDraw.ImageDraw, rows: Sequence[int], columns: Sequence[int]) -> None:
        """White within black, so that it is seen on any colour, from the first to the last row and column."""
        ends = []
        for corner, scale, places in zip(self.corner, self.scale, (rows, columns)):
            low, high = corner + places[0] * scale, corner + (places[-1] + 1) * scale
            short = max(0.0, SMALLEST - (high - low)) / 2
            ends.append((math.floor(low - short), math.ceil(high + short) - 1))
        (top, bottom), (left, right) = ends
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=BLACK)
        is_small = min(right - left, bottom - top) < 2 * SMALLEST
        draw.rectangle((left, top, right, bottom), outline=WHITE, width=1 if is_small else 2)


class Frames:
    """Draws frames in numbers of `palette`, so that no colour is looked up twice.

    side: px, the longer side of each of the two pictures.
    """

    def __init__(self, slide: Slide, side: int) -> None:
        self.slide = slide
        self.before, self.after, size = layout(slide, side)
        shades, picture = _indexed(slide.before, slide.before_colors, self.before.size)
        out_shades, self.output = _indexed(slide.after[None], slide.after_colors, self.after.size)
        self.palette = np.rint([*shades, *out_shades, *OTHERS]).astype(np.uint8).tobytes()
        # A pixel is filled when the last of the cells that it shows is.
        rows, columns = ((np.arange(1, px + 1) * n - 1) // px for px, n in zip(self.after.size, slide.after.shape))
        self.due = rows[:, None] * slide.after.shape[1] + columns
        self.base = np.full(size, PAPER, np.uint8)
        self.base[self.before.pixels] = picture
        self.font = ImageFont.load_default(13)

    def frame(self, cell: int) -> np.ndarray:
        """The frame (height, width) uint8 in which `cell` is the last that was computed."""
        slide, pixels = self.slide, self.base.copy()
        pixels[self.after.pixels] = np.where(self.due <= cell, self.output + SHADES, PENDING)
        image = Image.fromarray(pixels)
        draw = ImageDraw.Draw(image)
        rows, columns = slide.window(cell)
        if slide.dilation != (1, 1) and min(self.before.scale) >= SMALLEST:
            for row in rows:
                for column in columns:
                    self.before.outline(draw, [row], [column])
        else:
            self.before.outline(draw, rows, columns)
        row, column = divmod(cell, slide.after.shape[1])
        self.after.outline(draw, [row], [column])
        text = Image.new("L", (image.width, LINE))
        words = f"row {row}, column {column}: {slide.after[row, column]:.4g}"
        ImageDraw.Draw(text).text((MARGIN, LINE // 2), words, 255, self.font, "lm")
        inks = text.point([PAPER + round(level / 255 * (INK - PAPER)) for level in range(256)])
        image.paste(inks, (0, image.height - LINE - MARGIN // 2))
        return np.asarray(image)


def layout(slide: Slide, side: int) -> tuple[Pane, Pane, tuple[int, int]]:
    """Where both pictures are, and the size (height, width) of the frame. Windows may stick out of the left picture."""
    shape, out = slide.before.shape[1:], slide.after.shape
    ends = [places[-1] + 1 for places in slide.window(slide.after.size - 1)]
    room = [pad + max(n, end) for pad, n, end in zip(slide.pads, shape, ends)]
    left, right = _fitted(shape, room, side), _fitted(out, out, side)
    scale = left[0] / shape[0], left[1] / shape[1]
    above, beside = (math.ceil(pad * s) for pad, s in zip(slide.pads, scale))
    tall, wide = (math.ceil(n * s) for n, s in zip(room, scale))
    before = Pane((MARGIN + above, MARGIN + beside), left, scale)
    after = Pane((MARGIN, MARGIN + wide + GAP), right, (right[0] / out[0], right[1] / out[1]))
    height, width = max(tall, right[0]) + LINE, max(wide + GAP + right[1], NARROWEST)
    return before, after, (height + 2 * MARGIN, width + 2 * MARGIN)


def _fitted(shape: Sequence[int], room: Sequence[int], side: int) -> tuple[int, int]:
    """The px of a map for which so many cells have room in `side`; a thin one is widened, or nobody would see it."""
    scale = side // max(room) or side / max(room)
    height, width = (max(1, min(max(round(n * scale), SMALLEST), side * n // r)) for n, r in zip(shape, room))
    return height, width


def _indexed(maps: np.ndarray, colors: ColorRange, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """SHADES colours (SHADES, 3), and the picture of maps (C, H, W) in their numbers, (height, width) uint8."""
    is_rgb = colors.scale == "gray" and len(maps) == 3
    pixels = np.stack([colored(plane, colors)[..., 0] for plane in maps], -1) if is_rgb else colored(maps[0], colors)
    picture = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BOX)  # small cells are averaged, large copied
    if is_rgb:
        found = picture.quantize(SHADES, dither=Image.Dither.NONE).getpalette() or []
        shades = np.resize(np.array(found).reshape(-1, 3), (SHADES, 3))
    else:
        shades = palette(colors.scale)[np.rint(np.linspace(0, 255, SHADES)).astype(int)]
    points, shades = np.asarray(picture).reshape(-1, 3).astype(np.float32), shades.astype(np.float32)
    nearest = ((shades**2).sum(axis=1) - 2 * points @ shades.T).argmin(axis=1)
    return shades, nearest.reshape(size).astype(np.uint8)

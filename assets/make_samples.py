"""Draw the made samples: `python assets/make_samples.py [folder]`; without a folder, into assets/samples.

The same pictures come out every time. Each is 300×300, the page's default size, so that it is shown unresized
and every grey step in it is the one computed here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 300
SMOOTH = 4  # curves and slanted lines are drawn this much larger and then averaged
FRAMES = 16

_Y, _X = np.mgrid[:SIDE, :SIDE]
_RADIUS = np.hypot(_X - (SIDE - 1) / 2, _Y - (SIDE - 1) / 2)


def impulse() -> Image.Image:
    """Single white pixels on black, 30 apart."""
    return _grey(255 * ((_X % 30 == 15) & (_Y % 30 == 15)))


def step() -> Image.Image:
    """One vertical edge, from 51/255 = 0.2 to 204/255 = 0.8."""
    return _grey(np.where(_X < SIDE // 2, 51, 204))


def checkerboard() -> Image.Image:
    """Squares of 25 pixels."""
    return _grey(255 * ((_X // 25 + _Y // 25) % 2))


def gradient() -> Image.Image:
    """An even slope from black at the left to white at the right."""
    return _grey(_X * 255 / (SIDE - 1))


def rings() -> Image.Image:
    """A zone plate: r pixels from the centre, the rings lie 450 / r pixels apart."""
    return _grey(127.5 + 127.5 * np.cos(np.pi * _RADIUS**2 / 450))


def star() -> Image.Image:
    """A Siemens star: 18 white sectors, so an edge in every direction, closing in on the centre."""
    canvas = Image.new("L", (SIDE * SMOOTH,) * 2, 0)
    box, draw = (12 * SMOOTH, 12 * SMOOTH, 288 * SMOOTH - 1, 288 * SMOOTH - 1), ImageDraw.Draw(canvas)
    for angle in range(0, 360, 20):
        draw.pieslice(box, angle, angle + 10, fill=255)
    return canvas.reduce(SMOOTH)


def shapes() -> Image.Image:
    """A square, a disc, a triangle, and thin lines at four angles."""
    canvas = Image.new("L", (SIDE * SMOOTH,) * 2, 38)
    draw = ImageDraw.Draw(canvas)

    def scaled(*points: float) -> list[float]:
        return [point * SMOOTH for point in points]

    draw.rectangle(scaled(24, 30, 98, 104), fill=230)
    draw.ellipse(scaled(111, 28, 189, 106), fill=153)
    draw.polygon(scaled(239, 28, 279, 104, 199, 104), fill=204)
    for line in ((24, 180, 80, 180), (92, 208, 148, 152), (180, 146, 180, 214), (212, 152, 268, 208)):
        draw.line(scaled(*line), fill=255, width=2 * SMOOTH)
    for i in range(5):  # dots that grow
        draw.ellipse(scaled(34 + 56 * i - i, 256 - i, 38 + 56 * i + i, 260 + i), fill=255)
    return canvas.reduce(SMOOTH)


def digits() -> Image.Image:
    """Ten digits and six letters in Pillow's own font, dark on light."""
    canvas = Image.new("L", (SIDE, SIDE), 242)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(72)
    for i, character in enumerate("0123456789ABCabc"):
        draw.text((37.5 + 75 * (i % 4), 37.5 + 75 * (i // 4)), character, fill=26, font=font, anchor="mm")
    return canvas


def colours() -> Image.Image:
    """Nine patches: the corners of the RGB cube, and a middle grey."""
    patches = np.array(
        [
            [(255, 0, 0), (0, 255, 0), (0, 0, 255)],
            [(0, 255, 255), (255, 0, 255), (255, 255, 0)],
            [(0, 0, 0), (128, 128, 128), (255, 255, 255)],
        ],
        np.uint8,
    )
    return Image.fromarray(patches.repeat(SIDE // 3, axis=0).repeat(SIDE // 3, axis=1))


def moving_dot() -> list[Image.Image]:
    """A bright disc that circles a grey square, in ``FRAMES`` frames."""
    frames = []
    for k in range(FRAMES):
        angle = 2 * np.pi * k / FRAMES
        distance = np.hypot(_X - 149.5 - 100 * np.cos(angle), _Y - 149.5 - 100 * np.sin(angle))
        square = 102 * ((abs(_X - 149.5) < 30) & (abs(_Y - 149.5) < 30))
        frames.append(_grey(np.maximum(square, 255 * (22 - distance).clip(0, 1))))
    return frames


def _grey(values: np.ndarray[Any, Any]) -> Image.Image:
    return Image.fromarray(np.floor(values + 0.5).astype(np.uint8))


_DRAWINGS: tuple[Callable[[], Image.Image], ...] = (
    impulse, step, checkerboard, gradient, rings, star, shapes, digits, colours,
)  # fmt: skip


def make(folder: Path) -> None:
    """Write every made sample into the folder."""
    for draw in _DRAWINGS:
        draw().save(folder / f"{draw.__name__}.png", optimize=True)
    first, *rest = moving_dot()
    first.save(folder / "moving-dot.gif", save_all=True, append_images=rest, duration=80, loop=0)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "samples")

"""Shapes as a person draws them: large, clean, on plain paper, filled or with a brush along their outline.

They are drawn as polygons by Pillow, with nothing of `cnnviz.shape_pictures`, and come as files, as the pad sends them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from cnnviz.image_pixels import Bytes8

SHEET = 256  # pixels of a side, as the pad has it
BRUSH = round(SHEET / 13)
Colour = tuple[int, int, int]


def corners(*radii: float, start: float = 0.0, times: int = 1) -> np.ndarray:
    """(n, 2): points around the middle, at these radii in turn, the first one upwards."""
    count = len(radii) * times
    angles = start + 2 * np.pi * np.arange(count) / count
    return (np.tile(radii, times) * np.array([np.sin(angles), -np.cos(angles)])).T


def bow(x: float, y: float, radius: float, first: float, last: float) -> np.ndarray:
    """Part of a circle, in degrees clockwise from the right."""
    angles = np.radians(np.linspace(first, last, 40))
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1)


def _heart() -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 80)
    x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y - 2.5], 1) / 16


def _crescent() -> np.ndarray:
    """Two bows that meet at the horns."""
    outer, inner = bow(0, 0, 1, 63.4, 296.6), bow(0.55, 0, 0.9, 263.5, 96.5)
    return np.concatenate([outer, inner]) + np.array([0.1, 0])


# Outlines, upright, within a radius of about 1, y downwards. A ring has a hole beside it.
OUTLINES: dict[str, np.ndarray] = {
    "circle": corners(1, times=80),
    "square": corners(1, times=4, start=np.pi / 4),
    "triangle": corners(1, times=3),
    "star": corners(1, 0.42, times=5),
    "cross": np.array([
        (-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (-0.3, 1), (-0.3, 0.3),
        (-1, 0.3), (-1, -0.3), (-0.3, -0.3),
    ]),
    "ring": corners(1, times=80),
    "crescent": _crescent(),
    "heart": _heart(),
    "arrow": np.array([(0, -1), (0.85, -0.1), (0.27, -0.1), (0.27, 1), (-0.27, 1), (-0.27, -0.1), (-0.85, -0.1)]),
    "bar": np.array([(-0.28, -1), (0.28, -1), (0.28, 1), (-0.28, 1)]),
}  # fmt: skip
HOLE = 0.55  # of a ring


def clean_shape(
    name: str, fills: float, ink: Colour, paper: Colour, *, turn: float = 0.0, is_outline: bool = False
) -> Bytes8:
    """Draw one in the middle of a sheet: (SHEET, SHEET, 3) uint8.

    Args:
        fills: the shape's diameter, as a share of the sheet.
        turn: degrees.
        is_outline: whether a brush goes along the outline, rather than filling it.
    """
    angle, radius = np.radians(turn), fills * SHEET / 2
    image = Image.new("RGB", (SHEET, SHEET), paper)
    draw = ImageDraw.Draw(image)

    def placed(outline: np.ndarray, radius: float) -> list[tuple[float, float]]:
        turned = outline @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return [tuple(point) for point in turned * radius + (SHEET - 1) / 2]

    if is_outline:
        points = placed(OUTLINES[name], radius - BRUSH / 2)
        draw.line([*points, points[0]], ink, BRUSH, joint="curve")
        for x, y in points:
            draw.ellipse((x - BRUSH / 2, y - BRUSH / 2, x + BRUSH / 2, y + BRUSH / 2), fill=ink)
    else:
        draw.polygon(placed(OUTLINES[name], radius), fill=ink)
        if name == "ring":
            draw.polygon(placed(OUTLINES[name], HOLE * radius), fill=paper)
    return np.asarray(image)

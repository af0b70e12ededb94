"""Digits drawn with a round brush, as a person does with a mouse."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

Points = list[tuple[float, float]]


def bow(x: float, y: float, width: float, height: float, start: float, stop: float) -> Points:
    """Part of an ellipse, from one angle to another, in degrees clockwise from the right."""
    angles = np.radians(np.linspace(start, stop, 24))
    return [(x + width * np.cos(angle), y + height * np.sin(angle)) for angle in angles]


# On a square of side 1, y downwards.
STROKES: dict[str, list[Points]] = {
    "0": [bow(0.5, 0.5, 0.3, 0.45, -90, 270)],
    "1": [[(0.5, 0.05), (0.5, 0.95)]],
    "1 with a flag": [[(0.35, 0.25), (0.52, 0.05), (0.52, 0.95)]],
    "2": [[*bow(0.5, 0.3, 0.28, 0.25, -170, 20), (0.2, 0.95), (0.82, 0.95)]],
    "3": [bow(0.47, 0.28, 0.28, 0.23, -160, 90) + bow(0.47, 0.72, 0.3, 0.24, -90, 160)],
    "4": [[(0.6, 0.05), (0.15, 0.65), (0.85, 0.65)], [(0.62, 0.4), (0.62, 0.95)]],
    "5": [[(0.78, 0.05), (0.3, 0.05), (0.25, 0.45), *bow(0.48, 0.66, 0.3, 0.28, -125, 150)]],
    "6": [[(0.7, 0.05), (0.4, 0.3), *bow(0.5, 0.68, 0.28, 0.27, -150, 230)]],
    "7": [[(0.2, 0.06), (0.8, 0.06), (0.4, 0.95)]],
    "8": [bow(0.5, 0.27, 0.22, 0.22, 90, 450) + bow(0.5, 0.73, 0.28, 0.24, -90, 270)],
    "9": [[*bow(0.5, 0.32, 0.26, 0.26, 0, 360), (0.76, 0.5), *bow(0.45, 0.65, 0.3, 0.3, -20, 120)]],
}


def brushed(
    name: str,
    brush: int = 16,
    side: int = 256,
    box: tuple[float, float, float, float] = (0.15, 0.1, 0.7, 0.8),
    slant: float = 0.0,
) -> np.ndarray:
    """Draw one: (side, side) uint8. box: left, top, width, height, as shares of the side."""
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[name]:
        points = [((box[0] + box[2] * (x + slant * (0.5 - y))) * side, (box[1] + box[3] * y) * side) for x, y in stroke]
        draw.line(points, 255, brush, joint="curve")
        for x, y in points:
            draw.ellipse((x - brush / 2, y - brush / 2, x + brush / 2, y + brush / 2), fill=255)
    return np.asarray(image)

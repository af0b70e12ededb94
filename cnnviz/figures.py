"""Arrays into colours: the scales, the 8-bit maps that travel to the browser, and pictures to save.

The diverging scale is two sequential ones glued at zero, both black there: its positive half *is* the
sequential scale. So where stages share one range, an activation's colours are those of the convolution before it,
and blue against orange stays apart for colour-blind readers.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import plotly.colors
from PIL import Image

LEVELS = 256
# From black to white as Magma, a little ahead of it, and by way of blue-green: far from its violet where both are dark.
COLD = [
    "#02030a", "#031b2e", "#063452", "#0c4c76", "#1e6396", "#377ab0", "#5092c0", "#6eaccc", "#92c7d8", "#bee3e8",
    "#eafcfd",
]  # fmt: skip
SCALES = ("gray", "sequential", "diverging", "red", "green", "blue")


@cache
def palette(name: str) -> np.ndarray:
    """One of SCALES as (256, 3) uint8, from the lowest value to the highest."""
    if name == "sequential":
        return _sample(plotly.colors.sequential.Magma, LEVELS)
    if name == "diverging":
        cold = _sample(COLD, LEVELS // 2)
        warm = palette("sequential")[1::2]
        return np.concatenate([cold[::-1], warm])
    weights = {"gray": (1, 1, 1), "red": (1, 0.25, 0.2), "green": (0.25, 1, 0.3), "blue": (0.3, 0.5, 1)}[name]
    return np.rint(np.arange(LEVELS)[:, None] * np.array(weights)).astype(np.uint8)


def _sample(colors: list[str], count: int) -> np.ndarray:
    rgb = plotly.colors.sample_colorscale(colors, np.linspace(0, 1, count), colortype="tuple")
    return np.rint(np.array(rgb) * (LEVELS - 1)).astype(np.uint8)


@dataclass(frozen=True)
class ColorRange:
    """A scale and the values at its two ends."""

    scale: str
    low: float
    high: float


def color_range(low: float, high: float) -> ColorRange:
    """Signed maps get the diverging scale, centred on zero; others the sequential one, from zero: black is always 0.

    Args:
        low, high: the smallest and the largest value, finite.
    """
    if low < 0:
        reach = max(-low, high)
        return ColorRange("diverging", -reach, reach)
    return ColorRange("sequential", 0.0, high)


def quantise(maps: np.ndarray, low: float, high: float) -> np.ndarray:
    """Round maps to the 256 levels of [low, high]: what the eye needs, not what the lens reads.

    Args:
        maps: any shape, values in [low, high].
    Returns:
        The same shape, uint8; level q stands for low + q·(high - low)/255.
    """
    if high <= low:
        return np.zeros(maps.shape, np.uint8)
    span = high - low
    if span > 1e-30:  # its inverse is a float32, and so is the quick way
        return ((maps - np.float32(low)) * np.float32((LEVELS - 1) / span) + np.float32(0.5)).astype(np.uint8)
    return ((maps.astype(np.float64) - low) / span * (LEVELS - 1) + 0.5).astype(np.uint8)


def colored(channel: np.ndarray, colors: ColorRange) -> np.ndarray:
    """One map (H, W) as (H, W, 3) uint8, the colours that the stage view shows."""
    levels = quantise(np.clip(channel, colors.low, colors.high), colors.low, colors.high)
    return palette(colors.scale)[levels]


def png(maps: np.ndarray, channel: int, colors: ColorRange) -> bytes:
    """One channel of maps (C, H, W) as a PNG, one pixel a cell; three grey channels are a picture's, and all shown."""
    if colors.scale == "gray" and len(maps) == 3:
        pixels = np.stack([colored(plane, colors)[..., 0] for plane in maps], axis=-1)
    else:
        pixels = colored(maps[channel], colors)
    return as_png(pixels)


def as_png(pixels: np.ndarray) -> bytes:
    """Pixels, (H, W, 3) or grey (H, W) or (H, W, 1), uint8, as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()

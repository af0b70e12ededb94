"""From a decoded picture to 256 steps at the size that was asked for. Plain arrays, exact sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from PIL import Image

Mode = Literal["L", "RGB"]
Fit = Literal["crop", "keep", "stretch"]
Bytes8 = np.ndarray[Any, np.dtype[np.uint8]]

_BAND: Final = 250_000  # pixels that are converted at once


def eight_bit(image: Image.Image, mode: Mode) -> Bytes8:
    """(H, W, C) uint8: a decoded picture's samples in 256 steps, over white, grey or RGB."""
    width, height = image.size
    pixels = np.empty((height, width, len(mode)), np.uint8)
    # Band by band: of a large picture every copy that Pillow makes on the way is 200 MB, and a tenth of a second.
    rows = max(1, _BAND // width)
    bands = [(top, min(height, top + rows)) for top in range(0, height, rows)]
    if image.mode[0] in "IF":
        samples, clear = np.asarray(image), image.info.get("transparency")
        offset, scale = _full_scale([samples[top:bottom] for top, bottom in bands], "16" in image.mode)
        for top, bottom in bands:
            values = _finite(samples[top:bottom]).astype(np.float64)
            values -= offset
            values /= scale
            values *= 255
            values += 0.5
            grey = values.astype(np.uint8)
            if isinstance(clear, int):
                grey[samples[top:bottom] == clear] = 255
            pixels[top:bottom] = grey[:, :, None]
    else:
        for top, bottom in bands:
            pixels[top:bottom] = _over_white(image.crop((0, top, width, bottom)), mode)
    return pixels


def _over_white(image: Image.Image, mode: Mode) -> Bytes8:
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(colours, mask=colours.getchannel("A"))
    if mode == "L" and image.mode not in ("L", "1"):
        image = image.convert("RGB")  # from a palette or CMYK straight to grey, Pillow rounds differently
    pixels = np.asarray(image.convert(mode))
    return pixels[:, :, None] if mode == "L" else pixels


def _full_scale(bands: Sequence[np.ndarray[Any, Any]], sixteen: bool) -> tuple[float, float]:
    """What is 0, and how far above it is 255."""
    if sixteen:
        return 0.0, 65535.0
    whole = bands[0].dtype.kind != "f"
    ends = [(float(values.min()), float(values.max())) for values in map(_finite, bands)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    scales = (255.0, 65535.0) if whole else (1.0, 255.0, 65535.0)
    scale = next((s for s in scales if low >= 0 and high <= s), None)
    # float32 and int32 samples: the span is a fine double
    return (low, (high - low) or 1.0) if scale is None else (0.0, scale)


def _finite(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return samples if samples.dtype.kind != "f" or np.isfinite(samples).all() else np.nan_to_num(samples)


def fitted(pixels: Bytes8, wanted: tuple[int, int], fit: Fit) -> tuple[Bytes8, int, int]:
    """Cut what "crop" cuts, and say how high and wide the result is."""
    (height, width), (h, w) = pixels.shape[:2], wanted
    if fit == "crop":
        tall, wide = min(height, round(width * h / w)) or 1, min(width, round(height * w / h)) or 1
        top, left = (height - tall) // 2, (width - wide) // 2
        return pixels[top : top + tall, left : left + wide], h, w
    if fit == "keep":
        scale = min(h / height, w / width)
        return pixels, min(h, max(1, round(height * scale))), min(w, max(1, round(width * scale)))
    return pixels, h, w


def area_averaged(pixels: Bytes8, height: int, width: int) -> Bytes8:
    """Area-average (H, W, C) uint8 to (height, width, C), exactly: all sums are whole numbers."""
    if pixels.shape[:2] == (height, width):
        return pixels
    if pixels.shape[0] * width < height * pixels.shape[1]:  # a wide picture becomes narrow before it becomes high
        return area_averaged(pixels.swapaxes(0, 1), width, height).swapaxes(0, 1)
    rows, over_rows = _weighted_rows(pixels, height, np.float32)
    both, over_columns = _weighted_rows(rows.swapaxes(0, 1), width, np.float64)
    sums, over = both.swapaxes(0, 1).astype(np.int64), over_rows * over_columns
    return ((2 * sums + over) // (2 * over)).astype(np.uint8)


def _weighted_rows(x: np.ndarray[Any, Any], parts: int, dtype: type) -> tuple[np.ndarray[Any, Any], int]:
    """Share the rows of x, (H, W, C), out among ``parts`` equal intervals.

    Measured in a ``parts``-th of a row every border is a whole number, and so is every overlap.

    Returns:
        Weighted sums, (parts, W, C), and the weight of each.
    """
    length, units = x.shape[0], parts
    length, units = length // math.gcd(length, units), units // math.gcd(length, units)
    flat_width = x.shape[1] * x.shape[2]
    out = np.empty((parts, flat_width), dtype)
    for j in range(parts):
        start, stop = j * length, (j + 1) * length
        first, last = start // units, -(-stop // units)
        edges = np.arange(first, last + 1) * units
        overlap: np.ndarray[Any, Any] = np.diff(edges.clip(start, stop)).astype(dtype)
        # Not "@": the threads of BLAS wait for each other in a busy server, thirty times as long as this takes.
        np.einsum("i,ij->j", overlap, x[first:last].astype(dtype).reshape(last - first, flat_width), out=out[j])
    return out.reshape(parts, *x.shape[1:]), length

"""Turn any file a person may upload into an exact tensor, or say in one sentence why not.

Nothing here trusts the file: its size is checked before it is opened, its pixel count before it is decoded,
its format by its content and never by its name. Nothing is kept between calls, so threads may share it all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image

from cnnviz.image_files import PILLOW_RAISES, ImageError, Source, open_image, read_source, sentence
from cnnviz.image_pixels import Bytes8, Fit, Mode, area_averaged, eight_bit, fitted

__all__ = [
    "ASSETS", "DEFAULT_SAMPLE", "MAX_SIZE", "SAMPLES", "Bytes8", "Fit", "ImageError", "Mode", "Sample", "frame_count",
    "load_image", "load_pixels",
]  # fmt: skip

Size = int | tuple[int, int] | None

MAX_SIZE: Final = 1024  # of a result, in each direction
_UPRIGHT: Final = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def load_image(
    source: Source, *, mode: Mode = "L", size: Size = None, fit: Fit = "crop", frame: int = 0
) -> torch.Tensor:
    """Decode a picture, turn it upright, and bring it to a size.

    Grey is ITU-R 601 luma, as Pillow's "L": (299 R + 587 G + 114 B) / 1000. Transparency lies on white.
    Sixteen grey bits become eight by dividing by 257; 32-bit and float samples count as 0-1 (floats), 0-255
    or 0-65535, the smallest range that holds them all; where none does, darkest becomes 0 and brightest 1.
    Colour with sixteen bits a channel loses its lower eight; colour profiles are not applied.

    Resizing is area-averaging in both directions: every input pixel is a small square, and an output pixel is
    the mean of what it covers, fractions included, rounded to the nearest of 256 steps (halves up). Only JPEG
    photographs at least eight times too large are first halved, once or more, by the JPEG decoder itself,
    which is twice as fast and differs by a step or two.

    Args:
        source: the file's bytes; or a path, for the samples that we ship.
        mode: "L" for one grey channel, "RGB" for three.
        size: None for the picture's own; 300 for 300×300; or (height, width). Each 1 to ``MAX_SIZE``.
        fit: how the picture's shape meets ``size``: "crop" cuts the sides off around the centre; "keep" cuts
            nothing and keeps the aspect, so that the picture just fits inside ``size``; "stretch" distorts.
        frame: which frame of an animated GIF, PNG or WebP, or which page of a TIFF, from 0.
    Returns:
        (1, C, H, W) float32 in [0, 1]; every value is exactly v / 255 for a whole v.
    Raises:
        ImageError: the file, or an argument, is not one that can be used.
    """
    pixels = load_pixels(source, mode=mode, size=size, fit=fit, frame=frame)
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[None]


def load_pixels(source: Source, *, mode: Mode = "L", size: Size = None, fit: Fit = "crop", frame: int = 0) -> Bytes8:
    """Do what ``load_image`` does, up to the division.

    Returns:
        (C, H, W) uint8, contiguous.
    Raises:
        ImageError: as ``load_image``.
    """
    if mode not in ("L", "RGB"):
        raise ImageError(f"A picture is read as L (grey) or RGB, not as {mode!r:.20}.")
    if fit not in ("crop", "keep", "stretch"):
        raise ImageError(f"A picture is fitted by crop, keep or stretch, not by {fit!r:.20}.")
    wanted = _height_width(size)
    data = read_source(source)
    try:
        image, _ = open_image(data, frame)
        if wanted:
            # A square, because the picture may lie on its side. Four times as large, because the decoder's
            # halving is not a plain mean: left with less to average, values would be off by up to 15 steps.
            image.draft(None, (4 * max(wanted),) * 2)
        image.load()
        image, negative = _upright(image), _deep_negative(image)
        pixels = eight_bit(image, mode)
        pixels = 255 - pixels if negative else pixels
    except ImageError:
        raise
    except PILLOW_RAISES as error:
        raise sentence(error, data) from None
    if wanted:
        pixels = area_averaged(*fitted(pixels, wanted, fit))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def frame_count(source: Source) -> int:
    """How many frames (GIF, PNG, WebP) or pages (TIFF) a file has: 1 for a still, at most ``MAX_FRAMES``.

    Raises:
        ImageError: the file cannot be used.
    """
    data = read_source(source)
    try:
        return open_image(data, 0)[1]
    except ImageError:
        raise
    except PILLOW_RAISES as error:
        raise sentence(error, data) from None


def _height_width(size: Size) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(type(n) is int and 1 <= n <= MAX_SIZE for n in sides):
        raise ImageError(f"A size is a whole number from 1 to {MAX_SIZE}, or two, not {size!r:.40}.")
    return sides


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(0x0112)
    except PILLOW_RAISES:  # damaged notes about a picture are no reason to refuse the picture
        return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _deep_negative(image: Image.Image) -> bool:
    """Whether 0 means white (TIFF 6.0, PhotometricInterpretation) in samples that Pillow does not turn by itself."""
    tags: Mapping[int, object] = getattr(image, "tag_v2", {})
    return image.mode[0] in "IF" and tags.get(262) == 0


@dataclass(frozen=True)
class Sample:
    """A picture that we ship, with what it is good for."""

    name: str
    title: str
    look_at: str
    path: Path


ASSETS: Final = Path(__file__).parents[1] / "assets"
DEFAULT_SAMPLE: Final = "camera"


def _samples() -> dict[str, Sample]:
    """One sample for every row of CREDITS.md whose file lies in samples/, in the order of the rows."""
    found = {}
    for line in (ASSETS / "CREDITS.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if line.startswith("| samples/") and len(cells) == 6:
            path = ASSETS / cells[0]
            found[path.stem] = Sample(path.stem, cells[1], cells[2], path)
    return found


SAMPLES: Final = _samples()

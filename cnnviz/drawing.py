"""What a person drew, as the dataset of digits wants it: 8×8 counts of dots.

The digits that we ship were prepared by routines of NIST: scaled into a frame of 32×32 dots, thickened or thinned by
whole dots until 256 to 412 of them are ink, sheared upright, and counted in squares of 4×4. Nearly all of them keep
within these bounds; a drawing that is not brought there too is foreign to a network that saw nothing else.

Source: Garris et al. 1994, NIST form-based handprint recognition system, NISTIR 5469, normalization and shearing;
Alpaydin & Kaynak 1998, Optical recognition of handwritten digits, UCI (the counts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from cnnviz.image_pixels import Bytes8, area_averaged

FRAME: Final = 32  # dots
_WIDEST: Final = 20  # dots; what is wider is squeezed, what is slimmer stays slim
_INK: Final = (256, 412)  # dots
_ROUNDS: Final = 4  # of thickening or thinning
_THIN: Final = 128  # dots of ink; below, a line keeps each dot that it touches

Dots = np.ndarray  # (32, 32) bool


class DrawingError(ValueError):
    """There is nothing to be read. The message is a sentence for the person who drew it."""


@dataclass(frozen=True, eq=False)
class DigitPicture:
    """A digit, and how it came about.

    box: of the ink in the drawing, (top, left, bottom, right), the last two beyond it. scaled, evened, upright:
    (32, 32) bool, after each step. rounds: how often it was thickened, or, below 0, thinned. slant: how many dots a row
    was moved to the left for each row that it lies further down. counts: (8, 8) int64, 0 … 16. picture: (1, 1, 8, 8)
    float32, each value as in `datasets.digits`.
    """

    box: tuple[int, int, int, int]
    scaled: Dots
    evened: Dots
    upright: Dots
    rounds: int
    slant: float
    counts: np.ndarray
    picture: Tensor


def digit_picture(bitmap: Bytes8) -> DigitPicture:
    """Prepare a drawn digit as those of the dataset were.

    NIST stretches every digit to 20 columns; here one that is slimmer keeps its proportions, for a bar drawn with a
    mouse, which is no wider than the brush, would become a block.

    Args:
        bitmap: (h, w) uint8, 0 paper … 255 ink; from 128 on it is ink.
    Raises:
        DrawingError: nothing is drawn.
    """
    ink = _checked(bitmap) > 127
    rows, cols = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        raise DrawingError("Nothing is drawn yet.")
    box = (int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)
    scaled = _scaled(ink[box[0] : box[2], box[1] : box[3]])
    evened, rounds = _evened(scaled)
    upright, slant = _upright(evened)
    counts = upright.reshape(8, 4, 8, 4).sum((1, 3))
    pixels = np.rint(counts * (255 / 16)).astype(np.uint8)
    picture = torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[None, None]
    return DigitPicture(box, scaled, evened, upright, rounds, slant, counts, picture)


def _checked(pixels: Bytes8) -> Bytes8:
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or not pixels.size:
        raise DrawingError(f"A drawing is (h, w) of uint8, not {pixels.shape} of {pixels.dtype}.")
    return pixels


def _scaled(ink: np.ndarray) -> Dots:
    """The box in the frame, as high as it, in the middle."""
    height, width = ink.shape
    columns = min(_WIDEST, max(1, round(FRAME * width / height)))
    cover = area_averaged(np.where(ink, np.uint8(255), np.uint8(0))[:, :, None], FRAME, columns)[:, :, 0]
    is_thin = cover.sum() < 255 * _THIN
    frame, left = np.zeros((FRAME, FRAME), bool), (FRAME - columns) // 2
    frame[:, left : left + columns] = cover > (0 if is_thin else 127)
    return frame


def _evened(dots: Dots) -> tuple[Dots, int]:
    """Thickened or thinned, a dot all around at a time, until there is as much ink as the dataset's digits have."""
    rounds = 0
    while abs(rounds) < _ROUNDS:
        count = dots.sum()
        if count < _INK[0] and rounds >= 0:
            dots, rounds = np.logical_or.reduce(_neighbours(dots)), rounds + 1
        elif count > _INK[1] and rounds <= 0:
            dots, rounds = np.logical_and.reduce(_neighbours(dots)), rounds - 1
        else:
            break
    return dots, rounds


def _neighbours(dots: Dots) -> np.ndarray:
    """(5, 32, 32): each dot, and those above, below, left and right of it; outside there is no ink."""
    around = np.pad(dots, 1)
    return np.stack([dots, around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])


def _upright(dots: Dots) -> tuple[Dots, float]:
    """Sheared until the first dots of two rows, third from the top and from the bottom, stand one above the other."""
    rows = np.flatnonzero(dots.any(1))
    top, bottom = rows[0] + 2, rows[-1] - 2
    if bottom - top < 2 or not (dots[top].any() and dots[bottom].any()):
        return dots, 0.0
    slant = float(dots[bottom].argmax() - dots[top].argmax()) / float(bottom - top)
    moves = np.rint((FRAME // 2 - np.arange(FRAME)) * slant).astype(int)
    from_ = np.arange(FRAME) - moves[:, None]
    inside = (from_ >= 0) & (from_ < FRAME)
    return inside & np.take_along_axis(dots, from_.clip(0, FRAME - 1), 1), slant

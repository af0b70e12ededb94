"""A digit on a photograph, as ink on paper."""

from __future__ import annotations

from typing import Final

import numpy as np

from cnnviz.drawing import DigitPicture, DrawingError, digit_picture
from cnnviz.image_pixels import Bytes8, area_averaged

_SIDE: Final = 160  # pixels that are looked at
_CONTRAST: Final = 24  # of 255, between ink and paper at least
_SPECK: Final = 0.1  # of the largest blot's size; smaller ones are no part of the digit


def digit_from_photo(grey: Bytes8) -> DigitPicture:
    """Prepare a photographed digit, dark on light or light on dark, as `drawing.digit_picture` does a drawn one.

    Args:
        grey: (h, w) uint8.
    Raises:
        DrawingError: nothing stands out.
    """
    return digit_picture(photographed_ink(grey))


def photographed_ink(grey: Bytes8) -> Bytes8:
    """Tell ink from paper: of the two sides of Otsu's threshold, paper is the one that most of the border belongs to.

    Blots smaller than a tenth of the largest are dust. The light should be even: there is one threshold for all.

    Args:
        grey: (h, w) uint8.
    Returns:
        uint8, 0 paper and 255 ink, its longer side 160 at most.
    Raises:
        DrawingError: nothing stands out.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
        raise DrawingError(f"A photograph is (h, w) of uint8, not {grey.shape} of {grey.dtype}.")
    scale = min(1.0, _SIDE / max(grey.shape))
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = area_averaged(grey[:, :, None], height, width)[:, :, 0]
    light = small > otsu(small)
    if light.all() or not light.any() or small[light].mean() - small[~light].mean() < _CONTRAST:
        raise DrawingError("No digit stands out: a dark one on light, even paper is read best.")
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    ink = ~light if border.mean() >= 0.5 else light
    blots = _blots(ink)
    sizes = np.bincount(blots[ink])
    large = np.flatnonzero(sizes >= _SPECK * sizes.max())
    return np.where(ink & np.isin(blots, large), np.uint8(255), np.uint8(0))


def otsu(grey: Bytes8) -> int:
    """The level that parts values up to it from those above so that the variance between the two is largest.

    Returns:
        0 … 254; of equally good levels the middle one.
    Source: Otsu 1979, A threshold selection method from gray-level histograms, equation 18.
    """
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    below, sums = counts.cumsum()[:-1], (counts * np.arange(256)).cumsum()
    above = counts.sum() - below
    apart = sums[-1] * below - sums[:-1] * counts.sum()  # the difference of the means, times below · above
    between = np.divide(apart**2, below * above, out=np.zeros(255), where=below * above > 0)
    best = np.flatnonzero(between == between.max())
    return int(best[len(best) // 2])


def _blots(ink: np.ndarray) -> np.ndarray:
    """A number for each pixel of ink, the same for all that touch, corners too; 0 elsewhere."""
    numbers = np.where(ink, np.arange(1, ink.size + 1).reshape(ink.shape), 0)
    while True:
        around = np.pad(numbers, 1)
        height, width = ink.shape
        largest = np.stack([around[r : r + height, c : c + width] for r in range(3) for c in range(3)]).max(0)
        # a number is the place of a pixel in the same blot: what that one holds spreads further
        spread = np.where(ink, np.append(0, largest)[largest], 0)
        if np.array_equal(spread, numbers):
            return numbers
        numbers = spread

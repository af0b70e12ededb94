"""Labelled pictures to learn from: handwritten digits that we ship, and coloured shapes that are drawn on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from cnnviz.image_pixels import Bytes8
from cnnviz.images import ASSETS
from cnnviz.shape_pictures import SHAPES, draw_shapes

MOST_SHAPES: Final = 20_000  # pictures for training, 61 MB
_VARIED_SEED: Final = 2**41
_HELD_OUT_SEED: Final = 2**40  # added to a seed: the pictures that a network is tested on are never those that it saw


@dataclass(frozen=True, eq=False)
class Examples:
    """Pictures with the number of the class of each.

    pixels: (N, C, H, W) uint8. labels: (N,) int64.
    """

    pixels: Bytes8
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.labels.shape != self.pixels.shape[:1]:
            raise ValueError(f"pictures {self.pixels.shape} need as many labels, not {self.labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, which: slice | np.ndarray = slice(None)) -> Tensor:
        """Some of the pictures, (n, C, H, W) float32 in [0, 1]; every value is v / 255 for a whole v."""
        return torch.from_numpy(self.pixels[which].astype(np.float32) / np.float32(255))

    def classes(self, which: slice | np.ndarray = slice(None)) -> Tensor:
        """The classes of some of the pictures, (n,) int64."""
        return torch.from_numpy(self.labels[which].astype(np.int64))


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a network learns from, and what it is tested on and never learns from."""

    title: str
    classes: tuple[str, ...]
    training: Examples
    held_out: Examples

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a picture, (C, H, W)."""
        channels, height, width = self.training.pixels.shape[1:]
        return channels, height, width


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """1,797 digits that 13 people wrote, 1×8×8. Every fifth of a class is held out: the same hands are in both parts.

    Their grey levels 0 … 16 count how much of a square of 4×4 dots is ink; here they are spread over 0 … 255.

    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository.
    """
    with np.load(ASSETS / "digits.npz", allow_pickle=False) as file:
        counts, labels = file["images"], file["labels"].astype(np.int64)
    pixels = np.rint(counts[:, None] * (255 / 16)).astype(np.uint8)
    held_out = np.zeros(len(labels), bool)
    held_out[np.argsort(labels, kind="stable")[4::5]] = True
    parts = (Examples(pixels[part], labels[part]) for part in (~held_out, held_out))
    return Dataset("Handwritten digits", tuple("0123456789"), *parts)


@lru_cache(maxsize=4)
def shapes(count: int = 6000, seed: int = 0, held_out: int = 1000) -> Dataset:
    """Coloured shapes, 3×32×32, of ten kinds in turn; see `shape_pictures`.

    Args:
        count: of the pictures to learn from, 10 … MOST_SHAPES.
        seed: not negative; it decides on all pictures.
        held_out: how many pictures are drawn to test on; they do not depend on `count`.
    """
    for number in (count, held_out):
        if not 10 <= number <= MOST_SHAPES:
            raise ValueError(f"From 10 to {MOST_SHAPES:,} pictures can be drawn, not {number:,}.")
    if seed < 0:
        raise ValueError(f"The seed is a whole number from 0, not {seed}.")
    parts = (Examples(*draw_shapes(n, s)) for n, s in ((count, seed), (held_out, seed + _HELD_OUT_SEED)))
    return Dataset("Coloured shapes", tuple(SHAPES), *parts)


def varied_shapes(count: int, seed: int = 0) -> Examples:
    """Shapes of the same ten kinds as people draw them too, larger, darker than their ground, or outlined."""
    return Examples(*draw_shapes(count, seed + _VARIED_SEED, varied=True))


DATASETS: Final[dict[str, Callable[[], Dataset]]] = {"digits": digits, "shapes": shapes}

"""Pictures moved by whole pixels, and what differs between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnviz.padding import check_maps, source_index
from cnnviz.shapes import ShapeError

SHIFT_MODES = ("replicate", "circular", "zeros")


def shift(x: Tensor, down: int, right: int, mode: str = "replicate") -> Tensor:
    """Move each map by whole pixels; what leaves on one side is gone, or comes in on the other.

    Args:
        x: (N, C, H, W), floating point, any range.
        down, right: how far; negative numbers move up and left. They may exceed the map.
        mode: what comes in: "replicate" the edge, "circular" what left on the other side, or "zeros".
    Returns:
        (N, C, H, W): the cell (r, c) is x's (r - down, c - right), where there is one.
    Raises:
        ValueError: an unknown mode.
        ShapeError: x is not (N, C, H, W), or has no cell.
    Source: Zhang 2019, Making convolutional networks shift-invariant again, section 3.1.
    """
    check_maps(x)
    if mode not in SHIFT_MODES:
        raise ValueError(f"unknown mode {mode!r}: choose one of {', '.join(SHIFT_MODES)}")
    for axis, distance in ((2, down), (3, right)):
        size = x.shape[axis]
        sources = [source_index(i - distance, size, mode) for i in range(size)]
        x = x.index_select(axis, torch.tensor([source or 0 for source in sources]))
        empty = torch.tensor([source is None for source in sources])
        x = x.masked_fill(empty[:, None] if axis == 2 else empty, 0.0)
    return x


@dataclass(frozen=True)
class Change:
    """How many of `total` cells changed."""

    changed: int
    total: int

    @property
    def share(self) -> float:
        """In [0, 1]; of no cells, none changed."""
        return self.changed / self.total if self.total else 0.0

    @classmethod
    def of(cls, mask: Tensor) -> Change:
        """Count a mask of any shape, such as that of `changed`."""
        return cls(int(mask.count_nonzero()), mask.numel())


def changed(before: Tensor, after: Tensor, tolerance: float = 1e-6) -> Tensor:
    """Which cells differ by more than rounding.

    Args:
        before, after: of one shape, any range, finite.
        tolerance: the largest difference that does not count, as a share of the largest |value| in either.
    Returns:
        a bool mask of that shape.
    Raises:
        ShapeError: the shapes differ.
        ValueError: the tolerance is negative.
    """
    if before.shape != after.shape:
        raise ShapeError(f"only maps of one size can be compared, not {tuple(before.shape)} and {tuple(after.shape)}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be 0 or more, not {tolerance!r}")
    if not before.numel():
        return torch.zeros(before.shape, dtype=torch.bool)
    before, after = before.double(), after.double()
    largest = torch.maximum(before.abs().max(), after.abs().max())
    return (before - after).abs() > tolerance * largest

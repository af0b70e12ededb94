"""A picture changed a little, to see whether a network minds: turned, moved, covered, noisy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz.answers import check_picture
from cnnviz.shifting import shift

Edge = Literal["zeros", "replicate"]
EDGES: Final = ("zeros", "replicate")


@dataclass(frozen=True)
class Perturbation:
    """What is done to a picture, in this order; what stands here by default changes nothing.

    degrees: turned around its middle, counter-clockwise. right, down: moved by pixels, fractions too. edge: what comes
    in from outside, "zeros" or "replicate" the edge. size: of the square that is covered, from (row, col) on; fill:
    with what. noise: the standard deviation of what is added to each value, drawn by the seed.
    """

    degrees: float = 0.0
    right: float = 0.0
    down: float = 0.0
    edge: Edge = "zeros"
    row: int = 0
    col: int = 0
    size: int = 0
    fill: float = 0.5
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.degrees, self.right, self.down)):
            raise ValueError("A picture is turned and moved by finite numbers.")
        if self.edge not in EDGES:
            raise ValueError(f"What comes in from outside is one of {', '.join(EDGES)}, not {self.edge!r:.20}.")
        if min(self.row, self.col, self.size) < 0 or not 0 <= self.fill <= 1:
            raise ValueError("A covered square has a place and a size of at least 0, and a fill from 0 to 1.")
        if not 0 <= self.noise < math.inf or not 0 <= self.seed < 2**63:
            raise ValueError("Noise and its seed are at least 0.")

    def __call__(self, x: Tensor) -> Tensor:
        """Change a picture.

        Args:
            x: (1, C, H, W), floating point, in [0, 1].
        Returns:
            as large, in [0, 1]; x itself, bit for bit, if nothing is to be done.
        Raises:
            ShapeError: x is not one picture.
        """
        check_picture(x)
        x = self._moved(x)
        if self.size:
            x = x.clone()
            x[:, :, self.row : self.row + self.size, self.col : self.col + self.size] = self.fill
        if self.noise:
            generator = torch.Generator().manual_seed(self.seed)
            x = x + self.noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return x.clamp(0, 1)

    def _moved(self, x: Tensor) -> Tensor:
        if not self.degrees % 360 and float(self.right).is_integer() and float(self.down).is_integer():
            # exact: no pixel lies between two others
            return shift(x, int(self.down), int(self.right), self.edge) if self.down or self.right else x
        return _turned(x, math.radians(self.degrees), self.right, self.down, self.edge)


def _turned(x: Tensor, angle: float, right: float, down: float, edge: Edge) -> Tensor:
    """Turn, then move, in one go; bilinear between pixels."""
    height, width = x.shape[2:]
    middle_row, middle_col = (height - 1) / 2, (width - 1) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    # where each pixel of the result comes from: the way back
    y = torch.arange(height, dtype=torch.float64)[:, None] - middle_row - down
    x_ = torch.arange(width, dtype=torch.float64)[None, :] - middle_col - right
    col, row = cos * x_ - sin * y + middle_col, sin * x_ + cos * y + middle_row
    grid = torch.stack([(2 * col + 1) / width - 1, (2 * row + 1) / height - 1], 2)[None].to(x.dtype)
    padding = "border" if edge == "replicate" else "zeros"
    return F.grid_sample(x, grid, padding_mode=padding, align_corners=False)

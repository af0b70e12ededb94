"""Pictures changed a little, each time in another way, so that a network cannot learn them by heart."""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

# By name: how far the grid where a picture is read is shifted (of a side), turned (radians) and stretched: read up to
# 12 % closer together, a picture becomes 1 / 0.88 = 1.136 times as large; read farther apart, 1 / 1.12 = 0.893 times.
_REACH: Final[dict[str, tuple[float, float, float]]] = {
    "shift": (1 / 8, 0, 0),
    "affine": (1 / 10, math.radians(12), 0.12),
}
AUGMENTATIONS: Final[dict[str, str]] = {
    "none": "Pictures stay as they are.",
    "shift": "Each is shifted, by up to an eighth of its side.",
    "flip": "Half of them are mirrored, left to right.",
    "affine": "Each is shifted a little, turned by up to 12°, and made up to 13.6 % larger or 10.7 % smaller.",
}


def augment(images: Tensor, name: str, generator: torch.Generator) -> Tensor:
    """Change each picture as the generator decides; what comes in from beyond an edge continues it.

    Args:
        images: (N, C, H, W) float32; they stay as they are.
        name: one of AUGMENTATIONS.
    Returns:
        as large, bilinear between pixels, so no value leaves the range of its picture.
    """
    if name == "none":
        return images
    if name == "flip":
        mirrored = torch.rand((len(images), 1, 1, 1), generator=generator) < 0.5
        return torch.where(mirrored, images.flip(3), images)
    shift, turn, scale = _REACH[name]
    draws = torch.rand((len(images), 4), generator=generator) * 2 - 1
    angle, size, moves = turn * draws[:, 0], 1 + scale * draws[:, 1], 2 * shift * draws[:, 2:]
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    long = images.shape[2] / images.shape[3]  # the grid counts in halves of each side
    rows = torch.stack([cos, -sin * long, moves[:, 0], sin / long, cos, moves[:, 1]], 1)
    grid = F.affine_grid(rows.reshape(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

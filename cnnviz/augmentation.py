"""Pictures changed a little, each time in another way, so that a network cannot learn them by heart."""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

# By name: how far pictures are shifted (of their side), turned (radians), scaled (of their size), and whether mirrored.
_REACH: Final[dict[str, tuple[float, float, float, bool]]] = {
    "none": (0, 0, 0, False),
    "shift": (1 / 8, 0, 0, False),
    "flip": (0, 0, 0, True),
    "affine": (1 / 10, math.radians(12), 0.12, False),
}
AUGMENTATIONS: Final[dict[str, str]] = {
    "none": "Pictures stay as they are.",
    "shift": "Each is shifted, by up to an eighth of its side.",
    "flip": "Half of them are mirrored, left to right.",
    "affine": "Each is shifted a little, turned by up to 12° and made up to 12 % larger or smaller.",
}


def augment(images: Tensor, name: str, generator: torch.Generator) -> Tensor:
    """Change each picture as the generator decides; what comes in from beyond an edge continues it.

    Args:
        images: (N, C, H, W) float32.
        name: one of AUGMENTATIONS.
    Returns:
        as large, bilinear between pixels.
    """
    shift, turn, scale, flips = _REACH[name]
    if name == "none":
        return images
    draws = torch.rand((len(images), 5), generator=generator) * 2 - 1
    angle, size = turn * draws[:, 0], 1 + scale * draws[:, 1]
    mirror = torch.where(draws[:, 2] < 0, -1.0, 1.0) if flips else torch.ones(len(images))
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    rows = torch.stack([cos * mirror, -sin, 2 * shift * draws[:, 3], sin * mirror, cos, 2 * shift * draws[:, 4]], 1)
    grid = F.affine_grid(rows.reshape(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

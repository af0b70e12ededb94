"""What a shift of the picture changes behind a stack of layers, away from the edge, where something new came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnviz.layers import Activation, Layer, Shape
from cnnviz.receptive_fields import tables
from cnnviz.shifting import Change, changed


@dataclass(frozen=True)
class ShiftEffect:
    """How far two outputs are apart, cell by cell at the same place.

    cells: how many changed, of those compared.
    size: Σ|change| / Σ|value before|; None where all was 0 before.
    is_clear: whether only cells were compared that see nothing of what came in at the edge; else each of them does
        see it, as the only cell of a global pool, and all were compared.
    """

    cells: Change
    size: float | None
    is_clear: bool


def shift_effect(
    layers: Sequence[Layer], shape: Shape, down: int, right: int, before: Tensor, after: Tensor
) -> ShiftEffect:
    """Compare what the layers make of a picture and of the same picture shifted.

    Args:
        layers, shape, down, right: as for `clear_of_edge`.
        before, after: the two outputs, of one shape (N, C, H, W), finite.
    Raises:
        ShapeError: a layer cannot take its input, or the outputs are not of one shape.
    """
    clear = clear_of_edge(layers, shape, down, right)
    if is_clear := bool(clear.any()):
        before, after = before[..., clear], after[..., clear]
    mask = changed(before, after)
    total = float(before.abs().sum())
    return ShiftEffect(Change.of(mask), float((after - before).abs().sum()) / total if total else None, is_clear)


def clear_of_edge(layers: Sequence[Layer], shape: Shape, down: int, right: int) -> Tensor:
    """Which output cells see nothing of what came in at the edge.

    Args:
        layers: they make maps of maps. A softmax is taken for a function of each cell by itself, which it is not: were
            it one of all cells, none would be clear.
        shape: the picture's, (C, H, W).
        down, right: how far it was shifted; negative numbers: up and left.
    Returns:
        (H_out, W_out), bool.
    Raises:
        ShapeError: a layer cannot take its input.
    """
    new = []
    for size, distance in zip(shape[1:], (down, right)):
        cells = torch.arange(size)
        new.append((cells < distance) | (cells >= size + distance))
    for layer in layers:
        if isinstance(layer, Activation):
            continue
        new = [
            torch.tensor([bool(seen[list(cells)].any()) for cells in table])
            for seen, table in zip(new, tables(layer, shape))
        ]
        shape = layer.output_shape(shape)
    return ~(new[0][:, None] | new[1])

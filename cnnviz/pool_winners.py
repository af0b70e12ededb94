"""Which cells win: the largest of a max pool's window, the smallest of a min pool's."""

from __future__ import annotations

import torch
from torch import Tensor

from cnnviz.layers import AdaptivePool2d, GlobalPool2d, Pool2d
from cnnviz.padding import check_maps
from cnnviz.receptive_fields import Table, tables

Pool = Pool2d | GlobalPool2d | AdaptivePool2d
AT_ONCE = 4_000_000  # cells that are laid out, window by window: where windows overlap, many times the map


def winner_indices(x: Tensor, layer: Pool) -> Tensor:
    """The cell that won each window, as row·W + column; of equal cells the first in row order.

    Args:
        x: the layer's input before padding, (N, C, H, W), any range, without NaN.
        layer: a max or a min pool.
    Returns:
        (N, C, H_out, W_out), int64, as torch's max_pool2d(return_indices=True). Padding never wins.
    Raises:
        ShapeError: the layer cannot take x.
        ValueError: an average or a norm: nobody wins there, all cells of a window take part (`windows.reads`).
    Source: torch.nn.MaxPool2d, return_indices; Zeiler & Fergus 2014, Visualizing and understanding convolutional
        networks, section 2.1 (switches).
    """
    check_maps(x)
    if layer.kind not in ("max", "min"):
        raise ValueError(f"no cell wins in {layer.kind} pooling: all cells of a window take part")
    rows, cols = tables(layer, tuple(x.shape[1:]))
    values = x if layer.kind == "max" else -x
    # first the best of each row under the window, then of those: so it costs k + k for a window k×k, not k·k
    best_in_row, col = _first_best(values, cols, axis=3)
    _, row = _first_best(best_in_row, rows, axis=2)
    return row * x.shape[3] + col.gather(2, row)


def win_counts(x: Tensor, layer: Pool) -> Tensor:
    """How many windows each cell won: more than one where windows overlap.

    Args, Raises: as for `winner_indices`.
    Returns:
        (N, C, H, W), int64; each channel sums to H_out·W_out.
    """
    indices = winner_indices(x, layer).flatten(2)
    counts = torch.zeros(x.shape, dtype=torch.int64).flatten(2)
    return counts.scatter_add_(2, indices, torch.ones_like(indices)).reshape(x.shape)


def _first_best(values: Tensor, windows: Table, axis: int) -> tuple[Tensor, Tensor]:
    """The largest value in each window along one axis, and its index on that axis: the first, if several."""
    cells = [sorted(window) for window in windows]
    longest = max(map(len, cells))
    # windows cut off by the border repeat their last cell, which changes neither the largest nor the first
    index = torch.tensor([window + window[-1:] * (longest - len(window)) for window in cells])
    across = values.numel() // values.shape[axis]
    parts = [_best_of(values, part, axis) for part in torch.split(index, max(1, AT_ONCE // (across * longest)))]
    best, place = (torch.cat(found, axis) for found in zip(*parts))
    return best, place


def _best_of(values: Tensor, index: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The same for a row of indices each window, all windows as long."""
    picked = values.index_select(axis, index.flatten())
    picked = picked.reshape(*values.shape[:axis], *index.shape, *values.shape[axis + 1 :])
    best, place = picked.max(axis + 1)
    shape = [1] * values.ndim
    shape[axis] = len(index)
    starts = torch.arange(len(index)).reshape(shape)
    return best, index.flatten()[starts * index.shape[1] + place]

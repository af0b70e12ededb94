"""How one output cell arises: the window, the patch under it, the kernel, the products, the sum.

By another route than the layers take: cells are picked out by index and multiplied in double precision, in
which products of single-precision numbers are exact. So it also checks the layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnviz.layers import Conv2d, Pool2d, WindowLayer
from cnnviz.padding import source_index
from cnnviz.receptive_fields import ReceptiveField, check_cell, reaches, reads, receptive_field
from cnnviz.shapes import ShapeError, pair

__all__ = [
    "PoolWindow",
    "ReceptiveField",
    "Window",
    "explain_conv",
    "explain_pool",
    "reaches",
    "reads",
    "receptive_field",
]


@dataclass(frozen=True, eq=False)
class Window:
    """One cell of a convolution: patch × kernel, added up. k is the kernel's height and width.

    rows, cols: the input rows and columns under the window; below 0 or beyond the image they are padding.
    source_rows, source_cols: the input rows and columns whose pixels are read: as `rows` inside the image,
        the copied ones in "reflect", "replicate" and "circular" padding, None where padding is a constant.
    channels: the input channels that the filter sees (all, unless there are groups).
    padding: (k, k) bool, true where the cell is padding.
    patch, kernel, products: (len(channels), k, k), float64; padding cells included.
    sum: of all products. value: sum + bias.
    """

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    source_rows: tuple[int | None, ...]
    source_cols: tuple[int | None, ...]
    channels: range
    padding: Tensor
    patch: Tensor
    kernel: Tensor
    products: Tensor
    sum: float
    bias: float
    value: float


@dataclass(frozen=True, eq=False)
class PoolWindow:
    """One cell of a pooling layer. k is the window's height and width.

    rows, cols: as in Window.
    padding: (k, k) bool, true where there is no cell.
    patch: (k, k), float64; padding is -inf for "max", +inf for "min", 0 for "l2", and 0 for "avg", which
        leaves it out.
    winners: the input positions (row, col) that have the value, for "max" and "min": more than one if equal.
    count: how many cells exist: what "avg" divides by.
    """

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    padding: Tensor
    patch: Tensor
    winners: tuple[tuple[int, int], ...]
    count: int
    value: float


def explain_conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, layer: Conv2d, channel: int, row: int, col: int
) -> Window:
    """The arithmetic of the output cell (channel, row, col) of the first image.

    Args:
        x: the layer's input before padding, (N, C, H, W), any range.
        weight: (C_out, C / groups, kernel height, kernel width).
        bias: (C_out,), or None.
    Raises:
        ShapeError: the layer cannot take x or weight; it has no such cell.
    """
    shape = tuple(x.shape[1:])
    _check_position(layer, shape, channel, row, col)
    if tuple(weight.shape) != layer.parameter_shapes(shape)["weight"]:
        wanted = layer.parameter_shapes(shape)["weight"]
        raise ShapeError(f"weight must be {wanted} for an input {shape}, not {tuple(weight.shape)}")
    rows, cols = _indices(layer, shape, row, 0), _indices(layer, shape, col, 1)
    source_rows = tuple(source_index(i, shape[1], layer.padding_mode) for i in rows)
    source_cols = tuple(source_index(i, shape[2], layer.padding_mode) for i in cols)
    width = weight.shape[1]
    first = channel // (layer.out_channels // layer.groups) * width
    channels = range(first, first + width)
    fill = layer.padding_value if layer.padding_mode == "constant" else 0.0
    patch = _gather(x[0, first : first + width], source_rows, source_cols, fill)
    kernel = weight[channel].double()
    products = patch * kernel
    total = products.sum().item()
    offset = 0.0 if bias is None else float(bias[channel])
    padding = _outside(rows, shape[1])[:, None] | _outside(cols, shape[2])
    return Window(
        rows,
        cols,
        source_rows,
        source_cols,
        channels,
        padding,
        patch,
        kernel,
        products,
        total,
        offset,
        total + offset,
    )


def explain_pool(x: Tensor, layer: Pool2d, channel: int, row: int, col: int) -> PoolWindow:
    """The cells behind the output cell (channel, row, col) of the first image, and which of them won.

    Args:
        x: the layer's input, (N, C, H, W), any range.
    Raises:
        ShapeError: the layer cannot take x; it has no such cell.
    """
    shape = tuple(x.shape[1:])
    _check_position(layer, shape, channel, row, col)
    rows, cols = _indices(layer, shape, row, 0), _indices(layer, shape, col, 1)
    padding = _outside(rows, shape[1])[:, None] | _outside(cols, shape[2])
    source_rows = tuple(source_index(i, shape[1], "zeros") for i in rows)
    source_cols = tuple(source_index(i, shape[2], "zeros") for i in cols)
    fill = {"max": -math.inf, "min": math.inf}.get(layer.kind, 0.0)
    patch = _gather(x[:1, channel], source_rows, source_cols, fill)[0]
    cells = patch[~padding]
    if layer.kind == "avg":
        value = cells.mean().item()
    elif layer.kind == "l2":
        value = cells.square().sum().sqrt().item()
    else:
        value = (cells.max() if layer.kind == "max" else cells.min()).item()
    winners: tuple[tuple[int, int], ...] = ()
    if layer.kind in ("max", "min"):
        winners = tuple((rows[i], cols[j]) for i, j in ((patch == value) & ~padding).nonzero().tolist())
    return PoolWindow(rows, cols, padding, patch, winners, len(cells), value)


def _check_position(layer: WindowLayer, shape: tuple[int, ...], channel: int, row: int, col: int) -> None:
    channels, *size = layer.output_shape(shape)
    if not 0 <= channel < channels:
        raise ShapeError(f"the output has {channels} channels: there is no channel {channel}")
    check_cell("output", (size[0], size[1]), row, col)


def _indices(layer: WindowLayer, shape: tuple[int, ...], position: int, axis: int) -> tuple[int, ...]:
    start = position * pair(layer.stride, "")[axis] - layer.padding4(shape)[2 * axis]
    kernel, dilation = pair(layer.kernel_size, "")[axis], pair(layer.dilation, "")[axis]
    return tuple(start + dilation * k for k in range(kernel))


def _outside(indices: tuple[int, ...], size: int) -> Tensor:
    return torch.tensor([not 0 <= index < size for index in indices])


def _gather(maps: Tensor, rows: tuple[int | None, ...], cols: tuple[int | None, ...], fill: float) -> Tensor:
    patch = maps[:, [row or 0 for row in rows]][:, :, [col or 0 for col in cols]]
    constant = torch.tensor([row is None for row in rows])[:, None] | torch.tensor([col is None for col in cols])
    return patch.double().masked_fill(constant, fill)

"""Pooling on (N, C, H, W) tensors: torch's, plus TensorFlow's "same", min and l2, and dilated averages."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz.padding import check_maps, pad2d
from cnnviz.shapes import (
    Padding,
    Padding4,
    Pair,
    Size,
    adaptive_edges,
    cells_per_window,
    pair,
    pool_output_size,
    resolve_padding,
)

POOLS = ("max", "avg", "min", "l2")


def pool2d(
    x: Tensor,
    kind: str,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
    dilation: Size = 1,
) -> Tensor:
    """Summarise each window of each channel by one number. Padding is not a cell, so it never counts.

    Args:
        x: (N, C, H, W), floating point, any range.
        kind: "max"; "min"; "avg", the sum divided by the cells that exist; "l2", the Euclidean norm
            sqrt(sum of squares): a norm, not the root of the *mean* of squares.
        stride: the window's size if None.
        padding: as for `conv2d`; its cells are -inf for "max", +inf for "min", left out of "avg", 0 for "l2".
    Returns:
        (N, C, H_out, W_out), see `output_size`.
    Raises:
        ShapeError: the dilated window is larger than the padded input, or lies somewhere in padding alone
            (it has no cell then; this takes padding as large as the window, or dilation over a tiny image).
    Source: Goodfellow et al. 2016, Deep Learning, section 9.3; Dumoulin & Visin 2016, section 3.
    """
    check_maps(x)
    check_kind(kind)
    kernel_size = pair(kernel_size, "kernel_size")
    stride, dilation = pair(kernel_size if stride is None else stride, "stride"), pair(dilation, "dilation")
    size = (x.shape[2], x.shape[3])
    pool_output_size(size, kernel_size, stride, padding, dilation)
    if kind == "min":
        return -pool2d(-x, "max", kernel_size, stride=stride, padding=padding, dilation=dilation)
    top, bottom, left, right = sides = resolve_padding(padding, size, kernel_size, stride, dilation)
    # torch pads pools by itself, but equally on both sides and by half a window at most
    torch_pads = top == bottom and left == right and 2 * top <= kernel_size[0] and 2 * left <= kernel_size[1]
    if kind == "max":
        if torch_pads:
            return F.max_pool2d(x, kernel_size, stride, (top, left), dilation)
        return F.max_pool2d(pad2d(x, sides, "constant", -torch.inf), kernel_size, stride, 0, dilation)
    if kind == "l2":
        return _root(_window_sum(x.square(), kernel_size, stride, sides, dilation))
    if torch_pads and dilation == (1, 1):
        return F.avg_pool2d(x, kernel_size, stride, (top, left), count_include_pad=False)
    rows, cols = cells_per_window(size, kernel_size, stride, padding, dilation)
    cells = torch.outer(x.new_tensor(rows), x.new_tensor(cols))
    return _window_sum(x, kernel_size, stride, sides, dilation) / cells


def _window_sum(x: Tensor, kernel_size: Pair, stride: Pair, padding4: Padding4, dilation: Pair) -> Tensor:
    padded = pad2d(x, padding4)
    if dilation == (1, 1):
        return F.avg_pool2d(padded, kernel_size, stride, divisor_override=1)
    ones = x.new_ones(1, 1, *kernel_size)
    # torch has no dilated sum: a filter of ones, with every channel as an image of its own
    sums = F.conv2d(padded.flatten(0, 1).unsqueeze(1), ones, None, stride, 0, dilation)
    return sums.reshape(*x.shape[:2], *sums.shape[2:])


def global_pool2d(x: Tensor, kind: str) -> Tensor:
    """Summarise each whole channel by one number.

    Args:
        x: (N, C, H, W), floating point, any range.
        kind: as for `pool2d`.
    Returns:
        (N, C, 1, 1).
    Raises:
        ShapeError: x has no cell.
    Source: Lin et al. 2014, Network in network, section 3.2 (global average pooling).
    """
    check_maps(x)
    check_kind(kind)
    if kind == "max":
        return x.amax((2, 3), keepdim=True)
    if kind == "min":
        return x.amin((2, 3), keepdim=True)
    if kind == "avg":
        return x.mean((2, 3), keepdim=True)
    return _root(x.square().sum((2, 3), keepdim=True))


def adaptive_pool2d(x: Tensor, kind: str, output_size: Size) -> Tensor:
    """Summarise each channel by a map of a given size, whatever the input's: the windows adapt.

    Args:
        x: (N, C, H, W), floating point, any range.
        kind: as for `pool2d`.
        output_size: H_out or (H_out, W_out). It may exceed the input's: cells are then repeated.
    Returns:
        (N, C, H_out, W_out); `adaptive_edges` says which cells each window covers.
    Raises:
        ShapeError: output_size is not a size, or x has no cell.
    Source: torch.nn.AdaptiveAvgPool2d; He et al. 2015, Spatial pyramid pooling, section 2.3.
    """
    check_maps(x)
    check_kind(kind)
    out = pair(output_size, "output_size")
    if kind == "max":
        return F.adaptive_max_pool2d(x, out)
    if kind == "min":
        return -F.adaptive_max_pool2d(-x, out)
    if kind == "avg":
        return F.adaptive_avg_pool2d(x, out)
    rows, cols = (
        [stop - start for start, stop in zip(*adaptive_edges(x.shape[2 + axis], out[axis]))] for axis in (0, 1)
    )
    cells = torch.outer(x.new_tensor(rows), x.new_tensor(cols))
    return _root(F.adaptive_avg_pool2d(x.square(), out) * cells)


def _root(x: Tensor) -> Tensor:
    """The square root, with a gradient of 0 at 0, as torch.linalg.norm has it, where sqrt's own is infinite."""
    zero = x == 0
    return x.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)


def check_kind(kind: str) -> None:
    """Raise ValueError for a kind that is not in POOLS."""
    if kind not in POOLS:
        raise ValueError(f"unknown pooling {kind!r}: choose one of {', '.join(POOLS)}")

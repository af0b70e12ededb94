"""Padding: rows and columns around a map, and which input cell each of them copies."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from cnnviz.shapes import Padding4, Pair, ShapeError, times

PADDING_MODES = ("zeros", "constant", "reflect", "replicate", "circular")


def pad2d(x: Tensor, padding4: Padding4, mode: str = "zeros", value: float = 0.0) -> Tensor:
    """Add rows and columns around each map.

    Args:
        x: (N, C, H, W), floating point, any range.
        padding4: (top, bottom, left, right), none negative.
        mode: "zeros"; "constant", filled with `value`; "reflect" about the edge pixel, which is not repeated;
            "replicate" the edge pixel; "circular", as if the image tiled the plane.
        value: the fill of mode "constant"; other modes ignore it.
    Returns:
        (N, C, H + top + bottom, W + left + right).
    Raises:
        ShapeError: "reflect" needs padding < size, "circular" padding <= size.
    """
    check_maps(x)
    check_padding(padding4, (x.shape[2], x.shape[3]), mode)
    top, bottom, left, right = padding4
    if not any(padding4):
        return x
    if mode in ("zeros", "constant"):
        return F.pad(x, (left, right, top, bottom), value=value if mode == "constant" else 0.0)
    return F.pad(x, (left, right, top, bottom), mode=mode)


def check_padding(padding4: Padding4, input_size: Pair, mode: str) -> None:
    """Raise if `mode` cannot fill this much padding from an input of this size.

    Raises:
        ShapeError: reflecting needs padding < size, wrapping around needs padding <= size.
        ValueError: an unknown mode, or negative padding.
    """
    if mode not in PADDING_MODES:
        raise ValueError(f"unknown padding_mode {mode!r}: choose one of {', '.join(PADDING_MODES)}")
    if min(padding4) < 0:
        raise ShapeError(f"padding must not be negative: {padding4}")
    if mode not in ("reflect", "circular"):
        return
    short = 1 if mode == "reflect" else 0  # reflecting leaves the edge itself out
    for axis, sides, size in (
        ("rows", padding4[:2], input_size[0]),
        ("columns", padding4[2:], input_size[1]),
    ):
        if max(sides) > size - short:
            raise ShapeError(
                f"{mode} padding of {max(sides)} {axis} needs an input with at least {max(sides) + short} "
                f"{axis}; this one has {size} (input {times(input_size)})"
            )


def source_index(index: int, size: int, mode: str) -> int | None:
    """The input index that a padded position copies: itself inside; None where padding is a constant."""
    if 0 <= index < size:
        return index
    if mode == "reflect":
        return -index if index < 0 else 2 * (size - 1) - index
    if mode == "replicate":
        return 0 if index < 0 else size - 1
    if mode == "circular":
        return index % size
    return None


def check_maps(x: Tensor, **weights: Tensor | None) -> None:
    """Raise a ValueError unless x is (N, C, H, W), floating point, and the weights go with it."""
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ShapeError(f"x must be (N, C, H, W) with at least one cell, not {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"x must be floating point, not {x.dtype}: images are numbers in [0, 1]")
    for name, weight in weights.items():
        if weight is None:
            continue
        if weight.dtype != x.dtype:
            raise ValueError(f"{name} is {weight.dtype} but x is {x.dtype}: convert one of them")
        if name != "bias" and (weight.ndim != 4 or 0 in weight.shape):
            raise ShapeError(f"{name} must have four dimensions, none of them empty, not {tuple(weight.shape)}")

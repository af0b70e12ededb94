"""Convolution on (N, C, H, W) tensors, and the one place to import padding, pooling and activations from.

torch's operations plus what torch lacks: TensorFlow's "same" at any stride, padding modes with unequal sides,
padding with any constant. "Convolution" here, as everywhere in deep learning, is cross-correlation: the
kernel is not flipped.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from cnnviz.activations import ACTIVATIONS, activate
from cnnviz.padding import PADDING_MODES, check_maps, pad2d
from cnnviz.pooling import POOLS, adaptive_pool2d, global_pool2d, pool2d
from cnnviz.shapes import (
    Padding,
    Pair,
    ShapeError,
    Size,
    check_groups,
    conv_transpose_output_size,
    output_size,
    pair,
    resolve_padding,
)

__all__ = [
    "ACTIVATIONS", "PADDING_MODES", "POOLS", "ShapeError", "activate", "adaptive_pool2d", "conv2d",
    "conv_transpose2d", "depthwise_separable_conv2d", "global_pool2d", "output_size", "pad2d", "pool2d",
    "resolve_padding",
]  # fmt: skip


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Slide each filter over the image; at each step, the dot product of its weights and the patch under it.

    Args:
        x: (N, C_in, H, W), floating point, any range.
        weight: (C_out, C_in / groups, kernel height, kernel width), the dtype of x.
        bias: (C_out,).
        padding: "valid" (none), "same" (TensorFlow's, see `resolve_padding`), or what to add on both sides.
        padding_mode, padding_value: how padding is filled, see `pad2d`.
        groups: the channels are split into this many parts, each with filters of its own.
    Returns:
        (N, C_out, H_out, W_out), see `output_size`.
    Raises:
        ShapeError: the dilated kernel is larger than the padded input; channels, groups, weight and bias do
            not go together; the input is too small for "reflect" or "circular" padding.
    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic, section 2.
    """
    check_maps(x, weight=weight, bias=bias)
    _check_groups(x, weight, bias, groups, in_channels=weight.shape[1] * groups, out_channels=weight.shape[0])
    stride, dilation = pair(stride, "stride"), pair(dilation, "dilation")
    kernel_size = _size(weight)
    output_size(_size(x), kernel_size, stride, padding, dilation)
    top, bottom, left, right = sides = resolve_padding(padding, _size(x), kernel_size, stride, dilation)
    # torch pads as it goes, without a copy of the image; but where channels are convolved apart it does so quickly only
    # for sides of up to 6 that are narrower than the kernel: bench/padding.py
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size)]
    is_quick = groups == 1 or all(side < min(7, extent) for side, extent in zip((top, left), extents))
    if padding_mode == "zeros" and top == bottom and left == right and is_quick:
        return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
    return F.conv2d(pad2d(x, sides, padding_mode, padding_value), weight, bias, stride, 0, dilation, groups)


def depthwise_separable_conv2d(
    x: Tensor,
    depthwise: Tensor,
    pointwise: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
) -> Tensor:
    """Filter each channel alone, then mix the channels at each pixel: fewer weights than a full convolution.

    Args:
        x: (N, C_in, H, W), floating point, any range.
        depthwise: (C_in·m, 1, kernel height, kernel width): m filters for each channel.
        pointwise: (C_out, C_in·m, 1, 1).
        bias: (C_out,), added after the pointwise step.
        stride and the rest: of the depthwise step, see `conv2d`.
    Returns:
        (N, C_out, H_out, W_out).
    Raises:
        ShapeError: as `conv2d`, or `pointwise` is not 1×1.
    Source: Howard et al. 2017, MobileNets, section 3.1.
    """
    check_maps(x, pointwise=pointwise)
    if _size(pointwise) != (1, 1):
        raise ShapeError(f"pointwise must be (C_out, C_in, 1, 1), not {tuple(pointwise.shape)}")
    maps = conv2d(
        x,
        depthwise,
        stride=stride,
        padding=padding,
        padding_mode=padding_mode,
        padding_value=padding_value,
        dilation=dilation,
        groups=x.shape[1],
    )
    return conv2d(maps, pointwise, bias)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Stamp the kernel, times each input value, onto a larger map and add up: the gradient of `conv2d`.

    Args:
        x: (N, C_in, H, W), floating point, any range.
        weight: (C_in, C_out / groups, kernel height, kernel width), the dtype of x.
        bias: (C_out,).
        padding: rows and columns cut from each side of the result.
        output_padding: rows and columns more at the bottom and the right; less than stride or dilation.
    Returns:
        (N, C_out, H_out, W_out), see `conv_transpose_output_size`.
    Raises:
        ShapeError: nothing is left of the output; output_padding is too large; channels, groups, weight and
            bias do not go together.
    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic, section 4.
    """
    check_maps(x, weight=weight, bias=bias)
    _check_groups(x, weight, bias, groups, in_channels=weight.shape[0], out_channels=weight.shape[1] * groups)
    conv_transpose_output_size(_size(x), _size(weight), stride, padding, output_padding, dilation)
    return F.conv_transpose2d(
        x,
        weight,
        bias,
        pair(stride, ""),
        pair(padding, "", 0),
        pair(output_padding, "", 0),
        groups,
        pair(dilation, ""),
    )


def _size(x: Tensor) -> Pair:
    return x.shape[2], x.shape[3]


def _check_groups(
    x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, *, in_channels: int, out_channels: int
) -> None:
    check_groups(x.shape[1], out_channels, groups)
    if x.shape[1] != in_channels:
        raise ShapeError(
            f"the input has {x.shape[1]} channels, "
            f"the weight {tuple(weight.shape)} in {groups} groups takes {in_channels}"
        )
    if bias is not None and bias.shape != (out_channels,):
        raise ShapeError(
            f"bias must have one number for each of {out_channels} output channels, not {tuple(bias.shape)}"
        )

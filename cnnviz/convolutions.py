"""The convolution layers: plain, depthwise separable, transposed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cnnviz import functional
from cnnviz.layer_base import Layer, Shape, WindowLayer, both_axes, check_counts, maps_shape, normalise_sizes
from cnnviz.padding import PADDING_MODES, check_padding
from cnnviz.shapes import (
    Padding,
    Pair,
    Size,
    check_groups,
    conv_transpose_output_size,
    normalise_padding,
    output_size,
    pair,
)


@dataclass(frozen=True)
class Conv2d(WindowLayer):
    """Filters that slide over the image; each makes one map. Fields as in torch.nn.Conv2d.

    Parameters in the call: weight (out_channels, C / groups, kernel height, kernel width) and
    bias (out_channels,).
    """

    out_channels: int = 1
    kernel_size: Size = (3, 3)
    stride: Size = (1, 1)
    padding: Padding = "valid"
    padding_mode: str = "zeros"
    padding_value: float = 0.0
    dilation: Size = (1, 1)
    groups: int = 1
    bias: bool = True
    stage: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        normalise_sizes(self, "kernel_size", "stride", "dilation")
        check_counts(self, "out_channels", "groups")
        _check_padding_mode(self)

    def output_shape(self, shape: Shape) -> Shape:
        channels, *size = maps_shape(shape, self)
        check_groups(channels, self.out_channels, self.groups)
        return self.out_channels, *_conv_size(self, (size[0], size[1]))

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        channels = maps_shape(shape, self)[0]
        check_groups(channels, self.out_channels, self.groups)
        weight = (self.out_channels, channels // self.groups, *pair(self.kernel_size, ""))
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, shape: Shape) -> int:
        # the zeros of the padding are multiplied too, so every output cell costs one whole filter
        return math.prod(self.output_shape(shape)[1:]) * math.prod(self.parameter_shapes(shape)["weight"])

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.conv2d(
            x, **parameters, stride=self.stride, padding=self.padding, padding_mode=self.padding_mode,
            padding_value=self.padding_value, dilation=self.dilation, groups=self.groups,
        )  # fmt: skip


@dataclass(frozen=True)
class DepthwiseSeparableConv2d(WindowLayer):
    """One filter for each channel, then 1×1 filters that mix the channels.

    Parameters in the call: depthwise (C, 1, kernel height, kernel width), pointwise (out_channels, C, 1, 1),
    bias (out_channels,).
    Source: Howard et al. 2017, MobileNets, section 3.1.
    """

    out_channels: int = 1
    kernel_size: Size = (3, 3)
    stride: Size = (1, 1)
    padding: Padding = "valid"
    padding_mode: str = "zeros"
    padding_value: float = 0.0
    dilation: Size = (1, 1)
    bias: bool = True
    stage: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        normalise_sizes(self, "kernel_size", "stride", "dilation")
        check_counts(self, "out_channels")
        _check_padding_mode(self)

    def output_shape(self, shape: Shape) -> Shape:
        _, *size = maps_shape(shape, self)
        return self.out_channels, *_conv_size(self, (size[0], size[1]))

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        channels = maps_shape(shape, self)[0]
        shapes: dict[str, Shape] = {
            "depthwise": (channels, 1, *pair(self.kernel_size, "")),
            "pointwise": (self.out_channels, channels, 1, 1),
        }
        return shapes | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, shape: Shape) -> int:
        shapes = self.parameter_shapes(shape)
        cells = math.prod(self.output_shape(shape)[1:])
        return cells * (math.prod(shapes["depthwise"]) + math.prod(shapes["pointwise"]))

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.depthwise_separable_conv2d(
            x, **parameters, stride=self.stride, padding=self.padding, padding_mode=self.padding_mode,
            padding_value=self.padding_value, dilation=self.dilation,
        )  # fmt: skip


@dataclass(frozen=True)
class ConvTranspose2d(Layer):
    """The convolution that makes maps larger. Fields as in torch.nn.ConvTranspose2d.

    Parameters in the call: weight (C, out_channels / groups, kernel height, kernel width) and
    bias (out_channels,).
    """

    out_channels: int = 1
    kernel_size: Size = (3, 3)
    stride: Size = (1, 1)
    padding: Size = (0, 0)
    output_padding: Size = (0, 0)
    dilation: Size = (1, 1)
    groups: int = 1
    bias: bool = True
    stage: ClassVar[str] = "conv_transpose"

    def __post_init__(self) -> None:
        normalise_sizes(self, "kernel_size", "stride", "dilation")
        for name in ("padding", "output_padding"):
            object.__setattr__(self, name, pair(getattr(self, name), name, minimum=0))
        check_counts(self, "out_channels", "groups")

    def output_shape(self, shape: Shape) -> Shape:
        channels, *size = maps_shape(shape, self)
        check_groups(channels, self.out_channels, self.groups)
        return self.out_channels, *conv_transpose_output_size(
            (size[0], size[1]),
            self.kernel_size,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
        )

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        channels = maps_shape(shape, self)[0]
        check_groups(channels, self.out_channels, self.groups)
        weight = (channels, self.out_channels // self.groups, *pair(self.kernel_size, ""))
        return {"weight": weight} | ({"bias": (self.out_channels,)} if self.bias else {})

    def macs(self, shape: Shape) -> int:
        # every input cell stamps its channel's kernels once, also where the padding cuts the result
        self.output_shape(shape)
        return math.prod(shape[1:]) * math.prod(self.parameter_shapes(shape)["weight"])

    def formula(self, shape: Shape) -> str:
        k, s, p = pair(self.kernel_size, ""), pair(self.stride, ""), pair(self.padding, "", 0)
        d, extra, out = (
            pair(self.dilation, ""),
            pair(self.output_padding, "", 0),
            self.output_shape(shape)[1:],
        )
        rows, cols = (
            rf"({shape[1 + a]} - 1) \cdot {s[a]} - 2 \cdot {p[a]} + {d[a]} \cdot ({k[a]} - 1) "
            rf"+ {extra[a]} + 1 = {out[a]}"
            for a in (0, 1)
        )
        return both_axes(rows, cols)

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.conv_transpose2d(
            x, **parameters, stride=self.stride, padding=self.padding, output_padding=self.output_padding,
            dilation=self.dilation, groups=self.groups,
        )  # fmt: skip


def _conv_size(layer: Conv2d | DepthwiseSeparableConv2d, size: Pair) -> Pair:
    out = output_size(size, layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    check_padding(layer.padding4((1, *size)), size, layer.padding_mode)
    return out


def _check_padding_mode(layer: Conv2d | DepthwiseSeparableConv2d) -> None:
    if layer.padding_mode not in PADDING_MODES:
        raise ValueError(f"unknown padding_mode {layer.padding_mode!r}: choose one of {', '.join(PADDING_MODES)}")
    if not math.isfinite(layer.padding_value):
        raise ValueError(f"padding_value must be a finite number, not {layer.padding_value!r}")
    object.__setattr__(layer, "padding", normalise_padding(layer.padding))
    object.__setattr__(layer, "padding_value", float(layer.padding_value))

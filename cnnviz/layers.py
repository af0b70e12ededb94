"""The layers of a network as frozen dataclasses: only settings, no tensors, so they hash, compare and travel.

The number of input channels is not a setting: it follows from the input. (Linear may name it, to be held to it.)
Everything but the call is computed without running. A shape is (C, H, W), or (F,) after Flatten; the batch is never
part of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from cnnviz import functional
from cnnviz.activations import check_activation
from cnnviz.convolutions import Conv2d, ConvTranspose2d, DepthwiseSeparableConv2d
from cnnviz.layer_base import (
    Layer,
    Shape,
    WindowLayer,
    any_shape,
    check_counts,
    maps_shape,
    product,
)
from cnnviz.pool_layers import AdaptivePool2d, GlobalPool2d, Pool2d
from cnnviz.shapes import ShapeError, times
from cnnviz.skip_layers import Add

__all__ = [
    "LAYERS",
    "Activation",
    "AdaptivePool2d",
    "Add",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "DepthwiseSeparableConv2d",
    "Dropout",
    "Flatten",
    "GlobalPool2d",
    "Layer",
    "Linear",
    "Pool2d",
    "Shape",
    "WindowLayer",
]  # fmt: skip


@dataclass(frozen=True)
class Activation(Layer):
    """An activation function. `parameters` may be a mapping, kept as sorted pairs, so it hashes.

    The name "none" becomes "identity".
    """

    name: str = "relu"
    parameters: Mapping[str, float | str] | tuple[tuple[str, float | str], ...] = ()
    stage: ClassVar[str] = "activation"

    def __post_init__(self) -> None:
        parameters = dict(self.parameters)
        check_activation(self.name, parameters)
        object.__setattr__(self, "name", "identity" if self.name == "none" else self.name)
        object.__setattr__(self, "parameters", tuple(sorted(parameters.items())))

    def output_shape(self, shape: Shape) -> Shape:
        return any_shape(shape, self)

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.activate(x, self.name, **dict(self.parameters))


@dataclass(frozen=True)
class Flatten(Layer):
    """The maps one after another, row by row, as one vector."""

    stage: ClassVar[str] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(any_shape(shape, self)),)

    def formula(self, shape: Shape) -> str:
        return rf"{product(shape)} = {self.output_shape(shape)[0]}"

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return x.flatten(1)


@dataclass(frozen=True)
class Linear(Layer):
    """Fully connected: every output is a weighted sum of all inputs.

    in_features says how many inputs there have to be; None takes as many as come.
    Parameters in the call: weight (out_features, F), bias (out_features,).
    """

    out_features: int = 10
    bias: bool = True
    in_features: int | None = None
    stage: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        check_counts(self, "out_features", *["in_features"] * (self.in_features is not None))

    def output_shape(self, shape: Shape) -> Shape:
        if len(any_shape(shape, self)) != 1:
            raise ShapeError(f"Linear takes a vector, not maps {times(shape)}: put Flatten before it")
        if self.in_features not in (None, shape[0]):
            raise ShapeError(f"Linear expects {self.in_features} inputs but gets {shape[0]}")
        return (self.out_features,)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        out_features, in_features = *self.output_shape(shape), shape[0]
        return {"weight": (out_features, in_features)} | ({"bias": (out_features,)} if self.bias else {})

    def macs(self, shape: Shape) -> int:
        return self.output_shape(shape)[0] * shape[0]

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return F.linear(x, **parameters)


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Each channel shifted and scaled by the averages kept from training, then by what training learned.

    Parameters in the call: weight, bias, running_mean, running_var, each (C,). The last two are not learned.
    Source: Ioffe & Szegedy 2015, Batch normalization, section 3.1 (inference).
    """

    eps: float = 1e-5
    stage: ClassVar[str] = "norm"

    def __post_init__(self) -> None:
        if not 0 < self.eps < math.inf:
            raise ValueError(f"eps must be a number above 0, not {self.eps!r}")

    def output_shape(self, shape: Shape) -> Shape:
        return maps_shape(shape, self)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), maps_shape(shape, self)[:1])

    def parameter_count(self, shape: Shape) -> int:
        return 2 * maps_shape(shape, self)[0]

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        mean, variance = parameters["running_mean"], parameters["running_var"]
        return F.batch_norm(x, mean, variance, parameters["weight"], parameters["bias"], eps=self.eps)


@dataclass(frozen=True)
class Dropout(Layer):
    """Silences a share p of the values while training; a network that only answers passes everything through.

    Source: Srivastava et al. 2014, Dropout, section 4 (torch scales while training, so not here).
    """

    p: float = 0.5
    stage: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"p must lie in [0, 1], not {self.p!r}")

    def output_shape(self, shape: Shape) -> Shape:
        return any_shape(shape, self)

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return x


LAYERS: tuple[type[Layer], ...] = (
    Conv2d,
    DepthwiseSeparableConv2d,
    ConvTranspose2d,
    Activation,
    Pool2d,
    GlobalPool2d,
    AdaptivePool2d,
    BatchNorm2d,
    Dropout,
    Flatten,
    Linear,
    Add,
)

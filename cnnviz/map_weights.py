"""The weights behind one map of a layer, or behind one number of a vector, as planes that can be drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from cnnviz.answers import Weights
from cnnviz.layers import Conv2d, ConvTranspose2d, DepthwiseSeparableConv2d, Flatten, Layer, Linear, Shape
from cnnviz.network import summary
from cnnviz.skip_layers import Add


@dataclass(frozen=True, eq=False)
class MapWeights:
    """A filter.

    layer: the index of the layer whose weights they are: the one asked about, or the last before it that has some.
    filter: which of its filters. planes: (n, h, w), one for each map that the filter reads; of a layer that reads a
    vector which is no flattened map (1, 1, n). largest: |weight| of all of that layer's filters, so that all can be
    drawn in one scale.
    """

    layer: int
    filter: int
    planes: Tensor
    largest: float


def map_weights(
    layers: Sequence[Layer], parameters: Weights, shape: Shape, layer: int, number: int
) -> MapWeights | None:
    """The filter that makes a map; None where there is none, or two layers are added.

    Activations, pools and norms take each map on its own, so the filter is that of the layer before them. A depthwise
    separable layer is written as the plain convolution that it equals.

    Args:
        shape: of the picture, (C, H, W).
        layer, number: the index of a layer, and of one of its maps or of its vector's numbers.
    """
    shapes = [shape, *(row.output_shape for row in summary(layers, shape).rows)]
    for at in range(layer, -1, -1):
        one, tensors = layers[at], parameters[at]
        if isinstance(one, Flatten):
            number //= math.prod(shapes[at][1:])
        elif isinstance(one, Add):
            return None
        elif isinstance(one, Conv2d | ConvTranspose2d | DepthwiseSeparableConv2d | Linear):
            filters = _filters(one, tensors)
            if isinstance(one, Linear):
                filters = filters.reshape(len(filters), *_flattened(layers, shapes, at))
            return MapWeights(at, number, filters[number], float(filters.abs().max()))
    return None


def _filters(layer: Layer, tensors: Mapping[str, Tensor]) -> Tensor:
    """(filters, planes, h, w), or, of a linear layer, (filters, n)."""
    if isinstance(layer, DepthwiseSeparableConv2d):
        return tensors["pointwise"] * tensors["depthwise"][:, 0]
    weight = tensors["weight"]
    if isinstance(layer, ConvTranspose2d):  # (in, out / groups, h, w)
        groups = weight.reshape(layer.groups, -1, *weight.shape[1:])
        return groups.transpose(1, 2).reshape(-1, groups.shape[1], *weight.shape[2:])
    return weight


def _flattened(layers: Sequence[Layer], shapes: Sequence[Shape], at: int) -> Shape:
    """The shape of the maps that a linear layer reads as one vector."""
    size = math.prod(shapes[at])
    while at and len(shapes[at]) == 1 and math.prod(shapes[at - 1]) == size and not isinstance(layers[at - 1], Linear):
        at -= 1
    return shapes[at] if len(shapes[at]) == 3 else (1, 1, size)

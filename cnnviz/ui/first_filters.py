"""The filters of a network's first layer: the only ones whose weights are of the picture itself."""

from __future__ import annotations

import numpy as np

from cnnviz.layers import Conv2d, DepthwiseSeparableConv2d, Flatten, Layer, Linear, Shape
from cnnviz.network_weights import Parameters


def first_layer(layers: tuple[Layer, ...]) -> int:
    """The index of the layer whose weights can be seen as pictures: one that takes the picture itself; -1: none."""
    for index, layer in enumerate(layers):
        if isinstance(layer, Conv2d | DepthwiseSeparableConv2d) and layer.sources(index) == (0,):
            return index
        if isinstance(layer, Linear) and index == 1 and isinstance(layers[0], Flatten):
            return index
        if not isinstance(layer, Flatten):
            return -1
    return -1


def as_filters(layers: tuple[Layer, ...], parameters: Parameters, shape: Shape) -> np.ndarray:
    """The first layer's weights, (out, in, height, width); shape: of a picture."""
    tensors = parameters[first_layer(layers)]
    if "depthwise" in tensors:
        return tensors["depthwise"].numpy()
    weight = tensors["weight"]
    if weight.ndim == 2:
        weight = weight.reshape(-1, *shape)
    return weight.numpy()

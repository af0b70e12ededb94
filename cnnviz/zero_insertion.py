"""A transposed convolution as a plain one: put zeros between the input cells, then slide the flipped kernel."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from cnnviz.layers import ConvTranspose2d, Shape
from cnnviz.padding import check_maps
from cnnviz.shapes import Padding4, Pair, ShapeError, Size, pair


class PlainTwin(NamedTuple):
    """What makes a plain convolution of a transposed one.

    pads: rows and columns of zeros (top, bottom, left, right) around the spread input; a negative number cuts.
    weight: (K, C, kernel height, kernel width), flipped in both directions.
    step: how far apart the input cells lie once zeros are between them, (rows, columns).
    """

    pads: Padding4
    weight: Tensor
    step: Pair


def zeros_between(x: Tensor, stride: Size, pads: Padding4 = (0, 0, 0, 0)) -> Tensor:
    """Move the cells of each map `stride` apart, with zeros between them, and put zeros around.

    Args:
        x: (N, C, H, W), floating point, any range.
        stride: the new distance of neighbours; 1 leaves the map as it is.
        pads: (top, bottom, left, right); a negative number cuts rows or columns away.
    Returns:
        (N, C, (H - 1)·stride + 1 + top + bottom, (W - 1)·stride + 1 + left + right).
    Raises:
        ShapeError: x is not maps, stride is below 1, or nothing is left.
    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic, section 4.5.
    """
    check_maps(x)
    down, right = pair(stride, "stride")
    spread = x.new_zeros(*x.shape[:2], (x.shape[2] - 1) * down + 1, (x.shape[3] - 1) * right + 1)
    spread[:, :, ::down, ::right] = x
    added = [max(side, 0) for side in pads]
    spread = F.pad(spread, (added[2], added[3], added[0], added[1]))
    # cut only now: a cut of one side may reach into the zeros added on the other
    cut = [max(-side, 0) for side in pads]
    rows, cols = spread.shape[2] - cut[1], spread.shape[3] - cut[3]
    if rows <= cut[0] or cols <= cut[2]:
        raise ShapeError(f"padding {pads} (top, bottom, left, right) cuts everything away")
    return spread[:, :, cut[0] : rows, cut[2] : cols]


def transposed_as_plain(layer: ConvTranspose2d, weight: Tensor, shape: Shape) -> PlainTwin:
    """The padding, the weights and the distance of cells with which a plain convolution does the same.

    layer(x, weight=weight) is conv2d(zeros_between(x, step, pads), flipped weight) with stride 1 and the
    layer's dilation; a bias is added to both alike.

    Args:
        layer: without groups.
        weight: (C, K, kernel height, kernel width), the layer's.
        shape: the input's (C, H, W).
    Raises:
        ShapeError: the layer has groups, or cannot take such an input or such weights.
    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic, section 4.
    """
    layer.output_shape(shape)
    if layer.groups != 1:
        raise ShapeError(f"only a transposed convolution without groups is shown as a plain one, not {layer.groups}")
    if tuple(weight.shape) != layer.parameter_shapes(shape)["weight"]:
        raise ShapeError(f"the weight must be {layer.parameter_shapes(shape)['weight']}, not {tuple(weight.shape)}")
    kernel, dilation = pair(layer.kernel_size, ""), pair(layer.dilation, "")
    padding, extra = pair(layer.padding, "", 0), pair(layer.output_padding, "", 0)
    top, left = (dilation[axis] * (kernel[axis] - 1) - padding[axis] for axis in (0, 1))
    pads = top, top + extra[0], left, left + extra[1]
    return PlainTwin(pads, weight.transpose(0, 1).flip(2, 3), pair(layer.stride, ""))

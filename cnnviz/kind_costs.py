"""What a kind of convolution makes and takes: shape, parameters, multiply-adds, view; computed without running it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnnviz.kind_plans import Plan
from cnnviz.kinds import Kind, layers_of
from cnnviz.layers import ConvTranspose2d, Layer, Shape
from cnnviz.network import receptive_field, summary
from cnnviz.receptive_fields import tables
from cnnviz.shapes import Pair, ShapeError, pair

Read = frozenset[int]  # the input rows, or columns, that a cell reads


@dataclass(frozen=True)
class Cost:
    """What a kind makes, and what it takes.

    Behind a transposed convolution with stride, neighbouring cells see unequally many cells, the same again after
    every stride. So the view is that of two cells in the middle of the map: the one that sees least and the one that
    sees most. For all other kinds they are alike.

    output_shape: (C, H, W). parameters: learned numbers. macs: multiply-adds for one image.
    spans: for both, the rows and columns of input that it spans; padding included, except behind such a stride.
    cells: for both, how many input cells it really reads on each channel: without the holes, without the padding.
    """

    output_shape: Shape
    parameters: int
    macs: int
    spans: tuple[Pair, Pair]
    cells: Pair


def cost(kind: Kind, plan: Plan, shape: Shape) -> Cost:
    """Shape, parameters, multiply-adds and view of a kind, without running it.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take its input, or the plan is for another number of channels.
    """
    if shape[0] != plan.channels:
        raise ShapeError(f"the weights take {plan.channels} channels, the input has {shape[0]}")
    layers = layers_of(kind, plan)
    total = summary(layers, shape)
    out = total.rows[-1].output_shape
    rows, columns = (_reads_in_the_middle(layers, shape, axis) for axis in (0, 1))
    try:
        size = receptive_field(layers, shape).size
        spans = size, size
    except ShapeError:  # `summary` has passed, so it is the stride of a transposed convolution
        least, most = ((which(map(_extent, rows)), which(map(_extent, columns))) for which in (min, max))
        spans = (least if all(least) else (0, 0)), most  # rows without columns meet nowhere
    fewest, many = (which(map(len, rows)) * which(map(len, columns)) for which in (min, max))
    return Cost(out, total.parameters, total.macs, spans, (fewest, many))


def _reads_in_the_middle(layers: Sequence[Layer], shape: Shape, axis: int) -> list[Read]:
    """What cells in the middle of the last layer's map read along one axis: as many of them as see differently."""
    read = []
    for layer in layers:
        read.append(tables(layer, shape)[axis])
        shape = layer.output_shape(shape)
    out, period = shape[1 + axis], math.prod(_stride(layer, axis) for layer in layers)
    first = max(0, out // 2 - period // 2)
    cells = [frozenset([index]) for index in range(first, min(first + period, out))]
    for table in reversed(read):
        cells = [frozenset().union(*(table[index] for index in cell)) for cell in cells]
    return cells


def _stride(layer: Layer, axis: int) -> int:
    """After how many output cells a layer's view is the same again, moved by whole input cells."""
    return pair(layer.stride, "")[axis] if isinstance(layer, ConvTranspose2d) else 1


def _extent(cells: Read) -> int:
    return max(cells) - min(cells) + 1 if cells else 0

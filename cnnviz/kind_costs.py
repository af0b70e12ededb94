"""What a kind of convolution makes and takes: shape, parameters, multiply-adds, view; computed without running it."""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.kind_plans import Plan
from cnnviz.kinds import Kind, layers_of
from cnnviz.layers import Shape
from cnnviz.network import receptive_field, summary
from cnnviz.receptive_fields import reads
from cnnviz.shapes import Pair, ShapeError


@dataclass(frozen=True)
class Cost:
    """What a kind makes, and what it takes.

    output_shape: (C, H, W). parameters: learned numbers. macs: multiply-adds for one image.
    span: rows and columns of input that the centre output cell spans, padding included.
    cells: input cells that it really reads, on each channel: without the holes, without the padding.
    """

    output_shape: Shape
    parameters: int
    macs: int
    span: Pair
    cells: int


def cost(kind: Kind, plan: Plan, shape: Shape) -> Cost:
    """Shape, parameters, multiply-adds and view of a kind, without running it.

    Behind a transposed convolution with stride, neighbouring cells see unequally many cells; there the span is
    that of the cells which the centre reads.

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
    rows, cols = reads(layers, shape, out[1] // 2, out[2] // 2)
    try:
        span = receptive_field(layers, shape).size
    except ShapeError:  # `summary` has passed, so it is the stride of a transposed convolution
        span = _extent(rows), _extent(cols)
    return Cost(out, total.parameters, total.macs, span, len(rows) * len(cols))


def _extent(indices: tuple[int, ...]) -> int:
    return indices[-1] - indices[0] + 1 if indices else 0

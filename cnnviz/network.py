"""A network is a tuple of layers: run it and keep every stage, or add up shapes and costs without running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from cnnviz.functional import pad2d
from cnnviz.layers import Conv2d, DepthwiseSeparableConv2d, Layer, Shape
from cnnviz.receptive_fields import ReceptiveField, receptive_field
from cnnviz.shapes import ShapeError

__all__ = ["ReceptiveField", "Row", "Stage", "Summary", "forward", "receptive_field", "summary"]


@dataclass(frozen=True, eq=False)
class Stage:
    """One picture on the way from the input to the answer.

    name: "input", "padded", or the layer's: "conv", "conv_transpose", "activation", "pool", "norm",
        "dropout", "flatten", "linear".
    layer: the layer it belongs to ("padded": the convolution that comes next); None for the input.
    output: (N, C, H, W) or (N, F).
    """

    name: str
    layer: Layer | None
    output: Tensor


@dataclass(frozen=True)
class Row:
    """One line of a summary. output_shape is (C, H, W) or (F,); formula is LaTeX."""

    layer: Layer
    output_shape: Shape
    parameters: int
    macs: int
    formula: str


@dataclass(frozen=True)
class Summary:
    """A network's rows and their totals: learned numbers, and multiply-adds for one image."""

    rows: tuple[Row, ...]
    parameters: int
    macs: int


def forward(layers: Sequence[Layer], x: Tensor, parameters: Sequence[Mapping[str, Tensor]]) -> list[Stage]:
    """Run the layers once and keep what each of them made.

    Args:
        x: (N, C, H, W), floating point, any range.
        parameters: for each layer the tensors of its `parameter_shapes`, {} where it has none.
    Returns:
        the input; then each layer's output, and before a convolution that pads, its padded input.
    Raises:
        ShapeError: a layer cannot take what the one before it made; it says which.
        ValueError: not as many parameters as layers.
    """
    if len(layers) != len(parameters):
        raise ValueError(f"{len(layers)} layers need as many sets of parameters, not {len(parameters)}")
    stages = [Stage("input", None, x)]
    for index, (layer, tensors) in enumerate(zip(layers, parameters)):
        x = stages[-1].output
        try:
            if isinstance(layer, (Conv2d, DepthwiseSeparableConv2d)) and any(layer.padding4(tuple(x.shape[1:]))):
                layer.output_shape(tuple(x.shape[1:]))  # raises before anything is computed
                padded = pad2d(x, layer.padding4(tuple(x.shape[1:])), layer.padding_mode, layer.padding_value)
                stages.append(Stage("padded", layer, padded))
                # the padding is done and need not be done again
                output = replace(layer, padding="valid")(padded, **tensors)
            else:
                output = layer(x, **tensors)
        except ShapeError as error:
            raise _in_layer(index, layer, error) from error
        stages.append(Stage(layer.stage, layer, output))
    return stages


def summary(layers: Sequence[Layer], shape: Shape) -> Summary:
    """Shapes, parameters, multiply-adds and size formulas of a network, without running it.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take what the one before it makes; it says which.
    """
    rows = []
    for index, layer in enumerate(layers):
        try:
            out = layer.output_shape(shape)
        except ShapeError as error:
            raise _in_layer(index, layer, error) from error
        rows.append(Row(layer, out, layer.parameter_count(shape), layer.macs(shape), layer.formula(shape)))
        shape = out
    return Summary(tuple(rows), sum(row.parameters for row in rows), sum(row.macs for row in rows))


def _in_layer(index: int, layer: Layer, error: ShapeError) -> ShapeError:
    return ShapeError(f"layer {index + 1}, {type(layer).__name__}: {error}")

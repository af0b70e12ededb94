"""A network is a tuple of layers: run it and keep every stage, or add up shapes and costs without running."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from cnnviz.functional import pad2d
from cnnviz.layers import Conv2d, DepthwiseSeparableConv2d, Layer, Shape
from cnnviz.receptive_fields import ReceptiveField, receptive_field, receptive_fields
from cnnviz.shapes import ShapeError

__all__ = [
    "Fault", "ReceptiveField", "Row", "Stage", "Summary", "forward", "receptive_field", "receptive_fields", "summary",
    "survey",
]  # fmt: skip


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
    """One line of a summary.

    output_shape: (C, H, W) or (F,). formula: LaTeX.
    field: what a cell sees of the input; None where the cells do not all see alike.
    """

    layer: Layer
    output_shape: Shape
    parameters: int
    macs: int
    formula: str
    field: ReceptiveField | None

    @property
    def memory(self) -> int:
        """Bytes of the output for one image, in float32."""
        return 4 * math.prod(self.output_shape)


@dataclass(frozen=True)
class Fault:
    """The layer, by its index, that cannot take what the one before it makes, and why."""

    index: int
    error: ShapeError


@dataclass(frozen=True)
class Summary:
    """A network's rows and their totals: learned numbers, and multiply-adds for one image.

    fault: the first layer that cannot work; the rows are those before it.
    """

    rows: tuple[Row, ...]
    fault: Fault | None = None

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)

    @property
    def memory(self) -> int:
        """Bytes of all outputs for one image, in float32."""
        return sum(row.memory for row in self.rows)


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
    stages, outputs = [Stage("input", None, x)], [x]
    for index, (layer, tensors) in enumerate(zip(layers, parameters)):
        try:
            inputs = [outputs[at] for at in layer.sources(index)]
            x, shape = inputs[0], tuple(inputs[0].shape[1:])
            if isinstance(layer, (Conv2d, DepthwiseSeparableConv2d)) and any(layer.padding4(shape)):
                layer.output_shape(shape)  # raises before anything is computed
                padded = pad2d(x, layer.padding4(shape), layer.padding_mode, layer.padding_value)
                stages.append(Stage("padded", layer, padded))
                # the padding is done and need not be done again
                outputs.append(replace(layer, padding="valid")(padded, **tensors))
            else:
                outputs.append(layer(*inputs, **tensors))
        except ShapeError as error:
            raise _in_layer(index, layer, error) from error
        stages.append(Stage(layer.stage, layer, outputs[-1]))
    return stages


def summary(layers: Sequence[Layer], shape: Shape) -> Summary:
    """Shapes, parameters, multiply-adds and size formulas of a network, without running it.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take what the one before it makes; it says which.
    """
    found = survey(layers, shape)
    if found.fault:
        index, error = found.fault.index, found.fault.error
        raise _in_layer(index, layers[index], error) from error
    return found


def survey(layers: Sequence[Layer], shape: Shape) -> Summary:
    """As `summary`, but of a network that cannot work it says why, and tells of the layers before the fault."""
    shapes, costs, fault = [shape], [], None
    for index, layer in enumerate(layers):
        try:
            inputs = [shapes[at] for at in layer.sources(index)]
            shapes.append(layer.output_shape(*inputs))
        except ShapeError as error:
            fault = Fault(index, error)
            break
        costs.append((layer.parameter_count(inputs[0]), layer.macs(inputs[0]), layer.formula(inputs[0])))
    fields = receptive_fields(layers[: len(costs)], shape) if len(shape) == 3 else [None] * len(costs)
    rows = (
        Row(layer, out, *cost, None if isinstance(field, ShapeError) else field)
        for layer, out, cost, field in zip(layers, shapes[1:], costs, fields)
    )
    return Summary(tuple(rows), fault)


def _in_layer(index: int, layer: Layer, error: ShapeError) -> ShapeError:
    return ShapeError(f"layer {index + 1}, {type(layer).__name__}: {error}")

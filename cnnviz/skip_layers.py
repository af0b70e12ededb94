"""Layers that only make sense within a network: a skip connection, and a layer that is switched off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cnnviz.layer_base import Layer, Shape, any_shape, check_counts, product
from cnnviz.shapes import ShapeError, times


@dataclass(frozen=True)
class Add(Layer):
    """A skip connection: what went into the layer `back` layers earlier is added to what comes out of the last one.

    With back = 3, three layers are skipped: x + f(x), f being these three.
    Source: He et al. 2016, Deep residual learning for image recognition, section 3.2 (identity shortcuts).
    """

    back: int = 2
    stage: ClassVar[str] = "add"

    def __post_init__(self) -> None:
        check_counts(self, "back")

    def sources(self, index: int) -> tuple[int, ...]:
        if self.back > index:
            raise ShapeError(
                f"Add skips {layer_count(self.back)}, but {index} {'stands' if index == 1 else 'stand'} before it"
            )
        return index, index - self.back

    def output_shape(self, shape: Shape, skipped: Shape = ()) -> Shape:
        any_shape(shape, self)
        if not skipped:
            raise ShapeError("Add takes two inputs: what the last layer made, and what skipped some layers")
        if shape != skipped:
            raise ShapeError(
                f"Add cannot add {times(skipped)}, which skipped {layer_count(self.back)}, to {times(shape)}: "
                "both must have the same shape"
            )
        return shape

    def formula(self, shape: Shape) -> str:
        return rf"{product(shape)} \text{{ (both the same)}}"

    def __call__(self, x: Tensor, *skipped: Tensor, **parameters: Tensor) -> Tensor:
        self.output_shape(tuple(x.shape[1:]), *(tuple(other.shape[1:]) for other in skipped))
        if parameters:
            raise ShapeError(f"Add needs no parameters, not {sorted(parameters)}")
        return x + skipped[0]


def layer_count(count: int) -> str:
    """ "1 layer", "2 layers" …"""
    return f"{count} layer{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Off(Layer):
    """A layer that is switched off: everything goes past it as it is."""

    layer: Layer
    stage: ClassVar[str] = "off"

    def output_shape(self, shape: Shape) -> Shape:
        return any_shape(shape, self)

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return x

"""The pooling layers: a window that slides, one as large as the map, and windows that adapt to a wanted size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cnnviz import functional
from cnnviz.layer_base import Layer, Shape, WindowLayer, maps_shape, normalise_sizes
from cnnviz.pooling import check_kind
from cnnviz.shapes import Padding, Size, normalise_padding, pair, pool_output_size


@dataclass(frozen=True)
class Pool2d(WindowLayer):
    """Each window of each channel summarised by one number, see `functional.pool2d`.

    stride=None steps by the window's size.
    """

    kind: str = "max"
    kernel_size: Size = (2, 2)
    stride: Size = None  # type: ignore[assignment]  # replaced by kernel_size below, so readers always find a Size
    padding: Padding = "valid"
    dilation: Size = (1, 1)
    stage: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        check_kind(self.kind)
        if self.stride is None:
            object.__setattr__(self, "stride", self.kernel_size)
        normalise_sizes(self, "kernel_size", "stride", "dilation")
        object.__setattr__(self, "padding", normalise_padding(self.padding))

    def output_shape(self, shape: Shape) -> Shape:
        channels, *size = maps_shape(shape, self)
        return channels, *pool_output_size(
            (size[0], size[1]), self.kernel_size, self.stride, self.padding, self.dilation
        )

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.pool2d(
            x, self.kind, self.kernel_size, stride=self.stride, padding=self.padding, dilation=self.dilation
        )


@dataclass(frozen=True)
class GlobalPool2d(Layer):
    """Each whole channel summarised by one number."""

    kind: str = "avg"
    stage: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        check_kind(self.kind)

    def output_shape(self, shape: Shape) -> Shape:
        return maps_shape(shape, self)[0], 1, 1

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.global_pool2d(x, self.kind)


@dataclass(frozen=True)
class AdaptivePool2d(Layer):
    """Each channel summarised by a map of `output_size`, whatever the input's size: the windows adapt."""

    kind: str = "avg"
    output_size: Size = (2, 2)
    stage: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        check_kind(self.kind)
        normalise_sizes(self, "output_size")

    def output_shape(self, shape: Shape) -> Shape:
        return maps_shape(shape, self)[0], *pair(self.output_size, "")

    def formula(self, shape: Shape) -> str:
        """Which cells a window covers, in LaTeX, with the current numbers: the size itself is a setting."""

        def span(i: str, size: int, out: int) -> str:
            first = rf"\left\lfloor \frac{{{i} \cdot {size}}}{{{out}}} \right\rfloor"
            last = rf"\left\lceil \frac{{({i} + 1) \cdot {size}}}{{{out}}} \right\rceil - 1"
            indices = "0" if out == 1 else rf"0 \dots {out - 1}"
            return rf"{first} \dots {last}, \quad {i} = {indices}"

        size, out = maps_shape(shape, self)[1:], pair(self.output_size, "")
        if (size[0], out[0]) == (size[1], out[1]):
            lines = r"&\text{window } i \text{ covers rows, columns} \\ &" + span("i", size[0], out[0])
        else:
            rows, cols = span("i", size[0], out[0]), span("j", size[1], out[1])
            lines = rf"&\text{{window }} i, j \text{{ covers rows}} \\ &{rows} \\ &\text{{and columns}} \\ &{cols}"
        return rf"\begin{{aligned}} {lines} \end{{aligned}}"

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return functional.adaptive_pool2d(x, self.kind, self.output_size)

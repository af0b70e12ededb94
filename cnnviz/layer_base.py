"""What layers share: the questions every layer answers, and a window that slides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnviz.shapes import Padding, Padding4, Pair, ShapeError, Size, pair, resolve_padding

Shape = tuple[int, ...]


class Layer:
    """What every layer answers; a layer without weights and multiply-adds need only add its output shape."""

    stage: ClassVar[str]  # what a network calls this layer's output

    def sources(self, index: int) -> tuple[int, ...]:
        """What it takes as the layer `index` of a network: 0 is the network's input, n the output of the n-th layer.

        Raises:
            ShapeError: it takes something that is not there.
        """
        return (index,)

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that an input of `shape` becomes.

        Raises:
            ShapeError: this layer cannot take such an input; exactly when the call would raise it.
        """
        raise NotImplementedError

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """The tensors that the call needs, by name."""
        return {}

    def parameter_count(self, shape: Shape) -> int:
        """How many numbers training learns."""
        return sum(math.prod(parameter) for parameter in self.parameter_shapes(shape).values())

    def macs(self, shape: Shape) -> int:
        """Multiply-adds for one image: of convolutions and fully connected layers, without biases; else 0."""
        return 0

    def formula(self, shape: Shape) -> str:
        """How the output's size follows from the input's, in LaTeX, with the current numbers."""
        return rf"{product(shape)} \to {product(self.output_shape(shape))}"

    def __call__(self, x: Tensor, **parameters: Tensor) -> Tensor:
        """Run the layer.

        Args:
            x: (N, C, H, W) or (N, F), floating point.
            parameters: the tensors of `parameter_shapes`.
        Raises:
            ShapeError: the input or a parameter has the wrong shape.
        """
        shape = tuple(x.shape[1:])
        self.output_shape(shape)
        wanted = self.parameter_shapes(shape)
        given = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        if given != wanted:
            raise ShapeError(f"{type(self).__name__} needs parameters {wanted} for an input {shape}, not {given}")
        return self._run(x, parameters)

    def _run(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError


class WindowLayer(Layer):
    """What convolution and pooling share: a window that slides over a padded map."""

    kernel_size: Size
    stride: Size
    padding: Padding
    dilation: Size

    def padding4(self, shape: Shape) -> Padding4:
        """Rows and columns added (top, bottom, left, right)."""
        _, *size = maps_shape(shape, self)
        return resolve_padding(self.padding, (size[0], size[1]), self.kernel_size, self.stride, self.dilation)

    def dropped(self, shape: Shape) -> Pair:
        """The last rows and columns of the padded input that no window reaches: the floor drops them."""
        axes = self._axes(shape)
        rows, cols = (n + a + b - (out - 1) * s - d * (k - 1) - 1 for n, a, b, d, k, s, out in axes)
        return rows, cols

    def formula(self, shape: Shape) -> str:
        def one(n: int, before: int, after: int, d: int, k: int, s: int, out: int) -> str:
            added = rf"2 \cdot {before}" if before == after else f"({before} + {after})"
            steps = rf"\frac{{{n} + {added} - {d} \cdot ({k} - 1) - 1}}{{{s}}}"
            return rf"\left\lfloor {steps} \right\rfloor + 1 = {out}"

        rows, cols = self._axes(shape)
        return both_axes(one(*rows), one(*cols))

    def _axes(self, shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """For rows and for columns: size, padding before and after, dilation, kernel, stride, output size."""
        size, out, sides = maps_shape(shape, self)[1:], self.output_shape(shape)[1:], self.padding4(shape)
        k, s, d = pair(self.kernel_size, ""), pair(self.stride, ""), pair(self.dilation, "")
        rows, cols = ((size[a], *sides[2 * a : 2 * a + 2], d[a], k[a], s[a], out[a]) for a in (0, 1))
        return rows, cols


def any_shape(shape: Shape, layer: Layer) -> Shape:
    """`shape` itself, if it is (C, H, W) or (F,)."""
    if len(shape) not in (1, 3) or 0 in shape:
        raise ShapeError(f"{type(layer).__name__} takes (C, H, W) or (F,) with at least one cell, not {shape}")
    return shape


def maps_shape(shape: Shape, layer: Layer) -> Shape:
    """`shape` itself, if it is (C, H, W)."""
    if len(shape) != 3 or 0 in shape:
        raise ShapeError(f"{type(layer).__name__} takes maps (C, H, W) with at least one cell, not {shape}")
    return shape


def normalise_sizes(layer: Layer, *names: str) -> None:
    """Turn the named fields into (height, width), while the layer is made."""
    # object.__setattr__ is how a frozen dataclass tidies its own fields
    for name in names:
        object.__setattr__(layer, name, pair(getattr(layer, name), name))


def check_counts(layer: Layer, *names: str) -> None:
    """Raise ShapeError unless the named fields are whole numbers of at least 1."""
    for name in names:
        count = getattr(layer, name)
        if not isinstance(count, int) or count < 1:
            raise ShapeError(f"{name} must be a whole number, at least 1, not {count!r}")


def product(shape: Shape) -> str:
    """(3, 32, 32) as LaTeX."""
    return r" \times ".join(str(number) for number in shape)


def both_axes(rows: str, cols: str) -> str:
    """The formulas of height and width as one, said once if they are equal."""
    if rows == cols:
        return rf"\begin{{aligned}} H_\text{{out}} &= W_\text{{out}} \\ &= {rows} \end{{aligned}}"
    return rf"\begin{{aligned}} H_\text{{out}} &= {rows} \\ W_\text{{out}} &= {cols} \end{{aligned}}"

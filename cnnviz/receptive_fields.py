"""What an output cell sees of the input through a stack of layers, and which cells an input pixel reaches.

Rows and columns do not mix, so everything is computed for one axis at a time. After Flatten a value keeps
the row and column that it had on its map; what Linear or a softmax over all makes sees every cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnnviz.layers import (
    Activation,
    AdaptivePool2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    GlobalPool2d,
    Layer,
    Linear,
    Shape,
    WindowLayer,
)
from cnnviz.padding import source_index
from cnnviz.shapes import Pair, ShapeError, adaptive_edges, pair

Table = tuple[frozenset[int], ...]  # for each output index of one axis, the input indices that it reads


@dataclass(frozen=True)
class ReceptiveField:
    """The span of input that an output cell sees; each a pair (rows, columns).

    Output row r sees the input rows r·stride + start … r·stride + start + size - 1; those outside the image
    are padding. With dilation or large strides some inside the span are skipped: see `reads`.
    """

    size: Pair
    stride: Pair
    start: Pair

    def rows(self, row: int) -> range:
        """The input rows that an output cell in `row` sees, padding included."""
        return self._span(0, row)

    def cols(self, col: int) -> range:
        """The input columns that an output cell in `col` sees, padding included."""
        return self._span(1, col)

    def _span(self, axis: int, index: int) -> range:
        first = index * self.stride[axis] + self.start[axis]
        return range(first, first + self.size[axis])


def receptive_field(layers: Sequence[Layer], shape: Shape) -> ReceptiveField:
    """Size, stride and start of the receptive field of the last layer's cells.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take its input; or its windows are not all alike, as those of a transposed
            convolution with a stride, or of an adaptive pool whose sizes do not divide (use `reads`).
    Source: Araujo, Norris & Sim 2019, Computing receptive fields of convolutional neural networks, Distill,
        "Single-path networks" (their r_0, S_0 and -P_0); a kernel dilated by d counts as d·(k - 1) + 1.
    """
    size, jump, start = [1, 1], [1, 1], [0, 0]
    for layer, before, maps in _walk(layers, shape):
        for axis in (0, 1):
            kernel, stride, padding = _window(layer, before, maps, axis)
            size[axis] += (kernel - 1) * jump[axis]
            start[axis] -= padding * jump[axis]
            jump[axis] *= stride
    return ReceptiveField((size[0], size[1]), (jump[0], jump[1]), (start[0], start[1]))


def reads(layers: Sequence[Layer], shape: Shape, row: int, col: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The input rows and columns that the output cell (row, col) really reads: gaps and borders counted.

    Padding that copies pixels ("reflect" …) reads the pixels it copies. Weights that happen to be 0 count.

    Returns:
        (rows, columns): the cell reads the pixels where one of these rows meets one of these columns;
            both empty if it sees padding only.
    Raises:
        ShapeError: there is no such cell, or a layer cannot take its input.
    """
    read = [_tables(*step) for step in _walk(layers, shape)]
    size = (len(read[-1][0]), len(read[-1][1])) if read else (shape[1], shape[2])
    check_cell("output", size, row, col)
    cells = [frozenset([row]), frozenset([col])]
    for table in reversed(read):
        cells = [frozenset().union(*(table[axis][index] for index in cells[axis])) for axis in (0, 1)]
    return _sorted(cells)


def reaches(layers: Sequence[Layer], shape: Shape, row: int, col: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The output rows and columns that the input pixel (row, col) has a part in: `reads` the other way round.

    Returns:
        (rows, columns); both empty where no window looks at the pixel.
    Raises:
        ShapeError: there is no such pixel, or a layer cannot take its input.
    """
    steps = _walk(layers, shape)
    check_cell("input", (shape[1], shape[2]), row, col)
    cells = [frozenset([row]), frozenset([col])]
    for step in steps:
        tables = _tables(*step)
        cells = [
            frozenset(out for out, read in enumerate(tables[axis]) if not read.isdisjoint(cells[axis]))
            for axis in (0, 1)
        ]
    return _sorted(cells)


def tables(layer: Layer, shape: Shape) -> tuple[Table, Table]:
    """What `reads` says of every cell of one layer at once.

    Args:
        shape: the layer's input, (C, H, W).
    Returns:
        (rows, columns): for each output row the input rows that it reads, and so for columns.
    Raises:
        ShapeError: the layer cannot take its input.
    """
    (step,) = _walk([layer], shape)
    return _tables(*step)


def check_cell(what: str, size: Pair, row: int, col: int) -> None:
    """Raise ShapeError unless a map of this size has the cell (row, col)."""
    if not (0 <= row < size[0] and 0 <= col < size[1]):
        raise ShapeError(f"the {what} has {size[0]} rows and {size[1]} columns: there is no cell ({row}, {col})")


def _walk(layers: Sequence[Layer], shape: Shape) -> list[tuple[Layer, Shape, Pair]]:
    """Each layer, its input's shape, and the size of the map that its input is, or was before Flatten."""
    if len(shape) != 3:
        raise ShapeError(f"the input must be maps (C, H, W), not {shape}")
    steps: list[tuple[Layer, Shape, Pair]] = []
    maps = shape[1], shape[2]
    for layer in layers:
        steps.append((layer, shape, maps))
        shape = layer.output_shape(shape)
        if len(shape) == 3:
            maps = shape[1], shape[2]
        elif isinstance(layer, Linear):
            maps = 1, 1
    return steps


def _sees_all(layer: Layer, shape: Shape) -> bool:
    if isinstance(layer, Activation) and layer.name == "softmax":
        return len(shape) == 1 or dict(layer.parameters).get("over") == "all"
    return isinstance(layer, (Linear, GlobalPool2d))


def _window(layer: Layer, shape: Shape, maps: Pair, axis: int) -> tuple[int, int, int]:
    """Extent of the (dilated) window, stride, and padding before, along one axis."""
    if isinstance(layer, WindowLayer):
        kernel, dilation = pair(layer.kernel_size, "")[axis], pair(layer.dilation, "")[axis]
        return dilation * (kernel - 1) + 1, pair(layer.stride, "")[axis], layer.padding4(shape)[2 * axis]
    if isinstance(layer, ConvTranspose2d):
        kernel, dilation = pair(layer.kernel_size, "")[axis], pair(layer.dilation, "")[axis]
        if pair(layer.stride, "")[axis] > 1:
            raise ShapeError(
                "behind a transposed convolution with stride, cells do not all see equally many input cells: "
                "`reads` lists them for one cell"
            )
        extent = dilation * (kernel - 1) + 1
        return extent, 1, extent - 1 - pair(layer.padding, "", 0)[axis]
    if isinstance(layer, AdaptivePool2d):
        return *_alike(maps[axis], pair(layer.output_size, "")[axis]), 0
    if _sees_all(layer, shape):
        return maps[axis], 0, 0  # stride 0: the next cell sees the same
    return 1, 1, 0


def _alike(size: int, out: int) -> Pair:
    """Extent and stride of an adaptive pool's windows; stride 0 if there is one, as for a global pool."""
    starts, stops = adaptive_edges(size, out)
    extents = {stop - start for start, stop in zip(starts, stops)}
    strides = {after - before for before, after in pairwise(starts)} or {0}
    if len(extents) > 1 or len(strides) > 1:
        raise ShapeError(
            f"behind an adaptive pool that makes {out} of {size}, cells do not all see equally many input cells, or "
            "not at equal steps: `reads` lists them for one cell"
        )
    return extents.pop(), strides.pop()


def _sorted(cells: Sequence[frozenset[int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if not all(cells):
        return (), ()  # rows without columns meet nowhere
    return tuple(sorted(cells[0])), tuple(sorted(cells[1]))


def _tables(layer: Layer, shape: Shape, maps: Pair) -> tuple[Table, Table]:
    rows, cols = (_table(layer, shape, maps, axis) for axis in (0, 1))
    return rows, cols


def _table(layer: Layer, shape: Shape, maps: Pair, axis: int) -> Table:
    size = maps[axis]
    if isinstance(layer, ConvTranspose2d):
        # input cell i, times kernel element k, is added to output cell i·stride + k·dilation - padding
        out = layer.output_shape(shape)[1 + axis]
        kernel, dilation = pair(layer.kernel_size, "")[axis], pair(layer.dilation, "")[axis]
        stride, padding = pair(layer.stride, "")[axis], pair(layer.padding, "", 0)[axis]
        lands = [{i * stride + k * dilation - padding for k in range(kernel)} for i in range(size)]
        return tuple(frozenset(i for i in range(size) if o in lands[i]) for o in range(out))
    if isinstance(layer, WindowLayer):
        out = layer.output_shape(shape)[1 + axis]
        extent, stride, before = _window(layer, shape, maps, axis)
        mode = layer.padding_mode if isinstance(layer, (Conv2d, DepthwiseSeparableConv2d)) else "zeros"
        step = pair(layer.dilation, "")[axis]
        starts = range(-before, out * stride - before, stride)
        sources = ([source_index(i, size, mode) for i in range(start, start + extent, step)] for start in starts)
        return tuple(frozenset(i for i in cells if i is not None) for cells in sources)
    if isinstance(layer, AdaptivePool2d):
        edges = adaptive_edges(size, pair(layer.output_size, "")[axis])
        return tuple(frozenset(range(start, stop)) for start, stop in zip(*edges))
    if _sees_all(layer, shape):
        is_map = isinstance(layer, Activation)
        return (frozenset(range(size)),) * (size if is_map else 1)
    return tuple(frozenset([i]) for i in range(size))

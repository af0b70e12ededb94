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


START = ReceptiveField((1, 1), (1, 1), (0, 0))  # of the input's own cells


def receptive_field(layers: Sequence[Layer], shape: Shape) -> ReceptiveField:
    """Size, stride and start of the receptive field of the last layer's cells.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take its input; or its windows are not all alike, as those of a transposed
            convolution with a stride, or of an adaptive pool whose sizes do not divide (use `reads`).
    Source: Araujo, Norris & Sim 2019, Computing receptive fields of convolutional neural networks, Distill,
        "Single-path networks" (their r_0, S_0 and -P_0), and "Multi-path networks" for skip connections;
        a kernel dilated by d counts as d·(k - 1) + 1.
    """
    field = receptive_fields(layers, shape)[-1] if layers else START
    if isinstance(field, ShapeError):
        raise field
    return field


def receptive_fields(layers: Sequence[Layer], shape: Shape) -> list[ReceptiveField | ShapeError]:
    """What `receptive_field` says of each layer's cells; where they are not all alike, why.

    Raises:
        ShapeError: a layer cannot take its input.
    """
    held: list[ReceptiveField | ShapeError] = [START]
    for step in _walk(layers, shape):
        try:
            held.append(_joined([_behind(step, axis_maps, held[at]) for at, axis_maps in zip(step.sources, step.maps)]))
        except ShapeError as error:
            held.append(error)
    return held[1:]


def _behind(step: _Step, maps: Pair, field: ReceptiveField | ShapeError) -> ReceptiveField:
    if isinstance(field, ShapeError):
        raise field
    size, jump, start = list(field.size), list(field.stride), list(field.start)
    for axis in (0, 1):
        kernel, stride, padding = _window(step.layer, step.shape, maps, axis)
        size[axis] += (kernel - 1) * jump[axis]
        start[axis] -= padding * jump[axis]
        jump[axis] *= stride
    return ReceptiveField((size[0], size[1]), (jump[0], jump[1]), (start[0], start[1]))


def _joined(fields: Sequence[ReceptiveField]) -> ReceptiveField:
    """The span around several."""
    if len({field.stride for field in fields}) > 1:
        raise ShapeError("the ways that meet in a skip connection have different strides: `reads` lists what is seen")
    starts, sizes = [], []
    for axis in (0, 1):
        first = min(field.start[axis] for field in fields)
        starts.append(first)
        sizes.append(max(field.start[axis] + field.size[axis] for field in fields) - first)
    return ReceptiveField((sizes[0], sizes[1]), fields[0].stride, (starts[0], starts[1]))


def reads(layers: Sequence[Layer], shape: Shape, row: int, col: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The input rows and columns that the output cell (row, col) really reads: gaps and borders counted.

    Padding that copies pixels ("reflect" …) reads the pixels it copies. Weights that happen to be 0 count. Where ways
    meet in a skip connection, the rows and the columns are those of all of them: never too few, but behind cells that
    read nothing, as of padding alone, a row of one way may meet a column of another where neither goes.

    Returns:
        (rows, columns): the cell reads the pixels where one of these rows meets one of these columns;
            both empty if it sees padding only.
    Raises:
        ShapeError: there is no such cell, or a layer cannot take its input.
    """
    steps = _walk(layers, shape)
    check_cell("output", steps[-1].size if steps else (shape[1], shape[2]), row, col)
    wanted: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in range(len(steps) + 1)]
    wanted[-1] = {row}, {col}
    for index in reversed(range(len(steps))):
        cells = wanted[index + 1]
        for at, found in zip(steps[index].sources, _tables(steps[index])):
            read = [set[int]().union(*(found[axis][cell] for cell in cells[axis])) for axis in (0, 1)]
            if all(read):  # rows without columns meet nowhere
                wanted[at] = wanted[at][0] | read[0], wanted[at][1] | read[1]
    return tuple(sorted(wanted[0][0])), tuple(sorted(wanted[0][1]))


def reaches(layers: Sequence[Layer], shape: Shape, row: int, col: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The output rows and columns that the input pixel (row, col) has a part in: `reads` the other way round.

    Returns:
        (rows, columns); both empty where no window looks at the pixel.
    Raises:
        ShapeError: there is no such pixel, or a layer cannot take its input.
    """
    steps = _walk(layers, shape)
    check_cell("input", (shape[1], shape[2]), row, col)
    held: list[tuple[set[int], set[int]]] = [({row}, {col})]
    for step in steps:
        cells: tuple[set[int], set[int]] = set(), set()
        for at, found in zip(step.sources, _tables(step)):
            seeing = [
                {out for out, read in enumerate(found[axis]) if not read.isdisjoint(held[at][axis])} for axis in (0, 1)
            ]
            if all(seeing):
                cells = cells[0] | seeing[0], cells[1] | seeing[1]
        held.append(cells)
    return tuple(sorted(held[-1][0])), tuple(sorted(held[-1][1]))


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
    return _tables(step)[0]


def check_cell(what: str, size: Pair, row: int, col: int) -> None:
    """Raise ShapeError unless a map of this size has the cell (row, col)."""
    if not (0 <= row < size[0] and 0 <= col < size[1]):
        raise ShapeError(f"the {what} has {size[0]} rows and {size[1]} columns: there is no cell ({row}, {col})")


@dataclass(frozen=True)
class _Step:
    """A layer within a network.

    shape: of its input. sources: what it takes, as `Layer.sources` says. maps: for each of these the size of the map
    that it is, or was before Flatten. size: that of its output.
    """

    layer: Layer
    shape: Shape
    sources: tuple[int, ...]
    maps: tuple[Pair, ...]
    size: Pair


def _walk(layers: Sequence[Layer], shape: Shape) -> list[_Step]:
    if len(shape) != 3:
        raise ShapeError(f"the input must be maps (C, H, W), not {shape}")
    steps: list[_Step] = []
    shapes: list[Shape] = [shape]
    sizes = [(shape[1], shape[2])]
    for index, layer in enumerate(layers):
        sources = layer.sources(index)
        out, maps = layer.output_shape(*(shapes[at] for at in sources)), tuple(sizes[at] for at in sources)
        if len(out) == 3:
            size = out[1], out[2]
        else:  # a vector's values keep their places, where all that makes it agrees on them
            size = (1, 1) if isinstance(layer, Linear) or len(set(maps)) > 1 else maps[0]
        steps.append(_Step(layer, shapes[index], sources, maps, size))
        shapes.append(out)
        sizes.append(size)
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


def _tables(step: _Step) -> list[tuple[Table, Table]]:
    """For each source of a layer, and for rows and columns: what each output index reads of it."""
    if len(step.sources) == 1:
        rows, cols = (_table(step.layer, step.shape, step.maps[0], axis) for axis in (0, 1))
        return [(rows, cols)]
    return [(_passed(maps[0], step.size[0]), _passed(maps[1], step.size[1])) for maps in step.maps]


def _passed(size: int, out: int) -> Table:
    """Each index reads its own; one that stands for all reads all."""
    return tuple(frozenset([i]) for i in range(size)) if size == out else (frozenset(range(size)),) * out


def _table(layer: Layer, shape: Shape, maps: Pair, axis: int) -> Table:
    size = maps[axis]
    if isinstance(layer, ConvTranspose2d):
        # input cell i, times kernel element k, is added to output cell i·stride + k·dilation - padding
        kernel, dilation = pair(layer.kernel_size, "")[axis], pair(layer.dilation, "")[axis]
        stride, padding = pair(layer.stride, "")[axis], pair(layer.padding, "", 0)[axis]
        stamped: list[set[int]] = [set() for _ in range(layer.output_shape(shape)[1 + axis])]
        for i in range(size):
            for cell in range(i * stride - padding, i * stride - padding + kernel * dilation, dilation):
                if 0 <= cell < len(stamped):
                    stamped[cell].add(i)
        return tuple(frozenset(cells) for cells in stamped)
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

"""What cells of random networks with skips see, against gradients, and spans against what is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.functional import ShapeError
from cnnviz.layers import (
    Activation,
    Add,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Flatten,
    Linear,
    Pool2d,
)
from cnnviz.network import survey
from cnnviz.network_text import parse_network
from cnnviz.receptive_fields import ReceptiveField, reaches, reads, receptive_field, receptive_fields, tables
from cnnviz.skip_layers import Off
from tests.fuzzing import examples
from tests.option_space import both
from tests.random_networks import Twin, networks

where = st.floats(0, 1)
linear = st.sampled_from([Activation("identity"), Activation("softmax"), Activation("softmax", {"over": "all"})])
averaging = networks(pools=("avg",), activations=linear, side=9)


class Sum(torch.nn.Module):
    """In a softmax's place: as many cells come together, but no gradient is ever 0."""

    def __init__(self, over_all):
        super().__init__()
        self.over_all = over_all

    def forward(self, x):
        dimensions = tuple(range(1, x.ndim)) if self.over_all else 1
        return x + x.sum(dimensions, keepdim=True)


def map_sizes(layers, twin):
    """Of the input and every output; values of a vector keep their places, unless a layer mixed them."""
    sizes = [twin.shapes[0][1:]]
    for layer, shape in zip(layers, twin.shapes[1:]):
        if len(shape) == 3:
            sizes.append(shape[1:])
        elif isinstance(layer, Add):
            sizes.append(sizes[-1] if sizes[-1] == sizes[-1 - layer.back] else (1, 1))
        else:
            sizes.append((1, 1) if isinstance(layer, Linear) else sizes[-1])
    return sizes


def dependence(layers, shape):
    """[output row, output col, input row, input col]: whether one has a part in the other, by autograd.

    All weights are positive, so that ways do not cancel. Each output cell has an image of its own in one batch.
    """
    twin = Twin(layers, shape).double().randomise(positive=True)
    for index, layer in enumerate(layers):
        if isinstance(layer, Activation) and layer.name == "softmax":
            twin.modules_[index] = Sum(dict(layer.parameters).get("over") == "all")
    rows, cols = map_sizes(layers, twin)[-1]
    x = torch.ones(rows * cols, *shape, dtype=torch.float64, requires_grad=True)
    made = twin.stages(x)[-1].reshape(rows * cols, -1, rows * cols)
    (gradient,) = torch.autograd.grad(made.sum(1).diagonal().sum(), x)
    return (gradient != 0).any(1).reshape(rows, cols, *shape[1:])


def lines(area):
    """The rows and the columns in which something is true."""
    return tuple(area.any(1).nonzero().flatten().tolist()), tuple(area.any(0).nonzero().flatten().tolist())


def some_cells(size, fractions):
    last_row, last_col = size[0] - 1, size[1] - 1
    corners = {(0, 0), (0, last_col), (last_row, 0), (last_row, last_col)}
    return corners | {(round(row * last_row), round(col * last_col)) for row, col in fractions}


@examples(200)
@given(averaging, st.lists(st.tuples(where, where), min_size=3, max_size=3))
def test_reads_and_reaches_are_what_gradients_say_with_skips(network, fractions):
    layers, shape = network
    depends = dependence(layers, shape)
    skips = any(isinstance(layer, Add) for layer in layers)
    roughly = skips and gaps(layers, shape)
    for row, col in some_cells(depends.shape[:2], fractions):
        read = reads(layers, shape, row, col)
        check(read, lines(depends[row, col]), roughly)
        if not skips:
            assert depends[row, col].nonzero().tolist() == [[r, c] for r in read[0] for c in read[1]]
    for row, col in some_cells(shape[1:], fractions):
        check(reaches(layers, shape, row, col), lines(depends[:, :, row, col]), roughly)


def check(said, true, roughly):
    if roughly:
        assert all(set(true[axis]) <= set(said[axis]) for axis in (0, 1))
    else:
        assert said == true


def gaps(layers, shape):
    """Whether some layer has cells that read nothing, or takes cells that nothing reads.

    Rows of one way and columns of another may then seem to meet where no way goes.
    """
    shapes = [shape, *(row.output_shape for row in survey(layers, shape).rows)]
    for layer, before in zip(layers, shapes):
        if len(before) == 3 and not isinstance(layer, Add):
            for table, size in zip(tables(layer, before), before[1:]):
                if not all(table) or frozenset().union(*table) != frozenset(range(size)):
                    return True
    return False


def zero_padded(layer):
    """What copies pixels sees some that lie beside its window."""
    return replace(layer, padding_mode="zeros") if isinstance(layer, Conv2d | DepthwiseSeparableConv2d) else layer


def crops(layer):
    """Whether it cuts off more than its kernel adds: then padding may come later where the image went on."""
    if not isinstance(layer, ConvTranspose2d):
        return False
    extents = (d * (k - 1) for d, k in zip(both(layer.dilation), both(layer.kernel_size)))
    return any(p > extent for p, extent in zip(both(layer.padding), extents))


@examples(200)
@given(networks(pools=("avg",), side=24), st.lists(st.tuples(where, where), min_size=3, max_size=3))
def test_spans_are_what_is_read_where_they_lie_inside(network, fractions):
    layers, shape = network
    layers = tuple(map(zero_padded, layers))
    found = survey(layers, shape)
    assert found.fault is None
    fields = receptive_fields(layers, shape)
    assert [row.field for row in found.rows] == [None if isinstance(field, ShapeError) else field for field in fields]
    sizes = map_sizes(layers, Twin(layers, shape))
    blurred = False  # whether padding came around what sees all of the image, and has no place beside it
    for index, (field, size) in enumerate(zip(fields, sizes[1:])):
        upto = layers[: index + 1]
        if isinstance(field, ShapeError):
            assert "`reads` lists" in str(field)
            with pytest.raises(ShapeError, match="`reads` lists"):
                receptive_field(upto, shape)
            continue
        assert receptive_field(upto, shape) == field
        for row, col in some_cells(size, fractions):
            spans, read = (field.rows(row), field.cols(col)), reads(upto, shape, row, col)
            assert all(set(read[axis]) <= set(spans[axis]) for axis in (0, 1))
            inside = all(spans[axis][0] >= 0 and spans[axis][-1] < shape[1 + axis] for axis in (0, 1))
            if inside and not blurred and not any(map(crops, upto)):
                assert [(one[0], one[-1]) for one in read] == [(span[0], span[-1]) for span in spans]
        blurred = blurred or 0 in field.stride


def test_a_skip_sees_what_both_ways_see():
    block = parse_network("conv:1@5x3,same|relu|conv:1@5x3,same|add:3")
    field = receptive_field(block, (1, 20, 20))
    assert (field.size, field.stride, field.start) == ((9, 5), (1, 1), (-4, -2))
    # a window on the far side, and the cell itself
    gap = parse_network("conv:1@2x1,same,d4|add:1")
    assert reads(gap, (1, 9, 3), 4, 1) == ((2, 4, 6), (1,))
    assert receptive_field(gap, (1, 9, 3)) == ReceptiveField((5, 1), (1, 1), (-2, 0))
    assert reaches(gap, (1, 9, 3), 4, 1) == ((2, 4, 6), (1,))
    # without the skip that reaches back to it, a layer that is off is nothing
    off = (block[0], Off(Pool2d()), *block[1:-1], Add(4))
    assert receptive_field(off, (1, 20, 20)) == field


def test_ways_that_do_not_meet_cell_by_cell_are_named():
    layers = [Flatten(), Linear(16), Add(1)]
    fields = receptive_fields(layers, (1, 4, 4))
    assert fields[0].size == (1, 1)
    assert fields[1].size == (4, 4)
    with pytest.raises(ShapeError, match="the ways that meet in a skip connection have different strides"):
        receptive_field(layers, (1, 4, 4))
    assert reads(layers, (1, 4, 4), 0, 0) == ((0, 1, 2, 3), (0, 1, 2, 3))
    strided = parse_network("max:1,s2|transposed:1@1x1,s2|transposed:1@2x1|transposed:1@1x2|add:4")
    with pytest.raises(ShapeError, match="behind a transposed convolution with stride"):
        receptive_field(strided, (1, 4, 4))


def test_rows_and_columns_are_never_too_few_where_ways_meet_over_gaps():
    # the outer cells of the padded 1×1 convolution read nothing
    layers = parse_network("conv:1@1x1,p1|conv:1@2x2,same,d7|add:1")
    depends = dependence(layers, (1, 5, 5))
    assert gaps(layers, (1, 5, 5))
    for row in range(depends.shape[0]):
        for col in range(depends.shape[1]):
            check(reads(layers, (1, 5, 5), row, col), lines(depends[row, col]), roughly=True)
    # row 0 of one way and column 4 of the other are read, but not where they meet
    assert (reads(layers, (1, 5, 5), 0, 1), lines(depends[0, 1])) == (((3,), (0, 4)), ((3,), (4,)))


def test_random_networks_mostly_have_no_gaps():
    exact = []

    @settings(examples(200), derandomize=True, database=None)
    @given(averaging)
    def collect(network):
        if any(isinstance(layer, Add) for layer in network[0]):
            exact.append(not gaps(*network))

    collect()
    assert len(exact) > 30
    assert sum(exact) > len(exact) / 2

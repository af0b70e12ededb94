"""Explained cells against the layers; receptive fields against gradients and published numbers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz.functional import ShapeError
from cnnviz.layers import (
    Activation,
    AdaptivePool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Dropout,
    Flatten,
    GlobalPool2d,
    Linear,
    Pool2d,
)
from cnnviz.receptive_fields import tables
from cnnviz.windows import ReceptiveField, explain_conv, explain_pool, reaches, reads, receptive_field
from tests.fuzzing import examples
from tests.option_space import KINDS, MODES, convolutions, naive_adaptive, naive_geometry, naive_pad, numbers, windows

whole_space = examples(50)
where = st.floats(0, 1)  # a place in an output, from its first to its last row


def cells_of(size, fraction_row, fraction_col):
    """The four corners and one cell anywhere."""
    last_row, last_col = size[0] - 1, size[1] - 1
    anywhere = round(fraction_row * last_row), round(fraction_col * last_col)
    return [(0, 0), (0, last_col), (last_row, 0), (last_row, last_col), anywhere]


@whole_space
@given(convolutions(), where, where, st.booleans())
def test_a_convolutions_cell_is_explained_exactly(case, fraction_row, fraction_col, biased):
    shape, out_channels, options = case
    layer = Conv2d(out_channels, **options, bias=biased)
    x = numbers(0, 1, *shape)
    weight = numbers(1, *_weight_shape(layer, shape))
    bias = numbers(2, out_channels) if biased else None
    parameters = {"weight": weight} | ({"bias": bias} if biased else {})
    try:
        out = layer(x, **parameters)
    except ShapeError:
        with pytest.raises(ShapeError):
            explain_conv(x, weight, bias, layer, 0, 0, 0)
        return
    sides, starts = naive_geometry(shape[1:], options)
    padded = naive_pad(x[0].numpy(), sides, layer.padding_mode, layer.padding_value)
    for row, col in cells_of(out.shape[2:], fraction_row, fraction_col):
        for channel in {0, out_channels - 1}:
            window = explain_conv(x, weight, bias, layer, channel, row, col)
            assert window.value == pytest.approx(out[0, channel, row, col].item(), abs=1e-9)
            assert window.value == window.sum + window.bias
            assert window.sum == pytest.approx(sum(window.products.flatten().tolist()), abs=1e-9)
            assert window.products.equal(window.patch * window.kernel)
            assert window.kernel.equal(weight[channel])
            # the patch, found again in an image padded by NumPy
            assert window.rows[0] == starts[0][row] - sides[0][0]
            assert window.cols[0] == starts[1][col] - sides[1][0]
            rows, cols = np.array(window.rows) + sides[0][0], np.array(window.cols) + sides[1][0]
            channels = np.array(window.channels)
            np.testing.assert_array_equal(window.patch, padded[channels][:, rows][:, :, cols])
            inside = np.outer([0 <= r < shape[1] for r in window.rows], [0 <= c < shape[2] for c in window.cols])
            np.testing.assert_array_equal(window.padding, ~inside)


def _weight_shape(layer, shape):
    return layer.out_channels, shape[0] // layer.groups, *layer.kernel_size


@whole_space
@given(windows(), st.sampled_from(KINDS), where, where)
def test_a_pools_cell_is_explained_exactly(case, kind, fraction_row, fraction_col):
    size, options = case
    layer = Pool2d(kind, **options)
    x = numbers(0, 1, 2, *size).mul(2).round().div(2)  # coarse, so that winners tie
    try:
        out = layer(x)
    except ShapeError:
        with pytest.raises(ShapeError):
            explain_pool(x, layer, 0, 0, 0)
        return
    for row, col in cells_of(out.shape[2:], fraction_row, fraction_col):
        window = explain_pool(x, layer, 1, row, col)
        assert window.value == pytest.approx(out[0, 1, row, col].item(), abs=1e-9)
        cells = {
            (r, c): x[0, 1, r, c].item()
            for r in window.rows
            for c in window.cols
            if 0 <= r < size[0] and 0 <= c < size[1]
        }
        assert window.count == len(cells) == (~window.padding).sum()
        assert set(window.winners) == (
            {place for place, value in cells.items() if value == window.value} if kind in ("max", "min") else set()
        )
        outside = {"max": -math.inf, "min": math.inf}.get(kind, 0.0)
        assert set(window.patch[window.padding].tolist()) <= {outside}
        assert sorted(window.patch[~window.padding].tolist()) == sorted(cells.values())


def test_a_corner_by_hand():
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    weight = torch.ones(1, 1, 3, 3)
    window = explain_conv(x, weight, torch.tensor([0.5]), Conv2d(padding="same"), 0, 0, 0)
    assert (window.rows, window.cols) == ((-1, 0, 1), (-1, 0, 1))
    assert window.source_rows == (None, 0, 1)
    assert window.patch.tolist() == [[[0, 0, 0], [0, 0, 1], [0, 3, 4]]]
    assert (window.sum, window.bias, window.value) == (8.0, 0.5, 8.5)
    reflected = explain_conv(x, weight, None, Conv2d(padding=1, padding_mode="reflect"), 0, 0, 0)
    assert reflected.source_rows == (1, 0, 1)
    assert reflected.patch.tolist() == [[[4, 3, 4], [1, 0, 1], [4, 3, 4]]]
    assert reflected.padding.tolist() == [[True, True, True], [True, False, False], [True, False, False]]


@pytest.mark.parametrize(("channel", "row", "col"), [(1, 0, 0), (-1, 0, 0), (0, 3, 0), (0, 0, -1)])
def test_a_cell_that_is_not_there_is_named(channel, row, col):
    x, weight = torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 3, 3)
    with pytest.raises(ShapeError, match="there is no"):
        explain_conv(x, weight, None, Conv2d(), channel, row, col)
    with pytest.raises(ShapeError, match="there is no"):
        explain_pool(x, Pool2d(kernel_size=3, stride=1), channel, row, col)
    with pytest.raises(ShapeError, match="weight must be"):
        explain_conv(x, torch.zeros(1, 1, 5, 5), None, Conv2d(), 0, 0, 0)


# --- receptive fields

small = st.tuples(st.integers(1, 4), st.integers(1, 4))
two = st.tuples(st.integers(1, 2), st.integers(1, 2))
some_padding = st.one_of(st.sampled_from(["valid", "same"]), st.integers(0, 2))
window = {"kernel_size": small, "stride": two, "padding": some_padding, "dilation": two}
some_layer = st.one_of(
    st.builds(Conv2d, **window, padding_mode=st.sampled_from(MODES)),
    st.builds(DepthwiseSeparableConv2d, **window, padding_mode=st.sampled_from(MODES)),
    st.builds(ConvTranspose2d, kernel_size=small, stride=two, padding=two, dilation=two),
    st.builds(Pool2d, st.just("avg"), **window),
    st.builds(AdaptivePool2d, st.just("avg"), st.tuples(st.integers(1, 6), st.integers(1, 6))),
    st.sampled_from([Activation("identity"), BatchNorm2d(), Dropout(), Activation("softmax", {"over": "all"})]),
)
endings = st.sampled_from(
    [
        (),
        (),
        (GlobalPool2d("avg"),),
        (Flatten(),),
        (Flatten(), Linear(3), Linear(2)),
        (Flatten(), Activation("softmax")),
    ]
)
stacks = st.tuples(st.lists(some_layer, max_size=3), endings).map(lambda parts: (*parts[0], *parts[1]))


def map_size(layers, shape):
    """The size of the last map; a Linear layer's outputs share one cell."""
    size = shape[1:]
    for layer in layers:
        shape = layer.output_shape(shape)
        size = shape[1:] if len(shape) == 3 else (1, 1) if isinstance(layer, Linear) else size
    return size


def dependence(layers, shape):
    """[output row, output col, input row, input col]: whether one has a part in the other, by autograd.

    All weights are positive, so that paths do not cancel; for that reason a sum stands in for softmax, too.
    """

    def run(x):
        for layer in layers:
            if isinstance(layer, Activation) and layer.name == "softmax":
                x = x + x.flatten(1).sum(1).reshape(-1, *[1] * (x.ndim - 1))
            else:
                needed = layer.parameter_shapes(tuple(x.shape[1:])).items()
                x = layer(x, **{name: 0.1 + numbers(0, *size).abs() for name, size in needed})
        return x.flatten()

    jacobian = torch.autograd.functional.jacobian(run, numbers(1, 1, *shape))
    return (jacobian[:, 0].sum(1) != 0).reshape(-1, *map_size(layers, shape), *shape[1:]).any(0)


@whole_space
@given(stacks, st.tuples(st.integers(1, 2), st.integers(1, 12), st.integers(1, 12)))
def test_reads_and_reaches_are_what_gradients_say(layers, shape):
    try:
        rows, cols = map_size(layers, shape)
    except ShapeError:
        with pytest.raises(ShapeError):
            reads(layers, shape, 0, 0)
        return
    assume(rows * cols <= 200)
    depends = dependence(layers, shape)
    for row in range(rows):
        for col in range(cols):
            read_rows, read_cols = reads(layers, shape, row, col)
            assert depends[row, col].nonzero().tolist() == [[r, c] for r in read_rows for c in read_cols]
    for row in range(shape[1]):
        for col in range(shape[2]):
            out_rows, out_cols = reaches(layers, shape, row, col)
            assert depends[:, :, row, col].nonzero().tolist() == [[r, c] for r in out_rows for c in out_cols]


flat_stack = st.lists(
    st.one_of(
        st.builds(Conv2d, **window),
        st.builds(Pool2d, st.just("avg"), **window),
        # cutting off more than the kernel adds would show other parts of the image, not padding
        st.builds(ConvTranspose2d, kernel_size=st.integers(2, 4), padding=st.integers(0, 1), dilation=two),
        st.just(Activation()),
    ),
    max_size=4,
)


@examples(100)
@given(flat_stack, st.tuples(st.just(1), st.integers(20, 60), st.integers(20, 60)), where, where)
def test_receptive_field_spans_exactly_what_is_read(layers, shape, fraction_row, fraction_col):
    try:
        size = map_size(layers, shape)
    except ShapeError:
        with pytest.raises(ShapeError):
            receptive_field(layers, shape)
        return
    field = receptive_field(layers, shape)
    for row, col in [*cells_of(size, fraction_row, fraction_col), (size[0] // 2, size[1] // 2)]:
        spans, read = (field.rows(row), field.cols(col)), reads(layers, shape, row, col)
        assert all(set(read[axis]) <= set(spans[axis]) for axis in (0, 1))
        if all(spans[axis][0] >= 0 and spans[axis][-1] < shape[1 + axis] for axis in (0, 1)):
            # the field lies inside the image, so no layer had padding under the window
            assert all((read[axis][0], read[axis][-1]) == (spans[axis][0], spans[axis][-1]) for axis in (0, 1))


@examples(80)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 2))
def test_the_field_of_an_adaptive_pool_where_all_its_windows_are_alike(size, out, around):
    layers, shape = [Conv2d(1, 2 * around + 1), AdaptivePool2d("avg", (out, 1))], (1, size + 2 * around, 4)
    cells = naive_adaptive(size, out) if shape[2] > 2 * around else None
    if cells is None:
        with pytest.raises(ShapeError, match="does not fit"):
            receptive_field(layers, shape)
        return
    steps = {b[0] - a[0] for a, b in pairwise(cells)}
    if len(steps) > 1 or len({len(window) for window in cells}) > 1:
        with pytest.raises(ShapeError, match=rf"makes {out} of {size}, cells do not all see .* `reads` lists them"):
            receptive_field(layers, shape)
        return
    field = receptive_field(layers, shape)
    for row, window in enumerate(cells):
        assert field.rows(row) == range(window[0], window[-1] + 1 + 2 * around)
        assert reads(layers, shape, row, 0) == (tuple(field.rows(row)), tuple(field.cols(0)))


def test_an_adaptive_pool_whose_sizes_divide_steps_by_its_window():
    assert receptive_field([AdaptivePool2d("max", (2, 3))], (1, 8, 12)) == ReceptiveField((4, 4), (4, 4), (0, 0))
    one, all_of_it = [AdaptivePool2d("max", 1), Conv2d(1, 1)], [GlobalPool2d("max"), Conv2d(1, 1)]
    assert receptive_field(one, (1, 5, 7)) == receptive_field(all_of_it, (1, 5, 7))
    assert tables(one[0], (1, 5, 7)) == tables(all_of_it[0], (1, 5, 7))
    assert reads([AdaptivePool2d("max", (3, 3))], (1, 7, 2), 1, 1) == ((2, 3, 4), (0, 1))
    assert reaches([AdaptivePool2d("max", (3, 3))], (1, 7, 2), 4, 0) == ((1, 2), (0, 1))


def vgg(*blocks):
    return [
        layer
        for convolutions in blocks
        for layer in [*[Conv2d(1, 3, padding="same"), Activation()] * convolutions, Pool2d("max", 2)]
    ]


ALEXNET_V2 = [
    Conv2d(1, 11, 4),
    Pool2d("max", 3, 2),
    Conv2d(1, 5, padding="same"),
    Pool2d("max", 3, 2),
    *[Conv2d(1, 3, padding="same")] * 3,
    Pool2d("max", 3, 2),
]


@pytest.mark.parametrize(
    ("layers", "size", "stride", "padding"),
    [(ALEXNET_V2, 195, 32, 64), (vgg(2, 2, 3, 3, 3), 212, 32, 90)],
    ids=["alexnet_v2", "vgg_16"],
)
def test_receptive_fields_are_those_of_araujo_2019(layers, size, stride, padding):
    field = receptive_field(layers, (1, 224, 224))
    assert (field.size, field.stride, field.start) == ((size, size), (stride, stride), (-padding, -padding))


def test_dilation_widens_the_field_at_no_cost():
    stack = [Conv2d(1, 3, dilation=1), Conv2d(1, 3, dilation=2), Conv2d(1, 3, dilation=4)]
    # Yu & Koltun 2016, Multi-scale context aggregation: (2^(i+2) - 1) after layer i
    assert [receptive_field(stack[: i + 1], (1, 40, 40)).size[0] for i in range(3)] == [3, 7, 15]
    assert reads(stack[1:2], (1, 40, 40), 0, 1) == ((0, 2, 4), (1, 3, 5))


def test_what_sees_all_sees_all():
    layers = [Conv2d(1, 3, 2), Flatten(), Linear(4), Activation("softmax")]
    assert reads(layers, (1, 8, 9), 0, 0) == (tuple(range(7)), tuple(range(9)))
    assert receptive_field(layers, (1, 8, 9)).size == (7, 9)
    assert reaches(layers, (1, 8, 9), 7, 0) == ((), ())  # the floor drops the last row
    everywhere = receptive_field([Activation("softmax", {"over": "all"})], (1, 4, 6))
    assert (everywhere.rows(3), everywhere.cols(5)) == (range(4), range(6))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: reads([Conv2d()], (1, 5, 5), 3, 0), "the output has 3 rows and 3 columns: there is no cell"),
        (
            lambda: reaches([Conv2d()], (1, 5, 5), 0, 5),
            "the input has 5 rows and 5 columns: there is no cell",
        ),
        (lambda: reads([], (5,), 0, 0), r"must be maps \(C, H, W\)"),
        (lambda: receptive_field([ConvTranspose2d(stride=2)], (1, 5, 5)), "`reads` lists them"),
        (lambda: receptive_field([AdaptivePool2d("max", 3)], (1, 5, 5)), "makes 3 of 5"),
        (lambda: receptive_field([Conv2d(kernel_size=7)], (1, 5, 5)), "does not fit"),
    ],
)
def test_fields_that_do_not_exist_are_named(ask, words):
    with pytest.raises(ShapeError, match=words):
        ask()

"""Cells clear of the edge against NaN let in there; how far two outputs are apart against numbers by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz.layers import Activation, AdaptivePool2d, Conv2d, GlobalPool2d, Pool2d
from cnnviz.network import forward
from cnnviz.shapes import ShapeError
from cnnviz.shift_effects import ShiftEffect, clear_of_edge, shift_effect
from cnnviz.shifting import Change
from tests.fuzzing import examples
from tests.option_space import numbers

several = examples(60)
sizes = st.tuples(st.integers(3, 12), st.integers(3, 12))
distances = st.integers(-9, 9)


def part(start, distance):
    """The rows, or columns, where something came in."""
    return slice(0, distance) if distance > 0 else slice(max(0, start + distance), start)


@st.composite
def stacks(draw):
    """A convolution, an activation and a pool, or some of them."""
    k, s = draw(st.tuples(st.integers(1, 3), st.integers(1, 3))), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    conv = Conv2d(1, k, draw(st.integers(1, 2)), draw(st.sampled_from(["valid", "same"])))
    pool = draw(
        st.sampled_from(
            [
                Pool2d("avg", k, s, draw(st.sampled_from(["valid", "same"]))),
                Pool2d("max", 1, s),
                AdaptivePool2d("avg", s),
                GlobalPool2d("avg"),
            ]
        )
    )
    return [layer for layer in (conv, Activation("tanh"), pool) if draw(st.booleans())]


@several
@given(stacks(), sizes, distances, distances)
def test_clear_cells_are_those_that_nan_at_the_edge_does_not_reach(layers, size, down, right):
    x = numbers(0, 1, 1, *size)
    for axis, distance in ((2, down), (3, right)):
        if distance:
            x.movedim(axis, 0)[part(size[axis - 2], distance)] = torch.nan
    parameters = [
        {"weight": torch.ones(1, 1, *layer.kernel_size), "bias": torch.zeros(1)} if isinstance(layer, Conv2d) else {}
        for layer in layers
    ]
    try:
        output = forward(layers, x, [{k: v.double() for k, v in tensors.items()} for tensors in parameters])[-1].output
    except ShapeError:
        assume(False)
    assert clear_of_edge(layers, (1, *size), down, right).equal(output[0, 0].isfinite())


def test_of_a_global_pool_all_is_compared():
    one, other = torch.tensor([[[[2.0]]]]), torch.tensor([[[[3.0]]]])
    assert shift_effect([GlobalPool2d("max")], (1, 4, 4), 0, 1, one, other) == ShiftEffect(Change(1, 1), 0.5, False)


def test_what_came_in_at_the_edge_does_not_count():
    before = torch.tensor([[[[1.0, 2, 0, 4], [0, 1, 1, 1]]]])
    after = torch.tensor([[[[9.0, 1, 2, 0], [9, 0, 1, 1]]]])
    found = shift_effect([], (1, 2, 4), 0, 1, before, after)
    assert found == ShiftEffect(Change(4, 6), (1 + 2 + 4 + 1) / 9, True)
    assert shift_effect([], (1, 2, 4), 0, 1, -before, -after) == found


def test_of_nothing_there_is_no_share():
    nothing, something = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert shift_effect([], (1, 2, 2), 1, 0, nothing, something) == ShiftEffect(Change(2, 2), None, True)
    assert shift_effect([], (1, 2, 2), 1, 0, nothing, nothing) == ShiftEffect(Change(0, 2), None, True)


def test_sizes_that_cannot_work_are_named():
    with pytest.raises(ShapeError, match="does not fit"):
        clear_of_edge([Pool2d("max", 5)], (1, 4, 4), 1, 0)
    with pytest.raises(ShapeError, match="of one size"):
        shift_effect([GlobalPool2d("max")], (1, 4, 4), 1, 0, torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 2))

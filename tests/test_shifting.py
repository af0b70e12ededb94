"""Shifts against NumPy's roll and pad; changed cells against plain comparisons."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.functional import ShapeError, conv2d
from cnnviz.shifting import SHIFT_MODES, Change, changed, shift
from tests.fuzzing import examples
from tests.option_space import numbers

several = examples(60)
sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))
distances = st.integers(-9, 9)


def naive_shift(x, down, right, mode):
    if mode == "circular":
        return np.roll(x, (down, right), (2, 3))
    height, width = x.shape[2:]
    widths = [(0, 0), (0, 0), (max(down, 0), max(-down, 0)), (max(right, 0), max(-right, 0))]
    padded = np.pad(x, widths, mode="edge" if mode == "replicate" else "constant")
    top, left = max(-down, 0), max(-right, 0)
    return padded[:, :, top : top + height, left : left + width]


@several
@given(sizes, distances, distances, st.sampled_from(SHIFT_MODES), st.sampled_from([torch.float32, torch.float64]))
def test_shift_is_numpys(size, down, right, mode, dtype):
    x = numbers(0, 2, 3, *size, dtype=dtype)
    moved = shift(x, down, right, mode)
    assert (moved.shape, moved.dtype) == (x.shape, dtype)
    np.testing.assert_array_equal(moved, naive_shift(x.numpy(), down, right, mode))


@several
@given(sizes, distances, distances, distances, distances)
def test_circular_shifts_add_up_and_can_be_undone(size, down, right, down2, right2):
    x = numbers(0, 1, 2, *size)
    twice = shift(shift(x, down, right, "circular"), down2, right2, "circular")
    assert twice.equal(shift(x, down + down2, right + right2, "circular"))
    assert shift(twice, -down - down2, -right - right2, "circular").equal(x)


def test_shifts_by_hand_and_without_touching_the_input():
    x = torch.arange(1.0, 7.0).reshape(1, 1, 2, 3)
    assert shift(x, 0, 1).tolist() == [[[[1, 1, 2], [4, 4, 5]]]]
    assert shift(x, 1, 0, "zeros").tolist() == [[[[0, 0, 0], [1, 2, 3]]]]
    assert shift(x, 0, -1, "circular").tolist() == [[[[2, 3, 1], [5, 6, 4]]]]
    shift(x, 0, 0).zero_()
    assert x[0, 0, 0, 0] == 1


def test_infinite_pixels_leave_no_trace_behind():
    x = torch.full((1, 1, 1, 2), torch.inf)
    assert shift(x, 0, 1, "zeros").tolist() == [[[[0, torch.inf]]]]


@several
@given(st.integers(3, 8), distances, distances)
def test_a_circular_convolution_does_not_care_where_things_are(size, down, right):
    x, weight = numbers(0, 1, 2, size, size), numbers(1, 3, 2, 3, 3)

    def conv(maps):
        return conv2d(maps, weight, padding=1, padding_mode="circular")

    before, after = shift(conv(x), down, right, "circular"), conv(shift(x, down, right, "circular"))
    assert Change.of(changed(before, after)).share == 0


@several
@given(sizes, st.integers(0, 20), st.sampled_from([1e-6, 1e-3, 0.0]))
def test_changed_marks_what_differs_by_more_than_rounding(size, how_many, tolerance):
    before = numbers(0, 1, 2, *size)
    after = before.clone()
    places = np.random.default_rng(1).permutation(before.numel())[:how_many]
    after.view(-1)[places] += 1
    largest = max(before.abs().max().item(), after.abs().max().item())
    mask = changed(before, after + 0.5 * tolerance * largest, tolerance)
    assert sorted(mask.flatten().nonzero().flatten().tolist()) == sorted(places.tolist())
    count = Change.of(mask)
    assert count == Change(len(places), before.numel())
    assert count.share == len(places) / before.numel()


def test_the_scale_is_that_of_the_larger():
    small, large = torch.tensor([0.0, 1e-3]), torch.tensor([0.0, 1e6])
    assert changed(small, large).tolist() == changed(large, small).tolist() == [False, True]
    assert changed(small + 1e6, large + 1e6).tolist() == [False, True]
    assert not changed(torch.zeros(3), torch.zeros(3)).any()
    assert changed(torch.zeros(3), torch.tensor([0, 1e-30, 1])).tolist() == [False, False, True]


def test_no_cells_have_not_changed():
    assert Change.of(changed(torch.zeros(0, 3), torch.zeros(0, 3))) == Change(0, 0)
    assert Change(0, 0).share == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: shift(x, 1, 1, "reflect"), "unknown mode 'reflect': choose one of replicate, circular, zeros"),
        (lambda x: shift(x.int(), 1, 1), "floating point"),
        (lambda x: changed(x, x, -1), "tolerance must be 0 or more, not -1"),
        (lambda x: changed(x, x, float("nan")), "tolerance must be 0 or more"),
    ],
)
def test_mistakes_are_value_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call(torch.zeros(1, 1, 2, 2))


def test_sizes_that_cannot_work_are_named():
    with pytest.raises(ShapeError, match=r"x must be \(N, C, H, W\)"):
        shift(torch.zeros(2, 2), 1, 1)
    with pytest.raises(ShapeError, match=r"of one size can be compared, not \(1, 2\) and \(2, 1\)"):
        changed(torch.zeros(1, 2), torch.zeros(2, 1))

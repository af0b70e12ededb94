"""Winners of pools against torch's indices, plain loops, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz import pool_winners
from cnnviz.functional import ShapeError
from cnnviz.layers import AdaptivePool2d, GlobalPool2d, Pool2d
from cnnviz.pool_winners import win_counts, winner_indices
from tests.fuzzing import examples
from tests.option_space import both, naive_adaptive, naive_geometry, numbers, pairs, windows

several = examples(25)
extremes = st.sampled_from(["max", "min"])
sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))


def coarse(*shape):
    """Few different values, so that windows tie; negative ones too, so that padding of 0 would win."""
    return numbers(0, *shape).sub(1).mul(2).round().div(2)


def naive_winners(image, kind, windows):
    """{(row, col): windows won} of one map (H, W); a window is its rows and its columns."""
    won: dict[tuple[int, int], int] = {}
    for rows, cols in windows:
        cells = [(r, c) for r in rows for c in cols]
        best = (max if kind == "max" else min)(cells, key=lambda cell: image[cell])  # the first of equals
        won[best] = won.get(best, 0) + 1
    return won


def check(x, layer, windows):
    counts = win_counts(x, layer)
    assert counts.dtype == torch.int64
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            expected = np.zeros(x.shape[2:], int)
            for cell, count in naive_winners(x[n, c].numpy(), layer.kind, windows).items():
                expected[cell] = count
            np.testing.assert_array_equal(counts[n, c], expected)
    # what the layer says is what the winners hold
    assert x.flatten(2).gather(2, winner_indices(x, layer).flatten(2)).equal(layer(x).flatten(2))


@several
@given(windows(), extremes)
def test_winners_of_a_sliding_window_are_the_naive_loops(case, kind):
    size, options = case
    assume(size[0] * size[1] <= 600)
    x, layer = coarse(1, 1, *size), Pool2d(kind, **options)
    try:
        layer.output_shape((1, *size))
    except ShapeError:
        with pytest.raises(ShapeError):
            win_counts(x, layer)
        return
    sides, starts = naive_geometry(size, options)
    spans = []
    for a in (0, 1):
        k, d = both(options["kernel_size"])[a], both(options["dilation"])[a]
        cells = [[s - sides[a][0] + d * i for i in range(k)] for s in starts[a]]
        spans.append([[i for i in window if 0 <= i < size[a]] for window in cells])
    check(x, layer, [(rows, cols) for rows in spans[0] for cols in spans[1]])


@several
@given(sizes, pairs(st.integers(1, 7)), extremes)
def test_winners_of_an_adaptive_pool_are_the_naive_loops(size, output_size, kind):
    rows, cols = (naive_adaptive(size[a], both(output_size)[a]) for a in (0, 1))
    x = coarse(1, 2, *size)
    check(x, AdaptivePool2d(kind, output_size), [(r, c) for r in rows for c in cols])
    check(x, GlobalPool2d(kind), [(range(size[0]), range(size[1]))])


@several
@given(windows(), st.booleans())
def test_winners_are_torchs_indices(case, tied):
    size, options = case
    k = both(options["kernel_size"])
    padding = (0, 0) if isinstance(options["padding"], str) else both(options["padding"])
    options["padding"] = min(padding[0], k[0] // 2), min(padding[1], k[1] // 2)
    x = coarse(2, 2, *size) if tied else numbers(1, 2, 2, *size)
    layer = Pool2d("max", **options)
    try:
        layer.output_shape((2, *size))
    except ShapeError:
        assume(False)
    _, expected = F.max_pool2d(x, **options, return_indices=True)
    assert winner_indices(x, layer).equal(expected)
    assert winner_indices(-x, Pool2d("min", **options)).equal(expected)


@several
@given(sizes, pairs(st.integers(1, 7)))
def test_winners_of_an_adaptive_pool_are_torchs_indices(size, output_size):
    x = coarse(2, 2, *size)
    _, expected = F.adaptive_max_pool2d(x, output_size, return_indices=True)
    assert winner_indices(x, AdaptivePool2d("max", output_size)).equal(expected)


@pytest.mark.parametrize("at_once", [1, 60, 1000])
def test_winners_are_the_same_a_few_windows_at_a_time(monkeypatch, at_once):
    monkeypatch.setattr(pool_winners, "AT_ONCE", at_once)
    x = coarse(2, 2, 11, 9)
    _, expected = F.max_pool2d(x, (3, 2), (1, 2), 1, return_indices=True)
    assert winner_indices(x, Pool2d("max", (3, 2), (1, 2), 1)).equal(expected)
    _, expected = F.adaptive_max_pool2d(x, (4, 5), return_indices=True)
    assert winner_indices(x, AdaptivePool2d("max", (4, 5))).equal(expected)


@several
@given(windows(), extremes)
def test_win_counts_are_the_gradient_of_the_sum(case, kind):
    size, options = case
    x, layer = numbers(0, 1, 2, *size).requires_grad_(), Pool2d(kind, **options)
    try:
        total = layer(x).sum()
    except ShapeError:
        assume(False)
    (gradient,) = torch.autograd.grad(total, x)
    assert win_counts(x.detach(), layer).equal(gradient.long())


def test_padding_never_wins():
    nothing = torch.full((1, 1, 2, 2), -torch.inf)
    for layer in (Pool2d("max", 2, padding=1), Pool2d("max", 3, 1, padding=2)):
        assert win_counts(nothing, layer).sum() == np.prod(layer.output_shape((1, 2, 2)))
    assert win_counts(-nothing, Pool2d("min", 2, padding=1)).tolist() == [[[[1, 1], [1, 1]]]]


def test_of_equal_cells_the_first_in_row_order_wins():
    assert win_counts(torch.zeros(1, 1, 4, 4), Pool2d("max", 2)).nonzero()[:, 2:].tolist() == [
        [0, 0],
        [0, 2],
        [2, 0],
        [2, 2],
    ]
    x = torch.tensor([[[[0.0, 1], [1, 0]]]])
    assert winner_indices(x, GlobalPool2d("max")).item() == 1
    assert winner_indices(x, GlobalPool2d("min")).item() == 0
    assert win_counts(x, Pool2d("max", 1)).tolist() == [[[[1, 1], [1, 1]]]]


@pytest.mark.parametrize("layer", [Pool2d("avg"), GlobalPool2d("l2"), AdaptivePool2d("avg")])
@pytest.mark.parametrize("ask", [winner_indices, win_counts])
def test_nobody_wins_an_average(ask, layer):
    with pytest.raises(ValueError, match=r"no cell wins in (avg|l2) pooling: all cells of a window take part"):
        ask(torch.zeros(1, 1, 4, 4), layer)


def test_inputs_that_cannot_work_are_named():
    with pytest.raises(ShapeError, match="does not fit"):
        win_counts(torch.zeros(1, 1, 4, 4), Pool2d("max", 5))
    with pytest.raises(ShapeError, match=r"x must be \(N, C, H, W\)"):
        win_counts(torch.zeros(1, 4, 4), Pool2d("max", 2))

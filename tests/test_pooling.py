"""Adaptive pooling against torch and against plain NumPy loops. The other pools are in test_functional."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnviz.functional import ShapeError, adaptive_pool2d, global_pool2d, pool2d
from cnnviz.layers import AdaptivePool2d, GlobalPool2d
from cnnviz.shapes import adaptive_edges
from tests.fuzzing import examples
from tests.option_space import KINDS, both, naive_adaptive, numbers, pairs

whole_space = examples(60)
sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))
wanted = pairs(st.integers(1, 9))
SUMMARIES = {
    "max": np.max,
    "min": np.min,
    "avg": np.mean,
    "l2": lambda cells, axis: np.sqrt(np.sum(cells**2, axis)),
}


@whole_space
@given(sizes, wanted, st.sampled_from(KINDS))
def test_adaptive_pool2d_is_the_naive_loop(size, output_size, kind):
    x = numbers(0, 2, 3, *size)
    rows, cols = (naive_adaptive(size[a], both(output_size)[a]) for a in (0, 1))
    expected = [[SUMMARIES[kind](x.numpy()[:, :, r][:, :, :, c], (2, 3)) for c in cols] for r in rows]
    expected = np.array(expected).transpose(2, 3, 0, 1)
    np.testing.assert_allclose(adaptive_pool2d(x, kind, output_size), expected, atol=1e-12)


@whole_space
@given(sizes, wanted, st.sampled_from([torch.float32, torch.float64]))
def test_adaptive_pool2d_is_torchs_where_torch_has_it(size, output_size, dtype):
    x = numbers(0, 2, 3, *size, dtype=dtype)
    for kind, module in (("avg", nn.AdaptiveAvgPool2d), ("max", nn.AdaptiveMaxPool2d)):
        torch.testing.assert_close(adaptive_pool2d(x, kind, output_size), module(output_size)(x), rtol=0, atol=0)


@whole_space
@given(st.integers(1, 60), st.integers(1, 60))
def test_adaptive_edges_leave_no_cell_out_and_share_at_most_one(size, out):
    starts, stops = adaptive_edges(size, out)
    assert [list(range(start, stop)) for start, stop in zip(starts, stops)] == naive_adaptive(size, out)
    assert (starts[0], stops[-1], len(starts), len(stops)) == (0, size, out, out)
    assert all(stop - after in (0, 1) for stop, after in zip(stops, starts[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_adaptive_pooling_lies_between_global_pooling_and_none(kind):
    x = numbers(0, 2, 3, 4, 6)
    torch.testing.assert_close(adaptive_pool2d(x, kind, 1), global_pool2d(x, kind))
    torch.testing.assert_close(AdaptivePool2d(kind, 1)(x), GlobalPool2d(kind)(x))
    torch.testing.assert_close(adaptive_pool2d(x, kind, (2, 2)), pool2d(x, kind, (2, 3)))
    torch.testing.assert_close(adaptive_pool2d(x, kind, (4, 6)), x.abs() if kind == "l2" else x)
    # larger than the input: cells are repeated
    repeated = adaptive_pool2d(x, kind, (8, 6))
    torch.testing.assert_close(repeated[:, :, ::2], repeated[:, :, 1::2])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: adaptive_pool2d(x, "median", 2), "max, avg, min, l2"),
        (lambda x: adaptive_pool2d(x.int(), "max", 2), "floating point"),
    ],
)
def test_mistakes_are_value_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call(torch.zeros(1, 1, 5, 5))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: adaptive_pool2d(x, "max", 0), "output_size must be at least 1, not 0×0"),
        (lambda x: adaptive_pool2d(x, "max", (2, 2, 2)), "output_size must be a whole number or a pair"),
        (lambda x: adaptive_pool2d(x[:, :, :0], "max", 2), "at least one cell"),
        (lambda x: adaptive_edges(5, 0), "5 cells cannot become 0"),
    ],
)
def test_sizes_that_cannot_work_are_named(call, words):
    with pytest.raises(ShapeError, match=words):
        call(torch.zeros(1, 1, 5, 5))

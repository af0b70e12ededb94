"""Learned filters beside classic kernels: every kernel is most like itself, whatever its factor, size or colour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.filter_resemblance import chance, resemblance
from cnnviz.kernels import KERNELS
from tests.fuzzing import examples


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_resembles_itself(name: str) -> None:
    values = np.array(KERNELS[name].values)
    found = resemblance(-0.3 * values[None])
    assert found and found.cosine == pytest.approx(1) and found.gray == pytest.approx(1)
    twin = np.array(KERNELS[found.kernel].values)  # another may be the same but for a factor
    assert np.allclose(twin / np.abs(twin).max(), values / np.abs(values).max()) or np.allclose(
        -twin / np.abs(twin).max(), values / np.abs(values).max()
    )
    assert np.allclose(found.values / np.abs(found.values).max(), -values / np.abs(values).max())


@examples(60)
@given(st.integers(0, 10_000), st.sampled_from([1, 3]), st.sampled_from([(3, 3), (5, 5), (4, 7), (2, 2)]))
def test_it_is_the_largest_cosine_of_all(seed: int, channels: int, shape: tuple[int, int]) -> None:
    weight = np.random.default_rng(seed).normal(size=(channels, *shape))
    found = resemblance(weight)
    mean = weight.sum(0) / channels
    cosines = []
    for entry in KERNELS.values():
        height, width = entry.size
        if height <= shape[0] and width <= shape[1]:
            whole = np.zeros(shape)
            top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
            whole[top : top + height, left : left + width] = entry.values
            cosines.append(abs((whole * mean).sum()) / np.sqrt((whole**2).sum() * (mean**2).sum()))
    assert (found is None) == (not cosines)
    if found:
        assert found.cosine == pytest.approx(max(cosines))
        assert 0 <= found.gray <= 1 + 1e-9


def test_where_there_is_nothing_to_compare() -> None:
    assert resemblance(np.zeros((3, 3, 3))) is None
    assert resemblance(np.ones((1, 1, 1))) is None, "no kernel is as small"


def test_chance_is_what_filters_drawn_at_random_come_to() -> None:
    drawn = np.random.default_rng(1).normal(size=(600, 1, 3, 3))
    alike = [found.is_more_than_chance for each in drawn if (found := resemblance(each))]
    assert 0.02 < np.mean(alike) < 0.08
    assert chance((3, 3)) > chance((5, 5)) > chance((7, 7))

"""Changes of a picture: nothing by default, undone by their opposites, and bilinear as a loop has it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.perturbations import Perturbation
from cnnviz.shapes import ShapeError
from tests.classifiers import picture
from tests.fuzzing import examples

sides = st.tuples(st.integers(1, 3), st.integers(2, 7), st.integers(2, 7))
far = st.floats(-4, 4)


@examples(20)
@given(sides, st.integers(0, 99), st.sampled_from([0.0, 360.0, -720.0]))
def test_by_default_nothing_changes_not_a_bit(shape, seed, degrees):
    x = picture(shape, seed, dtype=torch.float32)
    assert Perturbation(degrees=degrees, row=2, col=1, seed=seed)(x).equal(x)


def naive(x, degrees, right, down, edge):
    """Each pixel of the result, turned back and read between four others."""
    _, channels, height, width = x.shape
    angle, out = math.radians(degrees), np.zeros(x.shape)

    def read(channel, row, col):
        if edge == "zeros" and not (0 <= row < height and 0 <= col < width):
            return 0.0
        return float(x[0, channel, min(max(row, 0), height - 1), min(max(col, 0), width - 1)])

    for r in range(height):
        for c in range(width):
            # a vector from the middle, y upwards, turned clockwise: where it was before
            vx, vy = c - (width - 1) / 2 - right, -(r - (height - 1) / 2 - down)
            col = vx * math.cos(angle) + vy * math.sin(angle) + (width - 1) / 2
            row = -(-vx * math.sin(angle) + vy * math.cos(angle)) + (height - 1) / 2
            top, left = math.floor(row), math.floor(col)
            for channel in range(channels):
                for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
                    part = (1 - abs(row - top - i)) * (1 - abs(col - left - j))
                    out[0, channel, r, c] += part * read(channel, top + i, left + j)
    return out


@examples(25)
@given(sides, st.floats(-200, 200), far, far, st.sampled_from(["zeros", "replicate"]))
def test_turned_and_moved_as_a_loop_does_it(shape, degrees, right, down, edge):
    x = picture(shape)
    found = Perturbation(degrees=degrees, right=right, down=down, edge=edge)(x)
    np.testing.assert_allclose(found, naive(x, degrees, right, down, edge), atol=1e-9)


@examples(15)
@given(st.integers(2, 8), st.integers(-3, 3))
def test_quarter_turns_are_torchs(side, quarters):
    x = picture((2, side, side))
    torch.testing.assert_close(
        Perturbation(degrees=90 * quarters)(x), torch.rot90(x, quarters, (2, 3)), atol=1e-9, rtol=0
    )


@examples(15)
@given(st.integers(-3, 3), st.integers(-3, 3))
def test_a_move_back_brings_the_middle_back(right, down):
    x = torch.zeros(1, 1, 12, 12)
    x[:, :, 3:9, 3:9] = picture((1, 6, 6), dtype=torch.float32)
    there = Perturbation(right=right, down=down)(x)
    assert there[0, 0, 3 + down : 9 + down, 3 + right : 9 + right].equal(x[0, 0, 3:9, 3:9])
    assert Perturbation(right=-right, down=-down)(there).equal(x)


def test_a_square_is_covered_and_the_picture_itself_is_left_alone():
    x = picture((2, 5, 5))
    before = x.clone()
    found = Perturbation(row=3, col=1, size=3, fill=0.25)(x)
    assert x.equal(before)
    assert (found[:, :, 3:, 1:4] == 0.25).all() and found[:, :, :3].equal(x[:, :, :3])


def test_noise_is_drawn_by_its_seed_and_cut_off():
    x = torch.full((1, 3, 64, 64), 0.5)
    one, same, other = (Perturbation(noise=0.05, seed=seed)(x) for seed in (1, 1, 2))
    assert one.equal(same) and not one.equal(other)
    assert float((one - x).std()) == pytest.approx(0.05, rel=0.05)
    much = Perturbation(noise=5)(x)
    assert much.min() == 0 and much.max() == 1


@pytest.mark.parametrize(
    "options",
    [
        {"degrees": math.nan},
        {"right": math.inf},
        {"edge": "wrap"},
        {"size": -1},
        {"fill": 2},
        {"noise": -1},
        {"seed": -1},
    ],
)
def test_what_cannot_be_is_a_sentence(options):
    with pytest.raises(ValueError, match=r"[A-Z].*\."):
        Perturbation(**options)
    with pytest.raises(ShapeError, match="one picture"):
        Perturbation()(torch.zeros(2, 1, 3, 3))

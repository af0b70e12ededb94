"""The drawn shapes: of ten kinds in turn, whole, lighter than their ground, each of its own place, size and noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.shape_pictures import SHAPES, SIDE, draw_shapes
from tests.fuzzing import examples

ANGLES = np.linspace(0, 2 * np.pi, 721)


def far(name: str) -> float:
    """How far from its middle a shape reaches."""
    radii = np.linspace(0, 1.5, 301)[:, None]
    inside = SHAPES[name](radii * np.cos(ANGLES), radii * np.sin(ANGLES)) < 0
    return float(radii[inside.any(1)].max())


@examples(20)
@given(st.integers(0, 40), st.integers(0, 2**70))
def test_any_number_of_pictures_from_any_seed(count, seed):
    pixels, labels = draw_shapes(count, seed)
    assert pixels.shape == (count, 3, SIDE, SIDE)
    assert pixels.dtype == np.uint8
    assert labels.tolist() == [number % 10 for number in range(count)]


@pytest.mark.parametrize("fewer", [0, 1, 499, 500, 501, 700])
def test_a_larger_count_adds_to_the_pictures(fewer):
    assert np.array_equal(draw_shapes(fewer, 3)[0], draw_shapes(1001, 3)[0][:fewer])


def test_seeds_decide():
    pixels = draw_shapes(50, 5)[0]
    assert np.array_equal(pixels, draw_shapes(50, 5)[0])
    assert not np.array_equal(pixels, draw_shapes(50, 6)[0])
    # a seed of more than 32 bits must not be another seed's later part
    late = draw_shapes(510, 5)[0][500:]
    assert not np.array_equal(late, draw_shapes(10, 5 + 500 * 2**32)[0])


def test_no_two_pictures_are_alike():
    pixels = np.concatenate([draw_shapes(1500, seed)[0] for seed in (0, 1, 2**40)])
    assert len({picture.tobytes() for picture in pixels}) == len(pixels)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_fills_its_place_and_is_not_cut_off(name):
    assert 0.85 <= far(name) <= 1.04, "the middle stays a radius away from the middle of the last pixel"


def test_shapes_are_ten_and_differ_in_every_rotation():
    """Even the two most alike, each turned so that they cover each other best, differ in a tenth of what they cover."""
    assert len(SHAPES) == 10
    side = np.linspace(-1.1, 1.1, 45)
    x, y = np.meshgrid(side, side)

    def turned(name: str, angle: float) -> np.ndarray:
        cos, sin = np.cos(angle), np.sin(angle)
        return SHAPES[name](cos * x + sin * y, cos * y - sin * x) < 0

    covers = {name: [turned(name, angle) for angle in np.linspace(0, 2 * np.pi, 36, endpoint=False)] for name in SHAPES}
    for a in SHAPES:
        for b in SHAPES:
            if a < b:
                one = covers[a][0]
                assert min((one ^ two).sum() / (one | two).sum() for two in covers[b]) > 0.1, (a, b)


@pytest.mark.parametrize(
    "name", ["circle", "square", "ring", "bar", "cross", "triangle", "star", "heart", "crescent", "arrow"]
)
def test_symmetry(name):
    """All are upright: the same left and right, but for the crescent, which is the same up and down."""
    x, y = np.random.default_rng(0).uniform(-1.1, 1.1, (2, 500))
    mirrored = (x, -y) if name == "crescent" else (-x, y)
    assert np.allclose(SHAPES[name](x, y), SHAPES[name](*mirrored), atol=1e-12)
    turns = {"square": 4, "cross": 4, "bar": 2, "triangle": 3, "star": 5, "circle": 7, "ring": 11}.get(name, 1)
    cos, sin = np.cos(2 * np.pi / turns), np.sin(2 * np.pi / turns)
    assert np.allclose(SHAPES[name](x, y), SHAPES[name](cos * x - sin * y, sin * x + cos * y), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("circle", np.pi * 0.92**2),
        ("square", 1.44**2),
        ("triangle", 3 * np.sqrt(3) / 4),
        ("star", 5 * 0.42 * np.sin(np.pi / 5)),
        ("cross", 2 * 1.9 * 0.6 - 0.6**2),
        ("ring", np.pi * (0.96**2 - 0.52**2)),
        ("bar", 0.56 * 1.96),
    ],
)
def test_areas(name, area):
    """Of the shapes whose area is known, counted on a fine grid."""
    side = (np.arange(600) + 0.5) / 250 - 1.2
    x, y = np.meshgrid(side, side)
    assert (SHAPES[name](x, y) < 0).mean() * 2.4**2 == pytest.approx(area, rel=0.01)


def test_drawn_shapes_stay_within_their_picture(monkeypatch):
    """Without noise, no pixel of the rim is covered by more than a little over its half."""
    monkeypatch.setattr("cnnviz.shape_pictures._NOISE", 0)
    lighter = draw_shapes(2000, 0)[0].mean(1)
    lighter -= lighter.min((1, 2), keepdims=True)
    lighter /= lighter.max((1, 2), keepdims=True)
    rims = [lighter[:, 0], lighter[:, -1], lighter[:, :, 0], lighter[:, :, -1]]
    assert 0.3 < max(rim.max() for rim in rims) < 0.7


def test_what_varies():
    pixels, labels = draw_shapes(1000, 0)
    values = pixels / 255
    edge = np.concatenate([values[:, :, 0], values[:, :, -1], values[:, :, :, 0], values[:, :, :, -1]], axis=2)
    ground = np.median(edge, axis=2)
    lighter = (values - ground[:, :, None, None]).mean(1)
    inside = lighter > 0.2
    assert (ground <= 0.55).all()
    assert (ground.std(axis=0) > 0.1).all(), "colours"
    share = inside.mean((1, 2))
    for number in range(10):
        of_kind = share[labels == number]
        assert np.quantile(of_kind, 0.9) > 1.6 * np.quantile(of_kind, 0.1), "sizes"
    at = np.arange(SIDE)
    rows = (inside.sum(2) * at).sum(1) / inside.sum((1, 2))
    columns = (inside.sum(1) * at).sum(1) / inside.sum((1, 2))
    assert rows.std() > 2
    assert columns.std() > 2
    assert abs(rows.mean() - 15.5) < 0.5
    assert abs(columns.mean() - 15.5) < 0.5
    noise = values[:, :, 0].std(2).mean(1)
    assert noise.min() < 0.02
    assert noise.max() > 0.08
    bars = inside[labels == 9]
    tall = (bars.any(2).sum(1) - bars.any(1).sum(1)) / SIDE
    assert tall.std() > 0.15, "turns"


# --- as people draw them too


def test_varied_shapes_are_others_and_add_up_too():
    pixels, labels = draw_shapes(600, 5, varied=True)
    assert pixels.shape == (600, 3, SIDE, SIDE) and labels.tolist() == [number % 10 for number in range(600)]
    assert np.array_equal(pixels, draw_shapes(900, 5, varied=True)[0][:600])
    assert not np.array_equal(pixels, draw_shapes(600, 5)[0])


def test_what_varies_more(monkeypatch):
    monkeypatch.setattr("cnnviz.shape_pictures._NOISE", 0)
    pixels, labels = draw_shapes(2000, 0, varied=True)
    values = pixels / 255
    edge = np.concatenate([values[:, :, 0], values[:, :, -1], values[:, :, :, 0], values[:, :, :, -1]], axis=2)
    ground = np.median(edge, axis=2)
    apart = abs(values - ground[:, :, None, None]).sum(1)
    assert np.quantile(apart.max((1, 2)), 0.01) > 0.5, "a shape stands out"
    for plain in (0, 1):
        assert 0.1 < (ground == plain).all(1).mean() < 0.4, "white and black grounds"
    lighter = (values - ground[:, :, None, None]).mean(1)
    assert 0.3 < (lighter.sum((1, 2)) > 0).mean() < 0.7
    inside = apart > apart.max((1, 2), keepdims=True) / 2
    sides = np.maximum(inside.any(1).sum(1), inside.any(2).sum(1))
    assert sides.max() >= 0.9 * SIDE and sides[labels == 0].min() < 0.5 * SIDE
    share = inside.mean((1, 2)) / (sides / SIDE) ** 2
    of_squares, of_circles = (share[labels == list(SHAPES).index(name)] for name in ("square", "circle"))
    assert 0.2 < (of_squares < 0.45).mean() < 0.6, "outlines"
    assert (of_circles > 0.5).all(), "an outlined circle would be a ring"


def test_half_of_the_varied_shapes_have_no_noise():
    pixels = draw_shapes(1000, 0, varied=True)[0]
    is_clean = np.array([len(np.unique(picture[:, :2, :2])) <= 3 for picture in pixels])
    assert 0.35 < is_clean.mean() < 0.65

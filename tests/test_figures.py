"""Colours and 8-bit maps, against arithmetic in double precision and against CIE lightness."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from cnnviz import figures
from tests.fuzzing import examples

several = examples(90)


@st.composite
def maps(draw: st.DrawFn, reach: float = 1e12) -> np.ndarray:
    """(C, H, W) float32 with a range of any size, around any value; sometimes constant."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)))
    scale = draw(st.sampled_from([0.0, 1e-30, 1e-6, 0.5, 1.0, 255.0, 1e6, reach]))
    offset = draw(st.sampled_from([0.0, 0.0, 0.25, -0.5, 3.0, -1e3])) * draw(st.sampled_from([1.0, scale]))
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(shape)
    return (offset + scale * values).astype(np.float32)


def lightness(rgb: np.ndarray) -> np.ndarray:
    """CIE L* of (N, 3) sRGB bytes."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)


@several
@given(maps())
def test_quantise_rounds_to_the_nearest_level(values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    levels = figures.quantise(values, low, high)
    assert levels.dtype == np.uint8
    assert levels.shape == values.shape
    if high == low:
        assert not levels.any(), "a constant map is its lowest level, and that stands for its value"
        return
    step = (high - low) / 255
    stands_for = low + levels.astype(float) * step
    rounding = 4 * np.spacing(np.float32(max(abs(low), abs(high))))
    assert np.abs(stands_for - values).max() <= step * (0.5 + 1e-4) + rounding


@several
@given(maps())
def test_quantise_gives_the_ends_their_levels(values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    levels = figures.quantise(values, low, high)
    assert (levels[values == low] == 0).all()
    assert high == low or (levels[values == high] == 255).all()


def test_every_grey_level_survives_the_journey() -> None:
    grey = np.arange(256, dtype=np.float32) / np.float32(255)
    assert figures.quantise(grey, 0.0, 1.0).tolist() == list(range(256))


@pytest.mark.parametrize("high", [1e-36, 1e-38, 1e-41])
def test_quantise_of_values_next_to_nothing(high: float) -> None:
    # a sigmoid far below zero gives such maps
    values = np.linspace(0, np.float32(high), 5, dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        levels = figures.quantise(values, 0.0, float(values[-1]))
    assert (np.diff(levels.astype(int)) > 0).all()
    assert (levels[0], levels[-1]) == (0, 255)


@several
@given(maps())
@example(np.zeros((1, 1, 1), np.float32))
@example(np.full((1, 2, 2), -3, np.float32))
def test_signed_maps_are_centred_on_zero_and_others_start_there(values: np.ndarray) -> None:
    colors = figures.color_range(values.min(), values.max())
    if (values < 0).any():
        assert colors.scale == "diverging"
        assert colors.low == -colors.high
        assert colors.high == np.abs(values).max()
    else:
        assert colors == figures.ColorRange("sequential", 0, values.max())


@pytest.mark.parametrize("value", [0.25, 1, 7])
def test_a_constant_map_is_black_only_if_it_is_zero(value: float) -> None:
    brightest = figures.palette("sequential")[-1]
    for values, colour in (
        (np.zeros((1, 2, 2)), figures.palette("sequential")[0]),
        (np.full((1, 2, 2), value), brightest),
    ):
        values = values.astype(np.float32)
        assert (figures.colored(values[0], figures.color_range(values.min(), values.max())) == colour).all()


@pytest.mark.parametrize("name", figures.SCALES)
def test_palettes_are_256_colours(name: str) -> None:
    palette = figures.palette(name)
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8


@pytest.mark.parametrize("name", [name for name in figures.SCALES if name != "diverging"])
def test_more_is_lighter(name: str) -> None:
    light = lightness(figures.palette(name))
    assert (np.diff(light) > -0.35).all(), "no more than 8-bit rounding goes down"
    assert (light[8:] > light[:-8]).all()
    assert light[0] < 1
    assert light[-1] - light[0] > 40


def test_diverging_is_darkest_at_zero_and_lighter_both_ways() -> None:
    palette = figures.palette("diverging")
    light = lightness(palette)
    cold, warm = light[127::-1], light[128:]
    for arm in (cold, warm):
        assert (np.diff(arm) > -0.6).all()
        assert (arm[8:] > arm[:-8]).all()
        assert arm[0] < 1.5
        assert arm[-1] > 90
    assert np.abs(cold - warm).max() < 25, "minus one and plus one look about as strong"
    red, blue = palette[:, 0].astype(int), palette[:, 2].astype(int)
    assert (blue[20:100] > red[20:100] + 10).all(), "below zero blue leads"
    assert (red[190:240] > blue[190:240] + 10).all(), "above zero red leads"


def test_the_positive_half_of_diverging_is_sequential() -> None:
    halves = figures.palette("diverging")[128:].astype(int) - figures.palette("sequential")[1::2]
    assert np.abs(halves).max() <= 1
    # so a value v of [0, r] has one colour, whether its map has negatives (before ReLU) or not (after)
    after = np.linspace(0, 7, 999, dtype=np.float32)[None]
    before = figures.colored(after, figures.ColorRange("diverging", -7, 7)).astype(int)
    assert np.abs(before - figures.colored(after, figures.ColorRange("sequential", 0, 7))).max() <= 6


@several
@given(maps(reach=1e3))
def test_png_is_what_the_screen_shows(values: np.ndarray) -> None:
    colors = figures.color_range(values.min(), values.max())
    for number, channel in enumerate(values):
        shown = figures.colored(channel, colors)
        image = Image.open(io.BytesIO(figures.png(values, number, colors)))
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image.convert("RGB")), shown)
        assert shown.shape == (*channel.shape, 3)


def test_png_of_a_picture_has_its_colours() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.float32) / np.float32(255)
    image = Image.open(io.BytesIO(figures.png(picture, 1, figures.ColorRange("gray", 0, 1))))
    assert np.array_equal(np.asarray(image), np.rint(picture * 255).transpose(1, 2, 0))


def test_colours_of_values_beyond_the_range_are_those_of_its_ends() -> None:
    shown = figures.colored(np.array([[-9, -1, 1, 9]], np.float32), figures.ColorRange("gray", -1, 1))
    assert shown[0, :, 0].tolist() == [0, 0, 255, 255]

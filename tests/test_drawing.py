"""Drawings and photographs as the datasets' own pictures, whatever their place and size, and recognised as digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnviz.answers import answers
from cnnviz.datasets import digits
from cnnviz.drawing import DrawingError, digit_picture
from cnnviz.photographed import digit_from_photo, otsu, photographed_ink
from tests.classifiers import digit_net
from tests.drawn_digits import STROKES, brushed
from tests.fuzzing import examples

pytestmark = pytest.mark.usefixtures("one_thread")

names = st.sampled_from(list(STROKES))


def right(pictures, labels):
    layers, parameters = digit_net()
    return float((answers(layers, torch.cat(pictures), parameters).argmax(1) == torch.tensor(labels)).float().mean())


def test_a_picture_holds_nothing_that_the_dataset_does_not():
    data = digits().training
    values = set(data.images().unique().tolist())
    for name in STROKES:
        found = digit_picture(brushed(name))
        assert found.picture.shape == (1, 1, 8, 8) and found.picture.dtype == torch.float32
        assert set(found.picture.unique().tolist()) <= values
        squares = found.upright[:8, :8]  # four of them, counted by hand
        assert found.counts[:2, :2].tolist() == [
            [squares[:4, :4].sum(), squares[:4, 4:].sum()],
            [squares[4:, :4].sum(), squares[4:, 4:].sum()],
        ]


def test_the_ink_is_as_much_as_in_the_dataset():
    counts = np.rint(digits().training.pixels[:, 0] * (16 / 255)).sum((1, 2))
    low, high = np.percentile(counts, [0.5, 99.5])
    drawn = [digit_picture(brushed(name, brush)).counts.sum() for name in STROKES for brush in (8, 16, 28)]
    assert abs(np.mean(drawn) - counts.mean()) < 0.1 * counts.mean()
    assert np.mean([low - 8 <= count <= high + 8 for count in drawn]) > 0.9


def test_held_out_digits_made_large_are_still_recognised():
    some = digits().held_out
    large = [np.asarray(Image.fromarray(p[0]).resize((256, 256), Image.Resampling.BICUBIC)) for p in some.pixels[:120]]
    assert right([digit_picture(one).picture for one in large], some.labels[:120].tolist()) >= 0.9


def test_digits_drawn_with_a_brush_are_recognised():
    pictures, labels = [], []
    for name in STROKES:
        for brush in (6, 14, 26):
            for box, slant in (
                ((0.15, 0.1, 0.7, 0.8), 0.0),
                ((0.4, 0.3, 0.35, 0.6), 0.0),
                ((0.2, 0.1, 0.6, 0.8), 0.25),
            ):
                pictures.append(digit_picture(brushed(name, brush, box=box, slant=slant)).picture)
                labels.append(int(name[0]))
    assert right(pictures, labels) >= 0.9


@examples(15)
@given(names, st.integers(-25, 25), st.integers(-25, 25), st.integers(2, 3))
def test_neither_place_nor_size_matters(name, down, across, times):
    bitmap = brushed(name, 12, 128)
    wanted = digit_picture(bitmap)
    moved = np.roll(np.pad(bitmap, 30), (down, across), (0, 1))
    assert np.array_equal(digit_picture(moved).counts, wanted.counts)
    assert digit_picture(moved).box == tuple(side + 30 + by for side, by in zip(wanted.box, (down, across) * 2))
    assert np.array_equal(digit_picture(np.kron(bitmap, np.ones((times, times), np.uint8))).counts, wanted.counts)


@examples(10)
@given(names, st.sampled_from([0.55, 0.7, 0.8]))
def test_sizes_that_do_not_divide_change_little(name, size):
    wanted = digit_picture(brushed(name, 20)).counts
    smaller = digit_picture(brushed(name, round(20 * size), box=(0.1, 0.1, 0.7 * size, 0.8 * size))).counts
    assert abs(wanted - smaller).mean() < 2.5  # of 16, where one of them is thickened once more than the other


def test_a_slanted_bar_is_set_upright():
    found = digit_picture(brushed("1", 20, slant=0.4))
    assert found.slant < -0.2
    first = [row.argmax() for row in found.upright if row.any()]
    assert np.ptp(first[2:-2]) <= 2 < np.ptp([row.argmax() for row in found.evened if row.any()])
    assert found.upright.sum() >= 0.9 * found.evened.sum()


def test_strokes_are_thickened_and_thinned():
    thin, thick = digit_picture(brushed("2", 9)), digit_picture(brushed("8", 48))
    assert thin.rounds > 0 > thick.rounds
    assert (thin.evened & thin.scaled).sum() == thin.scaled.sum()
    assert (thick.evened & ~thick.scaled).sum() == 0


@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (5, 90)])
def test_any_blot_becomes_a_picture(shape):
    assert digit_picture(np.full(shape, 255, np.uint8)).picture.isfinite().all()
    dot = np.zeros((64, 64), np.uint8)
    dot[40, 7] = 255
    assert digit_picture(dot).box == (40, 7, 41, 8)


def test_nothing_drawn_is_a_sentence():
    with pytest.raises(DrawingError, match="Nothing is drawn yet"):
        digit_picture(np.full((128, 128), 100, np.uint8))
    for wrong in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)):
        with pytest.raises(DrawingError, match="of uint8"):
            digit_picture(wrong)


# --- photographs


@examples(30)
@given(st.lists(st.integers(0, 255), min_size=2, max_size=40))
def test_otsu_is_the_best_of_all_levels(values):
    values = np.array(values, np.uint8)

    def within(level):
        sides = [values[values <= level].astype(float), values[values > level].astype(float)]
        return sum(((side - side.mean()) ** 2).sum() for side in sides if len(side))

    assert within(otsu(values)) <= min(map(within, range(255))) + 1e-6


@pytest.mark.parametrize("is_light", [False, True])
def test_a_photograph_becomes_the_drawing(is_light):
    random = np.random.default_rng(0)
    pictures = []
    for name in STROKES:
        bitmap = brushed(name, 16, 160).astype(float)
        photo = (60 + 0.5 * bitmap if is_light else 210 - 0.5 * bitmap) + random.normal(0, 8, bitmap.shape)
        photo[3:6, 3:5] = 0 if not is_light else 255  # dust
        found = digit_from_photo(photo.clip(0, 255).astype(np.uint8))
        assert abs(found.counts - digit_picture(bitmap.astype(np.uint8)).counts).mean() < 0.75
        pictures.append(found.picture)
    assert right(pictures, [int(name[0]) for name in STROKES]) >= 0.9


def test_blots_are_parts_of_a_digit_and_specks_are_not():
    paper = np.full((60, 60), 230, np.uint8)
    paper[10:40, 20:24] = paper[43:47, 20:24] = paper[50:52, 50:52] = 20  # a bar, a part of a tenth, dust
    ink = photographed_ink(paper)
    assert ink[10:40, 20:24].all() and ink[43:47, 20:24].all() and not ink[50:, 50:].any()


def test_a_large_photograph_is_made_small_first():
    assert photographed_ink(255 - brushed("5", 40, 900)[:, :600]).shape == (160, 107)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_nothing_stands_out_a_sentence_says_so(level):
    for grey in (np.full((50, 50), level, np.uint8), np.array([[level, min(255, level + 9)]], np.uint8)):
        with pytest.raises(DrawingError, match="No digit stands out"):
            photographed_ink(grey)

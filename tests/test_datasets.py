"""The data: as many pictures as are said, of balanced classes, and none that is held out is ever learned from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnviz.datasets import DATASETS, MOST_SHAPES, Dataset, Examples, digits, shapes
from cnnviz.images import ASSETS


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_is_balanced_and_holds_out_what_is_never_learned_from(name):
    data = DATASETS[name]()
    assert data.title
    assert len(set(data.classes)) == len(data.classes) == 10
    for part in (data.training, data.held_out):
        assert part.pixels.shape[1:] == data.shape
        assert part.pixels.dtype == np.uint8
        counts = np.bincount(part.labels, minlength=10)
        assert counts.min() >= 0.9 * len(part) / 10
        assert counts.max() <= 1.1 * len(part) / 10
    learned = {picture.tobytes() for picture in data.training.pixels}
    assert not learned & {picture.tobytes() for picture in data.held_out.pixels}
    assert DATASETS[name]() is data, "kept"


def test_the_digits():
    data = digits()
    assert (data.shape, len(data.training), len(data.held_out)) == ((1, 8, 8), 1438, 359)
    assert data.classes == tuple("0123456789")
    with np.load(ASSETS / "digits.npz", allow_pickle=False) as file:
        counts, labels = file["images"], file["labels"]
    # scikit-learn's first digit is a 0, of which the documentation shows the second row: 0 0 13 15 10 15 5 0
    assert labels[:10].tolist() == list(range(10))
    assert counts[0, 1].tolist() == [0, 0, 13, 15, 10, 15, 5, 0]
    assert counts.max() == 16
    assert set(np.bincount(data.held_out.labels)) <= {34, 35, 36, 37}
    own = [(int(label), picture.tobytes()) for label, picture in zip(labels, counts)]
    found = [
        (int(label), np.rint(picture * (16 / 255)).astype(np.uint8).tobytes())
        for part in (data.training, data.held_out)
        for label, picture in zip(part.labels, part.pixels)
    ]
    assert sorted(own) == sorted(found), "nothing is lost"
    assert np.array_equal(np.unique(data.training.pixels), np.rint(np.arange(17) * 255 / 16))


def test_shapes_in_any_number():
    few, many = shapes(10, 4, 20), shapes(3000, 4, 20)
    assert (len(few.training), len(many.training), len(few.held_out)) == (10, 3000, 20)
    assert np.array_equal(few.held_out.pixels, many.held_out.pixels), "tested on the same, however many it learns from"
    assert np.array_equal(few.training.pixels, many.training.pixels[:10])
    assert not np.array_equal(few.held_out.pixels, shapes(10, 5, 20).held_out.pixels)
    learned = {picture.tobytes() for picture in many.training.pixels}
    assert not learned & {picture.tobytes() for picture in few.held_out.pixels}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((9,), "From 10 to 20,000 pictures can be drawn, not 9."),
        ((MOST_SHAPES + 1,), "not 20,001"),
        ((10, 0, 0), "not 0."),
        ((10, -1), "The seed is a whole number from 0, not -1."),
    ],
)
def test_shapes_that_are_not_drawn(arguments, said):
    with pytest.raises(ValueError, match=said):
        shapes(*arguments)


def test_examples_as_tensors():
    pixels = np.arange(2 * 3 * 2 * 2, dtype=np.uint8).reshape(2, 3, 2, 2)
    some = Examples(pixels, np.array([7, 1], np.uint8))
    assert len(some) == 2
    images, classes = some.images(), some.classes()
    assert (images.dtype, classes.dtype) == (torch.float32, torch.int64)
    assert torch.equal(images, torch.from_numpy(pixels) / 255)
    assert classes.tolist() == [7, 1]
    for which in (slice(1, 2), np.array([1])):
        assert torch.equal(some.images(which), images[1:])
        assert some.classes(which).tolist() == [1]
    assert Dataset("", ("a",), some, some).shape == (3, 2, 2)


@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros((2, 1), int)])
def test_every_picture_has_one_label(labels):
    with pytest.raises(ValueError, match="need as many labels"):
        Examples(np.zeros((2, 1, 4, 4), np.uint8), labels)


def test_pictures_have_channels():
    with pytest.raises(ValueError, match="pictures"):
        Examples(np.zeros((2, 4, 4), np.uint8), np.zeros(2, int))

"""Pictures changed a little: how far, and never beyond what is in them."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.augmentation import AUGMENTATIONS, augment
from tests.fuzzing import examples


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


pictures = st.builds(
    lambda n, c, h, w, seed: torch.rand(n, c, h, w, generator=seeded(seed)),
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99),
)  # fmt: skip
seeds = st.integers(0, 2**40)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@examples(25)
@given(pictures, seeds)
def test_pictures_keep_shape_and_range_and_depend_on_the_seed_alone(name, images, seed):
    before = images.clone()
    changed = augment(images, name, seeded(seed))
    assert torch.equal(images, before)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    assert (changed >= low - 1e-6).all()
    assert (changed <= high + 1e-6).all()
    assert torch.equal(changed, augment(images, name, seeded(seed)))
    assert AUGMENTATIONS[name].endswith(".")


@examples(10)
@given(pictures, seeds)
def test_none_is_identity_and_draws_nothing(images, seed):
    generator = seeded(seed)
    assert augment(images, "none", generator) is images
    assert torch.equal(generator.get_state(), seeded(seed).get_state())


@examples(25)
@given(pictures, seeds)
def test_a_flip_is_exact_and_done_twice_undone(images, seed):
    once = augment(images, "flip", seeded(seed))
    for before, after in zip(images, once):
        assert torch.equal(after, before) or torch.equal(after, before.flip(2))
    assert torch.equal(augment(once, "flip", seeded(seed)), images)


def test_half_of_the_pictures_are_flipped():
    images = torch.arange(2.0).expand(4000, 1, 1, 2)
    flipped = (augment(images, "flip", seeded())[:, 0, 0, 0] == 1).float().mean()
    assert abs(flipped - 0.5) < 0.03


def test_each_picture_is_changed_in_its_own_way():
    images = torch.rand(1, 3, 8, 8, generator=seeded()).expand(40, 3, 8, 8)
    for name in ("shift", "affine"):
        assert len({tuple(image.flatten().tolist()) for image in augment(images, name, seeded())}) == 40


def middles(images: torch.Tensor) -> torch.Tensor:
    """(N, 2): where the mass of each picture lies, in columns and rows from its middle."""
    rows, columns = (torch.arange(n) - (n - 1) / 2 for n in images.shape[2:])
    mass = images.sum((1, 2, 3))
    return torch.stack([(images.sum((1, 2)) * columns).sum(1) / mass, (images.sum((1, 3)) * rows).sum(1) / mass], 1)


def blob(height: int, width: int) -> torch.Tensor:
    y, x = (torch.arange(n) - (n - 1) / 2 for n in (height, width))
    return torch.exp(-(x[None, :] ** 2 + y[:, None] ** 2) / 8)


@pytest.mark.parametrize("size", [(40, 40), (40, 64)])
def test_shifts_go_as_far_as_they_say(size):
    changed = {name: augment(blob(*size).expand(600, 1, *size), name, seeded()) for name in ("shift", "affine")}
    moved = middles(changed["shift"]) / torch.tensor([size[1], size[0]])
    assert (moved.abs() <= 1 / 8 + 1e-3).all()
    assert (moved.abs().amax(0) > 0.9 / 8).all()
    assert (moved.mean(0).abs() < 1 / 64).all()
    assert 0.08 * size[0] < middles(changed["affine"])[:, 1].abs().max() < 0.14 * size[0]


@pytest.mark.parametrize("size", [(48, 48), (40, 64)])
def test_affine_turns_and_sizes_as_far_as_it_says(size):
    """By the moments of a long blob, which turn and grow with it, whatever the sides are."""
    words = AUGMENTATIONS["affine"]
    assert "up to 12°" in words
    y, x = (torch.arange(n) - (n - 1) / 2 for n in size)
    long = torch.exp(-(x[None, :] ** 2 / 50 + y[:, None] ** 2 / 8)).expand(600, 1, *size)
    changed = augment(long, "affine", seeded())
    at = middles(changed)
    dx, dy = x[None, :] - at[:, :1], y[None, :] - at[:, 1:]
    p = changed[:, 0] / changed.sum((1, 2, 3))[:, None, None]
    xx, yy = (p.sum(1) * dx**2).sum(1), (p.sum(2) * dy**2).sum(1)
    xy = (p * dy[:, :, None] * dx[:, None, :]).sum((1, 2))
    degrees = torch.rad2deg(torch.atan2(2 * xy, xx - yy) / 2)
    assert degrees.abs().max() <= 12.1
    assert degrees.max() > 11
    assert degrees.min() < -11
    grown = ((xx + yy) / (25 + 4)).sqrt()
    smaller, larger = (float(number) / 100 for number in re.findall(r"([\d.]+) % (?:smaller|larger)", words)[::-1])
    assert 1 - smaller - 0.01 < grown.min() < 1 - 0.9 * smaller
    assert 1 + 0.9 * larger < grown.max() < 1 + larger + 0.01  # reading between pixels blurs a little


def test_what_comes_in_continues_the_edge():
    for name in AUGMENTATIONS:
        assert torch.allclose(augment(torch.full((5, 1, 6, 6), 0.3), name, seeded()), torch.tensor(0.3))

"""Pictures of coloured shapes, drawn by a seed: something to learn for a network of a few thousand weights.

A shape is a function that says how far a point lies outside its outline (below 0: inside), the shape being upright,
around (0, 0), with y upwards, and about 1 in radius. Source: Quilez, 2D distance functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from cnnviz.image_pixels import Bytes8

SIDE: Final = 32  # pixels
_RADII: Final = (7.0, 12.5)  # pixels
_VARIED_RADII: Final = (7.0, 16.0)  # up to all of the picture
_BRUSH: Final = (1.6, 3.4)  # pixels of a line that is drawn around
_UNEVEN: Final = 0.3  # how much smaller at most one side may be than that of a regular shape
_LIGHTER: Final = (0.3, 0.5)  # in each channel, of a range of 1
_NOISE: Final = 0.12  # the largest standard deviation
_CHUNK: Final = 500  # pictures at a time: 12 MB

Array = np.ndarray
Outline = Callable[[Array, Array], Array]


def _box(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _circle(x: Array, y: Array) -> Array:
    return np.hypot(x, y) - 0.92


def _square(x: Array, y: Array) -> Array:
    return _box(x, y, 0.72, 0.72)


def _triangle(x: Array, y: Array) -> Array:
    return np.maximum(np.abs(x) * np.sqrt(0.75) + y / 2, -y) - 0.5


def _star(x: Array, y: Array) -> Array:
    """Five points: a sector of it is a triangle, and all sectors are alike."""
    radius, sector = np.hypot(x, y), 2 * np.pi / 5
    angle = np.abs((np.arctan2(x, y) + sector / 2) % sector - sector / 2)
    inner = 0.42
    tip, notch = np.array([0.0, 1.0]), inner * np.array([np.sin(sector / 2), np.cos(sector / 2)])
    along = (notch - tip) / np.hypot(*(notch - tip))
    return (radius * np.sin(angle) - tip[0]) * -along[1] + (radius * np.cos(angle) - tip[1]) * along[0]


def _cross(x: Array, y: Array) -> Array:
    return np.minimum(_box(x, y, 0.95, 0.3), _box(x, y, 0.3, 0.95))


def _ring(x: Array, y: Array) -> Array:
    return np.abs(np.hypot(x, y) - 0.74) - 0.22


def _crescent(x: Array, y: Array) -> Array:
    return np.maximum(np.hypot(x, y) - 0.95, 0.8 - np.hypot(x - 0.5, y))


def _heart(x: Array, y: Array) -> Array:
    x, y = np.abs(x) / 1.6, (y + 1) / 1.6  # so that its point and its bows are as far from the middle
    bow = np.hypot(x - 0.25, y - 0.75) - np.sqrt(2) / 4
    middle = np.maximum(x + y, 0) / 2
    side = np.minimum(np.hypot(x, y - 1), np.hypot(x - middle, y - middle)) * np.sign(x - y)
    return np.where(x + y > 1, bow, side) * 1.6


def _arrow(x: Array, y: Array) -> Array:
    head = np.maximum((np.abs(x) + y - 0.95) / np.sqrt(2), 0.1 - y)
    return np.minimum(head, _box(x, y + 0.4, 0.24, 0.55))


def _bar(x: Array, y: Array) -> Array:
    return _box(x, y, 0.28, 0.98)


SHAPES: Final[dict[str, Outline]] = {
    "circle": _circle, "square": _square, "triangle": _triangle, "star": _star, "cross": _cross, "ring": _ring,
    "crescent": _crescent, "heart": _heart, "arrow": _arrow, "bar": _bar,
}  # fmt: skip
_CIRCLE, _RING = (list(SHAPES).index(name) for name in ("circle", "ring"))


def draw_shapes(count: int, seed: int, *, varied: bool = False) -> tuple[Bytes8, np.ndarray]:
    """Draw shapes of all kinds in turn, each of a size, at a place, turned, in two colours of its own, and with noise.

    A shape is lighter than its ground, by 0.3 at least in each channel, or a network of one convolution would have to
    learn each of them eight times; none is cut off.

    Args:
        count: how many, not negative.
        seed: not negative; the same one draws the same pictures, and a larger count adds to them.
        varied: as people draw them too: up to as large as the picture, too narrow or flat, on white, black or any other
            ground, in any colour, some as an outline only, half of them without noise. An outlined circle is a ring.
    Returns:
        the pictures, (count, 3, SIDE, SIDE) uint8, and the number of the kind of each, (count,) int64.
    """
    labels = np.arange(count) % len(SHAPES)
    chunks = range(0, count, _CHUNK)
    # a spawn key, since the entropies (7, 500) and 7 + 500 · 2**32 are one
    seeds = {start: np.random.SeedSequence(seed, spawn_key=(start,)) for start in chunks}
    drawn = [_drawn(labels[start : start + _CHUNK], np.random.default_rng(seeds[start]), varied) for start in chunks]
    return np.concatenate([np.zeros((0, 3, SIDE, SIDE), np.uint8), *drawn]), labels


def _drawn(labels: Array, random: np.random.Generator, varied: bool) -> Bytes8:
    draws = random.random((_CHUNK, 11), np.float32)[: len(labels)]  # all of a chunk, so that a larger count adds to it
    noise = random.standard_normal((_CHUNK, 3, SIDE, SIDE), np.float32)[: len(labels)]
    more = random.random((_CHUNK, 17), np.float32)[: len(labels)]
    radii = _VARIED_RADII if varied else _RADII
    radius = radii[0] + (radii[1] - radii[0]) * draws[:, 0]
    room = (SIDE - 1) / 2 - radius
    centre = (SIDE - 1) / 2 + room[:, None] * (2 * draws[:, 1:3] - 1)
    turn = 2 * np.pi * draws[:, 3]
    ground, shape = _any_colours(more) if varied else _lighter(draws)
    strength = _NOISE * draws[:, 10] * (more[:, 15] < 0.5 if varied else 1)

    at = np.arange(SIDE, dtype=np.float32)
    dx, dy = at[None, None, :] - centre[:, 0, None, None], centre[:, 1, None, None] - at[None, :, None]
    cos, sin = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    x, y = ((cos * dx + sin * dy) / radius[:, None, None], (cos * dy - sin * dx) / radius[:, None, None])
    if varied:  # too narrow, or too flat
        uneven = _UNEVEN * (2 * more[:, 16, None, None] - 1)
        x, y = x * (1 + np.maximum(uneven, 0)), y * (1 + np.maximum(-uneven, 0))
    outside = np.empty(x.shape, np.float32)
    is_line = (more[:, 0] < 0.4) & (labels != _CIRCLE) & varied
    kinds = np.where(is_line & (labels == _RING), _CIRCLE, labels)
    for number, outline in enumerate(SHAPES.values()):
        of_kind = kinds == number
        outside[of_kind] = outline(x[of_kind], y[of_kind])
    outside *= radius[:, None, None]
    half = (_BRUSH[0] + (_BRUSH[1] - _BRUSH[0]) * more[:, 1, None, None]) / 2
    outside = np.where(is_line[:, None, None], np.abs(outside + half) - half, outside)
    cover = np.clip(0.5 - outside, 0, 1)[:, None]  # a pixel on the outline is part of both
    picture = cover * shape[:, :, None, None] + (1 - cover) * ground[:, :, None, None]
    picture += strength[:, None, None, None] * noise
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _lighter(draws: Array) -> tuple[Array, Array]:
    """Of each picture the ground and its shape, which is lighter in each channel."""
    ground = (1 - _LIGHTER[1]) * draws[:, 4:7]
    return ground, ground + _LIGHTER[0] + (_LIGHTER[1] - _LIGHTER[0]) * draws[:, 7:10]


def _any_colours(draws: Array) -> tuple[Array, Array]:
    """A ground, a third of them white, a sixth black, and of three colours the one that is farthest from it."""
    plain = draws[:, 2, None]
    ground = np.where(plain < 1 / 3, 1, np.where(plain < 1 / 2, 0, draws[:, 3:6])).astype(np.float32)
    inks = np.clip(1.4 * draws[:, None, 6:15].reshape(-1, 3, 3) - 0.2, 0, 1)
    farthest = np.abs(inks - ground[:, None]).sum(2).argmax(1)
    return ground, inks[np.arange(len(inks)), farthest]

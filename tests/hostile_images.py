"""Damaged and hostile files, each made from its number alone, and what has to hold for every one of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, get_args

import torch

from cnnviz.image_pixels import Fit, Mode
from cnnviz.images import MAX_SIZE, ImageError, frame_count, load_image
from tests.hostile_bombs import bomb
from tests.hostile_bytes import damaged
from tests.hostile_corpus import corpus
from tests.hostile_formats import rebuilt

BOMBS = 150  # one in so many files: they take as long as hundreds of others
SIZES: tuple[Any, ...] = (None, 1, 7, 28, 64, 224, 300, MAX_SIZE, (200, 300), (1, MAX_SIZE), (MAX_SIZE, 3))
BAD: tuple[dict[str, Any], ...] = (
    {"size": 0}, {"size": -3}, {"size": MAX_SIZE + 1}, {"size": (3, 4, 5)}, {"size": float("nan")}, {"size": True},
    {"mode": "CMYK"}, {"mode": None}, {"fit": "`<b>"}, {"fit": 3}, {"frame": -1}, {"frame": 1.5}, {"frame": 10**30},
)  # fmt: skip


@dataclass(frozen=True)
class HostileImage:
    """A file, and what is asked of it in turn: the arguments of `load_image`; None counts the frames."""

    name: str
    data: bytes
    asks: tuple[dict[str, Any] | None, ...]


def hostile_image(number: int, seed: int = 0) -> HostileImage:
    """The same file for the same number, anywhere."""
    rng = Random(f"{seed} {number}")
    files = list(corpus().items())
    if rng.randrange(BOMBS) == 0:
        asks = _asks(rng, sizes=SIZES[1:])  # the pages always ask for a size
        return HostileImage("bomb", bomb(rng), asks[:2])
    name, (kind, data) = rng.choice(files)
    others = [file for _, (of, file) in files if of == kind or rng.random() < 0.1]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        how = rebuilt if rng.random() < 0.6 else _damaged
        data = how(kind, data, rng, rng.choice(others))
    return HostileImage(name, data, _asks(rng))


def _damaged(kind: str, data: bytes, rng: Random, other: bytes) -> bytes:
    return damaged(data, rng, other)


def _asks(rng: Random, sizes: tuple[Any, ...] = SIZES) -> tuple[dict[str, Any] | None, ...]:
    asks: list[dict[str, Any] | None] = []
    for _ in range(rng.choice([1, 2, 3])):
        frame = rng.choice([0] * 9 + [1, 2, 3, 99, 999])
        ask = {"mode": rng.choice(get_args(Mode)), "size": rng.choice(sizes), "fit": rng.choice(get_args(Fit))}
        asks.append({**ask, "frame": frame, **(rng.choice(BAD) if rng.random() < 0.02 else {})})
    asks.insert(rng.randrange(len(asks) + 1), None)
    return tuple(asks)


def try_image(image: HostileImage) -> int:
    """Ask all that is to be asked; how often there was a picture.

    Raises:
        AssertionError: what came is neither a right picture nor a plain sentence, or the second time it is another.
    """
    answers = [_answer(image.data, ask) for ask in image.asks]
    if len(image.asks) > 2:
        again = _answer(image.data, image.asks[0])
        first = answers[0]
        if isinstance(again, torch.Tensor) and isinstance(first, torch.Tensor):
            same = torch.equal(again, first)
        else:
            same = type(again) is type(first) and again == first
        assert same, f"{image.asks[0]} gives another answer after {image.asks[1:]}"
    return sum(isinstance(answer, torch.Tensor) for answer in answers)


def _answer(data: bytes, ask: dict[str, Any] | None) -> torch.Tensor | int | str:
    try:
        if ask is None:
            frames = frame_count(data)
            assert type(frames) is int and 1 <= frames <= 1000, frames
            return frames
        picture = load_image(data, **ask)
    except ImageError as error:
        return plain(str(error))
    assert picture.dtype == torch.float32 and picture.ndim == 4, (picture.dtype, picture.shape)
    assert picture.shape[:2] == (1, 3 if ask["mode"] == "RGB" else 1), picture.shape
    size = ask["size"]
    if size is not None:
        wanted = size if isinstance(size, tuple) else (size, size)
        shape = tuple(picture.shape[2:])
        fits = shape == wanted if ask["fit"] != "keep" else min(shape) >= 1 and all(map(int.__le__, shape, wanted))
        assert fits, (shape, wanted)
    low, high = torch.aminmax(picture)
    assert 0 <= low <= high <= 1, (low, high)
    return picture


def plain(message: str) -> str:
    """A message that a person can be told.

    Raises:
        AssertionError: it is no sentence, or of the machine's insides.
    """
    assert message[-1:] in ".)]" and len(message) < 300 and message.isprintable(), message
    inside = ("Traceback", "PIL", "numpy", "torch.", "site-packages", "0x", "Error")
    assert not any(word in message for word in inside), message
    return message

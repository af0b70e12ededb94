"""Damage that needs to know nothing of a file: cuts, flips, runs, numbers at their extremes, halves of two files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

# What parsers forget: nothing, signs, the ends of each width, sizes that multiply to more than memory.
NUMBERS = (
    0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 257, 1000, 1024, 4096, 16_383, 16_384, 20_000, 20_001, 32_767, 32_768,
    65_535, 65_536, 2**24 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 2, -1, -2, -128, -(2**31),
)  # fmt: skip
LONGEST = 400_000  # bytes of a damaged file that was small


def damaged(data: bytes, rng: Random, other: bytes) -> bytes:
    """Damage a file once.

    Args:
        other: another file, whose parts may get into it.
    """
    if len(data) < 2:
        return rng.randbytes(rng.randrange(40))
    return rng.choice(_WAYS)(data, rng, other)[:LONGEST]


def _place(data: bytes, rng: Random) -> int:
    """Anywhere, but often in the headers."""
    return rng.randrange(min(len(data), rng.choice([32, 200, len(data), len(data)])))


def _cut(data: bytes, rng: Random, other: bytes) -> bytes:
    return data[: _place(data, rng)]


def _flip(data: bytes, rng: Random, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8, 40])):
        out[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _set(data: bytes, rng: Random, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 2, 6])):
        out[_place(data, rng)] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    return bytes(out)


def _number(data: bytes, rng: Random, other: bytes) -> bytes:
    width, order = rng.choice([(2, "H"), (4, "I"), (8, "Q")]), rng.choice("<>")
    packed = struct.pack(order + width[1], rng.choice(NUMBERS) % 256 ** width[0])
    at = _place(data, rng)
    return data[:at] + packed + data[at + width[0] :]


def _insert(data: bytes, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.randbytes(rng.choice([1, 2, 4, 60, 3000])) + data[at:]


def _delete(data: bytes, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice([1, 2, 4, 13, 100]) :]


def _twice(data: bytes, rng: Random, other: bytes) -> bytes:
    at, end = sorted((_place(data, rng), _place(data, rng)))
    return data[:at] + data[at:end] * rng.choice([2, 2, 3, 50]) + data[end:]


def _run(data: bytes, rng: Random, other: bytes) -> bytes:
    at, length = _place(data, rng), rng.choice([4, 30, 500])
    return data[:at] + bytes((rng.choice([0, 255, 32]),)) * length + data[at + length :]


def _splice(data: bytes, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    return data[:at] + (other[min(at, len(other)) :] if rng.random() < 0.5 else other[rng.randrange(len(other) + 1) :])


def _inside(data: bytes, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    return data[:at] + other[:5000] + data[at:]


def _tail(data: bytes, rng: Random, other: bytes) -> bytes:
    return data + rng.choice([other, data, rng.randbytes(200), bytes(5000)])


_WAYS: tuple[Callable[[bytes, Random, bytes], bytes], ...] = (
    _cut, _flip, _flip, _set, _set, _number, _number, _insert, _delete, _twice, _run, _splice, _inside, _tail,
)  # fmt: skip

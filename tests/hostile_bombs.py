"""Small files that are large: pixels by the million, frames, pages, passes and notes without end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from PIL import Image

from tests.hostile_corpus import encode, gif_body
from tests.hostile_formats import png

SIDES = (1, 3, 999, 3000, 5000, 7000, 7071, 7072, 9000, 20_000, 20_001, 46_341, 65_535, 2**31 - 1)


def bomb(rng: Random) -> bytes:
    """One of them."""
    return rng.choice(_WAYS)(rng)


def _png(rng: Random) -> bytes:
    """Any size is claimed, and as much is there of nothing as is read, or more."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    depth, colour, channels = rng.choice(
        [(1, 0, 1), (8, 0, 1), (8, 2, 3), (8, 6, 4), (8, 3, 1), (16, 0, 1), (16, 6, 4)]
    )
    body = zeros(min(height * (1 + width * channels * depth // 8), 210_000_000) // 10_000_000 + 1)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, rng.randrange(2)))]
    parts += [(b"PLTE", bytes(9)), (b"tRNS", bytes(3))] if colour == 3 else []
    return png([*parts, (b"IDAT", body), (b"IEND", b"")])


@cache
def zeros(tens: int) -> bytes:
    """So many times ten million zeros, packed."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(10_000_000)) for _ in range(tens)) + packer.flush()


def _gif(rng: Random) -> bytes:
    """Frames of any size, each with few of its pixels."""
    width, height, frames = (
        rng.choice(SIDES) % 65_536,
        rng.choice(SIDES) % 65_536,
        rng.choice([1, 2, 40, 999, 1001, 3000]),
    )
    one = b"!\xf9\x04" + bytes((rng.randrange(32), 0, 0, rng.randrange(3), 0))
    one += (
        b"," + struct.pack("<HHHHB", rng.choice([0, 0, 5, 65_535]), 0, width, height, 0) + gif_body(rng.choice([1, 9]))
    )
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b";"


def _tiff(rng: Random) -> bytes:
    """Strips or tiles of nothing, packed; tags that all point at one place; floats, palettes, many channels."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    depth, channels, kind = rng.choice(
        [(8, 1, 1), (8, 3, 1), (8, 4, 1), (16, 1, 1), (32, 1, 3), (32, 1, 2), (64, 1, 3)]
    )
    body = zeros(rng.choice([1, 5, 20]))
    tags = {256: width, 257: height, 258: depth, 259: 8, 262: 2 if channels > 1 else 1, 277: channels, 339: kind}
    if rng.random() < 0.5:
        tags |= {273: 300, 278: height, 279: len(body)}
    else:
        tags |= {322: rng.choice(SIDES), 323: rng.choice(SIDES), 324: 300, 325: len(body)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return (b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)).ljust(300, b"\0") + body


def _tags(rng: Random) -> bytes:
    """Thousands of entries that each claim all of the file."""
    size, count = rng.choice([1000, 200_000, 3_000_000]), rng.choice([10, 3000, 40_000])
    kind = rng.choice([1, 2, 5, 7, 12])
    entries = b"".join(struct.pack("<HHII", tag % 65_536, kind, size // 8, 8) for tag in range(1000, 1000 + count))
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + bytes(size)


def _pages(rng: Random) -> bytes:
    count = rng.choice([900, 1100, 30_000])
    page = struct.pack("<HHHII", 1, 256, 4, 1, 1)
    return b"II*\0" + struct.pack("<I", 8) + b"".join(page + struct.pack("<I", 26 + 18 * k) for k in range(count))


def _bmp(rng: Random) -> bytes:
    side, tall = rng.choice(SIDES) % 2**31, rng.choice(SIDES) % 2**31 * rng.choice([1, -1])
    depth, packing = rng.choice([(8, 1), (4, 2), (24, 0), (32, 3), (1, 0)])
    head = struct.pack("<IIIIiiHHIIiiII", 2000, 0, 1078, 40, side, tall, 1, depth, packing, 0, 0, 0, 256, 0)
    return (b"BM" + head).ljust(1078, b"\0") + bytes((255, 7, 0, 0, 0, 2, 255, 255)) * rng.choice([10, 50_000])


def _jpeg(rng: Random) -> bytes:
    """A size that is claimed beside few pixels; passes, comments, and marks that look like passes."""
    data = _small_jpeg(progressive=rng.random() < 0.7)
    at = next(at for at in range(len(data)) if data[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    sides = struct.pack(">HH", rng.choice(SIDES) % 65_536, rng.choice(SIDES) % 65_536)
    data = data[: at + 5] + sides + data[at + 9 :]
    scan = data[data.rindex(b"\xff\xda") : -2]
    notes = (b"\xff\xfe\xff\xff" + bytes(65_533)) * rng.choice([0, 0, 100])
    return data[:2] + notes + data[2:-2] + scan * rng.choice([0, 5, 45, 61, 3000]) + data[-2:]


@cache
def _small_jpeg(progressive: bool) -> bytes:
    return encode(Image.effect_noise((64, 64), 60).convert("RGB"), "JPEG", progressive=progressive)


@cache
def _webp(which: int) -> bytes:
    """Lossless nothing: thousands of pixels a byte."""
    size = [(16_383, 3000), (7000, 7000), (16_383, 16_383), (1, 16_383)][which]
    return encode(Image.new("RGB", size), "WEBP", lossless=True, method=0) if which != 2 else _claimed(_webp(1))


def _claimed(data: bytes) -> bytes:
    """The largest size in the header of a lossless picture."""
    return data[:21] + struct.pack("<I", 2**28 - 1) + data[25:]


@cache
def _animation(which: int) -> bytes:
    file_format, count, side = [("PNG", 300, 500), ("WEBP", 300, 500), ("PNG", 3, 6900), ("GIF", 90, 1000)][which]
    frames = [Image.new("RGB", (side, side), (k % 256, 3 * k % 256, 7)) for k in range(count)]
    many: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    return encode(frames[0], file_format, **many)


_WAYS: tuple[Callable[[Random], bytes], ...] = (
    _png, _png, _gif, _gif, _tiff, _tiff, _tags, _pages, _bmp, _jpeg, _jpeg,
    lambda rng: _webp(rng.randrange(4)),
    lambda rng: _animation(rng.randrange(4)),
)  # fmt: skip

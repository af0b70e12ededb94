"""Damage that knows what a file is made of: chunks, segments, blocks, with checksums and lengths put right again."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

from tests.hostile_bytes import NUMBERS, damaged
from tests.hostile_tiff import damaged_tiff, loops

Parts = list[tuple[bytes, bytes]]  # a name or mark, and what it holds
PNG_MARK = b"\x89PNG\r\n\x1a\n"


def rebuilt(kind: str, data: bytes, rng: Random, other: bytes) -> bytes:
    """Damage a file in its own terms.

    Args:
        kind: as in `hostile_corpus`.
        other: another file of any kind.
    """
    try:
        return _WAYS[kind](data, rng, other) if kind in _WAYS else damaged(data, rng, other)
    except (struct.error, IndexError, ValueError):  # it was damaged before, so that it has no such parts any more
        return damaged(data, rng, other)


def png(parts: Parts) -> bytes:
    """A PNG of these chunks, with their checksums."""
    chunks = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
              for name, body in parts)  # fmt: skip
    return PNG_MARK + b"".join(chunks)


def _shuffled(parts: Parts, rng: Random, other: bytes) -> Parts:
    """Drop, repeat, move, rename or damage some."""
    parts = list(parts)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts))
        name, body = parts[at]
        what = rng.randrange(6)
        if what == 0 and len(parts) > 1:
            del parts[at]
        elif what == 1:
            parts[at:at] = [parts[at]] * rng.choice([1, 1, 5, 300 if len(body) < 100 else 2])
        elif what == 2:
            parts.insert(rng.randrange(len(parts)), parts.pop(at))
        elif what == 3:
            parts[at] = parts[rng.randrange(len(parts))][0], body
        else:
            parts[at] = name, damaged(body, rng, other)
    return parts


def _extreme(body: bytes, fields: str, rng: Random) -> bytes:
    """Set a field of a structure, which `struct` knows as `fields`, to an extreme."""
    values = list(struct.unpack_from(fields, body))
    at = rng.randrange(len(values))
    bits = 8 * struct.calcsize(fields[0] + fields[1:].replace("x", "")[at])
    values[at] = rng.choice(NUMBERS) % 2**bits
    return struct.pack(fields, *values) + body[struct.calcsize(fields) :]


def _png(data: bytes, rng: Random, other: bytes) -> bytes:
    parts, at = [], len(PNG_MARK)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if rng.random() < 0.5:
        layouts = {b"IHDR": ">IIBBBBB", b"acTL": ">II", b"fcTL": ">IIIIIHHBB"}
        places = [place for place, (name, _) in enumerate(parts) if name in layouts]
        place = rng.choice(places)
        name, body = parts[place]
        parts[place] = name, _extreme(body, layouts[name], rng)
        if name == b"IHDR" and rng.random() < 0.6:  # one that may be: another depth, kind, or order of its rows
            depth, colour = rng.choice([1, 2, 4, 8, 16]), rng.choice([0, 2, 3, 4, 6])
            parts[place] = name, body[:8] + bytes((depth, colour, 0, 0, rng.randrange(2)))
        return png(parts)
    if rng.random() < 0.3:  # text, a profile, palettes, clear colours of odd lengths
        body = rng.choice([b"", bytes(1), rng.randbytes(2), rng.randbytes(6), rng.randbytes(300), bytes(3000)])
        zipped = b"a\0\0" + zlib.compress(bytes(rng.choice([10, 100_000, 20_000_000])))
        names = [b"tRNS", b"PLTE", b"gAMA", b"pHYs", b"eXIf", b"cHRM", b"sRGB", b"tEXt", b"IDAT", b"fdAT"]
        name = rng.choice(names)
        pair = (rng.choice([b"zTXt", b"iTXt", b"iCCP"]), zipped) if rng.random() < 0.4 else (name, body)
        parts.insert(rng.randrange(1, len(parts)), pair)
        return png(parts)
    return png(_shuffled(parts, rng, other))


def _jpeg(data: bytes, rng: Random, other: bytes) -> bytes:
    parts, at = [], 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4])
        parts.append((data[at : at + 2], data[at + 4 : at + 2 + length]))
        at += 2 + length
    scans = data[at:]
    frames = [place for place, (mark, _) in enumerate(parts) if mark[1] in (0xC0, 0xC1, 0xC2)]
    what = rng.randrange(6)
    if what == 0:
        place = rng.choice(frames)
        parts[place] = parts[place][0], _extreme(parts[place][1], ">BHHB", rng)
    elif what == 1:
        place = rng.choice(frames)
        parts[place] = b"\xff" + bytes((rng.choice([0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA]),)), parts[place][1]
    elif what == 2:
        body = b"Exif\0\0" + rng.choice([loops(rng), rng.randbytes(60), b"II*\0\x08\0\0\0"])
        parts.insert(0, (b"\xff\xe1", body[:65_000]))
    elif what == 3:
        scans = scans[: rng.randrange(2, len(scans))] + scans * rng.choice([1, 2, 70])
    elif what == 4:
        body = rng.choice([b"MPF\0" + loops(rng), b"ICC_PROFILE\0\1\2" + bytes(9), b"Adobe\0\0\0\0\0\0" + bytes((7,))])
        marks = [b"\xff\xe2", b"\xff\xee", b"\xff\xdd", b"\xff\xfe"]
        parts.insert(rng.randrange(len(parts)), (rng.choice(marks), body[:65_000]))
    else:
        parts = _shuffled(parts, rng, other)
    segments = (mark + struct.pack(">H", (len(body) + 2) & 0xFFFF) + body for mark, body in parts)
    return b"\xff\xd8" + b"".join(segments) + scans


def _gif(data: bytes, rng: Random, other: bytes) -> bytes:
    if rng.random() < 0.3:
        return data[:6] + _extreme(data[6:13], "<HHBBB", rng) + data[13:]
    out, what = bytearray(data), rng.randrange(4)
    starts = [at for at in range(13, len(out) - 10) if out[at] == 0x2C and out[at - 1] == 0]
    controls = [at for at in range(13, len(out) - 8) if out[at : at + 3] == b"!\xf9\x04"]
    if what == 0 and controls:  # what becomes of a frame, and which colour is clear
        at = rng.choice(controls)
        out[at + 3] = rng.randrange(256)
        out[at + 6] = rng.randrange(256)
    elif what == 1:
        at = rng.choice(starts)
        return bytes(out[:at] + out[at:] * rng.choice([2, 30]))
    elif what == 2:
        at = rng.choice(starts) + 10 + rng.randrange(12)  # the code size, or the length of the first block
        out[at : at + 1] = bytes((rng.randrange(256),))
    else:
        at = rng.choice(starts)
        out[at + 1 : at + 10] = _extreme(bytes(out[at + 1 : at + 10]), "<HHHHB", rng)
    return bytes(out)


def _riff(data: bytes, rng: Random, other: bytes) -> bytes:
    parts, at = [], 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        parts.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    if rng.random() < 0.4:
        place = rng.randrange(len(parts))
        name, body = parts[place]
        small = rng.choice(NUMBERS) % 2**24
        at = rng.choice([0, 3, 6, 9, 12, 16, 20, 24])
        parts[place] = name, body[:at] + small.to_bytes(3, "little") + body[at + 3 :]
    elif rng.random() < 0.3:
        parts.insert(rng.randrange(len(parts)), (rng.choice([b"EXIF", b"XMP ", b"ICCP", b"ALPH"]), loops(rng)))
    else:
        parts = _shuffled(parts, rng, other)
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2) for name, body in parts
    )  # fmt: skip
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _bmp(data: bytes, rng: Random, other: bytes) -> bytes:
    if rng.random() < 0.3:
        return data[:2] + _extreme(data[2:], "<IIII", rng)
    return data[:14] + _extreme(data[14:], "<IiiHHIIiiII", rng)


def _tiff(data: bytes, rng: Random, other: bytes) -> bytes:
    return loops(rng) + other[:100] if rng.random() < 0.03 else damaged_tiff(data, rng)


_WAYS: dict[str, Callable[[bytes, Random, bytes], bytes]] = {
    "PNG": _png, "JPEG": _jpeg, "GIF": _gif, "RIFF": _riff, "BMP": _bmp, "TIFF": _tiff,
}  # fmt: skip

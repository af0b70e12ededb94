"""TIFF files entry by entry: made, and damaged where it hurts: tags, types, counts, offsets, the chain of pages."""

from __future__ import annotations

import struct
from random import Random

from tests.hostile_bytes import NUMBERS

# Those that say how large, how deep, how packed and where.
TAGS = (
    254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 284, 296, 305, 317, 320, 322, 323, 324, 325, 330, 338,
    339, 347, 512, 513, 529, 530, 532, 700, 34665, 34675, 34853, 40965,
)  # fmt: skip
SMALL = {
    258: (1, 2, 4, 8, 12, 16, 32, 64), 259: (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000, 50001, 0, 9),
    262: (0, 1, 2, 3, 4, 5, 6, 8, 32844), 277: (0, 1, 2, 3, 4, 5, 9, 255), 266: (1, 2), 284: (0, 1, 2, 3),
    317: (1, 2, 3), 338: (0, 1, 2), 339: (1, 2, 3, 4, 6),
}  # fmt: skip


def tiff(order: str, *, tiled: bool = False, planar: bool = False) -> bytes:
    """A picture of 16×16, in tiles or in planes, which Pillow itself does not write."""
    pixels = bytes(range(256)) * 3
    planes = 3 if planar else 1
    place, count = 8 + 2 + 12 * 12 + 4, 4 * planes
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 2 if planar else 1, 277: planes, 284: 2 if planar else 1}
    tags |= {322: 16, 323: 16} if tiled else {278: 16}
    where, length = (324, 325) if tiled else (273, 279)
    first = place + 2 * count
    entries = [(tag, 4, 1, value) for tag, value in tags.items()]
    if planar:
        entries += [(where, 4, 3, place), (length, 4, 3, place + count)]
    else:
        entries += [(where, 4, 1, first), (length, 4, 1, 256)]
    offsets = struct.pack(f"{order}3I", *(first + 256 * k for k in range(3)))
    tail = (offsets + struct.pack(f"{order}3I", 256, 256, 256) if planar else bytes(2 * count)) + pixels
    directory = b"".join(struct.pack(f"{order}HHII", *entry) for entry in sorted(entries))
    start = struct.pack(f"{order}HIH", 42, 8, len(entries)) + directory + bytes(4)
    return ((b"II" if order == "<" else b"MM") + start).ljust(place, b"\0") + tail


def damaged_tiff(data: bytes, rng: Random) -> bytes:
    """Change some entries of some page."""
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 8 or data[2:4] not in (b"*\0", b"\0*"):  # a BigTIFF's header is damaged as bytes are
        return data
    out = bytearray(data)
    pages = _pages(data, order)
    if not pages:
        return data
    at, count = rng.choice(pages)
    for _ in range(rng.randint(1, 3)):
        what = rng.randrange(8)
        entry = at + 2 + 12 * rng.randrange(max(1, count))
        if what == 0:  # the next page: this one, an earlier one, none, nowhere
            target = rng.choice([at, pages[0][0], 0, len(data) - 3, 2**32 - 1, rng.randrange(len(data))])
            _put(out, at + 2 + 12 * count, struct.pack(f"{order}I", target))
        elif what == 1:
            _put(out, at, struct.pack(f"{order}H", rng.choice([0, 1, count - 1 & 0xFFFF, count + 1, 200, 65535])))
        elif what == 2:
            _put(out, entry, struct.pack(f"{order}H", rng.choice(TAGS)))
        elif what == 3:
            _put(out, entry + 2, struct.pack(f"{order}H", rng.choice([0, 1, 2, 3, 4, 5, 7, 9, 11, 12, 13, 16, 99])))
        elif what == 4:
            _put(out, entry + 4, struct.pack(f"{order}I", rng.choice(NUMBERS) & 0xFFFFFFFF))
        else:
            tag = struct.unpack_from(f"{order}H", out, entry)[0] if entry + 2 <= len(out) else 0
            value = rng.choice(SMALL.get(tag, NUMBERS)) & 0xFFFFFFFF
            short = out[entry + 2 : entry + 4] == struct.pack(f"{order}H", 3)
            packed = struct.pack(f"{order}HH", value & 0xFFFF, 0) if short else struct.pack(f"{order}I", value)
            _put(out, entry + 8, packed)
    return bytes(out)


def loops(rng: Random) -> bytes:
    """Directories that lead to each other: pages, sub-directories, EXIF's own."""
    count = rng.choice([1, 2, 50, 3000])
    tags = rng.choice([(330, 34665), (34665, 40965), (34853,), (256, 257)])
    parts = []
    for k in range(count):
        at, entries = 8 + 42 * k, [256, 4, 1, 8]
        following = 8 + 42 * rng.choice([0, k, (k + 1) % count, rng.randrange(count)])
        directory = struct.pack("<H", 3) + struct.pack("<HHII", *entries)
        for j in range(2):
            directory += struct.pack("<HHII", tags[j % len(tags)], 4, 1, rng.choice([at, following]))
        parts.append(directory + struct.pack("<I", following))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts)


def _pages(data: bytes, order: str) -> list[tuple[int, int]]:
    """Where the directories begin, and how many entries they have."""
    found: list[tuple[int, int]] = []
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    while 8 <= at <= len(data) - 2 and at not in [place for place, _ in found] and len(found) < 20:
        (count,) = struct.unpack_from(f"{order}H", data, at)
        found.append((at, count))
        if at + 6 + 12 * count > len(data):
            break
        (at,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)
    return found


def _put(out: bytearray, at: int, packed: bytes) -> None:
    if at + len(packed) <= len(out):
        out[at : at + len(packed)] = packed

"""Labelled pictures in the files of MNIST (IDX) and of CIFAR (its binary version), known by their bytes.

Where these leave it open, as a CIFAR file may begin like IDX, a name that ends in .bin decides. Nothing is run.
No more pictures are kept in memory than asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cnnviz.image_pixels import Bytes8
from cnnviz.packed_bytes import DatasetError, PackedBytes

MAX_SIDE: Final = 128
MAX_KEPT: Final = 80_000_000  # bytes of pictures of one file
_MOST_LABELS: Final = 1_000_000
_CIFAR_SHAPE: Final = (3, 32, 32)
_CIFAR_PICTURE: Final = 3072
_IDX_KINDS: Final = {
    0x08: "bytes", 0x09: "signed bytes", 0x0B: "16-bit numbers", 0x0C: "32-bit numbers", 0x0D: "floats",
    0x0E: "doubles",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Part:
    """What one file holds. pixels: (n, C, H, W) or None. labels: (n,) int64 or None. count: of all, kept or not."""

    name: str
    count: int
    pixels: Bytes8 | None = None
    labels: np.ndarray | None = None


def read_part(file: PackedBytes, most: int) -> Part:
    """Read an IDX file of pictures (N, H, W) or of labels (N,), or a file of CIFAR-10's or CIFAR-100's binary version.

    All sizes are checked to the file's end, of what is not kept too. Of CIFAR-100's two labels the finer one is taken.

    Args:
        most: pictures to keep, the file's first; of labels a million.
    Raises:
        DatasetError: it is none of these, or its sizes do not fit together.
    Source: Y. LeCun, The MNIST database, "file formats"; A. Krizhevsky, The CIFAR-10 dataset, "binary version".
    """
    head = file.peek(512)
    refuse_unreadable(head, file.name)
    idx = len(head) < 4 or (head[:2] == b"\0\0" and head[2] in _IDX_KINDS and 1 <= head[3] <= 4)
    return _read_idx(file, most) if idx and not file.name.endswith((".bin", ".bin.gz")) else _read_cifar(file, most)


def refuse_unreadable(head: bytes, name: str) -> None:
    """Raise DatasetError if these are the first bytes of what is never read: a pickle first of all."""
    pickled = head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5")
    if pickled or head.startswith((b"(dp", b"(lp", b"}q", b"]q", b"ccopy_reg", b"cnumpy", b"(iM")):
        raise DatasetError(
            f"{name} holds a pickle, which can run code when it is read, so it is not read here. Of CIFAR-10 take the "
            "binary version, cifar-10-binary.tar.gz, and of its files those that end in .bin."
        )
    if head.startswith(b"PK\x03\x04") or head.startswith(b"\x93NUMPY"):
        raise DatasetError(f"{name} is a zip archive or a NumPy file; take out IDX files or CIFAR's .bin files.")
    if head.startswith(b"\x1f\x8b"):
        raise DatasetError(f"{name} is packed twice; unpack it once.")
    if head.lstrip()[:1] == b"<":
        raise DatasetError(f"{name} is a web page, not a set of pictures: the download went wrong.")


def _read_idx(file: PackedBytes, most: int) -> Part:
    magic = file.read(4)
    kind, dimensions = (magic + bytes(4))[2:4]
    if kind not in _IDX_KINDS or dimensions not in (1, 3):
        raise DatasetError(
            f"{file.name} begins with {magic.hex(' ')}; an IDX file begins with 00 00 08 03 (pictures) or 00 00 08 01 "
            "(labels)."
        )
    if kind != 0x08:
        raise DatasetError(f"{file.name} holds {_IDX_KINDS[kind]}; pictures and labels are bytes, 00 00 08.")
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DatasetError(f"{file.name} ends after {4 + len(sizes)} bytes, before it has told its sizes.")
    count, *sides = (int.from_bytes(sizes[i : i + 4]) for i in range(0, len(sizes), 4))
    if sides and not 1 <= min(sides) <= max(sides) <= MAX_SIDE:
        raise DatasetError(f"{file.name} holds pictures of {sides[0]}×{sides[1]}; each side may be 1 to {MAX_SIDE}.")
    cells = sides[0] * sides[1] if sides else 1
    what = "pictures" if sides else "labels"
    if not count:
        raise DatasetError(f"{file.name} holds no {what}.")
    kept = min(count, most, MAX_KEPT // cells) if sides else min(count, _MOST_LABELS)
    values = file.read(kept * cells)
    there = len(values) + file.skip(count * cells - len(values))
    if there < count * cells:
        raise DatasetError(
            f"{file.name} is cut off: {count:,} {what} are {count * cells:,} bytes, and there are {there:,}."
        )
    if file.skip(1):
        raise DatasetError(f"{file.name} goes on after its {count:,} {what}.")
    array = np.frombuffer(values, np.uint8)
    if sides:
        return Part(file.name, count, pixels=array.reshape(kept, 1, *sides))
    return Part(file.name, count, labels=array.astype(np.int64))


def _read_cifar(file: PackedBytes, most: int) -> Part:
    """Records of a label (or a coarse and a fine one) and 3,072 bytes, red, green, blue, row by row."""
    kept = min(most, MAX_KEPT // _CIFAR_PICTURE)
    values = file.read(kept * (_CIFAR_PICTURE + 2))
    total = len(values) + file.skip(2**40)
    if not total:
        raise DatasetError(f"{file.name} holds no pictures.")
    for extra, highest in ((1, 10), (2, 100)):
        length = _CIFAR_PICTURE + extra
        if total % length == 0:
            records = np.frombuffer(values, np.uint8)[: len(values) // length * length].reshape(-1, length)[:kept]
            labels = records[:, extra - 1].astype(np.int64)
            if (labels < highest).all():
                pixels = records[:, extra:].reshape(-1, *_CIFAR_SHAPE)
                return Part(file.name, total // length, np.ascontiguousarray(pixels), labels)
            where = int((labels >= highest).argmax())
            raise DatasetError(
                f"{file.name}: record {where} has the label {labels[where]}; CIFAR-{highest} has 0 to {highest - 1}."
            )
    raise DatasetError(
        f"{file.name} is no IDX file (00 00 08 …), and with {total:,} bytes no file of CIFAR's binary version, whose "
        "records have 3,073 bytes each."
    )

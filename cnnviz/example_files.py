"""Labelled pictures in the files of MNIST (IDX) and of CIFAR (its binary version), known by their bytes.

Where these leave it open, as a CIFAR file may begin like IDX, a name that ends in .bin decides. Nothing is run.
A file is read from its beginning each time: for its sizes, for its labels, for those pictures that are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cnnviz.image_pixels import Bytes8
from cnnviz.packed_bytes import DatasetError, PackedBytes

MAX_SIDE: Final = 128
MOST_RECORDS: Final = 1_000_000  # of one file, that are chosen from
_AT_ONCE: Final = 250_000  # bytes
_CIFAR_SHAPE: Final = (3, 32, 32)
_CIFAR_PICTURE: Final = 3072
_IDX_KINDS: Final = {
    0x08: "bytes", 0x09: "signed bytes", 0x0B: "16-bit numbers", 0x0C: "32-bit numbers", 0x0D: "floats",
    0x0E: "doubles",
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """What a file holds: after `head` bytes `count` records, each of `labels` bytes and then a picture.

    shape: of the pictures, (C, H, W); None: there are labels only.
    """

    name: str
    count: int
    head: int
    labels: int
    shape: tuple[int, int, int] | None = None

    @property
    def record(self) -> int:
        """Bytes."""
        return self.labels + (math.prod(self.shape) if self.shape else 0)


def lay_out(file: PackedBytes) -> Layout:
    """Tell an IDX file of pictures (N, H, W) or of labels (N,), and one of CIFAR-10's or CIFAR-100's binary version.

    All sizes are checked, to the file's end.

    Raises:
        DatasetError: it is none of these, or its sizes do not fit together.
    Source: Y. LeCun, The MNIST database, "file formats"; A. Krizhevsky, The CIFAR-10 dataset, "binary version".
    """
    head = file.peek(512)
    refuse_unreadable(head, file.name)
    idx = len(head) < 4 or (head[:2] == b"\0\0" and head[2] in _IDX_KINDS and 1 <= head[3] <= 4)
    found = _lay_out_idx(file) if idx and not file.name.endswith((".bin", ".bin.gz")) else _lay_out_cifar(file)
    if found.count > MOST_RECORDS:
        raise DatasetError(f"{file.name} holds {found.count:,} records; up to {MOST_RECORDS:,} are looked at.")
    return found


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


def read_labels(file: PackedBytes, layout: Layout) -> Bytes8:
    """(count,): the label of each record; of CIFAR-100's two the finer one.

    Raises:
        DatasetError: there is one that CIFAR does not have.
    """
    labels = np.concatenate([part[:, layout.labels - 1].copy() for _, part in _records(file, layout)])
    highest = {1: 10, 2: 100}[layout.labels]
    if layout.shape and (labels >= highest).any():
        where = int((labels >= highest).argmax())
        raise DatasetError(
            f"{file.name}: record {where} has the label {labels[where]}; CIFAR-{highest} has 0 to {highest - 1}."
        )
    return labels


def read_pixels(file: PackedBytes, layout: Layout, which: np.ndarray) -> Bytes8:
    """Some of the pictures.

    Args:
        which: their numbers, ascending.
    Returns:
        (n, C, H, W).
    """
    assert layout.shape
    pixels = np.empty((len(which), *layout.shape), np.uint8)
    for start, part in _records(file, layout):
        first, last = np.searchsorted(which, (start, start + len(part)))
        pixels[first:last] = part[which[first:last] - start, layout.labels :].reshape(-1, *layout.shape)
    return pixels


def _records(file: PackedBytes, layout: Layout) -> Iterator[tuple[int, Bytes8]]:
    """All records, (n, bytes), some at a time, each time with the number of the first."""
    file.skip(layout.head)
    at_once = max(1, _AT_ONCE // layout.record)
    for start in range(0, layout.count, at_once):
        count = min(at_once, layout.count - start)
        yield start, np.frombuffer(file.read(count * layout.record), np.uint8).reshape(count, layout.record)


def _lay_out_idx(file: PackedBytes) -> Layout:
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
    what = "pictures" if sides else "labels"
    if not count:
        raise DatasetError(f"{file.name} holds no {what}.")
    head = 4 + len(sizes)
    found = Layout(file.name, count, head, 0, (1, sides[0], sides[1])) if sides else Layout(file.name, count, head, 1)
    there = file.skip(count * found.record)
    if there < count * found.record:
        raise DatasetError(
            f"{file.name} is cut off: {count:,} {what} are {count * found.record:,} bytes, and there are {there:,}."
        )
    if file.skip(1):
        raise DatasetError(f"{file.name} goes on after its {count:,} {what}.")
    return found


def _lay_out_cifar(file: PackedBytes) -> Layout:
    """Records of a label (or a coarse and a fine one) and 3,072 bytes, red, green, blue, row by row."""
    total = file.skip(2**40)
    if not total:
        raise DatasetError(f"{file.name} holds no pictures.")
    for labels in (1, 2):
        if total % (labels + _CIFAR_PICTURE) == 0:
            return Layout(file.name, total // (labels + _CIFAR_PICTURE), 0, labels, _CIFAR_SHAPE)
    raise DatasetError(
        f"{file.name} is no IDX file (00 00 08 …), and with {total:,} bytes no file of CIFAR's binary version, whose "
        "records have 3,073 bytes each."
    )

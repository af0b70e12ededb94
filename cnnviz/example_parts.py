"""What a stranger's files hold together: pictures and their labels, to learn from and held out, and which are kept.

The files are gone through from their beginnings three times: for their sizes, their labels, and the pictures kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cnnviz.datasets import Examples
from cnnviz.example_archives import is_archive, read_archive
from cnnviz.example_files import Layout, lay_out, read_labels, read_pixels
from cnnviz.packed_bytes import MAX_BYTES, DatasetError, PackedBytes, shown

_MOST_FILES: Final = 16
_HELD_OUT_NAMES: Final = ("t10k", "test")

Files = Sequence[tuple[str, bytes | Path]]


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures to learn from, or those held out. holders: the files that hold them, by number. labels: of all."""

    what: str
    holders: tuple[int, ...]
    shape: tuple[int, int, int]
    labels: np.ndarray

    def chosen(self, most: int, most_bytes: float) -> np.ndarray:
        """The numbers of those that are kept, ascending: class by class evenly spaced, in whatever order they come."""
        count = len(self.labels)
        kept = min(count, most, max(1, int(most_bytes) // int(np.prod(self.shape))))
        return np.sort(_by_class(self.labels)[np.arange(kept) * count // kept])


class ExampleParts:
    """What files hold.

    training: what is to be learned from. held_out: None if no file's name says so.

    Args:
        files: (name, content).
    Raises:
        DatasetError: it is not clear what they are, or their sizes do not fit.
    """

    def __init__(self, files: Iterable[tuple[str, bytes | Path]]) -> None:
        self._files = _checked(files)
        self._layouts = [(held_out, lay_out(entry)) for held_out, entry in _entries(self._files)]
        labels = [
            read_labels(entry, layout) if layout.labels else None
            for (_, layout), (_, entry) in zip(self._layouts, _entries(self._files))
        ]
        self.training = _part("to learn from", False, self._layouts, labels)
        is_any = any(held_out for held_out, _ in self._layouts)
        self.held_out = _part("held out", True, self._layouts, labels) if is_any else None

    def read(self, part: Part, which: np.ndarray) -> Examples:
        """The pictures of a part that were chosen, and no others at any time.

        Args:
            which: their numbers, ascending.
        """
        chosen, start = {}, 0
        for at in part.holders:
            count = self._layouts[at][1].count
            first, stop = np.searchsorted(which, (start, start + count))
            chosen[at], start = which[first:stop] - start, start + count
        pixels = [
            read_pixels(entry, self._layouts[at][1], chosen[at])
            for at, (_, entry) in enumerate(_entries(self._files))
            if at in chosen
        ]
        return Examples(np.concatenate(pixels), part.labels[which])


def parted(every: Examples) -> tuple[Examples, Examples]:
    """Those to learn from, and every fifth of each class, held out."""
    held_out = np.zeros(len(every), bool)
    held_out[_by_class(every.labels)[4::5]] = True
    training, test = (Examples(every.pixels[those], every.labels[those]) for those in (~held_out, held_out))
    return training, test


def _by_class(labels: np.ndarray) -> np.ndarray:
    """The numbers of all pictures, class after class, in each as they come."""
    return np.argsort(labels, kind="stable")


def _checked(files: Iterable[tuple[str, bytes | Path]]) -> Files:
    """By name, so that the order in which they were chosen does not matter."""
    in_order = sorted(files, key=lambda file: file[0])
    if not in_order:
        raise DatasetError("There are no files.")
    if len(in_order) > _MOST_FILES:
        raise DatasetError(f"There are {len(in_order)} files; at most {_MOST_FILES} are read together.")
    contents = [content for _, content in in_order]
    if sum(some.stat().st_size if isinstance(some, Path) else len(some) for some in contents) > MAX_BYTES:
        raise DatasetError(f"Together the files have more than {MAX_BYTES // 10**6} MB, which is more than is read.")
    return in_order


def _entries(files: Files) -> Iterator[tuple[bool, PackedBytes]]:
    """All files, those of an archive one by one, from their beginnings, and whether each is held out."""
    for name, content in files:
        file = PackedBytes(content.read_bytes() if isinstance(content, Path) else content, shown(name))
        for entry in read_archive(file) if is_archive(file) else [file]:
            yield any(word in (name if entry is file else entry.name).lower() for word in _HELD_OUT_NAMES), entry


def _part(
    what: str, is_held_out: bool, layouts: Sequence[tuple[bool, Layout]], labels: Sequence[np.ndarray | None]
) -> Part:
    """The files of pictures that are held out, or are not, with the labels of all of them."""
    found = {at: layout for at, (held_out, layout) in enumerate(layouts) if held_out == is_held_out}
    pictures = {at: layout for at, layout in found.items() if layout.shape}
    loose = [at for at in found if at not in pictures]
    if not pictures:
        only = f", only labels, in {found[loose[0]].name}." if loose else "."
        raise DatasetError(f"There are no pictures {what}{only}")
    without = [layout for layout in pictures.values() if not layout.labels]
    if len(without) > 1 or len(loose) > 1 or (without and len(pictures) > 1) or (loose and not without):
        names = ", ".join([layout.name for layout in found.values()][:4])
        raise DatasetError(f"It is not clear which labels belong to which pictures {what}: {names}.")
    if without and not loose:
        raise DatasetError(f"{without[0].name} holds pictures without labels; their labels file is missing.")
    if without and without[0].count != (other := found[loose[0]]).count:
        raise DatasetError(
            f"{without[0].name} holds {without[0].count:,} pictures, {other.name} {other.count:,} labels."
        )
    shape, *others = {layout.shape for layout in pictures.values()}
    if others or shape is None:
        raise DatasetError("The files hold pictures of different sizes.")
    every = [those for at in (loose or pictures) if (those := labels[at]) is not None]
    return Part(what, tuple(pictures), shape, np.concatenate(every).astype(np.int64))

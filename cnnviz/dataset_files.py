"""A dataset from files that a person has: MNIST, Fashion-MNIST and their like, CIFAR-10 in its binary version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cnnviz.datasets import Dataset, Examples
from cnnviz.example_archives import is_archive, read_archive
from cnnviz.example_files import Part, read_part
from cnnviz.packed_bytes import MAX_BYTES, DatasetError, PackedBytes, shown

__all__ = ["CLASSES", "MOST_HELD_OUT", "MOST_TRAINING", "DatasetError", "DatasetFiles", "read_dataset"]

MOST_TRAINING: Final = 20_000  # pictures
MOST_HELD_OUT: Final = 10_000
_MOST_FILES: Final = 16
_HELD_OUT_NAMES: Final = ("t10k", "test")

# What labels may mean; without a name each class is its number.
CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "numbers": (),
    "digits": tuple("0123456789"),
    "fashion": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar-10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class DatasetFiles:
    """What was read, and sentences about what was left out or decided on the way."""

    dataset: Dataset
    remarks: tuple[str, ...]


def read_dataset(
    files: Iterable[tuple[str, bytes | Path]],
    *,
    title: str = "Your own files",
    classes: str = "numbers",
    most: int = MOST_TRAINING,
    transposed: bool = False,
) -> DatasetFiles:
    """Put the files together: pictures with their labels, those to learn from and those that are held out.

    A file whose name has "t10k" or "test" in it is held out; if there is none, every fifth picture is. IDX pictures
    need their labels beside them; CIFAR's files hold both, and may come in their tar archive, whose order is kept. Any
    file may be packed by gzip.

    Args:
        files: (name, content): names only say what is held out, and give the order. A Path, for a script on this
            machine, is read; it must never come from a visitor.
        title: of the dataset.
        classes: one of CLASSES.
        most: pictures to learn from at most, the first, 10 … MOST_TRAINING.
        transposed: whether rows and columns are exchanged, as in EMNIST's files.
    Raises:
        DatasetError: with the sizes that do not fit.
    Source: Cohen et al. 2017, EMNIST; Xiao et al. 2017, Fashion-MNIST, table 1; see also `example_files.read_part`.
    """
    if classes not in CLASSES:
        raise DatasetError(f"Classes are named by {', '.join(CLASSES)}, not by {classes!r:.20}.")
    if not 10 <= most <= MOST_TRAINING:
        raise DatasetError(f"From 10 to {MOST_TRAINING:,} pictures are kept, not {most:,}.")
    parts = _read_all(files, most)
    training, count = _joined(parts[False], most, "to learn from")
    remarks = (
        [f"Of {count:,} pictures to learn from, the first {len(training):,} are kept."] if count > len(training) else []
    )
    if parts[True]:
        held_out, others = _joined(parts[True], MOST_HELD_OUT, "held out")
        if others > len(held_out):
            remarks.append(f"Of {others:,} held-out pictures, the first {len(held_out):,} are kept.")
        if held_out.pixels.shape[1:] != training.pixels.shape[1:]:
            raise DatasetError(f"The pictures to learn from are {_size(training)}, those held out {_size(held_out)}.")
    elif len(training) < 5:
        raise DatasetError(f"{len(training)} pictures are too few: every fifth is held out, so there must be five.")
    else:
        fifth = np.arange(len(training)) % 5 == 4
        held_out = Examples(training.pixels[fifth], training.labels[fifth])
        training = Examples(training.pixels[~fifth], training.labels[~fifth])
        remarks.append("No file has “t10k” or “test” in its name, so every fifth picture is held out.")
    if transposed:
        training, held_out = (Examples(part.pixels.swapaxes(2, 3), part.labels) for part in (training, held_out))
    return DatasetFiles(Dataset(title, _class_names(classes, training, held_out), training, held_out), tuple(remarks))


def _contents(files: Iterable[tuple[str, bytes | Path]]) -> Iterator[tuple[str, bytes]]:
    """By name, so that the order in which they were chosen does not matter."""
    named = sorted(files, key=lambda file: file[0])
    if not named:
        raise DatasetError("There are no files.")
    if len(named) > _MOST_FILES:
        raise DatasetError(f"There are {len(named)} files; at most {_MOST_FILES} are read together.")
    if sum(content.stat().st_size if isinstance(content, Path) else len(content) for _, content in named) > MAX_BYTES:
        raise DatasetError(f"Together the files have more than {MAX_BYTES // 10**6} MB, which is more than is read.")
    for name, content in named:
        yield name, content.read_bytes() if isinstance(content, Path) else content


def _read_all(files: Iterable[tuple[str, bytes | Path]], most: int) -> dict[bool, list[Part]]:
    """What all files hold: False what is to be learned from, True what is held out."""
    parts: dict[bool, list[Part]] = {False: [], True: []}
    room = {False: most, True: MOST_HELD_OUT}
    for name, content in _contents(files):
        file = PackedBytes(content, shown(name))
        entries = read_archive(file) if is_archive(file) else [file]
        for entry in entries:
            held_out = _is_held_out(name if entry is file else entry.name)
            part = read_part(entry, room[held_out])
            room[held_out] -= 0 if part.pixels is None else len(part.pixels)
            parts[held_out].append(part)
    return parts


def _is_held_out(name: str) -> bool:
    return any(word in name.lower() for word in _HELD_OUT_NAMES)


def _joined(parts: Sequence[Part], most: int, what: str) -> tuple[Examples, int]:
    """The pictures of all files, with their labels, and how many there were before `most` were kept."""
    pictures = [part for part in parts if part.pixels is not None]
    loose = [part for part in parts if part.pixels is None]
    if not pictures:
        raise DatasetError(f"There are no pictures {what}" + (f", only labels, in {loose[0].name}." if loose else "."))
    without = [part for part in pictures if part.labels is None]
    if len(without) > 1 or len(loose) > 1 or (without and len(pictures) > 1) or (loose and not without):
        names = ", ".join(part.name for part in parts[:4])
        raise DatasetError(f"It is not clear which labels belong to which pictures {what}: {names}.")
    if without:
        if not loose:
            raise DatasetError(f"{without[0].name} holds pictures without labels; their labels file is missing.")
        if without[0].count != loose[0].count:
            raise DatasetError(
                f"{without[0].name} holds {without[0].count:,} pictures, {loose[0].name} {loose[0].count:,} labels."
            )
    sizes = {part.pixels.shape[1:] for part in pictures if part.pixels is not None}
    if len(sizes) > 1:
        raise DatasetError("The files hold pictures of different sizes.")
    pixels = np.concatenate([part.pixels for part in pictures if part.pixels is not None])[:most]
    labels = np.concatenate([part.labels for part in (loose or pictures) if part.labels is not None])[: len(pixels)]
    return Examples(pixels, labels), sum(part.count for part in pictures)


def _class_names(classes: str, training: Examples, held_out: Examples) -> tuple[str, ...]:
    highest = int(max(training.labels.max(), held_out.labels.max()))
    names = CLASSES[classes] or tuple(map(str, range(max(highest + 1, 2))))
    if highest >= len(names):
        raise DatasetError(
            f"There is a label {highest}, and {len(names)} names of classes ({classes}): 0 to {len(names) - 1}. "
            "Take numbers as names."
        )
    return names


def _size(examples: Examples) -> str:
    channels, height, width = examples.pixels.shape[1:]
    return f"{channels}×{height}×{width}"

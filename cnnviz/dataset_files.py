"""A dataset from files that a person has: MNIST, Fashion-MNIST and their like, CIFAR-10 in its binary version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cnnviz.datasets import Dataset, Examples
from cnnviz.example_parts import ExampleParts, Part, parted
from cnnviz.packed_bytes import DatasetError

__all__ = ["CLASSES", "MOST_HELD_OUT", "MOST_TRAINING", "DatasetError", "DatasetFiles", "named", "read_dataset"]

MOST_TRAINING: Final = 20_000  # pictures
MOST_HELD_OUT: Final = 10_000
MOST_BYTES: Final = 100_000_000  # of all pictures that are kept, four fifths of them to learn from

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
    most_bytes: int = MOST_BYTES,
    transposed: bool = False,
) -> DatasetFiles:
    """Put the files together: pictures with their labels, those to learn from and those that are held out.

    A file whose name has "t10k" or "test" in it is held out; if there is none, every fifth picture of a class is. IDX
    pictures need their labels beside them; CIFAR's files hold both, and may come in their tar archive, whose order is
    kept. Any file may be packed by gzip. Where there are too many pictures, those that are kept are evenly spaced.

    Args:
        files: (name, content): names only say what is held out, and give the order. A Path, for a script on this
            machine, is read; it must never come from a visitor.
        title: of the dataset.
        classes: one of CLASSES.
        most: pictures to learn from at most, 10 … MOST_TRAINING.
        most_bytes: of all pictures that are kept, a fifth of it for those held out.
        transposed: whether rows and columns are exchanged, as in EMNIST's files.
    Raises:
        DatasetError: with the sizes that do not fit.
    Source: Cohen et al. 2017, EMNIST; Xiao et al. 2017, Fashion-MNIST, table 1; see also `example_files.lay_out`.
    """
    if classes not in CLASSES:
        raise DatasetError(f"Classes are named by {', '.join(CLASSES)}, not by {classes!r:.20}.")
    if not 10 <= most <= MOST_TRAINING:
        raise DatasetError(f"From 10 to {MOST_TRAINING:,} pictures are kept, not {most:,}.")
    files_read = ExampleParts(files)
    training, held_out, remarks = files_read.training, files_read.held_out, []
    if held_out:
        if held_out.shape != training.shape:
            raise DatasetError(f"The pictures to learn from are {_size(training)}, those held out {_size(held_out)}.")
        parts = [training, held_out]
        which = [training.chosen(most, 0.8 * most_bytes), held_out.chosen(MOST_HELD_OUT, 0.2 * most_bytes)]
        learned, tested = (files_read.read(part, some) for part, some in zip(parts, which))
    else:
        parts, which = [replace(training, what="")], [training.chosen(most, most_bytes)]
        if len(which[0]) < 5:
            raise DatasetError(f"{len(which[0])} pictures are too few: every fifth is held out, so there must be five.")
        learned, tested = parted(files_read.read(training, which[0]))
        remarks.append("No file has “t10k” or “test” in its name, so every fifth picture of a class is held out.")
    cut = [
        f"{len(some):,} of {len(part.labels):,} pictures {part.what}".strip()
        for part, some in zip(parts, which)
        if len(some) < len(part.labels)
    ]
    if cut:
        remarks.insert(0, f"Kept are {' and '.join(cut)}, evenly spaced in each class.")
    if transposed:
        learned, tested = (Examples(part.pixels.swapaxes(2, 3), part.labels) for part in (learned, tested))
    highest = max(int(part.labels.max()) for part in parts)
    numbered = Dataset(title, tuple(map(str, range(max(highest + 1, 2)))), learned, tested)
    return DatasetFiles(named(numbered, classes), tuple(remarks))


def named(data: Dataset, classes: str) -> Dataset:
    """The same pictures, with names for their classes.

    Args:
        data: whose classes are numbers.
        classes: one of CLASSES.
    Raises:
        DatasetError: it has more classes.
    """
    names = CLASSES[classes] or data.classes
    if len(data.classes) > len(names):
        raise DatasetError(
            f"There is a label {len(data.classes) - 1}, and {len(names)} names of classes ({classes}): 0 to "
            f"{len(names) - 1}. Take numbers as names."
        )
    return replace(data, classes=names)


def _size(part: Part) -> str:
    return "×".join(map(str, part.shape))

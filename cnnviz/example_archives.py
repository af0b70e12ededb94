"""CIFAR's binary version in its tar archive, file after file; nothing is written, and names are only compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cnnviz.example_files import refuse_unreadable
from cnnviz.packed_bytes import DatasetError, PackedBytes, shown

_MOST_FILES: Final = 16
_MOST_ENTRIES: Final = 10_000
_BLOCK: Final = 512


def is_archive(file: PackedBytes) -> bool:
    """Whether it is a tar archive, by its bytes."""
    return file.peek(_BLOCK)[257:262] == b"ustar"


def read_archive(archive: PackedBytes) -> Iterator[PackedBytes]:
    """Each file in it that ends in .bin, to be read before the next one is asked for; others are passed over.

    Raises:
        DatasetError: it is damaged, holds a pickle, no such file, or too many.
    Source: IEEE Std 1003.1-2017, pax, "ustar interchange format".
    """
    found = 0
    for _ in range(_MOST_ENTRIES):
        header = archive.read(_BLOCK)
        if not header.strip(b"\0"):  # a block of zeros ends it
            break
        length = header[124:136].strip(b"\0 ")
        if len(header) < _BLOCK or header[257:262] != b"ustar" or not length or set(length) - set(b"01234567"):
            raise DatasetError(f"{archive.name} is a damaged archive: one of its entries cannot be read.")
        full, size = header[:100].split(b"\0")[0], int(length, 8)
        name = shown(full.rsplit(b"/", 1)[-1].decode("ascii", "replace"))
        entry = _Entry(archive, size, name)
        if header[156:157] in (b"0", b"\0"):  # an ordinary file
            refuse_unreadable(entry.peek(_BLOCK), f"{name} in {archive.name}")
            if full.endswith(b".bin"):
                found += 1
                if found > _MOST_FILES:
                    raise DatasetError(f"{archive.name} holds more than {_MOST_FILES} files of pictures.")
                yield entry
        entry.finish()
        archive.skip(-size % _BLOCK)
    if not found:
        raise DatasetError(f"{archive.name} holds no files that end in .bin; take cifar-10-binary.tar.gz.")


class _Entry(PackedBytes):
    """One file of an archive, which ends where the file does."""

    def __init__(self, archive: PackedBytes, size: int, name: str) -> None:
        self.name, self._archive, self._size, self._rest, self._waiting = name, archive, size, size, b""

    def finish(self) -> None:
        """Pass over what was not read."""
        self.skip(self._size)

    def _fetch(self, count: int) -> bytes:
        part = self._archive.read(min(count, self._rest))
        if len(part) < min(count, self._rest):
            raise DatasetError(f"{self.name} in {self._archive.name} is cut off; it has {self._size:,} bytes.")
        self._rest -= len(part)
        return part

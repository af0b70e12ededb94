"""Read a stranger's file from beginning to end, unpacked on the way if it is gzip, and no more than is asked for."""

from __future__ import annotations

import zlib
from typing import Final

MAX_BYTES: Final = 200_000_000  # of a file as it comes
MAX_UNPACKED: Final = 256_000_000  # CIFAR-10's archive holds 184 MB
_CHUNK: Final = 65_536
_GZIP: Final = b"\x1f\x8b"


class DatasetError(ValueError):
    """A file that holds no pictures to learn from. The message is a sentence for the person who brought it."""


class PackedBytes:
    """The content of a file, part by part. What was not asked for is never in memory.

    Args:
        data: the file's bytes; gzip is known by its first two.
        name: what the file is called in sentences.
        most: unpacked bytes at most; None for MAX_UNPACKED.
    Raises:
        DatasetError: the file is empty or too large; later: it is no whole gzip file, or unpacks to too much.
    """

    def __init__(self, data: bytes, name: str, most: int | None = None) -> None:
        if not data:
            raise DatasetError(f"{name} is empty.")
        if len(data) > MAX_BYTES:
            raise DatasetError(f"{name} has {len(data) / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
        self.name = name
        self._most = MAX_UNPACKED if most is None else most
        self._data, self._at, self._left = memoryview(data), 0, self._most
        self._unpacker = zlib.decompressobj(31) if data.startswith(_GZIP) else None  # 31: gzip, with its checksum
        self._waiting = b""

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay: fewer only at the end."""
        self._waiting = self.read(count) + self._waiting
        return self._waiting[:count]

    def read(self, count: int) -> bytes:
        """The next bytes: fewer only at the end."""
        parts, wanted = [], count
        while wanted > 0 and (part := self._next(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def skip(self, count: int) -> int:
        """Pass over the next bytes; how many there were."""
        passed = 0
        while passed < count and (part := self._next(min(_CHUNK, count - passed))):
            passed += len(part)
        return passed

    def _next(self, count: int) -> bytes:
        """Some of the next bytes; none at the end."""
        if self._waiting:
            part, self._waiting = self._waiting[:count], self._waiting[count:]
            return part
        return self._fetch(count)

    def _fetch(self, count: int) -> bytes:
        part = self._unpacked(count) if self._unpacker else bytes(self._data[self._at : self._at + count])
        if not self._unpacker:
            self._at += len(part)
        self._left -= len(part)
        if self._left < 0:
            raise DatasetError(f"{self.name} holds more than {self._most / 1e6:.0f} MB, which is more than is read.")
        return part

    def _unpacked(self, count: int) -> bytes:
        unpacker = self._unpacker
        assert unpacker is not None
        try:
            while not unpacker.eof:
                packed = unpacker.unconsumed_tail
                if not packed:
                    packed = bytes(self._data[self._at : self._at + _CHUNK])
                    self._at += len(packed)
                if part := unpacker.decompress(packed, count):
                    return part
                if not packed and not unpacker.eof:
                    raise DatasetError(f"{self.name} ends too early: its gzip data are incomplete.")
        except zlib.error:
            raise DatasetError(f"{self.name} is damaged: its gzip data cannot be unpacked.") from None
        if unpacker.unused_data or self._at < len(self._data):
            raise DatasetError(f"{self.name} goes on after the end of its gzip data.")
        return b""


def shown(name: str) -> str:
    """A stranger's name, short and printable enough to be quoted in a sentence."""
    return "".join(c if c.isprintable() else "�" for c in name[:60]).strip() or "A file"

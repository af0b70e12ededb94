"""The C library's heaps, which keep what Python frees. Where it is not glibc nothing happens."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

_ARENA_MAX: Final = -8  # of mallopt, see malloc.h


def share_heaps() -> None:
    """Let threads share two heaps: each run of a page has a thread, and glibc would make a heap for each."""
    if mallopt := getattr(_libc(), "mallopt", None):
        mallopt(_ARENA_MAX, 2)


def give_back() -> None:
    """Give free memory back to the system."""
    if trim := getattr(_libc(), "malloc_trim", None):
        trim(0)


def _libc() -> ctypes.CDLL | None:
    with contextlib.suppress(OSError, TypeError):  # a system without such a library
        return ctypes.CDLL(None)
    return None

"""What the C libraries keep of the memory: heaps of what Python frees, and convolutions for each size there was."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Final

_ARENA_MAX: Final = -8  # of mallopt, see malloc.h
_CONVOLUTIONS: Final = "64"  # measured: 0.13 MB each, and 3 ms to make one anew; else there would be 1024


def keep_less() -> None:
    """Let threads share two heaps: each run of a page has a thread, and glibc would make a heap for each.

    And let oneDNN, which convolves for torch, keep fewer of the routines that it makes for each combination of sizes,
    stride, padding and dilation. Call it before the first convolution.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _CONVOLUTIONS)
    if mallopt := getattr(_libc(), "mallopt", None):
        mallopt(_ARENA_MAX, 2)


def give_back() -> None:
    """Give free memory back to the system; where the library is not glibc nothing happens."""
    if trim := getattr(_libc(), "malloc_trim", None):
        trim(0)


def _libc() -> ctypes.CDLL | None:
    with contextlib.suppress(OSError, TypeError):  # a system without such a library
        return ctypes.CDLL(None)
    return None

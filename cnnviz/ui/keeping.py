"""What a session has worked out is kept, as far as it is asked for again soon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

MOST: Final = 48

Made = TypeVar("Made")


def kept(store: dict[tuple[Any, ...], Any], key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """What is in the store under a key, else what is made now; the MOST that were asked for last stay."""
    found: Made = store.pop(key) if key in store else make()
    store[key] = found
    while len(store) > MOST:
        del store[next(iter(store))]
    return found

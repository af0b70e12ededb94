"""Parts of a page that run alone after a tweak: fragments, each with what it follows of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import streamlit as st

WHOLE: Final = "page is whole"  # in the session: whether the last run of all of the page came to its end
SHOWN: Final = "parts shown"  # there: by the key of each part, what it follows, as it was when it was shown
PAGE: Final = ""  # the key of what is no part

# By the key of each part, in the order in which they run: what it depends on, of the settings' values. Under PAGE, what
# all the rest depends on.
Parts = Mapping[str, Callable[[Mapping[str, Any]], Any]]


@contextmanager
def shown(key: str, parts: Parts, values: Mapping[str, Any]) -> Iterator[None]:
    """What a part does to show values; it counts as shown once it came to its end, and meanwhile not even what was."""
    others = {part: follows for part, follows in st.session_state.get(SHOWN, {}).items() if part != key}
    st.session_state[SHOWN] = others
    yield
    st.session_state[SHOWN] = {**others, key: parts[key](values)}


def begin() -> None:
    """All of the page runs from here on."""
    st.session_state[WHOLE] = False


def end(parts: Parts, values: Mapping[str, Any]) -> None:
    """All of the page has run."""
    with shown(PAGE, parts, values):
        st.session_state[WHOLE] = True


def is_whole() -> bool:
    """Whether all of the page has run since something that is no part of it changed; a newer tweak may interrupt it."""
    return bool(st.session_state.get(WHOLE))


def changed(parts: Parts, values: Mapping[str, Any]) -> list[str]:
    """The keys of the parts that do not show these values yet, PAGE too."""
    before = st.session_state[SHOWN]
    return [key for key, follows in parts.items() if key not in before or follows(values) != before[key]]

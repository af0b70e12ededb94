"""What a page drew last: what cannot work leaves it standing, and what did not change is not computed again."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import streamlit as st

DRAWN: Final = "last drawn"  # in the session
State = TypeVar("State")


def last(kind: type[State]) -> State | None:
    """The last state of a page whose states are of this kind, if it drew one."""
    drawn = st.session_state.get(DRAWN)
    return drawn if isinstance(drawn, kind) else None


def keep(state: Any) -> None:
    """Take a state for the last one."""
    st.session_state[DRAWN] = state

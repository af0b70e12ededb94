"""Who may use the app now: as many pages as the host has places for; the others wait, in order, and are let in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.hosting import HOSTING
from cnnviz.ui import tidying, watch

LOOKS: Final = 3  # seconds between looks whether a place is free


class Places:
    """So many places.

    Args:
        is_open: whether a page is still open.
    """

    def __init__(self, count: int, is_open: Callable[[str], bool]) -> None:
        self._count, self._is_open = count, is_open
        self._pages: dict[str, None] = {}  # in the order in which they came
        self._inside: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def before(self, page: str) -> int:
        """How many pages have to leave before this one has a place; 0: it has one."""
        if page in self._inside:  # as nearly all that ask
            return 0
        with self._lock:
            self._pages = {other: None for other in self._pages if self._is_open(other)} | {page: None}
            pages = list(self._pages)
            self._inside = frozenset(pages[: self._count])
            return max(0, pages.index(page) + 1 - self._count)


PLACES: Final = Places(HOSTING.sessions, lambda page: runtime.get_instance().is_active_session(page))


def wait_for_place() -> bool:
    """Show that all places are taken, if they are, and let the page in as soon as one is free.

    Returns:
        Whether the page has to wait.
    """
    context = get_script_run_ctx()
    if context and runtime.exists():
        tidying.note(context.session_id)
    if context is None or not runtime.exists() or not PLACES.before(context.session_id):
        return False
    watch.rejected("page")
    st.title("All places are taken", anchor=False)
    _look(context.session_id)
    return True


@st.fragment(run_every=LOOKS)
def _look(page: str) -> None:
    if not (before := PLACES.before(page)):
        st.rerun()
    are = "One page is" if HOSTING.sessions == 1 else f"{HOSTING.sessions} pages are"
    leave = "has" if before == 1 else "have"
    st.markdown(
        f"{are} open at the moment, as many as this machine serves well. "
        f"**{before} {leave} to leave before it is your turn**; then this page opens by itself."
    )

"""A page that comes back to a server, this one or another: it is drawn anew, and what is lost is said.

And a page that is loaded anew, by hand or by Back from another page (`everywhere/history.js`): its new session takes
over what the one before had and no address carries. A session lives a minute longer than its page (`tidying`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.ui import inside_picture, own_pictures, training
from cnnviz.ui.components import component
from cnnviz.ui.network import OWN_WEIGHTS

LOST: Final = "lost"
# What a session has that no address carries: what to call it, by its key in the session.
HELD: Final[Mapping[str, str]] = {
    "own": "your own picture",
    inside_picture.HEARD: "your drawing",
    training.KEY: "your training",
    own_pictures.OWN_PICTURES: "your pictures to learn from",
    OWN_WEIGHTS: "the weights that you brought",
}
# What goes with them to a session that takes over.
WITH: Final = ("own shown", "own decoded", inside_picture.OWN, own_pictures.WAYS, own_pictures.REMARKS)

_mount = component("presence")


def say_lost() -> None:
    """Say what a page had that came from another server, until it has it again."""
    lost = [name for name in st.session_state.get(LOST, ()) if not st.session_state.get(name)]
    if lost:
        with st.container(key="lost"):
            st.warning(
                f"The connection was lost, and with it {' and '.join(HELD[name] for name in lost)}. "
                "Your settings are as they were.",
                icon=":material/link_off:",
            )


def watch_presence() -> None:
    """Take note of a page that comes back. Call it last."""
    state = st.session_state
    held = [name for name in HELD if state.get(name)]
    context = get_script_run_ctx()
    session = context.session_id if context else ""
    data = {"kept": held, "session": session}
    back = _mount(key="presence", data=data, on_back_change=lambda: None, on_left_change=take_over).back
    if isinstance(back, list) and (lost := missing(back, held)):
        state[LOST] = lost
        st.rerun()


def take_over() -> None:
    """Take what the session had whose page is loaded anew as this one; the browser says which it was."""
    state, server = st.session_state, runtime.get_instance()
    left = state["presence"].left
    if not isinstance(left, str) or server.is_active_session(left):  # of a page that is open, perhaps another's
        return
    info = server._session_mgr.get_session_info(left)
    had = info.session.session_state.filtered_state if info else {}
    for name in (*HELD, *WITH):
        if name in had and not state.get(name):
            state[name] = had[name]
    if job := state.get(training.KEY):  # its own, if it has begun one: then the other ends
        training.keep_on(job)


def missing(had: list[Any], held: list[str]) -> list[str]:
    """What a page had and its session has not. had: said by a browser, so it may be anything."""
    return [name for name in HELD if name in had and name not in held]

"""A page that comes back to a server, this one or another: it is drawn anew, and what is lost is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from cnnviz.ui.components import component
from cnnviz.ui.inside_picture import HEARD
from cnnviz.ui.own_pictures import OWN_PICTURES
from cnnviz.ui.training import KEY

LOST: Final = "lost"
# What a session has that no address carries: what to call it, by its key in the session.
HELD: Final[Mapping[str, str]] = {
    "own": "your own picture",
    HEARD: "your drawing",
    KEY: "your training",
    OWN_PICTURES: "your pictures to learn from",
    "weights": "the weights that you brought",
}

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
    back = _mount(key="presence", data={"kept": held}, on_back_change=lambda: None).back
    if isinstance(back, list) and (lost := missing(back, held)):
        state[LOST] = lost
        st.rerun()


def missing(had: list[Any], held: list[str]) -> list[str]:
    """What a page had and its session has not. had: said by a browser, so it may be anything."""
    return [name for name in HELD if name in had and name not in held]

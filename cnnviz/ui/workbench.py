"""The layout of pages with many stages: what is seen, and beside it (on a narrow screen below it) what changes it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def workbench() -> tuple[DeltaGenerator, DeltaGenerator]:
    """The two columns: what is seen, and the controls. The style sheet puts the controls on the left."""
    with st.container(key="workbench"):
        view, controls = st.columns([3.1, 1], gap="medium")
    return view, controls

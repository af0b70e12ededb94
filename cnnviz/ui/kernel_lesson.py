"""Learn one kernel: from a picture and its filtered version, gradient descent finds what filtered it."""

from __future__ import annotations

import streamlit as st

from cnnviz.ui.controls import Controls, Reading


def kernel_lesson(show: Controls, reading: Reading) -> None:
    """Show the whole task."""
    st.caption("To come.")

"""What became of a descent, and why, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cnnviz.ui.kernel_problem import Descent
from cnnviz.ui.settings import escaped


def outcome(now: Descent, values: Mapping[str, Any]) -> None:
    """Above the pictures: how it ended."""
    learning = now.learning
    if now.error:
        st.warning(escaped(str(now.error)), icon=":material/trending_up:")
        return
    st.markdown(f"After **{learning.number:,} steps** the largest error of a weight is **{now.errors[-1]:.1g}**.")

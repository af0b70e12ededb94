"""Learn one kernel: from a picture and its filtered version, gradient descent finds what filtered it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cnnviz.quadratic_loss import KernelLearningError
from cnnviz.ui import kernel_knobs, kernel_words
from cnnviz.ui.chosen_image import Chosen, chosen_image
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.descent_view import descent_view
from cnnviz.ui.kernel_message import message
from cnnviz.ui.kernel_problem import Descent, descent
from cnnviz.ui.settings import escaped
from cnnviz.ui.workbench import workbench


def kernel_lesson(show: Controls, reading: Reading) -> None:
    """Show the whole task."""
    values = reading.values
    chosen = chosen_image({**values, "color": "gray"})
    kernel_knobs.aims(show)
    view, knobs = workbench()
    with view:
        now = _learned(values, chosen)
    with knobs:
        kernel_knobs.knobs(show, reading, chosen, now)


def _learned(values: Mapping[str, Any], chosen: Chosen) -> Descent | None:
    place = st.empty()
    try:
        now = descent(values, chosen, lambda share: place.progress(share, "Going down …") and None)
    except KernelLearningError as error:
        place.error(escaped(str(error)), icon=":material/error:")
        return None
    place.empty()
    kernel_words.outcome(now, values)
    arrays, told = message(now, values)
    descent_view(arrays, key="descent", **told)
    return now

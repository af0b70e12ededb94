"""Learn one kernel: from a picture and its filtered version, gradient descent finds what filtered it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from cnnviz.kernels import parse_kernel
from cnnviz.quadratic_loss import KernelLearningError
from cnnviz.shapes import ShapeError
from cnnviz.ui import kernel_knobs, kernel_words
from cnnviz.ui.chosen_image import Chosen, chosen_image
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.descent_view import descent_view
from cnnviz.ui.kernel_descent import Descent, descent
from cnnviz.ui.kernel_message import message
from cnnviz.ui.kernel_problem import NothingBrought
from cnnviz.ui.limits import STILL, one_thread
from cnnviz.ui.picture_recovery import Recovery, recovery
from cnnviz.ui.recovery_message import recovery_message
from cnnviz.ui.settings import escaped
from cnnviz.ui.workbench import workbench


def kernel_lesson(show: Controls, reading: Reading, ignored: Mapping[str, str]) -> None:
    """Show the whole task. ignored: what is to go from the address, see `controls.reset_unreadable`."""
    reading = _with_kernel(reading)
    values = reading.values
    chosen = chosen_image({**values, "color": "gray"})
    kernel_knobs.aims(show)
    view, knobs = workbench()
    with view, one_thread():
        now = _shown(values, chosen, {"ignored": ignored, "address": reading.address()})
    with knobs:
        kernel_knobs.knobs(show, reading, chosen, now)


def _with_kernel(reading: Reading) -> Reading:
    """Where none was chosen, a kernel that suits what is to be found."""
    rows = reading.values["kernel"] or parse_kernel(kernel_knobs.USUAL[reading.values["aim"]])
    return replace(reading, values={**reading.values, "kernel": rows})


def _shown(values: Mapping[str, Any], chosen: Chosen, link: Mapping[str, Any]) -> Descent | Recovery | None:
    """Compute what the settings say, and show it, or the last that could be, with a sentence that says why."""
    place = st.empty()

    def say(share: float) -> None:
        place.progress(share, "Going down …")

    try:
        now = _computed(values, chosen, say)
        place.empty()
    except NothingBrought as missing:
        place.info(escaped(str(missing)), icon=":material/upload:")
        return None
    except (KernelLearningError, ShapeError) as error:
        place.error(escaped(str(error)), icon=":material/error:")
        last = st.session_state.get("learned")
        if not last or last[0][0] != values["aim"]:
            return None
        now = last[2]
        st.caption(STILL)
    if isinstance(now, Recovery):
        kernel_words.of_recovery(now, values)
        arrays, told = recovery_message(now, values)
    else:
        kernel_words.of_descent(now, values)
        arrays, told = message(now, values)
    descent_view(arrays, key="descent", **told, **link)
    return now


def _computed(values: Mapping[str, Any], chosen: Chosen, tell: Callable[[float], None]) -> Descent | Recovery:
    return recovery(values, chosen, tell) if values["aim"] == "recover" else descent(values, chosen, tell)

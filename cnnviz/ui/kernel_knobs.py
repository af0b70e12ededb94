"""What the task One kernel can be told."""

from __future__ import annotations

from typing import Final

import streamlit as st

from cnnviz.ui import help
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.image_picker import image_picker
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.kernel_problem import Descent

SIZES: Final = ("32", "64", "96", "128", "192", "256")


def aims(show: Controls) -> None:
    """What is to be found."""
    show.segments("aim", "What is to be found", label_visibility="collapsed")


def knobs(show: Controls, reading: Reading, chosen: Chosen, now: Descent | None) -> None:
    """The controls beside the view."""
    values = reading.values
    st.subheader("Filter", anchor=False)
    kernel_grid(values["kernel"], reading.texts["kernel"], key="kernel_grid", box="kernel")
    show.text("kernel", "Kernel as text", help=help.KERNEL)
    show.say("kernel")
    st.subheader("Descent", anchor=False)
    show.picked("method", "Method")
    with st.container(horizontal=True, gap="small"):
        show.typed("step", "Rate", ("best", "0.1", "1"))
        show.typed("kernel_size", "Size to learn", ("auto", "3", "5", "7", "9"))
    show.say("step", "kernel_size")
    show.typed("plane", "Plane of the slice", ("valley", "0,1", "0,4"))
    show.text("moment", "Step that is looked at")
    show.count("weight", "Watched weight")
    show.say("plane", "moment", "weight")
    st.subheader("Picture", anchor=False)
    image_picker(show, chosen, SIZES, has_colors=False)

"""What the task One kernel can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import streamlit as st

from cnnviz import figures
from cnnviz.kernel_loss import as_picture
from cnnviz.ui import help, kernel_words
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.image_picker import MEGABYTES, image_picker
from cnnviz.ui.kernel_descent import Descent
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.picture_recovery import Recovery
from cnnviz.ui.settings import ONE_KERNEL, TRAIN

SIZES: Final = ("32", "64", "96", "128", "192", "256")
AIMS: Final = {
    "learn": "**learn**: find the kernel that made the second picture of the first.",
    "undo": "**undo**: find a kernel that takes a filter back, as far as a kernel can.",
    "recover": "**recover**: find the picture itself, pixel by pixel, from its filtered version.",
}
# The kernel of "auto". Of what Sobel leaves hardly a picture comes back, which is no beginning.
USUAL: Final = {"learn": "sobel-x", "undo": "sharpen", "recover": "gaussian"}
# By title: what is set, and what it is.
BEGINNINGS: Final = {
    "Sobel": ({"kernel": "sobel-x"}, "Nine random weights become Sobel's."),
    "Laplacian": ({"kernel": "laplacian4"}, "Another kernel of edges."),
    "5×5 Gaussian": ({"kernel": "gaussian5"}, "25 weights: more, and less even."),
    "Plain descent": ({"method": "sgd"}, "Why it is slow: the valley is long and flat."),
    "Too large a rate": ({"method": "sgd", "step": "0.35"}, "A little above the largest stable one: it runs away."),
    "Undo sharpening": ({"aim": "undo", "kernel": "sharpen"}, "A kernel that takes it back nearly exactly."),
    "Undo a blur": ({"aim": "undo", "kernel": "gaussian"}, "What a blur left little of needs large weights."),
    "Recover from noise": (
        {"aim": "recover", "kernel": "gaussian5", "noise": "0.03"},
        "First the picture becomes better, then the noise grows.",
    ),
}


def aims(show: Controls) -> None:
    """What is to be found."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="aims"):
        show.segments("aim", "What is to be found", label_visibility="collapsed")
        st.caption(AIMS[show.value("aim")])
    with st.container(horizontal=True, gap="small", key="examples"):
        st.caption("Begin with:")
        for title, (texts, about) in BEGINNINGS.items():
            st.button(
                title, key=f"begin-{title}", on_click=_begin, args=(show, texts), type="tertiary", help=about
            )  # fmt: skip


def _begin(show: Controls, texts: Mapping[str, str]) -> None:
    show.set_all(texts, [setting.name for setting in TRAIN if setting not in ONE_KERNEL])


def knobs(show: Controls, reading: Reading, chosen: Chosen, now: Descent | Recovery | None) -> None:
    """The controls beside the view."""
    values = reading.values
    aim = values["aim"]
    st.subheader("Filter", anchor=False)
    if aim == "learn":
        show.segments("target", "Made by", help=help.TARGET)
    if aim == "learn" and values["target"] == "own":
        _bring()
    else:
        kernel_grid(values["kernel"], reading.texts["kernel"], key="kernel_grid", box="kernel")
        show.text("kernel", "Kernel as text", help=help.LESSON_KERNEL)
        show.say("kernel")
        if aim == "learn":
            show.segments("numbers", "Its picture is kept as", help=help.NUMBERS_KEPT)
    st.subheader("Descent", anchor=False)
    if aim == "recover":
        _recovering(show, now)
    else:
        _learning(show, now)
    show.text("moment", "Steps done in what is shown", help=help.MOMENT)
    show.say("moment")
    st.subheader("Picture", anchor=False)
    image_picker(show, chosen, SIZES, has_colors=False)
    if aim == "learn" and isinstance(now, Descent) and now.problem.kernel is not None:
        _save(now)


def _learning(show: Controls, now: Descent | Recovery | None) -> None:
    with st.container(horizontal=True, gap="small"):
        show.picked("method", "Method", help=help.METHOD)
        show.typed("step", "Rate", ("best", "0.1", "1"), help=help.STEP)
    show.say("step")
    if isinstance(now, Descent):
        kernel_words.of_method(now)
    with st.container(horizontal=True, gap="small"):
        show.typed("kernel_size", "Size to learn", ("auto", "3", "5", "7", "9"), help=help.LEARNED_SIZE)
        show.count("steps", "Steps, at most", help=help.STEPS)
    with st.container(horizontal=True, gap="small"):
        show.picked("start", "Begin with", help=help.START)
        show.count("seed", "Seed", help=help.SEED)
    with st.container(horizontal=True, gap="small"):
        show.typed("plane", "Plane of the slice", ("valley", "0,1", "0,4", "3,5"), help=help.PLANE)
        show.count("weight", "Watched weight", help=help.WEIGHT)
    show.say("kernel_size", "steps", "seed", "plane", "weight")


def _recovering(show: Controls, now: Descent | Recovery | None) -> None:
    with st.container(horizontal=True, gap="small"):
        show.picked("recover_by", "Method", help=help.METHOD)
        show.typed("step", "Rate", ("best", "0.1", "1"), help=help.STEP)
    show.say("step")
    if isinstance(now, Recovery):
        kernel_words.of_recovering(show.value("recover_by"), now)
    with st.container(horizontal=True, gap="small"):
        show.count("rounds", "Steps", help=help.ROUNDS)
        show.number("ridge", "Ridge", 0.001, help=help.RIDGE)
    with st.container(horizontal=True, gap="small"):
        show.number("noise", "Noise", 0.01, help=help.FILTERED_NOISE)
        show.count("seed", "Seed", help=help.SEED)
    show.say("rounds", "ridge", "noise", "seed")


def _bring() -> None:
    """Take the filtered picture of a person's pair."""
    st.file_uploader(
        "The filtered picture", key="filtered picture", max_upload_size=MEGABYTES, help=help.FILTERED, on_change=_take
    )


def _take() -> None:
    file = st.session_state["filtered picture"]
    st.session_state["filtered"] = None if file is None else file.getvalue()


def _save(now: Descent) -> None:
    kept, _ = as_picture(now.problem.wanted[None, None])
    pixels = np.rint(kept[0, 0].numpy() * 255).astype(np.uint8)
    st.download_button(
        "Filtered picture, PNG", figures.as_png(pixels), "filtered.png", "image/png", icon=":material/download:",
        on_click="ignore", key="save filtered",
    )  # fmt: skip

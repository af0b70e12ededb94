"""What a person takes home from a page: the code of what is seen, and a stage's values as a file."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
import streamlit as st

from cnnviz import codegen, figures
from cnnviz.images import SAMPLES
from cnnviz.ui.experiment import Experiment
from cnnviz.ui.take_away_slide import slide_as_gif

BOXES: Final = ("code", "save", "slide")
ABOUT_CODE = "Put the picture beside it and run it: it needs PyTorch, NumPy and Pillow, and gives the numbers above."


def take_away(now: Experiment) -> None:
    """Offer code and files; each is made when it is asked for."""
    if not now.layers:
        return
    # What is open has more room: the code's lines are long, and the GIF is shown as large as it is.
    widths = [5 if st.session_state.get(name) else 2 for name in BOXES]
    code, save, slide = st.columns(widths, gap="medium")
    with (
        code,
        st.expander("The code that makes this picture", icon=":material/code:", on_change="rerun", key="code") as box,
    ):
        if box.open:
            st.caption(ABOUT_CODE)
            st.code(code_of(now), language="python", height=420)
    with save, st.expander("Save a stage", icon=":material/download:", on_change="rerun", key="save") as box:
        if box.open:
            _save(now)
    with (
        slide,
        st.expander("The slide as a GIF", icon=":material/animation:", on_change="rerun", key="slide") as box,
    ):
        slide_as_gif(now, bool(box.open))


def code_of(now: Experiment) -> str:
    """The PyTorch code of the stages on the screen."""
    values = now.values
    name = SAMPLES[now.chosen.sample].path.name if now.chosen.sample else "picture.jpg"
    mode = "RGB" if values["color"] == "rgb" else "L"
    # "keep" ends at a size of its own; from there on it is a stretch to that size.
    fit = "stretch" if values["fit"] == "keep" else values["fit"]
    frame = min(values["frame"], now.chosen.frames - 1)
    size, own = (now.shape[1], now.shape[2]), now.chosen.sample is None
    picture = codegen.Picture(name, mode, size, fit, frame, wanted=values["size"], own=own)
    return codegen.pytorch(now.layers, now.shape, now.parameters, picture)


def _save(now: Experiment) -> None:
    titles = {entry.title: entry for entry in now.maps}
    default = "Convolution" if "Convolution" in titles else "Input"
    title = st.segmented_control("Stage", tuple(titles), default=default, required=True, key="saved_stage")
    entry = titles.get(title or "") or now.maps[-1]
    channels = entry.maps.shape[0]
    channel = st.slider("Channel", 0, channels - 1, key="saved_channel") if channels > 1 else 0
    png, csv, npz = st.columns(3, gap="small")
    # Functions: a file is only made when its button is pressed.
    png.download_button(
        "PNG", lambda: figures.png(entry.maps, channel, entry.colors), f"{entry.name}.png", "image/png",
        help="One pixel a cell, in the stage's own colours", on_click="ignore", width="stretch",
    )  # fmt: skip
    csv.download_button(
        "CSV", lambda: csv_of(entry.maps[channel]), f"{entry.name}.csv", "text/csv",
        help="One channel's values, a line a row", on_click="ignore", width="stretch",
    )  # fmt: skip
    npz.download_button(
        "NPZ", lambda: npz_of(now), "stages.npz", "application/octet-stream",
        help="All stages, (C, H, W) float32, for numpy.load", on_click="ignore", width="stretch",
    )  # fmt: skip


def csv_of(channel: np.ndarray) -> bytes:
    """One map (H, W): nine significant digits give every float32 back."""
    buffer = io.StringIO()
    np.savetxt(buffer, channel, fmt="%.9g", delimiter=",")
    return buffer.getvalue().encode()


def npz_of(now: Experiment) -> bytes:
    """All stages by their names."""
    buffer = io.BytesIO()
    named: dict[str, Any] = {entry.name: entry.maps for entry in now.maps}
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()

"""A sheet to draw on with mouse, pen, finger or keys; until then it shows the picture that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from cnnviz.ui.components import component
from cnnviz.ui.framing import framed

_mount = component("drawing_pad")


def drawing_pad(
    pixels: np.ndarray, *, key: str, title: str, is_drawn: bool, heard: str, said: str,
    address: Mapping[str, str | None], ignored: Mapping[str, str], on_drawn: Callable[[Any], None],
) -> None:  # fmt: skip
    """Show the pad; a later call with the same key leaves what is drawn on it.

    Args:
        pixels: the picture that is looked at, (C, H, W) uint8: with three channels the pad has colours.
        title: what that picture is called.
        is_drawn: whether it is the drawing; else the sheet is taken away and the picture shown.
        heard: the drawing that the server has, as base64: a pad that was taken down begins with it.
        said: what a screen reader says of it, once it is new.
        address, ignored: what the page's settings say and what of them made no sense, as the stage view takes them.
        on_drawn: takes what comes of a hand: {"png": base64 of a PNG of 256×256, or an empty text if all is gone,
            "isDown": whether the hand still draws}. It
            may be called with anything, for it comes from a browser.
    """

    def take() -> None:
        on_drawn(st.session_state[key].get("drawing"))

    header = {
        "shape": pixels.shape,
        "title": title,
        "isDrawn": is_drawn,
        "heard": heard,
        "said": said,
        "address": dict(address),
        "ignored": dict(ignored),
    }
    _mount(key=key, data=framed(header, [np.ascontiguousarray(pixels).tobytes()]), on_drawing_change=take)

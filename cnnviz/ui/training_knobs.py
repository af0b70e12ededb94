"""What a training can be told: the pictures, the network, the recipe."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from cnnviz.augmentation import AUGMENTATIONS
from cnnviz.datasets import Dataset
from cnnviz.layers import Layer, Linear
from cnnviz.network_text import format_network, parse_network
from cnnviz.optimisers import OPTIMISERS
from cnnviz.prepared_networks import NETWORKS
from cnnviz.shapes import ShapeError
from cnnviz.training_pass import check_fit
from cnnviz.ui import help
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import DIGITS_NET, escaped
from cnnviz.ui.training import Lesson

SHAPES_NET: Final = (
    "conv:12@5x5,same|relu|max:2|conv:24@3x3,same|relu|max:2|conv:48@3x3,same|relu|max:2|flatten|linear:10|softmax"
)
# By title: what is set, and what it is.
BEGINNINGS: Final = {
    "Digits": ({"data": "digits", "net": DIGITS_NET}, "Two convolutions read handwritten digits: a few seconds."),
    "Shapes": (
        {"data": "shapes", "net": SHAPES_NET, "rate": "0.002", "batch": "32", "epochs": "6"},
        "Three convolutions tell coloured shapes apart: a minute or two.",
    ),
    "Shapes, the lesson's network": (
        {"data": "shapes", "net": NETWORKS["lesson"].text, "rate": "0.002", "batch": "32", "epochs": "6"},
        "One convolution alone: see how far it comes.",
    ),
}


def beginnings(show: Controls) -> None:
    """Buttons that put pictures and a network that fits them on the page."""
    with st.container(horizontal=True, gap="small", key="examples"):
        st.caption("Begin with:")
        for title, (settings, about) in BEGINNINGS.items():
            st.button(
                title, key=f"begin-{title}", on_click=show.set_all, args=(settings,), type="tertiary", help=about
            )  # fmt: skip


def fitting(data: Dataset) -> dict[str, str]:
    """The networks, by title, that fit the pictures once their last layer has an output for each class."""
    texts = {"For digits": DIGITS_NET, "For shapes": SHAPES_NET} | {n.title: n.text for n in NETWORKS.values()}
    found = {}
    for title, text in texts.items():
        layers = ending_with(parse_network(text), len(data.classes))
        with contextlib.suppress(ShapeError):
            check_fit(layers, data.shape, len(data.classes))
            found[title] = format_network(layers)
    return found


def ending_with(layers: Sequence[Layer], classes: int) -> tuple[Layer, ...]:
    """The layers with so many outputs of the last linear one."""
    last = max((index for index, layer in enumerate(layers) if isinstance(layer, Linear)), default=-1)
    return tuple(
        replace(layer, out_features=classes) if index == last and isinstance(layer, Linear) else layer
        for index, layer in enumerate(layers)
    )


def refused(now: Lesson) -> None:
    """Why it cannot be trained, and what would help."""
    if not now.error:
        return
    st.error(escaped(str(now.error)), icon=":material/build:")
    classes = len(now.data.classes)
    mended = ending_with(now.layers, classes)
    with st.container(horizontal=True, gap="small", key="mends"):
        with contextlib.suppress(ShapeError):
            check_fit(mended, now.data.shape, classes)
            if mended != now.layers:
                _put(f"Let it end with {classes} outputs", format_network(mended))
        if isinstance(now.error, ShapeError):
            title, text = next(iter(fitting(now.data).items()))
            _put(f"Take the network “{title}”", text)


def _put(label: str, text: str) -> None:
    def put() -> None:
        st.session_state["net"] = text

    st.button(label, on_click=put, key=f"put-{label}")


def prepared(now: Lesson) -> None:
    """A menu of networks that fit."""
    texts = fitting(now.data)

    def put() -> None:
        st.session_state["net"] = texts[st.session_state["prepared"]]
        st.session_state["prepared"] = None

    st.selectbox("Put in a network", list(texts), None, key="prepared", on_change=put, placeholder="that fits")


def recipe(show: Controls, now: Lesson) -> None:
    """The knobs."""
    st.subheader("Pictures", anchor=False)
    show.segments("data", "Pictures", label_visibility="collapsed", help=help.DATA)
    show.count("example", "Picture that goes through", help=help.EXAMPLE)
    show.picked("augmentation", "Changed on the way", help=help.AUGMENTATION)
    st.caption(AUGMENTATIONS[show.value("augmentation")])
    st.subheader("Steps", anchor=False)
    with st.container(horizontal=True, gap="small"):
        show.picked("optimiser", "Optimiser", help=help.OPTIMISER)
        show.number("rate", "Rate", 0.001, help=help.RATE)
    st.caption(OPTIMISERS[show.value("optimiser")][0])
    with st.container(horizontal=True, gap="small"):
        show.count("batch", "Batch", help=help.BATCH)
        show.count("epochs", "Epochs", help=help.EPOCHS)
    with st.container(horizontal=True, gap="small"):
        show.number("weight_decay", "Weight decay", 0.0001, help=help.WEIGHT_DECAY)
        show.count("seed", "Seed", help=help.TRAINING_SEED)
    show.say("example", "rate", "batch", "epochs", "weight_decay", "seed")
    st.subheader("Network", anchor=False)
    prepared(now)
    show.text("net", "Network as text", help=help.NET)
    show.say("net")
    show.picked("init", "Drawn by", help=help.INIT)
    with st.container(horizontal=True, gap="small"):
        show.count("layer", "Open layer, from 0", help=help.LAYER)
        st.number_input("Look back at step", value=None, step=1, key="at", help=help.AT)
    show.text("watched", "Watched weight", placeholder="0:weight:13", help=help.WATCHED)
    show.say("layer", "watched")
    show.segments("scale", "Colours by", help=help.SCALE)

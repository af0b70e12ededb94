"""What a training can be told: the pictures, the network, the recipe."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import streamlit as st

from cnnviz.augmentation import AUGMENTATIONS
from cnnviz.beginnings import BEGINNINGS
from cnnviz.layers import Layer, Linear, Shape
from cnnviz.network_text import format_network, parse_network
from cnnviz.optimisers import OPTIMISERS
from cnnviz.prepared_networks import NETWORKS
from cnnviz.shapes import ShapeError
from cnnviz.training_pass import check_fit
from cnnviz.ui import help, own_pictures
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import OWN, escaped
from cnnviz.ui.training import Lesson

# By title: the pictures, the network (none: the one suggested for the pictures), and what it is.
OFFERED: Final = {
    "Digits": ("digits", "", "Two convolutions learn to read handwritten digits: a few seconds."),
    "Shapes": ("shapes", "", "Three convolutions learn to tell coloured shapes apart: about a minute."),
    "Shapes, with the lesson's network": ("shapes", NETWORKS["lesson"].text, "One convolution: see how far it comes."),
}
_RECIPE: Final = ("optimiser", "rate", "batch", "epochs", "weight_decay", "augmentation", "init")


def beginnings(show: Controls) -> None:
    """Buttons that put pictures and a network that fits them on the page."""
    with st.container(horizontal=True, gap="small", key="examples"):
        st.caption("Begin with:")
        for title, (data, net, about) in OFFERED.items():
            begun = BEGINNINGS[data]
            recipe = {name: _text(getattr(begun.recipe, name)) for name in _RECIPE}
            settings = {"data": data, "layers": net or begun.text, **recipe}
            st.button(
                title, key=f"begin-{title}", on_click=show.set_all, args=(settings,), type="tertiary", help=about
            )  # fmt: skip


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


@lru_cache(maxsize=16)
def fitting(shape: Shape, classes: int) -> Mapping[str, str]:
    """The networks, by title, that fit pictures of a shape, (C, H, W), once they end with an output for each class."""
    suggested = {f"For {name}": begun.text for name, begun in BEGINNINGS.items()}
    texts = suggested | {entry.title: entry.text for entry in NETWORKS.values()}
    found = {}
    for title, text in texts.items():
        layers = ending_with(parse_network(text), classes)
        with contextlib.suppress(ShapeError):
            check_fit(layers, shape, classes)
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
    if not isinstance(now.error, ShapeError):
        return
    classes = len(now.data.classes)
    shape = now.summary.rows[-1].output_shape if now.summary.rows else now.data.shape
    ended = f"linear:{classes}|softmax" if len(shape) == 1 else f"flatten|linear:{classes}|softmax"
    mends = {
        f"Let it end with {classes} outputs": ending_with(now.layers, classes),
        f"Add {ended.replace('|', ', ')} at its end": (*now.layers, *parse_network(ended)),
    }
    with st.container(horizontal=True, gap="small", key="mends"):
        for label, mended in mends.items():
            with contextlib.suppress(ShapeError):
                check_fit(mended, now.data.shape, classes)
                if mended != now.layers:
                    _put(label, format_network(mended))
        fits = fitting(now.data.shape, classes)
        if fits:
            title = f"For {now.name}" if f"For {now.name}" in fits else next(iter(fits))
            text = fits[title]
            _put(f"Take the network “{title}”", text)


def _put(label: str, text: str) -> None:
    def put() -> None:
        st.session_state["layers"] = text

    st.button(label, on_click=put, key=f"put-{label}")


def prepared(now: Lesson) -> None:
    """A menu of networks that fit."""
    texts = fitting(now.data.shape, len(now.data.classes))

    def put() -> None:
        if (text := texts.get(st.session_state["prepared"])) is not None:  # a message may name one that is not offered
            st.session_state["layers"] = text
        st.session_state["prepared"] = None

    st.selectbox("Put in a network", list(texts), None, key="prepared", on_change=put, placeholder="that fits")


def recipe(show: Controls, now: Lesson) -> None:
    """The knobs."""
    st.subheader("Pictures", anchor=False)
    show.segments("data", "Pictures", label_visibility="collapsed", help=help.DATA)
    if show.value("data") == OWN:
        own_pictures.bring(show)
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
    show.text("layers", "Network as text", help=help.NET)
    show.say("layers")
    show.picked("init", "Drawn by", help=help.INIT)
    with st.container(horizontal=True, gap="small"):
        show.count("layer", "Open layer, from 0", help=help.LAYER)
        st.number_input("Look back at step", value=None, step=1, key="at", help=help.AT)
    show.text("watched", "Watched weight", placeholder="0:weight:13", help=help.WATCHED)
    show.say("layer", "watched")
    show.segments("scale", "Colours by", help=help.SCALE)

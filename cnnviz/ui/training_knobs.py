"""What a training can be told: the pictures, the network, the recipe."""

from __future__ import annotations

from typing import Final

import streamlit as st

from cnnviz.augmentation import AUGMENTATIONS
from cnnviz.datasets import DATASETS
from cnnviz.optimisers import OPTIMISERS
from cnnviz.ui import help
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import DIGITS_NET, escaped
from cnnviz.ui.training import Lesson

SHAPES_NET: Final = "conv:12@5x5,same|relu|max:2|conv:24@3x3,same|relu|max:2|conv:48@3x3,same|relu|max:2|flatten|linear:10|softmax"
BEGINNINGS: Final = {
    "Digits": {"data": "digits", "net": DIGITS_NET},
    "Shapes": {"data": "shapes", "net": SHAPES_NET},
}


def beginnings(show: Controls, now: Lesson) -> None:
    """Buttons that put pictures and a network that fits them on the page."""
    with st.container(horizontal=True, gap="small", key="examples"):
        st.caption("Begin with:")
        for title, settings in BEGINNINGS.items():
            st.button(title, key=f"begin-{title}", on_click=show.set_all, args=(settings,), type="tertiary")


def said(now: Lesson) -> str:
    """Why it cannot be trained."""
    return escaped(str(now.error))


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
    show.text("net", "Network as text", help=help.NET)
    show.say("net")
    show.picked("init", "Drawn by", help=help.INIT)
    with st.container(horizontal=True, gap="small"):
        show.count("layer", "Open layer, from 0", help=help.LAYER)
        st.number_input("Look back at step", value=None, step=1, key="at", help=help.AT)
    show.text("watched", "Watched weight", placeholder="0:weight:13", help=help.WATCHED)
    show.say("layer", "watched")
    show.segments("scale", "Colours by", help=help.SCALE)

"""Labelled pictures that a person brings to learn from: MNIST's files and their like, CIFAR-10's binary ones."""

from __future__ import annotations

from typing import Final

import streamlit as st

from cnnviz.dataset_files import DatasetError, read_dataset
from cnnviz.datasets import Dataset, Examples
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import escaped

OWN_PICTURES: Final = "own pictures"  # of the session: a Dataset
REMARKS: Final = "own pictures' remarks"
PROBLEM: Final = "own pictures' problem"
MEGABYTES: Final = 40  # of one file: each of CIFAR-10's has 31
MOST_BYTES: Final = 25_000_000  # that are kept for a session: 30 people at once are 750 MB
ABOUT: Final = (
    "MNIST, Fashion-MNIST and their like: pictures and labels together (`…-images-idx3-ubyte`, `…-labels-idx1-ubyte`, "
    "packed by gzip or not). CIFAR-10: its *binary* version (`data_batch_1.bin` …, `test_batch.bin`). A file "
    "with `t10k` or `test` in its name is held out; without one every fifth picture is."
)


def bring(show: Controls) -> None:
    """Let a person bring files, and say what was read of them."""
    show.picked("classes", "Their classes are", help="What the labels 0, 1, 2 … of the files mean.")
    st.file_uploader(
        "Files", key="brought pictures", accept_multiple_files=True, max_upload_size=MEGABYTES, help=ABOUT,
        on_change=_take, args=(show.value("classes"),),
    )  # fmt: skip
    state = st.session_state
    if problem := state.get(PROBLEM):
        st.error(escaped(problem), icon=":material/broken_image:")
    own: Dataset | None = state.get(OWN_PICTURES)
    if own:
        channels, height, width = own.shape
        st.caption(
            f"{len(own.training):,} pictures to learn from, {len(own.held_out):,} held out, "
            f"{channels}×{height}×{width}, {len(own.classes)} classes. A link does not carry them."
        )
        for remark in state.get(REMARKS, ()):
            st.caption(escaped(remark))


def _take(classes: str) -> None:
    """Read what was brought; what cannot be read changes nothing but a sentence."""
    state = st.session_state
    files = state["brought pictures"]
    state[PROBLEM] = ""
    if not files:
        return
    try:
        read = read_dataset([(file.name, file.getvalue()) for file in files], classes=classes)
    except DatasetError as error:
        state[PROBLEM] = str(error)
        return
    state[OWN_PICTURES], state[REMARKS] = kept(read.dataset), read.remarks


def kept(data: Dataset) -> Dataset:
    """As many of the pictures as MOST_BYTES hold, four fifths of them to learn from."""
    each = max(1, data.training.pixels[0].nbytes)
    parts = [(data.training, int(0.8 * MOST_BYTES) // each), (data.held_out, int(0.2 * MOST_BYTES) // each)]
    if all(len(part) <= most for part, most in parts):
        return data
    cut = [Examples(part.pixels[:most].copy(), part.labels[:most].copy()) for part, most in parts]
    return Dataset(data.title, data.classes, *cut)

"""Labelled pictures that a person brings to learn from: MNIST's files and their like, CIFAR-10's binary ones."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cnnviz.dataset_files import DatasetError, named, read_dataset
from cnnviz.datasets import Dataset
from cnnviz.hosting import HOSTING
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import escaped
from cnnviz.ui.uploads import release
from cnnviz.ui.watch import rejected

OWN_PICTURES: Final = "own pictures"  # of the session: a Dataset, its classes called as was chosen
WAYS: Final = "own pictures' names"  # the same pictures by each way that their classes were called
REMARKS: Final = "own pictures' remarks"
PROBLEM: Final = "own pictures' problem"
BROUGHT: Final = "own pictures' uploads"  # how often files were read
MEGABYTES: Final = HOSTING.dataset_mb  # of one file: each of CIFAR-10's has 31
STAYS: Final = "All files of the list are read together: take out a wrong one by its ×."
MOST_BYTES: Final = 25_000_000  # of pictures that are kept for a session: 30 people at once are 750 MB
ABOUT: Final = (
    "MNIST, Fashion-MNIST and their like: pictures and labels together (`…-images-idx3-ubyte`, `…-labels-idx1-ubyte`, "
    "packed by gzip or not). CIFAR-10: its *binary* version (`data_batch_1.bin` …, `test_batch.bin`). A file "
    "with `t10k` or `test` in its name is held out; without one every fifth picture is. Bring all of them at once. Up "
    "to 20,000 pictures and 25 MB are kept, evenly spaced."
)


def bring(show: Controls) -> None:
    """Let a person bring files, and say what was read of them."""
    state = st.session_state
    show.picked("classes", "Their classes are", help="What the labels 0, 1, 2 … of the files mean.")
    count = state.setdefault(BROUGHT, 0)
    st.file_uploader(
        "Files", key=f"brought pictures {count}", accept_multiple_files=True, max_upload_size=MEGABYTES, help=ABOUT,
        on_change=_take,
    )  # fmt: skip
    if problem := state.get(PROBLEM):
        st.error(escaped(problem), icon=":material/broken_image:")
    own: Dataset | None = state.get(OWN_PICTURES)
    if own:
        own = _called(show.value("classes"), own)
        channels, height, width = own.shape
        st.caption(
            f"{len(own.training):,} pictures to learn from, {len(own.held_out):,} held out, "
            f"{channels}×{height}×{width}, {len(own.classes)} classes. A link does not carry them."
        )
        for remark in state.get(REMARKS, ()):
            st.caption(escaped(remark))


def _called(classes: str, own: Dataset) -> Dataset:
    """Give the classes their chosen names, and run again if these are others; what cannot be named keeps its names."""
    ways: dict[str, Dataset] = st.session_state[WAYS]
    try:
        chosen = ways.setdefault(classes, named(ways["numbers"], classes))
    except DatasetError as error:
        st.error(escaped(str(error)), icon=":material/label_off:")
        return own
    if chosen is not own:
        st.session_state[OWN_PICTURES] = chosen
        st.rerun()
    return chosen


def _take() -> None:
    """Read what was brought; what cannot be read changes nothing but a sentence.

    Once it was read the uploader is another one, so that nothing holds the files any more.
    """
    state = st.session_state
    files = state[f"brought pictures {state[BROUGHT]}"]
    state[PROBLEM] = ""
    if not files:
        return
    if not all(isinstance(file, UploadedFile) for file in files):  # the page came back to a server that never had them
        state[PROBLEM] = "The files are not there any more: bring them again."
        return
    try:
        read = read_dataset([(file.name, file.getvalue()) for file in files], most_bytes=MOST_BYTES)
    except DatasetError as error:
        state[PROBLEM] = f"{error} {STAYS}"
        rejected("file")
        return
    state[OWN_PICTURES], state[WAYS], state[REMARKS] = read.dataset, {"numbers": read.dataset}, read.remarks
    state[BROUGHT] += 1
    release(files)

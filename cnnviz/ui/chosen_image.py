"""Which picture is the input: a sample, or a person's own, which stays until another of theirs can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile
from torch import Tensor

from cnnviz.hosting import HOSTING
from cnnviz.image_shrinking import shrunk
from cnnviz.images import SAMPLES, ImageError, frame_count, load_image
from cnnviz.ui.uploads import release
from cnnviz.ui.watch import rejected

GONE: Final = "The file is not there any more: bring it again."
How = tuple[str, tuple[int, int], str, int]  # mode, size, fit, frame: as `load_image` takes them


@dataclass(frozen=True)
class Chosen:
    """The input chosen.

    image: (1, C, H, W) float32 in [0, 1], shared: not to be written to.
    title: what to call it.
    sample: its name; None is a person's own picture, which no link carries.
    frames: how many the picture has.
    problem: why the file offered last cannot be used; the picture is then the one before.
    spare: whether a picture of the person's own waits while a sample is shown.
    kept: a person's own picture as it is kept, a PNG, where it was too large to be kept as it came.
    """

    image: Tensor
    title: str
    sample: str | None
    frames: int
    problem: str = ""
    spare: bool = False
    kept: bytes = b""

    @property
    def link_note(self) -> str:
        """What a copied link does not carry."""
        own = self.sample is None
        return "It does not carry your own picture: whoever opens it sees the sample." if own else ""


@dataclass(frozen=True)
class _Own:
    """A file, as it came or shrunk; freed with the session."""

    name: str
    data: bytes
    is_shrunk: bool = False


def chosen_image(values: Mapping[str, Any]) -> Chosen:
    """The input that the settings `image`, `size`, `fit`, `color`, `frame` and what was offered say."""
    state = st.session_state
    how: How = ("RGB" if values["color"] == "rgb" else "L", values["size"], values["fit"], values["frame"])
    if (offered := state.pop("offered", None)) is not None:
        try:
            small = _small(offered)
            state["own decoded"] = how, _decoded(small, how)
            state["own"], state["own shown"], state["own problem"] = small, True, ""
        except ImageError as error:
            state["own problem"] = str(error)
            rejected("picture")
    own, problem = state.get("own"), state.get("own problem", "")
    if own and state["own shown"]:
        if state["own decoded"][0] != how:
            try:
                state["own decoded"] = how, _decoded(own, how)
            except ImageError as error:  # a frame that is damaged, or too late: the one before stays
                problem = str(error)
        return replace(state["own decoded"][1], problem=problem)
    sample = SAMPLES[values["image"]]
    image, frames = _load_sample(sample.name, *how)
    return Chosen(image, sample.title, sample.name, frames, problem, spare=own is not None)


def offer(file: Any, name: str = "") -> None:
    """Take a file that Streamlit got from the person, or None. name: what to call it, if not by its own."""
    if file is not None and not isinstance(file, UploadedFile):  # the page came back to a server that never had it
        st.session_state["own problem"] = GONE
    elif file is not None:
        st.session_state["offered"] = _Own(name or file.name, file.getvalue())
        release([file])


def show_own(yes: bool) -> None:
    """Show the person's own picture rather than a sample, or the other way round."""
    st.session_state["own shown"], st.session_state["own problem"] = yes, ""


def _small(own: _Own) -> _Own:
    data = shrunk(own.data, HOSTING.kept_mb * 1_000_000)
    return own if data is own.data else _Own(own.name, data, is_shrunk=True)


def _decoded(own: _Own, how: How) -> Chosen:
    image, frames = _load(own.data, *how)
    kept = own.data if own.is_shrunk else b""
    return Chosen(image, own.name or "your picture", None, frames, kept=kept)


@lru_cache(maxsize=16)
def _load_sample(name: str, mode: str, size: tuple[int, int], fit: str, frame: int) -> tuple[Tensor, int]:
    return _load(SAMPLES[name].path.read_bytes(), mode, size, fit, frame)


def _load(data: bytes, mode: str, size: tuple[int, int], fit: str, frame: int) -> tuple[Tensor, int]:
    frames = frame_count(data)
    image = load_image(data, mode=mode, size=size, fit=fit, frame=min(frame, frames - 1))  # type: ignore[arg-type]
    return image, frames

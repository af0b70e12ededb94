"""Choose the input: a sample from its picture, an upload (drop, browse, paste), or the camera."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import streamlit as st
from PIL import Image
from torch import Tensor

from cnnviz.images import SAMPLES, ImageError, frame_count, load_image
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import escaped

THUMBNAIL = 44  # px
SIZES = ("28", "64", "128", "224", "300", "512", "200x300")
UPLOAD_TYPES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff")


@dataclass(frozen=True)
class Chosen:
    """The input chosen.

    image: (1, C, H, W) float32 in [0, 1], shared: not to be written to.
    title: what to call it.
    sample: its name; None is a person's own picture, which no link carries.
    frames: how many the picture has.
    problem: why the file chosen last cannot be used; the picture is then the one before.
    """

    image: Tensor
    title: str
    sample: str | None
    frames: int
    problem: str = ""


def chosen_image(values: Mapping[str, Any]) -> Chosen:
    """The input that the settings `image`, `size`, `fit`, `color`, `frame` and the uploads say."""
    problem = ""
    if (own := _own()) is not None:
        kept, problem = _own_picture(own, _how(values))
        if kept:
            return replace(kept, problem=problem)
    sample = SAMPLES[values["image"]]
    image, frames = _load_sample(sample.name, *_how(values))
    return Chosen(image, sample.title, sample.name, frames, problem)


def _own_picture(file: Any, how: tuple[str, tuple[int, int], str, int]) -> tuple[Chosen | None, str]:
    """The person's own picture, decoded once and freed with the session, and why a new one cannot be used."""
    state, key = st.session_state, (file.file_id, *how)
    if state.get("own key") != key:
        state["own key"], state["own problem"] = key, ""
        try:
            image, frames = _load(file.getvalue(), *how)
            state["own picture"] = Chosen(image, file.name or "your picture", None, frames)
        except ImageError as error:
            state["own problem"] = str(error)
    return state.get("own picture"), state["own problem"]


def image_picker(controls: Controls, chosen: Chosen) -> None:
    """Show the picker in the current container."""
    st.html(thumbnails())
    st.pills(
        "Image", tuple(SAMPLES), default=next(iter(SAMPLES)), required=True, key="image", bind="query-params",
        label_visibility="collapsed", on_change=_use, args=("sample",),
    )  # fmt: skip
    if chosen.problem:
        st.error(escaped(chosen.problem), icon=":material/broken_image:")
    if chosen.sample is None:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.text(f"Your picture: {chosen.title}")  # a stranger may have named it: no Markdown
            st.button("Back to the sample", on_click=_use, args=("sample",), type="tertiary", key="back_to_sample")
    elif not chosen.problem:
        st.caption(SAMPLES[chosen.sample].look_at)
    st.file_uploader(
        "Your picture", type=list(UPLOAD_TYPES), key="upload", on_change=_use, args=("upload",),
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        controls.typed("size", "Size", SIZES, help="300, or height x width as in 200x300")
        controls.picked("fit", "Fit")
    controls.say("size")
    with st.container(horizontal=True, gap="small"):
        st.segmented_control(
            "Colour", ("gray", "rgb"), default="gray", required=True, key="color", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        with st.popover("Camera", width="stretch", on_change="rerun", key="camera_open") as popover:
            if popover.open:
                st.camera_input("Camera", key="camera", on_change=_use, args=("camera",), label_visibility="collapsed")
    if chosen.frames > 1:
        st.slider(f"Frame, of {chosen.frames}", 0, chosen.frames - 1, key="frame", bind="query-params")


def _own() -> Any:
    """The person's own picture, if it was touched last."""
    state = st.session_state
    if state.get("camera") is not None:
        state["photo"] = state["camera"]  # stays when the camera is put away
    return {"upload": state.get("upload"), "camera": state.get("photo")}.get(state.get("source", ""))


def _use(source: str) -> None:
    st.session_state["source"] = source


def _how(values: Mapping[str, Any]) -> tuple[str, tuple[int, int], str, int]:
    return "RGB" if values["color"] == "rgb" else "L", values["size"], values["fit"], values["frame"]


@lru_cache(maxsize=16)
def _load_sample(name: str, mode: str, size: tuple[int, int], fit: str, frame: int) -> tuple[Tensor, int]:
    return _load(SAMPLES[name].path.read_bytes(), mode, size, fit, frame)


def _load(data: bytes, mode: str, size: tuple[int, int], fit: str, frame: int) -> tuple[Tensor, int]:
    frames = frame_count(data)
    image = load_image(data, mode=mode, size=size, fit=fit, frame=min(frame, frames - 1))  # type: ignore[arg-type]
    return image, frames


@cache
def thumbnails() -> str:
    """A style sheet that puts each sample's picture on its button; the name stays for those who listen."""
    rules = []
    for position, sample in enumerate(SAMPLES.values(), 1):
        buffer = io.BytesIO()
        with Image.open(sample.path) as image:
            small = image.convert("RGB").resize((2 * THUMBNAIL, 2 * THUMBNAIL), Image.Resampling.BOX)
        small.save(buffer, "WEBP", quality=70)
        picture = base64.b64encode(buffer.getvalue()).decode()
        rules.append(
            f'.st-key-image button:nth-of-type({position}){{--picture:url("data:image/webp;base64,{picture}")}}'
        )
    return f"<style>{''.join(rules)}</style>"

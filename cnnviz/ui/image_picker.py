"""Choose the input: a sample from its picture, an upload (drop, browse, paste), or the camera."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cache

import streamlit as st
from PIL import Image

from cnnviz.hosting import HOSTING
from cnnviz.images import SAMPLES
from cnnviz.ui.chosen_image import Chosen, offer, show_own
from cnnviz.ui.components import served
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import escaped

THUMBNAIL = 96  # px, for 44 on the screen; a multiple of 8, or JPEG would blend neighbours
MEGABYTES = HOSTING.upload_mb  # of a file; more are not read
SIZES = ("28", "64", "128", "224", "300", "512", "200x300")
SHRUNK = f"It has more than {HOSTING.kept_mb} MB, so a smaller one is kept, of its first frame. Numbers are of that:"
FIT_HELP = (
    "**crop**: cut to the shape that was asked for. **keep**: the whole picture, as large as fits. "
    "**stretch**: the whole picture, out of shape."
)
# While a person's own picture is shown, no sample is the chosen one.
NO_SAMPLE = '<style>.st-key-image button[aria-checked="true"] { outline: none; }</style>'


def image_picker(controls: Controls, chosen: Chosen, sizes: Sequence[str] = SIZES, *, has_colors: bool = True) -> None:
    """Show the picker in the current container.

    Args:
        sizes: what the menu offers.
        has_colors: whether a picture may be in colour here.
    """
    own = chosen.sample is None
    st.html(_style() + NO_SAMPLE * own)
    st.pills(
        "Image", tuple(SAMPLES), default=controls.default("image"), required=not own, key="image", bind="query-params",
        label_visibility="collapsed", on_change=_pick, args=(controls.value("image"),),
    )  # fmt: skip
    if chosen.problem:
        st.error(escaped(chosen.problem), icon=":material/broken_image:")
    if own:
        st.text(f"Your picture: {chosen.title}", width="stretch")  # a stranger may have named it: no Markdown
        if chosen.kept:
            st.caption(SHRUNK)
            st.download_button(
                "The picture as it is kept",
                chosen.kept,
                "picture.png",
                "image/png",
                icon=":material/download:",
                on_click="ignore",
                type="tertiary",
            )
        st.button("Back to the sample", on_click=show_own, args=(False,), type="tertiary", key="back_to_sample")
    elif not chosen.problem:
        st.caption(SAMPLES[chosen.sample or ""].look_at)
    if chosen.spare:
        st.button("Back to your own picture", on_click=show_own, args=(True,), type="tertiary", key="back_to_own")
    if chosen.frames > 1:
        st.slider(f"Frame, of {chosen.frames}", 0, chosen.frames - 1, key="frame", bind="query-params")
    with st.container(key="upload"):
        uploader()
    with st.container(horizontal=True, gap="small"):
        controls.typed("size", "Size", sizes, help="300, or height x width as in 200x300")
        controls.picked("fit", "Fit", help=FIT_HELP)
    controls.say("size")
    with st.container(horizontal=True, gap="small"):
        if has_colors:
            controls.segments("color", "Colour", label_visibility="collapsed")
        if st.button("Camera", icon=":material/photo_camera:", width="stretch", key="open_camera"):
            _camera()


def uploader() -> None:
    """Takes files of any type: what cannot be read is said in our words, and a right picture may have a wrong name.

    Each file gets an uploader of its own, so that an old one neither clutters it nor leaves when a new one comes.
    """
    count = st.session_state.setdefault("uploads", 0)

    def taken() -> None:
        offer(st.session_state[f"upload-{count}"])
        st.session_state["uploads"] = count + 1

    st.file_uploader(
        "Your picture", key=f"upload-{count}", max_upload_size=MEGABYTES, on_change=taken, label_visibility="collapsed"
    )


@st.dialog("Take a picture")
def _camera() -> None:
    photo = st.camera_input("Camera", key="camera", label_visibility="collapsed")
    if photo is not None:
        offer(photo, "from the camera")
        st.rerun()


def _pick(before: str) -> None:
    """A sample was pressed; while a person's own picture is shown, pressing the one below it chooses that."""
    if st.session_state.get("image") is None:
        st.session_state["image"] = before
    show_own(False)


@cache
def thumbnails() -> bytes:
    """The samples side by side, as one picture."""
    strip = Image.new("RGB", (THUMBNAIL * len(SAMPLES), THUMBNAIL))
    for place, sample in enumerate(SAMPLES.values()):
        with Image.open(sample.path) as image:
            small = image.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        strip.paste(small, (THUMBNAIL * place, 0))
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=85, subsampling=0)
    return buffer.getvalue()


@cache
def thumbnails_address() -> str:
    """Where they are served: it changes when they do."""
    return f"/thumbnails/{hashlib.sha256(thumbnails()).hexdigest()[:12]}.jpg"


@cache
def _style() -> str:
    """Puts each sample's picture on its button; the name stays for those who listen."""
    last = len(SAMPLES) - 1
    places = "".join(
        f".st-key-image button:nth-of-type({place + 1}){{background-position-x:{100 * place / last:.4g}%}}"
        for place in range(last + 1)
    )
    strip = f'url("{served(thumbnails_address())}") 0 0 / {100 * (last + 1)}% 100% padding-box'
    return f"<style>.st-key-image button{{background:{strip}}}{places}</style>"

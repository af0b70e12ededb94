"""Which picture is looked at on the page Inside: one held out, a drawing, or a photograph."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from cnnviz.datasets import Dataset
from cnnviz.drawing import DigitPicture, DrawingError, digit_picture
from cnnviz.images import ImageError, load_image, load_pixels
from cnnviz.photographed import digit_from_photo

DRAWING: Final = "drawing"  # in the session: what the pad has said and nobody has read yet
OWN: Final = "inside own"
HEARD: Final = "inside heard"  # the last drawing, be it that another picture is looked at by now
LAST: Final = "inside picture"
MOST_SENT: Final = 400_000  # characters of a drawing
LARGEST: Final = 640  # pixels of a photographed digit that are looked at
DAMAGED: Final = "The drawing has not come whole: draw it again."

Kind = Literal["example", "drawing", "upload"]


@dataclass(frozen=True, eq=False)
class Picture:
    """The picture as the network takes it.

    image: (1, C, H, W) in [0, 1], shared: not to be written to. right: its class, where that is known.
    steps: how it came about, (title, (C, h, w) uint8, note) each. problem: why what a person drew or brought cannot be
    used. is_moving: it is being drawn; others will follow within the second.
    """

    image: Tensor
    title: str
    kind: Kind
    right: int | None = None
    steps: tuple[tuple[str, np.ndarray, str], ...] = ()
    problem: str = ""
    is_moving: bool = False

    @property
    def link_note(self) -> str:
        """What a copied link does not carry."""
        if self.kind == "example":
            return ""
        own = "drawing" if self.kind == "drawing" else "picture"
        return f"A link does not carry your {own}: whoever opens it sees the held-out one."


@dataclass(frozen=True)
class Own:
    """What a person drew or brought, as a file. problem: why it is none. is_moving: the hand has not come to rest."""

    kind: Kind
    data: bytes
    name: str = ""
    problem: str = ""
    is_moving: bool = False


def chosen_picture(data: Dataset, example: int) -> Picture:
    """The person's own picture, if there is one, else one held out."""
    state = st.session_state
    if (told := state.pop(DRAWING, None)) is not None:
        state[OWN] = read_drawing(told)
        state[HEARD] = base64.b64encode(state[OWN].data).decode() if state[OWN] else ""
    if (offered := state.pop("offered", None)) is not None:
        state[OWN] = Own("upload", offered.data, offered.name)
    own: Own | None = state.get(OWN)
    key = id(data), own, example
    last = state.get(LAST)
    if last and last[0] == key and last[1] is data:
        found: Picture = last[2]
        return found
    picture = _picture(data, own, example)
    state[LAST] = key, data, picture
    return picture


def take_drawing(told: Any) -> None:
    """Keep what the pad says until the page reads it."""
    st.session_state[DRAWING] = told


def heard_drawing() -> str:
    """The last drawing that came, as base64."""
    return str(st.session_state.get(HEARD, ""))


def draw_again() -> None:
    """Go back to the last drawing."""
    st.session_state[OWN] = Own("drawing", base64.b64decode(heard_drawing()))


def drop_own() -> None:
    """Go back to the picture held out."""
    st.session_state.pop(OWN, None)


def read_drawing(told: Any) -> Own | None:
    """What the pad says: a PNG as base64; an empty text is an empty sheet. It may come from anyone."""
    png = told.get("png") if isinstance(told, dict) else None
    if not isinstance(png, str) or len(png) > MOST_SENT:
        return Own("drawing", b"", problem=DAMAGED)
    if not png:
        return None
    try:
        return Own("drawing", base64.b64decode(png, validate=True), is_moving=told.get("isDown") is True)
    except (binascii.Error, ValueError):
        return Own("drawing", b"", problem=DAMAGED)


def is_digits(data: Dataset) -> bool:
    """Whether pictures are 8×8 counts of ink, which a drawing is brought to as NIST did."""
    return data.shape == (1, 8, 8) and data.classes == tuple("0123456789")


def _picture(data: Dataset, own: Own | None, example: int) -> Picture:
    number = example % len(data.held_out)
    label = int(data.held_out.labels[number])
    held_out = Picture(data.held_out.images(slice(number, number + 1)), f"Held-out picture {number}", "example", label)
    if own is None:
        return held_out
    if own.problem:
        return replace(held_out, problem=own.problem)
    try:
        return _own_picture(data, own)
    except (DrawingError, ImageError) as error:
        return replace(held_out, problem=str(error))


def _own_picture(data: Dataset, own: Own) -> Picture:
    title = "Your drawing" if own.kind == "drawing" else "Your picture"
    channels, height, width = data.shape
    if is_digits(data):
        size = None if own.kind == "drawing" else (LARGEST, LARGEST)
        grey = load_pixels(own.data, mode="L", size=size, fit="keep")[0]
        found = digit_picture(grey) if own.kind == "drawing" else digit_from_photo(grey)
        return Picture(found.picture, title, own.kind, steps=digit_steps(found), is_moving=own.is_moving)
    image = load_image(own.data, mode="L" if channels == 1 else "RGB", size=(height, width))
    steps = (("averaged", as_pixels(image), f"{height}×{width}"),)
    return Picture(image, title, own.kind, steps=steps, is_moving=own.is_moving)


def digit_steps(found: DigitPicture) -> tuple[tuple[str, np.ndarray, str], ...]:
    """How a digit came about, step by step."""
    rounds = abs(found.rounds)
    evened = "as it is" if not rounds else "thickened" if found.rounds > 0 else "thinned"
    times = "" if not rounds else "once" if rounds == 1 else f"{rounds} times"
    sheared = "moved" if found.slant else "as it is"
    dots = (
        ("fitted", found.scaled, "32×32 dots"),
        (evened, found.evened, times or "enough ink"),
        ("upright", found.upright, sheared),
    )
    steps = tuple((title, np.where(step, np.uint8(255), np.uint8(0))[None], note) for title, step, note in dots)
    return *steps, ("counted", as_pixels(found.picture), "8×8")


def as_pixels(image: Tensor) -> np.ndarray:
    """(1, C, H, W) in [0, 1] as (C, H, W) uint8."""
    pixels: np.ndarray = torch.round(255 * image[0]).to(torch.uint8).numpy()
    return pixels

"""The picture changed a little, and how the answer moves."""

from __future__ import annotations

import streamlit as st

from cnnviz.attribution_words import say_change, say_share
from cnnviz.training_pass import ending
from cnnviz.ui import help
from cnnviz.ui.answer_bars import answer_bars
from cnnviz.ui.controls import Controls
from cnnviz.ui.inside import Inside
from cnnviz.ui.inside_picture import as_pixels
from cnnviz.ui.picture_row import Shown, picture_row
from cnnviz.ui.settings import escaped

CHANGES = ("turn", "right", "down", "noise", "cover", "cover_row", "cover_col")

BEFORE = "before the change"


def perturb(now: Inside) -> None:
    """Show the picture before and after, and say what became of the answer."""
    pictures, answers = st.columns([1, 1], gap="medium")
    with pictures:
        picture_row(
            [Shown("Before", as_pixels(now.picture.image)), Shown("After", as_pixels(now.image))],
            key="perturbed", side=200,
        )  # fmt: skip
        _told(now)
    with answers:
        said = {BEFORE: now.before, "now": now.after} if now.is_changed else {"now": now.after}
        are_shares = ending(now.trained.layers) != "none"
        st.html(answer_bars(said, now.classes, now.picture.right, are_shares=are_shares))


def _told(now: Inside) -> None:
    if not now.is_changed:
        st.caption("Nothing is done to the picture yet. Whatever you change here, the whole page looks at the result.")
        return
    before, after = int(now.before.argmax()), now.best
    if ending(now.trained.layers) == "none":
        moved = ""
    else:
        old, new = (say_share(float(answers[before])) for answers in (now.before, now.after))
        went = f"went from {old} to {new}" if old != new else f"is {new} as it was"
        moved = f" The share of {escaped(now.classes[before])} {went}."
    said = "The answer stays" if before == after else f"Now it says **{escaped(now.classes[after])}** instead of"
    st.markdown(f"{said} **{escaped(now.classes[before])}**.{moved} {say_change(now.picture.image, now.image)}")


def knobs(show: Controls, now: Inside) -> None:
    """Sliders for all that can be done."""
    _, height, width = now.trained.data.shape
    with st.container(horizontal=True, gap="small"):
        show.slide("turn", "Turn, degrees", -180, 180, 1)
        show.slide("right", "Move right, pixels", -16, 16, 0.5)
        show.slide("down", "Move down, pixels", -16, 16, 0.5)
        show.slide("noise", "Noise, deviation", 0, 1, 0.01, help=help.NOISE)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        show.whole("cover", "Cover a square, pixels", 0, 32)
        show.whole("cover_row", "from row", 0, max(1, height - 1, int(show.value("cover_row"))))
        show.whole("cover_col", "from column", 0, max(1, width - 1, int(show.value("cover_col"))))
        show.count("seed", "Seed of the noise")
        st.button("Undo all", on_click=show.set_some, args=(CHANGES,), disabled=not now.is_changed, key="undo")

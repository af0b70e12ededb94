"""The upper part of the page Inside: which network, the picture and where it comes from, and what it is taken for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from cnnviz.attribution_words import say_share
from cnnviz.training_pass import ending
from cnnviz.ui import PAGES, help, inside_perturb
from cnnviz.ui.answer_bars import answer_bars
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.drawing_pad import drawing_pad
from cnnviz.ui.image_picker import uploader
from cnnviz.ui.inside import KEY, Inside, Trained
from cnnviz.ui.inside_perturb import BEFORE
from cnnviz.ui.inside_picture import as_pixels, draw_again, drop_own, heard_drawing, is_digits, take_drawing
from cnnviz.ui.picture_row import Shown, picture_row
from cnnviz.ui.settings import MINE, SAID, VIEWS, escaped

SOME: Final = 12  # held-out pictures that are offered to be chosen
PROBLEMS: Final = "problems"  # what could not be read, under the knobs
THUMBNAIL: Final = 42  # px
STEP: Final = 58
BARS: Final = {"asked": ("why", "fool"), **{view: (view,) for view in VIEWS}}  # of knobs, and the views they are for


def which_network(show: Controls, values: Mapping[str, Any]) -> None:
    """Choose it."""
    own: Trained | None = st.session_state.get(KEY)
    show.segments("network", "Network", help=help.TRAINED, label_visibility="collapsed")
    if values["network"] == MINE and not own:
        kept = "A network that you train is kept until its page is closed or loaded anew."
        st.info(f"{kept} There is none: this is one of ours.", icon=":material/school:")
        st.page_link(PAGES / "network" / "train.py", label="Train one", icon=":material/play_arrow:")


def picture(now: Inside, reading: Reading, ignored: Mapping[str, str]) -> None:
    """The pad, what a drawing becomes, and why something could not be used."""
    chosen = now.picture
    drawing_pad(
        as_pixels(chosen.image), key="pad", title=chosen.title, is_drawn=chosen.kind == "drawing",
        heard=heard_drawing(), said=_said(now), address=reading.address(), ignored=ignored, on_drawn=take_drawing,
    )  # fmt: skip
    if chosen.problem:
        st.error(escaped(chosen.problem), icon=":material/draw:")
    if chosen.kind != "example":
        st.caption(chosen.link_note)
        st.button("Back to the held-out picture", on_click=drop_own, type="tertiary", key="back_to_sample")
    if chosen.kind != "drawing" and heard_drawing():
        st.button("Back to your drawing", on_click=draw_again, type="tertiary", key="back_to_drawing")


def _said(now: Inside) -> str:
    """The answer, for those who listen."""
    share = f", {say_share(float(now.after[now.best]))}" if ending(now.trained.layers) != "none" else ""
    return f"It takes it for {now.classes[now.best]}{share}."


def about(now: Inside) -> None:
    """What the network is, how well it does, and how a drawing comes to be what it sees."""
    trained, data = now.trained, now.trained.data
    count = len(trained.said) if trained.measured is None else len(data.held_out)
    st.caption(
        f"**{escaped(trained.title)}**: right for **{say_share(trained.accuracy)}** of {count:,} pictures that it "
        f"never learned from. {escaped(trained.about)}"
    )
    _, height, width = data.shape
    if now.picture.steps:
        st.caption("**What it becomes** on the way to the network:")
        picture_row([Shown(*step) for step in now.picture.steps], key="steps", side=STEP)
    elif is_digits(data):
        st.caption("Draw a digit from 0 to 9: it is brought to 8×8 counts of ink, as those that it learned from were.")
    else:
        st.caption(f"Draw one of {escaped(', '.join(now.classes[:10]))}: it is averaged to {height}×{width} pixels.")


def other_pictures(show: Controls, now: Inside) -> None:
    """Pictures held out, and a person's own file."""
    held_out = now.trained.data.held_out
    number = int(show.value("example")) % len(held_out)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="held_out"):
        show.count("example", f"Held-out picture, of {len(held_out):,}", help=help.EXAMPLE, on_change=drop_own)
        st.button("One it gets wrong", on_click=_next_mistake, args=(now.trained, number), key="mistake")
    show.say("example")
    first = number // SOME * SOME
    some = range(first, min(first + SOME, len(held_out)))
    is_own = now.picture.kind != "example"
    picture_row(
        [Shown("", held_out.pixels[i], choose=str(i), is_chosen=i == number and not is_own) for i in some],
        key="thumbnails", side=THUMBNAIL, box="example", on_same=drop_own,
    )  # fmt: skip
    with st.container(key="upload"):
        uploader()


def _next_mistake(trained: Trained, after: int) -> None:
    wrong = trained.mistakes
    if len(wrong):
        later = wrong[wrong > after]
        st.session_state["example"] = float((later if len(later) else wrong)[0])
        drop_own()
    else:
        st.toast(f"It gets all {len(trained.said):,} right.")


def answer(now: Inside) -> None:
    """What it takes the picture for, in words and as bars."""
    right, best = now.picture.right, now.best
    how = ending(now.trained.layers)
    share = f" · {say_share(float(now.after[best]))}" if how != "none" else ""
    verdict = ""
    if right is not None:
        verdict = ", which is **right**" if best == right else f", but it is **{escaped(now.classes[right])}**"
    st.markdown(f"It takes it for **{escaped(now.classes[best])}**{share}{verdict}.", help=help.SHARES[how])
    said = {BEFORE: now.before, "now": now.after} if now.is_changed else {"now": now.after}
    st.html(answer_bars(said, now.classes, right, are_shares=how != "none"))
    if now.is_changed:
        st.caption("The picture is changed under **perturb**: all of this page sees the changed one.")
    if how == "sigmoid":
        st.caption("A sigmoid answers for each class alone: these do not add up to 1.")


def bars() -> dict[str, Any]:
    """Room for the knobs, in one row as far as they fit."""
    with st.container(horizontal=True, gap="small", key="knobs-inside"):
        found = {name: st.container(horizontal=name != "perturb", gap="small", key=f"knobs-{name}") for name in BARS}
    return found | {PROBLEMS: st.container(key="knobs-problems")}


def knobs(show: Controls, now: Inside, bars: Mapping[str, Any], layer: int) -> None:
    """All knobs, those of views that are not looked at too, since the address forgets what has no widget; see _only."""
    st.html(_only(str(show.value("view"))))
    with bars["asked"]:
        show.typed("class", "Class that is asked about", now.classes, help=help.CLASS)
        show.text("pixel", "Pixel", placeholder="row,column", help=help.PIXEL)
    with bars["why"]:
        show.slide("baseline", "Baseline, grey", 0, 1, 0.05, help=help.BASELINE)
        show.whole("patch", "Patch, pixels", 1, 16, help=help.COVER_PATCH)
    with bars["layer"]:
        show.text("layer", "Open layer, from 0", help=help.OPENED)
        show.segments("scale", "Colours by", help=help.SCALE)
        show.text("looks", "Shown", placeholder="0:all,2:7", help=help.LOOKS)
        show.text("pin", "Pinned cell", placeholder="0:12,20,3", help=help.PIN_OF_MAPS)
    with bars["filters"]:
        show.count("unit", "Map or output, from 0", help=help.MAP)
        is_map = len(now.trained.summary.rows[layer].output_shape) == 3
        show.segments("goal", "It is to raise", help=help.GOAL, disabled=not is_map)
    with bars["perturb"]:
        inside_perturb.knobs(show, now)
    with bars["fool"]:
        show.slide("epsilon", "ε, the size of the step", 0, 0.5, 0.005, help=help.EPSILON)
        show.segments("aim", "A step", help=help.AIM)
    with bars[PROBLEMS]:
        show.say("pixel", "layer", "looks", "pin", "unit", "class", *inside_perturb.CHANGES, "seed")
        if (name := show.value("class")) != SAID and name not in now.classes:
            with st.container(key="problem-no-class"):
                st.caption(f"This network knows no {escaped(name)}: what it says is asked about.")


def _only(view: str) -> str:
    """A style that hides the knobs of all views but one."""
    others = [name for name, views in BARS.items() if view not in views]
    hidden = ", ".join(f'[data-testid="stLayoutWrapper"]:has(> .st-key-knobs-{other})' for other in others)
    return f"<style>{hidden} {{ display: none; }}</style>"

"""The slide as a GIF: choose what slides, have it made, save it."""

from __future__ import annotations

import streamlit as st

from cnnviz.shapes import pair
from cnnviz.slide import Slide
from cnnviz.ui import slide_job
from cnnviz.ui.experiment import Experiment
from cnnviz.ui.stage_view import StageMap

ABOUT = "The window slides over the map before it, row by row, and the output fills in cell by cell."
LOOK_EVERY = 0.15  # s


def slide_as_gif(now: Experiment, is_open: bool) -> None:
    """Show it in the current container. A GIF of what is no longer shown is dropped, even while this is closed."""
    if not is_open and slide_job.KEY not in st.session_state:
        return
    slides = slides_of(now)
    job = slide_job.current(slides)
    if not is_open:
        return
    st.caption(ABOUT)
    title = st.segmented_control(
        "What slides", tuple(slides), default=job.title if job else "Convolution", required=True, key="slide_stage",
        label_visibility="collapsed",
    )  # fmt: skip
    title = title if title in slides else "Convolution"
    if job and job.title != title:
        slide_job.drop()
        job = None
    place = st.empty()
    if (not job or job.problem) and place.button("Make the GIF", key="make_slide", width="stretch"):
        job = slide_job.start(title, slides[title])
        if not job.problem:
            place.empty()
    if not job:
        return
    if not job.over.is_set():
        st.fragment(_watch, run_every=LOOK_EVERY)(job)
    elif job.problem:
        st.warning(job.problem, icon=":material/info:")
    else:
        place.download_button(
            "Save slide.gif", job.data, "slide.gif", "image/gif", key="save_slide", on_click="ignore", width="stretch"
        )
        st.caption(f"{job.seconds:.1f} s, {len(job.data) / 1000:.0f} kB")
        st.image(job.data, alt=f"{title}: {ABOUT}")


def _watch(job: slide_job.Job) -> None:
    """A bar that moves. Once the job is over the whole page runs, and this is not shown, so nobody looks again."""
    if job.over.is_set():
        st.rerun()
    st.progress(job.share, f"Making the GIF: {job.share:.0%}")


def slides_of(now: Experiment) -> dict[str, Slide]:
    """By title: the convolution, and the pool if there is one."""
    slides = {}
    for before, entry in zip(now.maps, now.maps[1:]):
        layer = {"conv": now.conv, "pool": now.pool}.get(entry.name)
        if layer:
            top, _, left, _ = entry.how.get("pads", (0, 0, 0, 0))  # a convolution's are in the map before it
            slides[entry.title] = Slide(
                before.maps, entry.maps[0], before.colors, entry.colors, pair(layer.kernel_size, "kernel_size"),
                pair(layer.stride, "stride"), pair(layer.dilation, "dilation"), (top, left), _start(now, entry),
            )  # fmt: skip
    return slides


def _start(now: Experiment, entry: StageMap) -> int:
    """The pinned cell, or the one that lies where it does on another stage; 0 where none is pinned."""
    stage, *place = now.values.get("pin") or ("", 0, 0)
    held = next((other.maps.shape[1:] for other in now.maps if other.name == stage), None)
    if not held or any(at >= size for at, size in zip(place, held)):
        return 0
    height, width = entry.maps.shape[1:]
    return place[0] * height // held[0] * width + place[1] * width // held[1]

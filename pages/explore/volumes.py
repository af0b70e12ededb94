"""Volumes: a picture is a block of numbers, filters go through all of it, and their maps are a block again."""

import streamlit as st

from cnnviz.ui import consequences, controls, help, volumes
from cnnviz.ui.chosen_image import chosen_image
from cnnviz.ui.image_picker import image_picker
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.settings import VOLUMES
from cnnviz.ui.stage_view import stage_view
from cnnviz.ui.workbench import workbench

INTRODUCTION = (
    "A colour picture is a block: height × width × 3, written 3×H×W as in PyTorch. A filter is small but goes through "
    "the *whole depth*: one grid of weights a channel. Each makes one map, and all maps are the next block. Drag a "
    "block to turn it, point at a cell to take it apart."
)

ignored = controls.reset_unreadable(VOLUMES)
reading = controls.read(VOLUMES)
values = reading.values
show = controls.Controls(reading)
chosen = chosen_image({**values, "size": volumes.picture_size(values)})
now = volumes.run(values, chosen)

st.title("Blocks of numbers, and filters through them", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
view, knobs = workbench()

with view:
    stage_view(
        now.maps, key="stages", ignored=ignored, address=reading.address(), follow=now.follow, looks=now.looks,
        usual=volumes.USUAL, selects={"0": ("filter", now.filter)}, pin=values["pin"], check=now.check(values["pin"]),
        notice=now.notice, link_note=chosen.link_note, tall=0.36,
    )  # fmt: skip
    if now.layer and not now.error:
        if values["patch"] == "image":
            consequences.of_whole_patch(*volumes.both_ways(now))
        consequences.of_counts(volumes.counts(now))

with knobs:
    st.subheader("Filters", anchor=False)
    with st.container(horizontal=True, gap="small"):
        show.whole("filters", "How many, K", 1, 64, help=help.FILTERS)
    show.segments("patch", "Patch", help=help.PATCH)
    is_whole = values["patch"] == "image"
    with st.container(horizontal=True, gap="small"):
        show.typed("kernel_size", "Size", ("1", "2", "3", "5", "7", "3,1"), disabled=is_whole, help=help.KERNEL_SIZE)
        show.typed("stride", "Stride", ("1", "2", "3", "4"), disabled=is_whole, help=help.STRIDE)
    show.say("kernel_size", "stride")
    with st.container(horizontal=True, gap="small"):
        show.typed("padding", "Padding", ("valid", "same", "1", "2"), disabled=is_whole, help=help.PADDING)
        show.number("bias", "Bias, added", help=help.ADDED_BIAS)
    show.say("padding", "bias")
    consequences.of_error(now.error)
    if now.layer and not now.error:
        consequences.formula(now.layer.formula(tuple(now.image.shape[1:])))
    with st.container(horizontal=True, gap="small"):
        show.picked("init", "Drawn by", help=help.INIT)
        show.count("seed", "Seed", help=help.SEED)
    show.say("init", "seed")
    # The boxes stay whatever cannot work: an edit may be what is wrong.
    show.count("filter", f"Filter, of {values['filters']} (the first is 0)", disabled=is_whole, help=help.FILTER)
    if not is_whole and not now.error:
        weight = now.parameters["weight"][now.filter]
        kernel_grid(
            volumes.rows_of(weight), reading.texts["edits"], key="kernel_grid", box="edits", planes=now.planes,
            entry=now.filter, presets=volumes.presets(*weight.shape), is_fixed=True, about=volumes.about(now),
        )  # fmt: skip
    show.text("edits", "Filters as text", disabled=is_whole, help=help.EDITS)
    show.say("filter", "edits")
    st.subheader("Picture", anchor=False)
    image_picker(show, chosen)
    with st.container(horizontal=True, gap="small"):
        show.text("looks", "Shown", placeholder="input:stack,0:7", help=help.LOOKS)
        show.text("pin", "Pinned cell", placeholder="0:12,20,3", help=help.PIN_OF_MAPS)
    show.say("looks", "pin")
    consequences.of_pin(values["pin"], now.maps)

controls.settle(reading)

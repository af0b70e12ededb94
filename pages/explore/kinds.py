"""Kinds of convolution, side by side on the same maps."""

import streamlit as st

from cnnviz.ui import comparison, consequences, controls, help, kind_knobs
from cnnviz.ui.chosen_image import chosen_image
from cnnviz.ui.image_picker import image_picker
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.settings import KINDS_PAGE
from cnnviz.ui.stage_view import stage_view
from cnnviz.ui.workbench import workbench

INTRODUCTION = (
    "The same maps go through different kinds of convolution, made of the same weights as far as they go. Compare what "
    "comes out, where it differs, what it costs, and which pixels one output cell sees."
)

ignored = controls.reset_unreadable(KINDS_PAGE)
reading = controls.read(KINDS_PAGE)
values = reading.values
show = controls.Controls(reading)
chosen = chosen_image(values)
now = comparison.run(values, chosen)

st.title("Kinds of convolution", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
view, knobs = workbench()

with view:
    stage_view(
        now.maps, key="stages", places=now.places, columns=now.columns, ignored=ignored, address=reading.address(),
        looks=values["looks"], usual=now.usual, alike=now.outputs, pin=values["pin"],
        check=now.check(values["pin"]), notice=now.notice, link_note=chosen.link_note, tall=0.21,
    )  # fmt: skip
    consequences.of_kinds(now.branches)

with knobs:
    st.subheader("Compare", anchor=False)
    kind_knobs.examples(show)
    kind_knobs.choose_kinds(show, values, now)
    st.subheader("Weights", anchor=False)
    show.segments("weights", "Weights", label_visibility="collapsed", help=help.WEIGHTS)
    kind_knobs.say_of_kernel(values)
    kernel_grid(values["kernel"], reading.texts["kernel"], key="kernel_grid", box="kernel")
    show.text("kernel", "Kernel as text", help=help.KERNEL)
    show.say("kernel")
    with st.container(horizontal=True, gap="small"):
        show.picked("init", "Drawn by", help=help.INIT)
        show.count("seed", "Seed", help=help.SEED)
    show.say("seed")
    kind_knobs.say_of_drawing(values)
    st.subheader("Maps in and out", anchor=False)
    with st.container(horizontal=True, gap="small"):
        show.picked("maps", "Channels in, C", help=help.MAPS)
        show.count("out_channels", "Filters, K", help=help.FILTERS)
    show.typed("padding", "Padding", ("valid", "same", "1", "2"), help=help.KIND_PADDING)
    show.say("out_channels", "padding")
    kind_knobs.say_of_padding(values)
    image_picker(show, chosen)
    with st.container(horizontal=True, gap="small"):
        show.text("looks", "Shown", placeholder="a0:all,b1:7", help=help.LOOKS)
        show.text("pin", "Pinned cell", placeholder="a0:12,20,3", help=help.PIN_OF_MAPS)
    show.say("looks", "pin")
    consequences.of_pin(values["pin"], now.maps)

controls.settle(reading)

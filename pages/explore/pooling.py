"""Activation and pooling: what becomes of each value, who wins a window, and what a shift of the picture does."""

import streamlit as st

from cnnviz.kernels import KERNELS
from cnnviz.ui import consequences, controls, help, pooling, pooling_consequences
from cnnviz.ui.activation_chart import activation_chart
from cnnviz.ui.chosen_image import chosen_image
from cnnviz.ui.image_picker import image_picker
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.settings import POOLING
from cnnviz.ui.stage_view import stage_view
from cnnviz.ui.workbench import workbench

INTRODUCTION = (
    "An *activation* does the same to each number by itself: its curve says what comes out. *Pooling* then makes one "
    "number of each window of the map. Drag the pink dot on a curve that has one, change the window, shift the "
    "picture by a pixel, and see what comes through and what is lost."
)

ignored = controls.reset_unreadable(POOLING)
reading = controls.read(POOLING)
values = reading.values
show = controls.Controls(reading)
chosen = chosen_image(values)
now = pooling.run(values, chosen)
is_image = values["source"] == "image"

st.title("What comes through", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
view, knobs = workbench()

with view:
    stage_view(
        now.maps, key="stages", places=now.places, columns=5, ignored=ignored, address=reading.address(),
        looks=values["looks"], alike=now.alike, pin=values["pin"], check=now.check(values["pin"]),
        notice=now.notice, link_note=chosen.link_note if is_image else "", tall=0.2,
    )  # fmt: skip
    if not now.stale:
        pooling_consequences.of_shift(now.comparisons(), now.pool, now.by)

with knobs:
    show.segments("source", "Input", help=help.SOURCE)
    if not is_image:
        kernel_grid(
            values["numbers"], reading.texts["numbers"], key="numbers_grid", box="numbers", of="input", is_fixed=True,
            presets=pooling.PRESETS, about="Your own numbers.",
        )  # fmt: skip
        show.text("numbers", "Numbers as text", help=help.NUMBERS)
        show.say("numbers")

    st.subheader("Activation", anchor=False)
    show.picked("activation", "Function", help=help.ACTIVATION)
    show.parameters(values["activation"])
    name, parameters = pooling.function(values)
    activation_chart(name, parameters, now.before, now.rounding, key="chart")
    if not now.stale:
        pooling_consequences.of_effect(name, now.effect)
        if now.activation:
            consequences.shares_alone(now.activation, now.pooled_from)

    st.subheader("Pooling", anchor=False)
    is_off, windows = values["pool"] == "none", values["pool_windows"]
    show.picked("pool", "Kind", help=help.POOL)
    show.segments("pool_windows", "Windows", disabled=is_off, help=help.POOL_WINDOWS)
    if windows == "window":
        with st.container(horizontal=True, gap="small"):
            show.typed("pool_size", "Size", ("2", "3", "4", "2,1"), disabled=is_off, help=help.POOL_SIZE)
            show.typed("pool_stride", "Stride", ("1", "2", "3", "4"), disabled=is_off, help=help.POOL_STRIDE)
        show.typed("pool_padding", "Padding", ("valid", "same", "0", "1"), disabled=is_off, help=help.POOL_PADDING)
        show.say("pool_size", "pool_stride", "pool_padding")
    elif windows == "adaptive":
        show.typed("output_size", "Output size", ("1", "2", "3", "4", "7"), disabled=is_off, help=help.OUTPUT_SIZE)
        show.say("output_size")
    consequences.of_error(now.pool_error)
    if now.pool and not now.stale:
        pooling_consequences.of_windows(now.pool, tuple(now.pooled_from.shape[1:]))
        pooling_consequences.of_wins(now.wins, now.pool.kind)

    st.subheader("Shift the picture", anchor=False)
    show.whole("shift", "Right, pixels", 0, 8, help=help.SHIFT)
    show.whole("shift_down", "Down, pixels", 0, 8, help=help.SHIFT_DOWN)
    show.say("shift", "shift_down")

    if is_image:
        st.subheader("Picture and kernel", anchor=False)
        with st.container(horizontal=True, gap="small"):
            show.typed("kernel", "Kernel", tuple(KERNELS), help=help.KERNEL)
            show.number("bias", "Bias", help=help.BIAS)
        show.say("kernel", "bias")
        consequences.of_error(now.conv_error)
        image_picker(show, chosen)
    with st.container(horizontal=True, gap="small"):
        show.text("looks", "Shown", placeholder="input:rgb", help=help.LOOKS)
        show.text("pin", "Pinned cell", placeholder="pool:3,4", help=help.PIN)
    show.say("looks", "pin")
    consequences.of_pin(values["pin"], now.maps)

controls.settle(reading)

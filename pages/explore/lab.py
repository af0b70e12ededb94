"""The Lab: one image, one kernel, and every stage from pixels to pooled map."""

import streamlit as st

from cnnviz.ui import controls, help, lab, take_away
from cnnviz.ui.image_picker import image_picker
from cnnviz.ui.settings import LAB

INTRODUCTION = (
    "A kernel is a small grid of weights. It slides over the picture, and at each place the pixels under it are "
    "multiplied by its weights and added up: one cell of a new picture. That is a *convolution* (in PyTorch and here "
    "without flipping the kernel: cross-correlation). Change anything below and see what it does."
)

controls.reset_unreadable(LAB)
reading = controls.read(LAB)
values = reading.values
show = controls.Controls(reading, lab.PARTS)

st.title("From pixels to feature map", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
lab.picture()
now = lab.now()
with st.container(key="knobs"):
    # Each column stands under the stage that it changes.
    image_column, padding_column, kernel_column, activation_column, pool_column = st.columns(5, gap="medium")

with image_column:
    st.subheader("Image", anchor=False)
    image_picker(show, now.chosen)

with padding_column:
    st.subheader("Padding and stride", anchor=False)
    show.typed("padding", "Padding", ("valid", "same", "0", "1", "2", "1,2"), help=help.PADDING)
    show.say("padding")
    with st.container(horizontal=True, gap="small"):
        show.picked("padding_mode", "Filled with", help=help.PADDING_MODE)
        off = values["padding_mode"] != "constant"
        show.number("padding_value", "Constant", disabled=off, help=help.PADDING_VALUE)
    show.say("padding_value")
    with st.container(horizontal=True, gap="small"):
        show.typed("stride", "Stride", ("1", "2", "3", "4", "2,1"), help=help.STRIDE)
        show.typed("dilation", "Dilation", ("1", "2", "3", "4", "2,1"), help=help.DILATION)
    show.say("stride", "dilation")
    lab.sizes()

with kernel_column:
    st.subheader("Kernel", anchor=False)
    lab.kernel()
    with st.container(horizontal=True, gap="small"):
        show.text("kernel", "Kernel as text", help=help.KERNEL)
        show.number("bias", "Bias", help=help.BIAS)
    show.say("kernel", "bias")

with activation_column:
    st.subheader("Activation", anchor=False)
    show.picked("activation", "Function", help=help.ACTIVATION)
    lab.activation()
    lab.effect()
    show.text("pin", "Pinned cell", placeholder="conv:12,40", help=help.PIN)
    show.say("pin")

with pool_column:
    st.subheader("Pooling", anchor=False)
    off = values["pool"] == "none"
    show.picked("pool", "Kind", help=help.POOL)
    with st.container(horizontal=True, gap="small"):
        show.typed("pool_size", "Window", ("2", "3", "4", "2,1"), disabled=off, help=help.POOL_SIZE)
        show.typed("pool_stride", "Stride", ("1", "2", "3", "4"), disabled=off, help=help.POOL_STRIDE)
    show.say("pool_size", "pool_stride")
    show.typed("pool_padding", "Padding", ("valid", "same", "0", "1"), disabled=off, help=help.POOL_PADDING)
    show.say("pool_padding")
    lab.pool()

take_away.take_away(now)
controls.settle(reading, lab.PARTS)

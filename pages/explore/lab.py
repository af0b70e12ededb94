"""The Lab: one image, one kernel, and every stage from pixels to pooled map."""

import streamlit as st

from cnnviz.ui import consequences, controls, experiment, take_away
from cnnviz.ui.image_picker import chosen_image, image_picker
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.settings import LAB
from cnnviz.ui.stage_view import stage_view

INTRODUCTION = (
    "Pick a picture or drop your own, edit the kernel, turn the knobs. As in PyTorch, *convolution* here is "
    "cross-correlation: the kernel is laid on the image as it stands, not flipped."
)

ignored = controls.reset_unreadable(LAB)
reading = controls.read(LAB)
values = reading.values
show = controls.Controls(reading)
chosen = chosen_image(values)
now = experiment.run(values, chosen)

st.title("From pixels to feature map", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
stage_view(
    now.maps, key="stages", follow=now.follow, ignored=ignored, notice=now.notice, link_note=now.link_note
)
image_column, convolution_column, kernel_column, activation_column, pool_column = st.columns(5, gap="medium")

with image_column:
    st.subheader("Image", anchor=False)
    image_picker(show, chosen)

with convolution_column:
    st.subheader("Convolution", anchor=False)
    show.typed("padding", "Padding", ("valid", "same", "0", "1", "2", "1,2"), help=experiment.PADDING_HELP)
    show.say("padding")
    with st.container(horizontal=True, gap="small"):
        show.picked("padding_mode", "Filled with")
        show.number("padding_value", "Constant", disabled=values["padding_mode"] != "constant")
    with st.container(horizontal=True, gap="small"):
        show.typed("stride", "Stride", ("1", "2", "3", "4", "2,1"), help=experiment.STRIDE_HELP)
        show.typed("dilation", "Dilation", ("1", "2", "3", "4", "2,1"), help=experiment.DILATION_HELP)
        show.number("bias", "Bias", help="A number added to every sum.")
    show.say("stride", "dilation")
    consequences.of_error(now.conv_error)
    if now.conv and not now.stale:
        consequences.of_convolution(now.conv, now.shape)

with kernel_column:
    st.subheader("Kernel", anchor=False)
    kernel_grid(values["kernel"], key="kernel_grid", on_change=lambda text: st.session_state.update(kernel=text))
    show.text("kernel", "Kernel as text", help=experiment.KERNEL_HELP)
    show.say("kernel")

with activation_column:
    st.subheader("Activation", anchor=False)
    show.picked("activation", "Function", help=experiment.ACTIVATION_HELP)
    show.parameters(values["activation"])
    if now.activation and not now.stale:
        consequences.of_activation(now.activation, now.stage("conv"), now.stage("activation"))

with pool_column:
    st.subheader("Pooling", anchor=False)
    off = values["pool"] == "none"
    show.picked("pool", "Kind", help=experiment.POOL_HELP)
    with st.container(horizontal=True, gap="small"):
        show.typed("pool_size", "Window", ("2", "3", "4", "2,1"), disabled=off)
        show.typed("pool_stride", "Stride", ("1", "2", "3", "4"), disabled=off)
    show.typed("pool_padding", "Padding", ("valid", "same", "0", "1"), disabled=off, help=experiment.PADDING_HELP)
    show.say("pool_size", "pool_stride", "pool_padding")
    consequences.of_error(now.pool_error)
    if now.pool and not now.stale:
        consequences.of_pool(now.pool, now.pool_shape)

take_away.take_away(now)
controls.settle(reading)

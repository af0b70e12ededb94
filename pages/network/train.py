"""A network, or a single kernel, learns step by step: what it is told, how it answers, what its filters become."""

import streamlit as st

from cnnviz.ui import controls
from cnnviz.ui.kernel_lesson import kernel_lesson
from cnnviz.ui.network_lesson import network_lesson
from cnnviz.ui.settings import TRAIN

INTRODUCTIONS = {
    "network": "It sees pictures with their names, a batch at a time; each step moves every weight a little so that "
    "its answers would have been better. Nobody tells it what a filter should look for.",
    "kernel": "One kernel, one picture, and the picture that the kernel should make of it: each step moves every "
    "weight against the slope of the mean squared error.",
}

ignored = controls.reset_unreadable(TRAIN)
reading = controls.read(TRAIN)
task = reading.values["task"]
show = controls.Controls(reading)

st.title("Watch it learn", anchor=False)
show.segments("task", "What learns", label_visibility="collapsed")
st.caption(INTRODUCTIONS[task])
controls.say_unreadable(reading)
lesson = network_lesson if task == "network" else kernel_lesson
lesson(show, reading, ignored)
controls.settle(reading)

"""A network learns, step by step: what it is told, how it answers, and how its filters become what they are."""

import streamlit as st

from cnnviz.ui import controls, training, training_knobs, training_results
from cnnviz.ui.settings import TRAIN
from cnnviz.ui.training_live import live
from cnnviz.ui.workbench import workbench

INTRODUCTION = (
    "It sees pictures with their names, a batch at a time; each step moves every weight a little so that its answers "
    "would have been better. Nobody tells it what a filter should look for."
)

controls.reset_unreadable(TRAIN)
reading = controls.read(TRAIN)
values = reading.values
show = controls.Controls(reading)
now = training.lesson(values)
training.warm()

st.title("Watch a network learn", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
training_knobs.beginnings(show)
view, knobs = workbench()

with view:
    training_knobs.refused(now)
    live(now, values, reading.texts["net"])
    training_results.results(now)

with knobs:
    training_knobs.recipe(show, now)

controls.settle(reading)

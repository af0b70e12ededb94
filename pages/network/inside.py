"""Look inside a network that has learned: draw for it, see every layer, ask why, change the picture, fool it."""

import streamlit as st

from cnnviz.ui import controls, help, inside, inside_filters, inside_fool, inside_head, inside_perturb, inside_why
from cnnviz.ui.limits import OVERFLOW
from cnnviz.ui.network_columns import columns_of
from cnnviz.ui.network_parts import opened_layer
from cnnviz.ui.network_view import network_view
from cnnviz.ui.settings import INSIDE

INTRODUCTION = (
    "It has learned, and its weights stay as they are. Draw something for it, or take a picture that it has never "
    "seen: every layer answers at once, and you can ask why."
)
ignored = controls.reset_unreadable(INSIDE)
inside.take_mistake()
reading = controls.read(INSIDE)
values = reading.values
show = controls.Controls(reading)

st.title("Inside a trained network", anchor=False)
st.caption(INTRODUCTION)
controls.say_unreadable(reading)
now = inside.look(values)
inside_head.which_network(show, values)
with st.container(key="inside"):
    left, right = st.columns([1, 3.1], gap="medium")
with left:
    inside_head.picture(now, reading, ignored)
with right:
    answers, about = st.columns([1.5, 1], gap="medium")
    with answers:
        inside_head.answer(now)
    with about:
        inside_head.about(now)
    network_view(
        columns_of(now.network), key="row", box="", heard="", opened=now.layer(values), open_box="layer",
        scale=values["scale"], is_fixed=True,
    )  # fmt: skip
    show.segments("view", "Look at", label_visibility="collapsed")
    st.caption(help.VIEWS[values["view"]], help=help.WORDS[values["view"]])
    bars = inside_head.bars()
    view = values["view"]
    if not now.works:
        st.warning(OVERFLOW, icon=":material/error:")
    elif view == "why":
        inside_why.why(now, values)
    elif view == "layer":
        opened_layer(now.network, now.layer(values), reading, ignored, now.picture.link_note)
    elif view == "filters":
        inside_filters.filters(now, values)
    elif view == "perturb":
        inside_perturb.perturb(now)
    else:
        inside_fool.fool(now, values)
with left:
    inside_head.other_pictures(show, now)
inside_head.knobs(show, now, bars, now.layer(values))
controls.settle(reading)

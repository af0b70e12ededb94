"""A network: stack layers on a picture, see the whole way from pixels to shares, and open each step."""

import streamlit as st

from cnnviz.prepared_networks import NETWORKS
from cnnviz.ui import consequences, controls, help, network, network_fields, network_files, network_parts
from cnnviz.ui.chosen_image import chosen_image
from cnnviz.ui.image_picker import image_picker
from cnnviz.ui.network_columns import columns_of
from cnnviz.ui.network_view import network_view
from cnnviz.ui.settings import NETWORK
from cnnviz.ui.workbench import workbench

INTRODUCTION = (
    "Layer after layer, a picture becomes maps, maps become a vector, the vector becomes shares. Click a layer to open "
    "it, drag it to another place, press + to put one in."
)
DRAWN = "Its weights are drawn at random: it has learned nothing yet."
BROUGHT = "Its weights are those of your file; a link does not carry them."

ignored = controls.reset_unreadable(NETWORK)
reading = controls.read(NETWORK)
values = reading.values
show = controls.Controls(reading)
chosen = chosen_image(values)
now = network.run(values, chosen)
opened = min(values["layer"], len(now.layers) - 1)

st.title("A network, layer by layer", anchor=False)
st.caption(f"{INTRODUCTION} {BROUGHT if st.session_state.get('weights') else DRAWN}")
controls.say_unreadable(reading)
network_parts.prepared(show, NETWORKS)
network_view(
    columns_of(now), key="network", box="net", heard=reading.texts["net"], opened=opened, open_box="layer",
    scale=values["scale"], draw=network.draw(values)
)  # fmt: skip
consequences.of_error(now.error)
view, knobs = workbench()

with view:
    if network_parts.opened_layer(now, opened, reading, ignored, chosen.link_note):
        network_fields.fields(now, opened, values)
    network_parts.table(now)
    network_files.take_away(now)

with knobs:
    network_parts.about_layer(now, opened)
    show.segments("scale", "Colours by", help=help.SCALE)
    show.text("net", "Network as text", help=help.NET)
    show.say("net")
    with st.container(horizontal=True, gap="small"):
        show.count("layer", "Open layer, from 0", help=help.LAYER)
        show.count("unit", "Output of linear", help=help.UNIT)
    show.say("layer", "unit")
    st.subheader("Weights", anchor=False)
    with st.container(horizontal=True, gap="small"):
        show.picked("init", "Drawn by", help=help.INIT)
        show.count("seed", "Seed", help=help.SEED)
    show.text("edits", "First filters", placeholder="0=red-edges|1=upright-edges", help=help.EDITS)
    network_parts.filter_presets(show, now)
    show.say("init", "seed", "edits")
    network_parts.train_it(now, reading.texts["net"])
    network_files.bring(now)
    st.subheader("Picture", anchor=False)
    image_picker(show, chosen)
    with st.container(horizontal=True, gap="small"):
        show.text("looks", "Shown", placeholder="0:all,2:7", help=help.LOOKS)
        show.text("pin", "Pinned cell", placeholder="0:12,20,3", help=help.PIN_OF_MAPS)
    show.say("looks", "pin")

controls.settle(reading)

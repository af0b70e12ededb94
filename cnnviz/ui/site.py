"""The script that `st.App` runs: what all pages share, and the menu."""

import base64

import streamlit as st

from cnnviz.images import ASSETS
from cnnviz.ui import PAGES
from cnnviz.ui.components import FOLDER
from cnnviz.ui.places import wait_for_place
from cnnviz.ui.presence import say_lost, watch_presence

STYLE = (FOLDER / "everywhere" / "site.css").read_text(encoding="utf-8")

# Streamlit would fetch a named icon from another machine, and a file anew after every run.
ICON = "data:image/png;base64," + base64.b64encode((ASSETS / "icon.png").read_bytes()).decode()

st.set_page_config(page_title="cnnviz", page_icon=ICON, layout="wide")
st.html(f"<style>{STYLE}</style>")

menu = {
    "Explore": [
        st.Page(PAGES / "explore" / "lab.py", title="Lab", icon=":material/science:", default=True),
        st.Page(PAGES / "explore" / "volumes.py", title="Volumes", icon=":material/deployed_code:"),
        st.Page(PAGES / "explore" / "kinds.py", title="Kinds of convolution", icon=":material/category:"),
        st.Page(
            PAGES / "explore" / "pooling.py",
            title="Activation and pooling",
            icon=":material/filter_alt:",
        ),
    ],
    "Network": [
        st.Page(PAGES / "network" / "network.py", title="Network", icon=":material/hub:"),
        st.Page(PAGES / "network" / "train.py", title="Train", icon=":material/school:"),
        st.Page(PAGES / "network" / "inside.py", title="Inside", icon=":material/visibility:"),
    ],
}
page = st.navigation(menu, position="top")
if not wait_for_place():
    say_lost()
    page.run()
    watch_presence()

"""The script that `st.App` runs: what all pages share, and the menu."""

import streamlit as st

from cnnviz.images import ASSETS
from cnnviz.ui import PAGES
from cnnviz.ui.components import FOLDER

STYLE = (FOLDER / "everywhere" / "site.css").read_text(encoding="utf-8")

# A picture of ours: Streamlit would fetch a named icon from another machine.
st.set_page_config(page_title="cnnviz", page_icon=ASSETS / "icon.png", layout="wide")
st.html(f"<style>{STYLE}</style>")

menu = {
    "Explore": [
        st.Page(PAGES / "explore" / "lab.py", title="Lab", icon=":material/science:", default=True),
    ],
}
st.navigation(menu, position="top").run()

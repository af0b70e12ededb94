"""What a person takes home from the page Network, and what may be brought: code, weights, descriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cnnviz.hosting import HOSTING
from cnnviz.keras_code import keras_code
from cnnviz.network_json import NetworkJsonError, from_json, to_json
from cnnviz.network_text import format_network
from cnnviz.network_weights import WeightsError, read_weights, weights_file
from cnnviz.notebook import notebook
from cnnviz.summary_table import as_csv, as_markdown
from cnnviz.torch_code import torch_code
from cnnviz.ui.network import OWN_WEIGHTS, Network
from cnnviz.ui.settings import escaped
from cnnviz.ui.watch import rejected

MEGABYTES: Final = HOSTING.upload_mb  # of a file: 5 million parameters
COLORS: Final = {1: "gray", 3: "rgb"}
LOST: Final = "The file is not there any more: bring it again."

# By what it is called: the file's name, its type, the language it is shown in (none: it is not shown), what makes it.
Maker = Callable[[Network], str | bytes]
FILES: Final[dict[str, tuple[str, str, str | None, Maker]]] = {
    "PyTorch": ("network.py", "text/x-python", "python", lambda now: torch_code(now.layers, now.shape)),
    "Keras": ("network_keras.py", "text/x-python", "python", lambda now: keras_code(now.layers, now.shape)),
    "Notebook": ("network.ipynb", "application/x-ipynb+json", None, lambda now: notebook(
        now.layers, now.shape, now.parameters, now.image, now.outputs[-1]
    )),
    "Weights": ("weights.safetensors", "application/octet-stream", None, lambda now: weights_file(
        now.layers, now.parameters
    )),
    "JSON": ("network.json", "application/json", "json", lambda now: to_json(now.layers, now.shape)),
    "Table, CSV": ("network.csv", "text/csv", None, lambda now: as_csv(now.summary)),
    "Table, Markdown": ("network.md", "text/markdown", "markdown", lambda now: as_markdown(now.summary)),
}  # fmt: skip
ABOUT: Final = {
    "PyTorch": "Put weights.safetensors beside it. It needs torch and safetensors.",
    "Keras": "Put the same weights.safetensors beside it. It needs keras, with any of its backends, and safetensors.",
    "Notebook": "Network, weights and picture are in it; it makes the output anew and checks that it is the one here.",
    "Weights": "All tensors, by the names that nn.Sequential gives them.",
    "JSON": "The layers with all their settings; it can be brought back below.",
}


def take_away(now: Network) -> None:
    """Offer code and files; the one that is chosen is made."""
    with st.expander("Take it away", icon=":material/download:", on_change="rerun", key="take away") as box:
        if not box.open:
            return
        chosen = st.segmented_control("File", list(FILES), default="PyTorch", required=True, key="file kind",
                                      label_visibility="collapsed")  # fmt: skip
        name, mime, language, make = FILES[chosen]
        if len(now.outputs) <= len(now.layers) and not chosen.startswith("Table"):
            st.caption("A network that works can be taken away.")
            return
        try:
            made = make(now)
        except ValueError as error:  # what it cannot be written as, and why
            st.error(escaped(str(error)), icon=":material/code_off:")
            return
        st.caption(ABOUT.get(chosen, "What the table says, in full."))
        st.download_button(name, made, name, mime, icon=":material/download:", on_click="ignore")
        if language and isinstance(made, str):
            st.code(made, language, height=360)


def bring(now: Network) -> None:
    """Let a person bring weights or a description, and say what does not fit."""
    st.file_uploader(
        "Bring weights (.safetensors) or a network (.json)", ["safetensors", "json"], key="brought",
        max_upload_size=MEGABYTES, on_change=_take,
    )  # fmt: skip
    state = st.session_state
    if problem := state.get("file problem"):
        st.error(escaped(problem), icon=":material/error:")
    if state.get(OWN_WEIGHTS) is None:
        return
    st.button("Draw the weights again", on_click=_forget, key="draw again")
    if now.problems:
        shown = "  \n".join(escaped(line) for line in now.problems[:8])
        more = f"  \nand {len(now.problems) - 8} more." if len(now.problems) > 8 else ""
        st.warning(f"What does not fit stays as it was drawn:  \n{shown}{more}", icon=":material/rule:")
    elif now.parameters:
        st.caption("All tensors of your file are in place.")


def _take() -> None:
    """Read what was brought; what cannot be read changes nothing but a sentence."""
    state, file = st.session_state, st.session_state["brought"]
    state["file problem"] = ""
    if file is None:
        return
    if not isinstance(file, UploadedFile):  # the page came back to a server that never had it
        state["file problem"] = LOST
        return
    try:
        if file.name.lower().endswith(".json"):
            _describe(file.getvalue())
        else:
            state[OWN_WEIGHTS] = read_weights(file.getvalue())
    except (NetworkJsonError, WeightsError) as error:
        state["file problem"] = str(error)
        rejected("file")


def _describe(data: bytes) -> None:
    layers, (channels, height, width) = from_json(data)
    if channels not in COLORS or max(height, width) > 1024:
        raise NetworkJsonError(
            f"It was made for pictures of {channels}×{height}×{width}; here they are grey or RGB, up to 1024×1024."
        )
    side = str(height) if height == width else f"{height}x{width}"
    settings = {"net": format_network(layers), "color": COLORS[channels], "size": side}
    for name, text in settings.items():
        st.session_state[name] = text


def _forget() -> None:
    st.session_state[OWN_WEIGHTS] = None

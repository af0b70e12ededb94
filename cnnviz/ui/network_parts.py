"""Parts of the page Network: where one begins, the layer that is open, the table of costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import streamlit as st

from cnnviz.filter_presets import FILTERS
from cnnviz.filters import format_edits
from cnnviz.kernels import KernelError
from cnnviz.layers import Activation, Conv2d, Flatten, Linear, Shape
from cnnviz.network_text import NOTHING, format_layer
from cnnviz.prepared_networks import PreparedNetwork
from cnnviz.shapes import times
from cnnviz.ui import PAGES, help
from cnnviz.ui.checking import check
from cnnviz.ui.consequences import formula
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.dense_view import MOST_CELLS, dense_view
from cnnviz.ui.network import OWN_WEIGHTS, Network
from cnnviz.ui.network_stages import is_dense, opened, title_of
from cnnviz.ui.settings import escaped
from cnnviz.ui.stage_view import Look, stage_view

MOST_GIVEN: Final = 2_000_000  # values that travel with a layer that is opened: 8 MB
KEPT: Final = ("image", "fit", "frame", "init", "scale")  # of the settings, when another network begins


def prepared(show: Controls, networks: Mapping[str, PreparedNetwork]) -> None:
    """Buttons that put a prepared network on the page, or take all layers away."""

    def begin(settings: Mapping[str, str], keep: Sequence[str] = KEPT) -> None:
        show.set_all(settings, keep)
        st.session_state[OWN_WEIGHTS] = None

    with st.container(horizontal=True, gap="small", key="examples"):
        st.caption("Begin with:")
        for name, entry in networks.items():
            settings = {"net": entry.text, "size": str(entry.side), "color": entry.color}
            st.button(
                entry.title, key=f"prepared-{name}", on_click=begin, args=(settings,), type="tertiary", help=entry.about
            )  # fmt: skip
        st.button(
            "Nothing", key="prepared-nothing", on_click=begin, args=({"net": NOTHING}, (*KEPT, "size", "color")),
            type="tertiary", help="Takes all layers away; the picture stays.",
        )  # fmt: skip


def train_it(network: Network, text: str) -> None:
    """A link that takes the network to the page Train.

    That page calls its setting `layers`: Streamlit gives the next page no parameter that a widget here is bound to.
    """
    data = "digits" if network.shape[0] == 1 else "shapes"
    st.page_link(
        PAGES / "network" / "train.py", label="Train it", icon=":material/school:", help=help.TRAIN_IT,
        query_params={"data": data, "layers": text},
    )  # fmt: skip


def opened_layer(network: Network, index: int, reading: Reading, ignored: Mapping[str, str], link_note: str) -> bool:
    """The layer that is open, taken apart; whether there is one."""
    if index < 0 or index + 1 >= len(network.outputs):
        fault = network.summary.fault
        if fault and fault.index == index:
            st.warning(f"Layer {index + 1} cannot work: {escaped(str(fault.error))}.", icon=":material/build:")
        else:
            st.caption("A layer that works can be opened here." if network.layers else "Press + to put a layer in.")
        return False
    values = reading.values
    if is_dense(network, index):
        _dense(network, index, values["unit"])
        return True
    if _given(network, index) > MOST_GIVEN:
        st.caption("What this layer takes is too large to be opened here: make the picture smaller.")
        return True
    maps, layered = opened(network, index)
    usual: dict[str, Look] = {each.name: "all" for each in maps if len(each.maps) > 1 and not each.picture}
    pin = values["pin"]
    found = check(pin, layered.stages, [layered.parameters], {str(index): "conv"}) if layered else None
    stage_view(
        maps, key="stages", ignored=ignored, address=reading.address(), looks=values["looks"], usual=usual, pin=pin,
        check=found, link_note=link_note, tall=0.26,
    )  # fmt: skip
    return True


def about_layer(network: Network, index: int) -> None:
    """How large its output is and why, and how far its cells see."""
    if not 0 <= index < len(network.summary.rows):
        return
    row = network.summary.rows[index]
    st.subheader(f"Layer {title_of(network, index + 1)}", anchor=False)
    name = type(row.layer).__name__
    is_softmax = isinstance(row.layer, Activation) and row.layer.name == "softmax"
    st.caption(help.LAYER_TYPES["softmax" if is_softmax else name])
    formula(row.formula)
    if row.field:
        size, stride = times(row.field.size), times(row.field.stride)
        further = f"the next one {stride} further" if any(row.field.stride) else "all of them the same"
        sides = zip(row.field.size, network.shape[1:])
        everything = "more than the whole picture: " if all(seen > side for seen, side in sides) else ""
        st.caption(f"Each of its cells sees {everything}{size} pixels, padding counted, {further}.")


def _dense(network: Network, index: int, unit: int) -> None:
    layer, before = network.layers[index], network.before(index)[0]
    if before.numel() > MOST_CELLS:
        st.caption(f"Its {before.numel():,} inputs are too many to be shown one by one: make the picture smaller.")
        return
    flat, after = before[0].flatten().numpy(), network.outputs[index + 1][0].numpy()
    if isinstance(layer, Flatten):
        dense_view("flatten", flat, flat[:0], key="dense", maps=tuple(before.shape[1:]))
    elif isinstance(layer, Linear):
        tensors = network.parameters[index]
        unit = min(unit, layer.out_features - 1)
        bias = float(tensors["bias"][unit]) if layer.bias else 0.0
        weight, maps = tensors["weight"][unit].numpy(), _maps_before(network, index)
        dense_view(
            "linear", flat, after, key="dense", maps=maps, weight=weight, bias=bias, unit=unit, box="unit"
        )  # fmt: skip
    else:
        assert isinstance(layer, Activation)
        dense_view("softmax", flat, after, key="dense")


def _given(network: Network, index: int) -> int:
    """How many values of other layers travel to the browser with this one; those of the picture are its pixels."""
    sources = network.layers[index].sources(index)
    return sum(output.numel() for at, output in zip(sources, network.before(index)) if at > 0)


def _maps_before(network: Network, index: int) -> Shape:
    """The maps that a vector was before it was flattened; empty where other layers came between that mixed it."""
    for layer, output in zip(reversed(network.layers[:index]), reversed(network.outputs[:index])):
        if isinstance(layer, Flatten):
            return tuple(output.shape[1:]) if output.ndim == 4 else ()
        if isinstance(layer, Linear):
            break
    return ()


def filter_presets(show: Controls, network: Network) -> None:
    """A menu of filters by name, which go into the first convolution one after another."""
    first = next((layer for layer in network.layers if isinstance(layer, Conv2d)), None)
    if not first:
        return

    def put() -> None:
        state, edits = st.session_state, dict(show.value("edits"))
        place = next((at for at in range(first.out_channels) if at not in edits), first.out_channels - 1)
        try:
            state["edits"] = format_edits(edits | {place: state["filter preset"]})
        except KernelError as full:
            st.toast(escaped(str(full)))
        state["filter preset"] = None

    st.selectbox(
        "Put in a filter", list(FILTERS), None, key="filter preset", on_change=put, placeholder="by its name",
        help=help.PRESET_FILTER,
    )  # fmt: skip


def table(network: Network) -> None:
    """What each layer makes and costs, with totals."""
    rows = network.summary.rows
    if not rows:
        return
    frame: dict[str, Any] = {
        "layer": [f"{index} {format_layer(row.layer)}" for index, row in enumerate(rows, 1)],
        "output": [times(row.output_shape) for row in rows],
        "parameters": [row.parameters for row in rows],
        "share": [row.parameters / max(1, network.summary.parameters) for row in rows],
        "multiply-adds": [row.macs for row in rows],
        "share ": [row.macs / max(1, network.summary.macs) for row in rows],
        "memory, kB": np.array([row.memory for row in rows]) / 1000,
        "sees": [times(row.field.size) if row.field else "varies" for row in rows],
        "step": [times(row.field.stride) if row.field else "varies" for row in rows],
        "from": [f"{row.field.start[0]}, {row.field.start[1]}" if row.field else "varies" for row in rows],
    }
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width="small")
    st.dataframe(frame, hide_index=True, height="content", column_config={"share": share, "share ": share})
    total = network.summary
    st.caption(
        f"Together **{total.parameters:,} parameters**, **{total.macs:,} multiply-adds** for one picture, and "
        f"{total.memory / 1000:,.0f} kB of maps."
    )

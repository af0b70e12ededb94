"""The controls of the page Kinds: which kind stands in which place, with the options that it heeds; and examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from cnnviz.kinds import KINDS
from cnnviz.shapes import times
from cnnviz.ui import consequences, help
from cnnviz.ui.comparison import Branch, Comparison, groups_of
from cnnviz.ui.controls import Controls
from cnnviz.ui.settings import SLOTS

# What is worth seeing first: by title, the settings that are not at their defaults.
EXAMPLES: Final[Mapping[str, Mapping[str, str]]] = {
    "Separable": {},
    "Groups": {"kind_b": "grouped", "kind_c": "depthwise"},
    "Dilation": {
        "kind_b": "dilated", "maps": "image", "out_channels": "1", "weights": "kernel", "color": "gray",
    },
    "Gridding": {
        "kind_a": "stacked", "kind_b": "sawtooth", "maps": "image", "out_channels": "1", "color": "gray",
        "image": "moving-dot", "kernel": "box", "weights": "kernel", "size": "48",
    },
    "Checkerboard": {
        "kind_a": "transposed", "kind_b": "transposed", "stride_b": "3", "maps": "image", "out_channels": "1",
        "color": "gray", "image": "camera", "kernel": "box", "weights": "kernel", "size": "48",
    },
}  # fmt: skip


def choose_kinds(show: Controls, values: Mapping[str, Any], now: Comparison) -> None:
    """Show the places A, B and C."""
    branches = {branch.slot: branch for branch in now.branches}
    for slot in SLOTS:
        branch = branches.get(slot)
        knobs = KINDS[values[f"kind_{slot}"]].knobs if branch else ()
        with st.container(horizontal=True, gap="small"):
            show.picked(f"kind_{slot}", slot.upper())
            for knob in knobs:
                _knob(show, f"{knob}_{slot}", knob, now.channels)
        show.say(*(f"{knob}_{slot}" for knob in knobs))
        if branch:
            _say(branch, values, now.channels)


def _knob(show: Controls, name: str, knob: str, channels: int) -> None:
    if knob != "groups":
        about = {"stride": help.KIND_STRIDE, "dilation": help.DILATION}[knob]
        show.typed(name, knob.capitalize(), ("1", "2", "3", "4"), help=about)
        return
    longest, wanted = f"{name} at most", show.value(name)
    if wanted > channels:
        st.session_state[f"{name} beyond"] = wanted
    elif wanted < channels:
        st.session_state.pop(f"{name} beyond", None)
    if wanted > channels or st.session_state.get(longest, channels) != channels:
        # To Streamlit a slider of another length is another slider, which would begin at its default.
        st.session_state[name] = min(wanted, channels)
    st.session_state[longest] = channels
    show.whole(name, f"Groups, 1 … {channels}", 1, channels, help=help.GROUPS)
    if beyond := st.session_state.get(f"{name} beyond"):
        st.caption(f"{beyond} groups cannot be made of {channels} channel{'s' * (channels > 1)}: there are {channels}.")


def _say(branch: Branch, values: Mapping[str, Any], channels: int) -> None:
    """What the kind is, what cannot work, and which number of groups stands for one that does not divide."""
    kind = KINDS[values[f"kind_{branch.slot}"]]  # which is not the branch's where this cannot work
    st.caption(kind.about)
    consequences.of_error(branch.error)
    if "groups" not in kind.knobs:
        return
    wanted, found = values[f"groups_{branch.slot}"], groups_of(values, branch.slot, channels)
    if wanted != found:
        both = f"{channels} channels and {values['out_channels']} filters"
        st.caption(f"{wanted} groups of equal size cannot be made of {both}: shown are **{found}**.")


def say_of_kernel(values: Mapping[str, Any]) -> None:
    """Over the kernel: what of it counts."""
    if values["weights"] == "random":
        size = times((len(values["kernel"]), len(values["kernel"][0])))
        st.caption(
            f"Weights are random: of this kernel **only the size counts, {size}**. Its numbers count with *kernel*."
        )


def say_of_drawing(values: Mapping[str, Any]) -> None:
    """Under the method and the seed: what of them counts."""
    if values["weights"] == "kernel":
        alone = "neither: a single filter adds up the channels as they are"
        drawn = "the seed alone: it draws the number of each filter for each channel"
        st.caption(f"With weights of one kernel, {alone if values['out_channels'] == 1 else drawn}.")


def say_of_padding(values: Mapping[str, Any]) -> None:
    """Under the padding: which of the kinds it does not concern."""
    chosen = ((slot, KINDS.get(values[f"kind_{slot}"])) for slot in SLOTS)
    others = [f"{slot.upper()} {kind.title}" for slot, kind in chosen if kind and not kind.pads]
    if others:
        st.caption(f"It has no effect on {' and '.join(others)}.")


def examples(show: Controls) -> None:
    """Buttons that set the page to something worth seeing."""
    with st.container(horizontal=True, gap="small", key="examples"):
        st.caption("For example:")
        for title, settings in EXAMPLES.items():
            st.button(title, key=f"example-{title}", on_click=show.set_all, args=(settings,), type="tertiary")

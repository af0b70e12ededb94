"""The parts of the Lab that follow a tweak; the rest of its page, two dozen widgets, stays as it is meanwhile.

Each is a fragment, which `Controls` runs alone where nothing else of the page would change: a tweak then takes half the
time. The first computes, the others show what it computed. Each says equally many things however it is set, nothing
(`st.empty`) among them: what one said of old and does not say now would stand there still, were it interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import streamlit as st

from cnnviz.activations import ACTIVATIONS
from cnnviz.ui import consequences, controls, parts
from cnnviz.ui.chosen_image import chosen_image
from cnnviz.ui.experiment import Experiment, run
from cnnviz.ui.kernel_grid import kernel_grid
from cnnviz.ui.settings import IMAGE, LAB
from cnnviz.ui.stage_view import stage_view
from cnnviz.ui.stages import TITLES
from cnnviz.ui.take_away import BOXES

NOW: Final = "lab now"
_MOST: Final = max(len(activation.parameters) for activation in ACTIVATIONS.values())
_READING: Final = "lab reading"
Values = Mapping[str, Any]


def now() -> Experiment:
    """What `picture` computed last."""
    return st.session_state[NOW]


def _reading() -> controls.Reading:
    """What it read: it runs before the other parts, and one look at all settings is enough."""
    return st.session_state[_READING]


def _sizes(values: Values) -> Any:
    names = *(setting.name for setting in IMAGE), "stride", "padding", "padding_mode", "dilation"
    return len(values["kernel"]), len(values["kernel"][0]), *(values[name] for name in names)


def _pool(values: Values) -> Any:
    return _sizes(values), *(values[name] for name in ("pool", "pool_size", "pool_stride", "pool_padding"))


def _page(values: Values) -> Any:
    """Which knobs are of use, what is open to be taken away; and where a setting cannot work, all of them."""
    is_told = now().stale or any(st.session_state.get(box) for box in BOXES)
    return values["padding_mode"] != "constant", values["pool"] == "none", dict(values) if is_told else None


PARTS: Final[parts.Parts] = {
    "picture": dict,
    "kernel part": lambda values: values["kernel"],
    "sizes": _sizes,
    "activation part": lambda values: values["activation"],
    "effect": dict,
    "pool part": _pool,
    parts.PAGE: _page,
}


@st.fragment(key="picture")
def picture() -> None:
    """All stages, and the lens."""
    reading = controls.read(LAB)
    values = reading.values
    with parts.shown("picture", PARTS, values):
        chosen = chosen_image(values)
        state = st.session_state[NOW] = run(values, chosen)
        st.session_state[_READING] = reading
        stage_view(
            state.maps, key="stages", places=TITLES, follow=state.follow, ignored=controls.ignored(),
            address=reading.address(), pin=values["pin"], check=state.check(values["pin"]), notice=state.notice,
            link_note=chosen.link_note,
        )  # fmt: skip


@st.fragment(key="kernel part")
def kernel() -> None:
    """The kernel's grid."""
    reading = _reading()
    with parts.shown("kernel part", PARTS, reading.values):
        kernel_grid(reading.values["kernel"], reading.texts["kernel"], key="kernel_grid", box="kernel")


@contextmanager
def _part(key: str) -> Iterator[Experiment]:
    """A part that shows what `picture` computed."""
    with parts.shown(key, PARTS, _reading().values):
        yield now()


@st.fragment(key="sizes")
def sizes() -> None:
    """What the convolution makes of the sizes, or why it cannot."""
    with _part("sizes") as state:
        if state.conv_error:
            consequences.of_error(state.conv_error)
        elif state.conv and not state.stale:
            consequences.of_convolution(state.conv, state.shape)
        else:
            st.empty()


@st.fragment(key="activation part")
def activation() -> None:
    """The activation's parameters, and its function."""
    with _part("activation part") as state:
        name = _reading().values["activation"]
        controls.Controls(_reading(), PARTS).parameters(name)
        if state.activation and not state.stale:
            consequences.of_function(state.activation)
        else:
            st.empty()
        for _ in range(_MOST - len(ACTIVATIONS[name].parameters if name in ACTIVATIONS else ())):
            st.empty()


@st.fragment(key="effect")
def effect() -> None:
    """What the activation does to the cells."""
    with _part("effect") as state:
        if state.activation and not state.stale:
            before, after = state.stage("conv"), state.stage("activation")
            consequences.of_activation(state.activation, before, after, state.rounding)
        else:
            st.empty()


@st.fragment(key="pool part")
def pool() -> None:
    """What the pool makes of the sizes, or why it cannot."""
    with _part("pool part") as state:
        if state.pool_error:
            consequences.of_error(state.pool_error)
        elif state.pool and not state.stale:
            consequences.of_pool(state.pool, state.pool_shape)
        else:
            st.empty()

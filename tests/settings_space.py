"""All settings of all layers, whether or not they can work anywhere: as far as a text holds them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.layers import (
    Activation,
    AdaptivePool2d,
    Add,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Dropout,
    Flatten,
    GlobalPool2d,
    Linear,
    Pool2d,
)
from cnnviz.skip_layers import Off
from tests.option_space import KINDS, MODES, pairs

wholes = st.one_of(st.integers(1, 3), st.integers(1, 9999))  # often the defaults
sizes, cuts = pairs(wholes), pairs(st.one_of(st.integers(0, 2), st.integers(0, 9999)))
numbers = st.one_of(st.sampled_from([0.0, 0.5, 1e-3, 0.30000000000000004, 1e6]), st.floats(-1e6, 1e6))
paddings = st.one_of(st.sampled_from(["valid", "same"]), cuts)
flags, kinds = st.booleans(), st.sampled_from(KINDS)
window: dict[str, Any] = {"kernel_size": sizes, "stride": sizes, "padding": paddings, "dilation": sizes}
fill = {"padding_mode": st.sampled_from(MODES), "padding_value": numbers}


@st.composite
def activations(draw: st.DrawFn) -> Activation:
    """An activation that says which of its parameters are not at their defaults."""
    name = draw(st.sampled_from(list(ACTIVATIONS)))
    given: dict[str, Any] = {}
    for key, parameter in ACTIVATIONS[name].parameters.items():
        values = st.sampled_from(parameter.options) if isinstance(parameter, Choice) else numbers
        value = draw(st.one_of(st.just(parameter.default), values))
        if value != parameter.default and not (value == 0 and getattr(parameter, "nonzero", False)):
            given[key] = value
    return Activation(name, given)


any_on = st.one_of(
    st.builds(Conv2d, wholes, groups=wholes, bias=flags, **window, **fill),
    st.builds(DepthwiseSeparableConv2d, wholes, bias=flags, **window, **fill),
    st.builds(
        ConvTranspose2d,
        wholes,
        kernel_size=sizes,
        stride=sizes,
        padding=cuts,
        output_padding=cuts,
        dilation=sizes,
        groups=wholes,
        bias=flags,
    ),
    activations(),
    st.builds(Pool2d, kinds, **{**window, "stride": st.none() | sizes}),
    st.builds(GlobalPool2d, kinds),
    st.builds(AdaptivePool2d, kinds, sizes),
    st.builds(BatchNorm2d, st.one_of(st.just(1e-5), st.floats(5e-324, 1e6))),
    st.builds(Dropout, st.floats(0, 1)),
    st.just(Flatten()),
    st.builds(Linear, wholes, flags, st.none() | st.integers(1, 999_999_999)),
    st.builds(Add, wholes),
)
any_setting = st.one_of(any_on, any_on, any_on.map(Off))
any_settings = st.lists(any_setting, max_size=12)

"""Networks that work, drawn by hypothesis; weights that are at no default; and how near two outputs have to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
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
    Layer,
    Linear,
    Pool2d,
    Shape,
)
from cnnviz.network import forward, survey
from cnnviz.network_weights import Parameters, wanted_tensors
from cnnviz.skip_layers import Off
from tests.option_space import KINDS, MODES, paddings, pairs

EVERY_ACTIVATION: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ACTIVATIONS),
    *(
        (name, {key: p.options[-1] if isinstance(p, Choice) else 0.37 for key, p in function.parameters.items()})
        for name, function in ACTIVATIONS.items()
        if function.parameters
    ),
    ("none", {}),
    ("softmax", {"over": "channels"}),
    ("gelu", {"approximate": "none"}),
    ("softplus", {"threshold": 1.5}),
    ("softplus", {"beta": -0.7}),
    ("leaky_relu", {"negative_slope": -0.4}),
    ("elu", {"alpha": -1.3}),
]

sides = st.one_of(st.integers(1, 3), st.integers(1, 5))
window: dict[str, Any] = {
    "kernel_size": pairs(sides),
    "stride": pairs(st.integers(1, 3)),
    "padding": paddings,
    "dilation": pairs(st.integers(1, 3)),
}
filled = {**window, "padding_mode": st.sampled_from(MODES), "padding_value": st.sampled_from([0.0, 0.5, -2.5])}
counts = st.integers(1, 4)
any_layer: st.SearchStrategy[Layer] = st.one_of(
    st.builds(Conv2d, out_channels=counts, groups=st.sampled_from([1, 1, 2]), bias=st.booleans(), **filled),
    st.builds(DepthwiseSeparableConv2d, out_channels=counts, bias=st.booleans(), **filled),
    st.builds(
        ConvTranspose2d,
        out_channels=counts,
        kernel_size=pairs(sides),
        stride=pairs(st.integers(1, 3)),
        padding=pairs(st.integers(0, 2)),
        output_padding=pairs(st.integers(0, 2)),
        dilation=pairs(st.integers(1, 2)),
        groups=st.sampled_from([1, 1, 2]),
        bias=st.booleans(),
    ),
    st.sampled_from([Activation(name, parameters) for name, parameters in EVERY_ACTIVATION]),
    st.builds(Pool2d, kind=st.sampled_from(KINDS), **window),
    st.builds(GlobalPool2d, kind=st.sampled_from(KINDS)),
    st.builds(AdaptivePool2d, kind=st.sampled_from(KINDS), output_size=pairs(st.integers(1, 7))),
    st.builds(BatchNorm2d, eps=st.sampled_from([1e-5, 0.25])),
    st.builds(Dropout, p=st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(Flatten),
    st.builds(Linear, out_features=counts, bias=st.booleans()),
    st.builds(Add, back=st.integers(1, 3)),
)
layers_or_off = st.one_of(any_layer, any_layer, any_layer, any_layer.map(Off))


@st.composite
def networks(draw: st.DrawFn) -> tuple[tuple[Layer, ...], Shape]:
    """Up to five layers that work one after another; those that do not are left out."""
    shape = draw(st.sampled_from([1, 2, 3])), draw(st.integers(3, 12)), draw(st.integers(3, 12))
    layers: tuple[Layer, ...] = ()
    for layer in draw(st.lists(layers_or_off, min_size=1, max_size=8)):
        found = survey([*layers, layer], shape)
        if not found.fault and len(layers) < 5 and found.rows[-1].memory < 200_000:
            layers += (layer,)
    return layers, shape


def odd_weights(layers: Sequence[Layer], shape: Shape, seed: int = 0) -> Parameters:
    """Weights, biases and averages of which none is at its default; variances are above 0, sums of moderate size."""
    generator = torch.Generator().manual_seed(seed)
    parameters = Parameters()
    for _, wanted in wanted_tensors(layers, shape):
        tensors = {}
        for name, size in wanted.items():
            values = torch.randn(size, generator=generator)
            fan = values[0].numel() if values.ndim > 1 else 1
            tensors[name] = values.abs() + 0.3 if name == "running_var" else values / max(1, fan) ** 0.5
        parameters.append(tensors)
    return parameters


def some_picture(shape: Shape, seed: int = 0) -> torch.Tensor:
    """Levels of 8 bits, as pictures have them."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, *shape), generator=generator).float() / 255


def answer(layers: Sequence[Layer], picture: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    return forward(layers, picture, parameters)[-1].output


def assert_near(made: torch.Tensor, wanted: torch.Tensor, code: str) -> None:
    """Equal to 1e-5, or to that share of the largest value."""
    assert made.shape == wanted.shape, code
    reach = max(1.0, float(wanted.abs().max()))
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5 * reach, equal_nan=True, msg=lambda m: f"{m}\n{code}")

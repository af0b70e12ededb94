"""Networks that tell classes apart: random ones with their twins, and one that learned the digits."""

from __future__ import annotations

from functools import cache

import torch
from hypothesis import strategies as st
from torch import Tensor

from cnnviz.datasets import digits
from cnnviz.layers import Activation, Flatten, Layer, Linear
from cnnviz.network_text import parse_network
from cnnviz.network_weights import Parameters
from cnnviz.training import Recipe, Training
from tests.random_networks import Network, Twin, activations, networks

CLASSES = 4
SMOOTH = st.sampled_from(["tanh", "sigmoid", "gelu", "softplus", "silu"]).map(Activation)
_ENDS = st.sampled_from([(), (Activation("softmax"),), (Activation("sigmoid"),)])


@st.composite
def classifiers(
    draw: st.DrawFn, pools: tuple[str, ...] = ("max", "avg", "min"), activations: st.SearchStrategy[Layer] = activations
) -> Network:
    """A random network that ends with CLASSES numbers."""
    layers, shape = draw(networks(most=5, pools=pools, activations=activations, side=8))
    return (*layers, Flatten(), Linear(CLASSES), *draw(_ENDS)), shape


def twin_logits(twin: Twin, x: Tensor) -> Tensor:
    """What the twin's last Linear makes."""
    last = max(at for at, layer in enumerate(twin.layers) if isinstance(layer, Linear))
    return twin.stages(x)[last + 1]


def picture(shape: tuple[int, ...], seed: int = 0, count: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed), dtype=dtype)


@cache
def digit_net() -> tuple[tuple[Layer, ...], Parameters]:
    """A small network that learned the digits, a little shaken so that it knows some that others wrote."""
    layers = parse_network("conv:12@3x3,same|relu|max:2|flatten|linear:10|softmax")
    training = Training(layers, digits(), Recipe(epochs=8, rate=0.02, batch=64, augmentation="affine"))
    for _ in range(training.steps):
        training.step()
    return layers, training.snapshot()

"""What the activation's chart is told: the curve is the function, the bars count every value once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz.activations import ACTIVATIONS
from cnnviz.ui.activation_chart import BINS, chart

DEFAULTS = {
    name: {key: parameter.default for key, parameter in entry.parameters.items()}
    for name, entry in ACTIVATIONS.items()
    if name != "softmax"
}


# torch's own, and where each has a kink
THEIRS: dict[str, tuple[torch.nn.Module, list[float]]] = {
    "identity": (nn.Identity(), []), "relu": (nn.ReLU(), [0]), "relu6": (nn.ReLU6(), [0, 6]),
    "leaky_relu": (nn.LeakyReLU(), [0]), "tanh": (nn.Tanh(), []), "hardtanh": (nn.Hardtanh(), [-1, 1]),
    "sigmoid": (nn.Sigmoid(), []), "elu": (nn.ELU(), [0]), "selu": (nn.SELU(), [0]), "gelu": (nn.GELU(), []),
    "silu": (nn.SiLU(), []), "mish": (nn.Mish(), []), "hardswish": (nn.Hardswish(), [-3, 3]),
    "softplus": (nn.Softplus(), []),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_curve_slope_and_bars(name: str) -> None:
    before = 3 * torch.randn(1, 1, 30, 40, generator=torch.Generator().manual_seed(1))
    told = chart(name, DEFAULTS[name], before)
    theirs, kinks = THEIRS[name]
    x = torch.tensor(told["x"], dtype=torch.float64)
    np.testing.assert_allclose(told["y"], theirs(x).numpy(), rtol=1e-12)
    step = 1e-6
    rise = (theirs(x + step) - theirs(x - step)) / (2 * step)
    is_smooth = np.all([(x - kink).abs() > 2 * step for kink in kinks] + [x == x], axis=0)
    np.testing.assert_allclose(np.array(told["slope"])[is_smooth], rise.numpy()[is_smooth], atol=1e-4)
    assert sum(told["before"]) == sum(told["after"]) == told["total"] == 1200
    assert len(told["before"]) == len(told["after"]) == BINS
    assert all(b >= d + s for b, d, s in zip(told["before"], told["dead"], told["flat"]))
    assert told["shares"] == [sum(told["dead"]) / 1200, sum(told["flat"]) / 1200]
    assert told["x"][0] < before.min() and told["x"][-1] > before.max()


def test_what_relu_kills_is_what_lies_below_zero() -> None:
    before = torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.0])
    told = chart("relu", {}, before)
    assert told["shares"] == [0.4, 0.0]
    assert told["drags"] == {}
    centres = told["x"][0] + (np.arange(BINS) + 0.5) * (told["x"][-1] - told["x"][0]) / BINS
    assert [c for c, count in zip(centres, told["dead"]) if count] == pytest.approx([-3, -1], abs=0.1)


def test_what_may_be_0_has_not_died() -> None:
    before = torch.tensor([-3.0, -1e-8, 1e-8, 2.0])
    assert chart("relu", {}, before, 1e-7)["dead"].count(1) == 1
    assert chart("relu", {}, before, 1e-7)["shares"] == [0.25, 0.0]
    assert chart("relu", {}, before)["shares"] == [0.5, 0.0]


def test_only_numbers_are_dragged() -> None:
    before = torch.zeros(4)
    assert chart("leaky_relu", {"negative_slope": 0.1}, before)["drags"] == {"negative_slope": (0.0, 1.0)}
    assert chart("gelu", {"approximate": "tanh"}, before)["drags"] == {}
    softmax = chart("softmax", {"over": "all"}, before)
    assert "x" not in softmax and softmax["name"] == "softmax"

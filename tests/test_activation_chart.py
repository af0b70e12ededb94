"""What the activation's chart is told: the curve is the function, the bars count every value once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnviz.activations import ACTIVATIONS
from cnnviz.ui.activation_chart import BINS, chart

DEFAULTS = {
    name: {key: parameter.default for key, parameter in entry.parameters.items()}
    for name, entry in ACTIVATIONS.items()
    if name != "softmax"
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_curve_slope_and_bars(name: str) -> None:
    before = 3 * torch.randn(1, 1, 30, 40, generator=torch.Generator().manual_seed(1))
    told = chart(name, DEFAULTS[name], before)
    x = torch.tensor(told["x"], dtype=torch.float64)
    y = ACTIVATIONS[name].function(x, **DEFAULTS[name])
    np.testing.assert_allclose(told["y"], y.numpy(), rtol=1e-12)
    step = 1e-6
    rise = ACTIVATIONS[name].function(x + step, **DEFAULTS[name]) - ACTIVATIONS[name].function(
        x - step, **DEFAULTS[name]
    )
    is_kink = np.abs(np.gradient(told["slope"])) > 0.1
    np.testing.assert_allclose(np.array(told["slope"])[~is_kink], (rise / 2 / step).numpy()[~is_kink], atol=1e-4)
    assert sum(told["before"]) == sum(told["after"]) == told["total"] == 1200
    assert len(told["before"]) == len(told["after"]) == BINS
    assert all(b >= d + s for b, d, s in zip(told["before"], told["dead"], told["saturated"]))
    assert told["shares"] == [sum(told["dead"]) / 1200, sum(told["saturated"]) / 1200]
    assert told["x"][0] < before.min() and told["x"][-1] > before.max()


def test_what_relu_kills_is_what_lies_below_zero() -> None:
    before = torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.0])
    told = chart("relu", {}, before)
    assert told["shares"] == [0.4, 0.0]
    assert told["drags"] == {}


def test_only_numbers_are_dragged() -> None:
    before = torch.zeros(4)
    assert chart("leaky_relu", {"negative_slope": 0.1}, before)["drags"] == {"negative_slope": (0.0, 1.0)}
    assert chart("gelu", {"approximate": "tanh"}, before)["drags"] == {}
    softmax = chart("softmax", {"over": "all"}, before)
    assert "x" not in softmax and softmax["name"] == "softmax"

"""An activation's curve and slope, and what becomes of the values that go through it; parameters are dragged on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from torch import Tensor

from cnnviz.activation_effects import curve, histogram, marks
from cnnviz.activations import ACTIVATIONS, Number, activate
from cnnviz.ui.components import component

BINS: Final = 40
LEAST: Final = 2.0  # the curve is shown at least from minus this to this
EDGE: Final = 0.03  # of the range, at both ends

_mount = component("activation_chart")


def activation_chart(
    name: str, parameters: Mapping[str, Any], before: Tensor, rounding: float = 0.0, *, key: str
) -> None:
    """Show the chart; a later call with the same key redraws it in place.

    Args:
        name, parameters: as for `activate`. A number among the parameters has a box on the page under its name: what
            is dragged is written there.
        before: what goes into the function, any shape, finite.
        rounding: the largest |value| of it that may be 0.
    """
    _mount(key=key, data=chart(name, parameters, before, rounding))


def chart(name: str, parameters: Mapping[str, Any], before: Tensor, rounding: float = 0.0) -> dict[str, Any]:
    """What the chart shows.

    Returns:
        name, parameters; the parameters that can be dragged, with the least and the most that a drag gives; and, but
        for a softmax, which has no curve: x, y and slope of the curve, from where to where the values after reach in
        `span`, and how many values fall in each of BINS parts of the curve's range: before, dead and nearly flat of
        them, and after (of `span`).
    """
    numbers = {key: value for key, value in ACTIVATIONS[name].parameters.items() if isinstance(value, Number)}
    drags = {key: (value.minimum, value.maximum) for key, value in numbers.items()}
    told: dict[str, Any] = {"name": name, "parameters": dict(parameters), "drags": drags}
    if name == "softmax":
        return told
    low, high = min(float(before.min()), -LEAST), max(float(before.max()), LEAST)
    low, high = low - EDGE * (high - low), high + EDGE * (high - low)
    x, y, slope = curve(name, parameters, low, high)
    bottom, top = min(0.0, float(y.min())), max(0.0, float(y.max()))
    room = EDGE * (top - bottom or 1.0)
    span = bottom - room, top + room
    found = marks(name, parameters, before, rounding)
    after = activate(before.double(), name, **parameters)

    def counts(values: Tensor, ends: tuple[float, float]) -> list[int]:
        return histogram(values, *ends, BINS).tolist()

    return told | {
        "x": x.tolist(),
        "y": y.tolist(),
        "slope": np.nan_to_num(slope).tolist(),
        "span": span,
        "before": counts(before, (low, high)),
        "dead": counts(before[found.dead], (low, high)),
        "flat": counts(before[found.flat], (low, high)),
        "after": counts(after, span),
        "total": before.numel(),
        "shares": [float(mask.double().mean()) for mask in (found.dead, found.flat)],
    }

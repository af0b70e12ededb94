"""What an activation function does: its curve and slope, and what becomes of the values that go through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnviz.activations import activate, check_activation

Doubles = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]
Parameters = Mapping[str, float | str]

FLAT = 0.05  # a slope below this share of the function's steepest is saturated


@dataclass(frozen=True, eq=False)
class Marks:
    """What became of each value; bool masks of the values' shape.

    dead: a value other than 0 became 0 where the slope is 0, so nothing comes through, forward or backward:
        ReLU below 0, hardswish below -3, and what a double can no longer tell from 0.
    saturated: not dead, but |slope| < FLAT · the function's largest |slope|: tanh far out, ReLU6 above 6. It counts
        what is flat for any reason: the turning points of GELU and its relatives, the slope 0.01 of a leaky ReLU.
        A 0 that stays 0 is not flat: there is a kink, and its slope is a matter of convention.
    changed: the output differs from the input, by more than a millionth of it.
    """

    dead: Tensor
    saturated: Tensor
    changed: Tensor


@dataclass(frozen=True)
class Effect:
    """What became of all values: shares in [0, 1], see `Marks`; mean and standard deviation (of n, not n - 1)."""

    dead: float
    saturated: float
    changed: float
    mean_before: float
    std_before: float
    mean_after: float
    std_after: float


def curve(
    name: str, parameters: Parameters, low: float, high: float, points: int = 201
) -> tuple[Doubles, Doubles, Doubles]:
    """The function and its slope at equal steps, both ends included.

    Args:
        name, parameters: as for `activate`.
    Returns:
        (x, y, slope), each (points,) float64. The slope is autograd's; at a kink that is the slope of one of
        the sides, by torch's convention (0 for ReLU at 0).
    Raises:
        ValueError: softmax, in which each value depends on the others; not low < high, or fewer than 2 points;
            an unknown name or parameter.
    """
    if not (np.isfinite([low, high]).all() and low < high and points >= 2):
        raise ValueError(f"a curve needs low < high and at least 2 points, not {low}, {high}, {points}")
    x = torch.from_numpy(np.linspace(low, high, points))
    y, slope = _value_and_slope(name, parameters, x)
    return x.numpy(), y.numpy(), slope.numpy()


def largest_slope(name: str, parameters: Parameters) -> float:
    """The largest |slope| of the function anywhere, to about 0.1 %: 1 for ReLU and tanh, 1/4 for sigmoid.

    Raises:
        ValueError: as `curve`.
    """
    return _largest_slope(name, tuple(sorted(parameters.items())))


@lru_cache(maxsize=256)
def _largest_slope(name: str, parameters: tuple[tuple[str, float | str], ...]) -> float:
    near = torch.linspace(-10, 10, 20001, dtype=torch.float64)  # curves and kinks lie here
    far = torch.logspace(0, 6, 601, dtype=torch.float64)  # some slopes are reached only at the end
    _, slope = _value_and_slope(name, dict(parameters), torch.cat([near, far, -far]))
    return slope.abs().max().item()


def marks(name: str, parameters: Parameters, before: Tensor) -> Marks:
    """Which values die, saturate, change.

    Args:
        name, parameters: as for `activate`.
        before: what goes into the function; any shape, floating point, any range.
    Raises:
        ValueError: as `curve`.
    """
    return _marks(name, parameters, before.double())[0]


def effect(name: str, parameters: Parameters, before: Tensor) -> Effect:
    """What the function does to these values, in numbers.

    Args:
        name, parameters, before: as for `marks`, at least one value.
    Raises:
        ValueError: as `curve`, or there are no values.
    """
    if not before.numel():
        raise ValueError("there are no values to apply the function to")
    before = before.double()
    found, after = _marks(name, parameters, before)
    shares = (mask.double().mean().item() for mask in (found.dead, found.saturated, found.changed))
    moments = (f.item() for x in (before, after) for f in (x.mean(), x.std(correction=0)))
    return Effect(*shares, *moments)


def histogram(values: Tensor, low: float, high: float, bins: int) -> Counts:
    """How many values lie in each of `bins` equal parts of low … high; what lies outside is left out.

    Args:
        values: any shape, floating point; compared in double precision.
    Returns:
        (bins,) int64. A bin has its lower edge and not its upper; the last has both.
    Raises:
        ValueError: not low < high, or no bins.
    """
    if not (np.isfinite([low, high]).all() and low < high and bins >= 1):
        raise ValueError(f"a histogram needs low < high and at least 1 bin, not {low}, {high}, {bins}")
    return np.histogram(values.detach().double().flatten().numpy(), bins, (low, high))[0]


def _marks(name: str, parameters: Parameters, before: Tensor) -> tuple[Marks, Tensor]:
    after, slope = _value_and_slope(name, parameters, before)
    dead = (after == 0) & (slope == 0) & (before != 0)
    flat = slope.abs() < FLAT * largest_slope(name, parameters)
    stays_zero = (after == 0) & (before == 0)
    return Marks(dead, flat & ~dead & ~stays_zero, ~after.isclose(before, rtol=1e-6, atol=0)), after


def _value_and_slope(name: str, parameters: Parameters, x: Tensor) -> tuple[Tensor, Tensor]:
    check_activation(name, parameters)
    if name == "softmax":
        raise ValueError("softmax has no curve: each of its outputs depends on all inputs")
    with torch.enable_grad():  # a caller may have switched gradients off
        x = x.detach().double().requires_grad_()
        y = activate(x, name, **parameters)
        (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope

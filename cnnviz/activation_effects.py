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

FLAT = 0.05  # a slope below this share of the function's steepest is nearly flat
ROUNDING = 1e-6  # of all that is added up: what a float32 sum may be off by


@dataclass(frozen=True, eq=False)
class Marks:
    """What became of each value; bool masks of the values' shape.

    dead: a value other than 0 became 0 where the slope is 0, so nothing comes through, forward or backward:
        ReLU below 0, hardswish below -3, and what a double can no longer tell from 0.
    flat: not dead, but |slope| < FLAT · the function's largest |slope|, for whatever reason: tanh far out, ReLU6 above
        6, the turning points of GELU and its relatives, all negatives of a leaky ReLU with a slope of 0.01.
    A value that is 0, to rounding, is neither: functions that are flat beside 0 have a kink there.
    """

    dead: Tensor
    flat: Tensor


@dataclass(frozen=True)
class Effect:
    """What became of all values: shares in [0, 1], see `Marks`; mean and standard deviation (of n, not n - 1).

    A mean or a deviation that may be 0, to rounding, is 0.
    """

    dead: float
    flat: float
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


def sum_rounding(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> float:
    """How far from 0 a convolution's float32 sums may be that are 0: ROUNDING of what their terms can add up to.

    Args:
        x: the convolution's input, padding included; any shape.
        weight, bias: (K, C, kh, kw) and (K,), as for `conv2d`.
    """
    largest = weight.abs().flatten(1).sum(1) * x.abs().max()
    return ROUNDING * float((largest if bias is None else largest + bias.abs()).max())


def silenced(before: Tensor, after: Tensor, rounding: float = 0.0) -> Tensor:
    """Which values other than 0 became 0.

    Args:
        before, after: of one shape.
        rounding: the largest |value| before that may be 0: `sum_rounding`, or 0 of numbers that are exact.
    Returns:
        a bool mask of that shape.
    """
    return (after == 0) & (before.abs() > rounding)


def marks(name: str, parameters: Parameters, before: Tensor, rounding: float = 0.0) -> Marks:
    """Which values die, and which lie where the function is nearly flat.

    Args:
        name, parameters: as for `activate`.
        before: what goes into the function; any shape, floating point, any range.
        rounding: as for `silenced`.
    Raises:
        ValueError: as `curve`.
    """
    return _marks(name, parameters, before.double(), rounding)[0]


def effect(name: str, parameters: Parameters, before: Tensor, rounding: float = 0.0) -> Effect:
    """What the function does to these values, in numbers.

    Args:
        name, parameters, before, rounding: as for `marks`, at least one value.
    Raises:
        ValueError: as `curve`, or there are no values.
    """
    if not before.numel():
        raise ValueError("there are no values to apply the function to")
    before = before.double()
    found, after = _marks(name, parameters, before, rounding)
    shares = (mask.double().mean().item() for mask in (found.dead, found.flat))
    moments = (f.item() for x in (before, after) for f in (x.mean(), x.std(correction=0)))
    return Effect(*shares, *(moment if abs(moment) > rounding else 0.0 for moment in moments))


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


def _marks(name: str, parameters: Parameters, before: Tensor, rounding: float) -> tuple[Marks, Tensor]:
    after, slope = _value_and_slope(name, parameters, before)
    dead = silenced(before, after, rounding) & (slope == 0)
    flat = (slope.abs() < FLAT * largest_slope(name, parameters)) & (before.abs() > rounding)
    return Marks(dead, flat & ~dead), after


def _value_and_slope(name: str, parameters: Parameters, x: Tensor) -> tuple[Tensor, Tensor]:
    check_activation(name, parameters)
    if name == "softmax":
        raise ValueError("softmax has no curve: each of its outputs depends on all inputs")
    with torch.enable_grad():  # a caller may have switched gradients off
        x = x.detach().double().requires_grad_()
        y = activate(x, name, **parameters)
        (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope

"""Which steps suit a quadratic loss: rates from its curvatures, and how fast each method then gets to the bottom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

import torch

from cnnviz.optimisers import MOMENTUM
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss

Method = Literal["sgd", "momentum", "adam", "heavy_ball", "conjugate"]

# By name: what it does. Rates are not compared with a network's: the bowl's curvatures say which are good.
METHODS: Final[Mapping[Method, str]] = {
    "sgd": "Each step goes against the gradient, the rate times as far: the steepest direction forbids large steps, "
    "and the flattest one needs them.",
    "momentum": f"Gradients add up to a velocity of which {MOMENTUM} stays from step to step.",
    "adam": "Each weight has a step of its own size. What is steep here are sums of weights, so that helps little.",
    "heavy_ball": "Momentum with the rate and the share of the velocity that suit this picture's curvatures best.",
    "conjugate": "Each step goes as far as the loss falls, in a direction that undoes none of the earlier ones.",
}
DEFAULT_METHOD: Final[Method] = "heavy_ball"
_STEEP: Final = 1e5  # a condition for which a heavy ball needs four thousand steps, about two seconds
_ADAM_RATE: Final = 0.02


def velocity_kept(loss: KernelLoss, method: Method) -> float:
    """The share of the velocity that stays from step to step: 0 for "sgd", for "heavy_ball" the best one.

    Source: Polyak 1964: ((√κ − 1) / (√κ + 1))² for the condition κ.
    """
    check_method(method)
    root = math.sqrt(loss.condition)
    return {"momentum": MOMENTUM, "heavy_ball": ((root - 1) / (root + 1)) ** 2}.get(method, 0.0)


def best_rate(loss: KernelLoss, method: Method) -> float:
    """A good rate for this picture; for "adam" a usual one, for "conjugate" 1, which is not used.

    "sgd": 1 / λmax: the steepest direction is done in one step, the flattest loses 1 / condition of its error. (Twice
    as much would be lost at 2 / (λmax + λmin), but then the steepest one turns over at every step.)
    "momentum": the largest at which no direction overshoots more than the velocity fades, (1 + √0.9)² / λmax, a little
    less for safety. "heavy_ball": 4 / (√λmax + √λmin)².
    """
    check_method(method)
    steep, flat = loss.largest, loss.smallest
    if method == "sgd":
        return 1 / steep
    if method == "momentum":
        return 0.95 * (1 + math.sqrt(MOMENTUM)) ** 2 / steep
    if method == "heavy_ball":
        return 4 / (math.sqrt(steep) + math.sqrt(flat)) ** 2
    return _ADAM_RATE if method == "adam" else 1.0


def stable_rate(loss: KernelLoss, method: Method) -> float | None:
    """The rate from which on steps overshoot more and more: 2·(1 + share of velocity) / λmax; None: there is none.

    Source: Goodfellow et al. 2016, Deep learning, section 4.3.1, for the share 0.
    """
    if method in ("adam", "conjugate"):
        return None
    return 2 * (1 + velocity_kept(loss, method)) / loss.largest


def slowest_factor(loss: KernelLoss, method: Method, rate: float) -> float | None:
    """What is left, in the long run, of the error in the slowest direction after a step; above 1 it grows.

    ln(10) / −ln(factor) steps win one decimal. None for "adam" and "conjugate", which have no such number.
    """
    if method in ("adam", "conjugate"):
        return None
    kept = velocity_kept(loss, method)
    half = (1 + kept - rate * loss.curvatures[loss.determined]) / 2
    root = (half.square() - kept).to(torch.complex128).sqrt()  # of z² − 2·half·z + kept
    return float(torch.maximum((half + root).abs(), (half - root).abs()).max())


def suggested_method(loss: KernelLoss) -> Method:
    """The default method, or conjugate gradients where the picture is so even that it would need too many steps."""
    return DEFAULT_METHOD if loss.condition <= _STEEP else "conjugate"


def check_method(method: str) -> None:
    """Raise KernelLearningError unless it is one of METHODS."""
    if method not in METHODS:
        raise KernelLearningError(f"There is no method {method!r:.20}: there are {', '.join(METHODS)}.")

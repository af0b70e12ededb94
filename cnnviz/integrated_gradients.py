"""Integrated gradients: what each pixel adds to a logit on the straight way from a baseline to the picture.

On every piece of the way, however short, slope times length should be the change of the logit. So the error of each
piece is known, and pieces are halved where it is: at the kinks that ReLUs and max pools make.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.answers import Weights, at_once, check_picture, logits_and_gradients
from cnnviz.layers import Layer
from cnnviz.shapes import ShapeError

TOLERANCE: Final = 0.01  # of the difference of the logits
FLOOR: Final = 0.01  # a difference below this counts as this: 1 % of nothing is nothing
MOST_STEPS: Final = 2000
_FIRST: Final = 16
_SHORTEST: Final = 2.0**-20  # of the way; below, float32 cannot tell its ends apart


@dataclass(frozen=True, eq=False)
class IntegratedGradients:
    """What each pixel adds.

    attributions: (C, H, W). logit, baseline_logit: at both ends. steps: the pieces of the way, one gradient each.
    """

    attributions: Tensor
    logit: float
    baseline_logit: float
    steps: int

    @property
    def difference(self) -> float:
        """By how much the picture's logit lies above the baseline's: what the attributions should add up to."""
        return self.logit - self.baseline_logit

    @property
    def gap(self) -> float:
        """The attributions' sum less the difference of the logits."""
        return float(self.attributions.double().sum()) - self.difference

    @property
    def gap_share(self) -> float:
        """|gap| as a share of |difference|, or of FLOOR if that is less."""
        return abs(self.gap) / max(abs(self.difference), FLOOR)

    @property
    def is_complete(self) -> bool:
        """Whether the gap is within TOLERANCE."""
        return self.gap_share <= TOLERANCE


def integrated_gradients(
    layers: Sequence[Layer],
    x: Tensor,
    parameters: Weights,
    target: int,
    baseline: float | Tensor = 0.0,
    most: int = MOST_STEPS,
) -> IntegratedGradients:
    """(picture − baseline) times the mean gradient of the target's logit on the way between.

    The way begins in 16 pieces. Those with the largest errors are halved until all errors together, each taken for
    itself so that they cannot cancel, are within TOLERANCE of the difference, or there are `most` pieces.

    Args:
        x: one picture, (1, C, H, W), any range.
        parameters, target: as for `attribution.saliency`.
        baseline: a grey level, or a tensor that can be broadcast to x.
        most: pieces, at least 1.
    Raises:
        ShapeError: as for `attribution.saliency`; or the baseline does not fit.
    Source: Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, section 3 and proposition 1
        (completeness); midpoint rule instead of the Riemann sum of section 5.
    """
    check_picture(x)
    try:
        start = torch.as_tensor(baseline, dtype=x.dtype).expand_as(x)
    except RuntimeError:
        raise ShapeError(f"the baseline must be a number or fit the picture {tuple(x.shape)}") from None
    path = _Path(layers, parameters, target, start, x.detach() - start)
    edges = torch.linspace(0, 1, min(_FIRST, most) + 1, dtype=torch.float64)
    values = path.look(edges)[0]
    first, last = float(values[0]), float(values[-1])
    left, right, low, high = edges[:-1], edges[1:], values[:-1], values[1:]
    middle, slope = path.look((left + right) / 2)
    while True:
        errors = (slope * (right - left) - (high - low)).abs()
        halved = _largest(errors, TOLERANCE * max(abs(last - first), FLOOR), most - len(left))
        halved &= right - left > _SHORTEST
        if not halved.any():
            break
        kept, centre = ~halved, ((left + right) / 2)[halved]
        left, right, low, high, old, old_slope = (
            torch.cat([values[kept], first_half, second_half])
            for values, first_half, second_half in (
                (left, left[halved], centre),
                (right, centre, right[halved]),
                (low, low[halved], middle[halved]),
                (high, middle[halved], high[halved]),
                (middle, middle[:0], middle[:0]),
                (slope, slope[:0], slope[:0]),
            )
        )
        new, new_slope = path.look(((left + right) / 2)[len(old) :])
        middle, slope = torch.cat([old, new]), torch.cat([old_slope, new_slope])
    return IntegratedGradients(path.add_up((left + right) / 2, right - left), last, first, len(left))


def _largest(errors: Tensor, budget: float, room: int) -> Tensor:
    """Which pieces to halve, at most `room`: those without which the others' errors add up to half the budget."""
    halved = torch.zeros(len(errors), dtype=torch.bool)
    if float(errors.sum()) > budget and room > 0:
        order = errors.argsort()
        small = int((errors[order].cumsum(0) <= budget / 2).sum())
        halved[order[max(small, len(order) - room) :]] = True
    return halved


@dataclass(frozen=True, eq=False)
class _Path:
    """The straight way from `start` on, along `way`, and a logit on it."""

    layers: Sequence[Layer]
    parameters: Weights
    target: int
    start: Tensor
    way: Tensor

    def look(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """The logit, and its slope along the way, at places in [0, 1], (n,); both float64."""
        logits, slopes = [places[:0]], [places[:0]]
        for logit, gradients in map(self._at, self._batches(places)):
            logits.append(logit.double())
            slopes.append((gradients * self.way).double().sum((1, 2, 3)))
        return torch.cat(logits), torch.cat(slopes)

    def add_up(self, places: Tensor, lengths: Tensor) -> Tensor:
        """way · Σ length · gradient, (C, H, W)."""
        total = torch.zeros(self.way.shape[1:], dtype=torch.float64)
        for some, length in zip(self._batches(places), self._batches(lengths)):
            total += torch.einsum("n,nchw->chw", length, self._at(some)[1].double())
        return (total * self.way[0]).to(self.way.dtype)

    def _batches(self, values: Tensor) -> tuple[Tensor, ...]:
        shape = tuple(self.way.shape[1:])
        return torch.split(values, min(at_once(self.layers, shape), max(1, 4_000_000 // math.prod(shape))))

    def _at(self, places: Tensor) -> tuple[Tensor, Tensor]:
        pictures = self.start + places.to(self.way.dtype)[:, None, None, None] * self.way
        return logits_and_gradients(self.layers, pictures, self.parameters, self.target)

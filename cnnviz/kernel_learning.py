"""Learn a kernel: from a picture and its filtered version, gradient descent finds what filtered it, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.descent_rates import DEFAULT_METHOD, Method, best_rate, check_method, stable_rate, velocity_kept
from cnnviz.number_words import written
from cnnviz.optimisers import Optimiser
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss

TARGETS: Final = ("sobel-x", "sobel-y", "laplacian4", "gaussian5", "sharpen", "emboss", "motion-blur", "gabor")
_KEPT_EVERY: Final = 0.04  # of the number of a step: keyframes become rarer as the steps become smaller
_CHECKED_EVERY: Final = 5  # steps of a run; to work the loss out costs more than a step


@dataclass(frozen=True)
class KernelStep:
    """What one step showed. number: from 1. loss, gradient (its length): before the step."""

    number: int
    loss: float
    gradient: float


class KernelLearning:
    """A kernel that is learned, between one step and the next.

    weights: (n,) float64, as they are now. number: of the steps done. numbers, path, losses: of the keyframes, the
    first before any step, every step at the beginning, then rarer. memories: what the method knows there of the steps
    before: `velocity`, or `mean` and `square`, or the last `direction` and the `square` of the gradient then.
    trail: the weights before the first and after every step.

    Args:
        loss: how far each kernel is from explaining the picture, see `kernel_loss.kernel_loss`.
        method: one of METHODS.
        rate: above 0; None for `best_rate`. Of a heavy ball it changes the rate, not the share of the velocity;
            conjugate gradients find their own.
        start: (height, width), with any scale; None for zeros. The bias starts at 0.
    Raises:
        KernelLearningError: an unknown method, a rate that is not above 0, a start of another size.
    Source: Goodfellow et al. 2016, Deep learning, section 4.3.1 (curvature and rate), 8.3 (momentum), 8.6.2 (conjugate
    gradients); Polyak 1964, Some methods of speeding up the convergence of iteration methods (heavy ball).
    """

    def __init__(
        self, loss: KernelLoss, method: Method = DEFAULT_METHOD, rate: float | None = None, start: Tensor | None = None
    ) -> None:
        check_method(method)
        if rate is not None and not 0 < rate < math.inf:
            raise KernelLearningError(f"The rate is a number above 0, not {rate:g}.")
        self.surface, self.method = loss, method
        self.rate = best_rate(loss, method) if rate is None else rate
        first = torch.zeros(loss.kernel_size) if start is None else start
        self.weights = loss.weights(first)
        self.number = 0
        self._gradient: Tensor | None = None
        self._direction: Tensor | None = None
        self._square = 0.0
        self._limit = 1e12 * (1 + float(loss.loss(self.weights)))
        self._optimiser = self._make_optimiser()
        self.numbers, self._frames, self.losses = [0], [self.weights.clone()], [self.loss]
        self.memories: list[Mapping[str, Tensor]] = [{}]
        self.trail = [self.weights.clone()]

    @property
    def kernel(self) -> Tensor:
        """(height, width) float64, as it is now."""
        return self.surface.kernel(self.weights).clone()

    @property
    def bias(self) -> float:
        """As it is now; 0 where none is learned."""
        return float(self.weights[-1]) if self.surface.bias else 0.0

    @property
    def gradient(self) -> Tensor:
        """(n,), at the weights as they are now."""
        if self._gradient is None:
            self._gradient = self.surface.gradient(self.weights)
        return self._gradient

    @property
    def loss(self) -> float:
        """At the weights as they are now."""
        return float(self.surface.loss(self.weights))

    @property
    def error_bound(self) -> float:
        """No weight is farther than this from the best one, as far as the picture determines it; known without that."""
        return float(self.gradient.norm()) / self.surface.smallest

    @property
    def path(self) -> Tensor:
        """(keyframes, n), the weights at each of `numbers`."""
        return torch.stack(self._frames)

    def step(self) -> KernelStep:
        """Go one step down.

        Raises:
            KernelLearningError: the steps overshoot more and more.
        """
        gradient, loss = self.gradient, self._checked_loss()
        self._advance()
        return KernelStep(self.number, loss, float(gradient.norm()))

    def run(self, most: int, tolerance: float = 1e-3) -> bool:
        """Go on to the first step within the tolerance, for at most so many; keep the last one as a keyframe.

        Returns:
            whether `error_bound` is within the tolerance.
        Raises:
            KernelLearningError: as `step`.
        """
        for number in range(most):
            if self.error_bound <= tolerance:
                break
            if number % _CHECKED_EVERY == 0:
                self._checked_loss()
            self._advance()
        if self.numbers[-1] != self.number:
            self._keep()
        return self.error_bound <= tolerance

    def _advance(self) -> None:
        gradient = self.gradient
        if self._optimiser is None:
            self._conjugate_step(gradient)
        else:
            self.weights.grad = gradient
            self._optimiser.step()
        self.number += 1
        self._gradient = None
        self.trail.append(self.weights.clone())
        if self.number >= self.numbers[-1] * (1 + _KEPT_EVERY):
            self._keep()

    def _checked_loss(self) -> float:
        loss = self.loss
        if not loss < self._limit:
            raise KernelLearningError(self._ran_away())
        return loss

    def _keep(self) -> None:
        self.numbers.append(self.number)
        self._frames.append(self.weights.clone())
        self.losses.append(self.loss)
        self.memories.append(self._memory())

    def _memory(self) -> dict[str, Tensor]:
        if self._optimiser is None:
            direction, square = self._direction, torch.tensor(self._square, dtype=torch.float64)
            return {} if direction is None else {"direction": direction, "square": square}
        return {name: tensor.clone() for name, tensor in self._optimiser.kept[self.weights].items()}

    def _make_optimiser(self) -> Optimiser | None:
        if self.method == "conjugate":
            return None
        if self.method == "heavy_ball":
            return Optimiser("momentum", [self.weights], self.rate, momentum=velocity_kept(self.surface, self.method))
        return Optimiser(self.method, [self.weights], self.rate)

    def _conjugate_step(self, gradient: Tensor) -> None:
        """Fletcher & Reeves 1964, with the length of the step from the curvature along it."""
        square = float(gradient @ gradient)
        direction = -gradient
        if self._direction is not None and self._square > 0:
            direction = direction + square / self._square * self._direction
        curvature = float(direction @ self.surface.hessian @ direction)
        if curvature > 0:  # else it stands at the bottom
            self.weights += -float(gradient @ direction) / curvature * direction
        self._direction, self._square = direction, square

    def _ran_away(self) -> str:
        limit = stable_rate(self.surface, self.method)
        bound = "" if limit is None else f"below {written(limit)}, and is {written(self.rate)}"
        less = f" With this picture it has to be {bound}." if bound else ""
        return f"After {self.number} steps the kernel has run away: the rate is too large.{less}"

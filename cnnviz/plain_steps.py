"""Steps down for a single tensor whose gradient is known: torch's optimisers, written out.

Where gradients are known without autograd, a step is a few operations on a small tensor. Torch's own optimisers take
ten times as long for it, and the first of a process imports a compiler for two seconds.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cnnviz.optimisers import BETAS, EPS, MOMENTUM, OptimiserName


class PlainSteps:
    """Changes a tensor in place, as the optimiser of this name does.

    memory: what it keeps of the steps before: `velocity`, or `mean` and `square`; like the tensor. number: of the
    steps done.

    Args:
        kept: the share of the velocity that stays from step to step, for "momentum".
    Source: Sutskever et al. 2013, On the importance of initialization and momentum, as torch's SGD writes it;
    Kingma & Ba 2015, Adam, algorithm 1.
    """

    def __init__(self, name: OptimiserName, tensor: Tensor, rate: float, kept: float = MOMENTUM) -> None:
        self._name, self._tensor, self._rate, self._kept = name, tensor, rate, kept
        self.memory: dict[str, Tensor] = {}
        self.number = 0

    def step(self, gradient: Tensor) -> None:
        """Go one step down."""
        self.number += 1
        if self._name == "adam":
            self._adam(gradient)
            return
        if self._name == "momentum":
            last = self.memory.get("velocity")
            gradient = gradient.clone() if last is None else last.mul_(self._kept).add_(gradient)
            self.memory["velocity"] = gradient
        self._tensor.sub_(gradient, alpha=self._rate)

    def _adam(self, gradient: Tensor) -> None:
        if not self.memory:
            self.memory = {"mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
        mean = self.memory["mean"].lerp_(gradient, 1 - BETAS[0])
        square = self.memory["square"].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        first, second = (1 - beta**self.number for beta in BETAS)
        root = square.sqrt().div_(math.sqrt(second)).add_(EPS)
        self._tensor.addcdiv_(mean, root, value=-self._rate / first)

"""How a gradient becomes a step: three optimisers, and the arithmetic of one weight's step, written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from cnnviz.number_words import as_factor

OptimiserName = Literal["sgd", "momentum", "adam"]
MOMENTUM: Final = 0.9
BETAS: Final = (0.9, 0.999)
EPS: Final = 1e-8

# By name: what it does, and the rate that is a good beginning.
OPTIMISERS: Final[Mapping[OptimiserName, tuple[str, float]]] = {
    "sgd": ("Each step goes against the gradient, the rate times as far.", 0.1),
    "momentum": ("Gradients add up to a velocity of which 0.9 stays from step to step.", 0.02),
    "adam": ("Each weight has a step of its own size: its mean gradient by the root of the mean square.", 0.002),
}  # fmt: skip


class Optimiser:
    """Takes a step with each tensor against its gradient, to the last bit as torch's does.

    momentum: what stays of the velocity, of "momentum" alone. kept: for each tensor what stays from step to step:
    `velocity`, or `mean` and `square`. steps: how many were taken.

    Torch's own would load its compiler first: 76 MB and some seconds before the first step.
    """

    def __init__(
        self,
        name: OptimiserName,
        tensors: Sequence[Tensor],
        rate: float,
        weight_decay: float = 0.0,
        momentum: float = MOMENTUM,
    ) -> None:
        self.name, self.rate, self.weight_decay, self.momentum = name, rate, weight_decay, momentum
        self.kept: dict[Tensor, dict[str, Tensor]] = {tensor: {} for tensor in tensors}
        self.steps = 0

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for tensor in self.kept:
            tensor.grad = None

    def step(self) -> None:
        """Move all tensors that have a gradient, in place."""
        self.steps += 1
        with torch.no_grad():
            for tensor, kept in self.kept.items():
                if tensor.grad is not None:
                    decay = self.weight_decay
                    self._move(tensor, tensor.grad.add(tensor, alpha=decay) if decay else tensor.grad, kept)

    def _move(self, tensor: Tensor, gradient: Tensor, kept: dict[str, Tensor]) -> None:
        if self.name == "sgd":
            tensor.add_(gradient, alpha=-self.rate)
        elif self.name == "momentum":
            velocity = kept["velocity"].mul_(self.momentum).add_(gradient) if kept else gradient.clone()
            kept["velocity"] = velocity
            tensor.add_(velocity, alpha=-self.rate)
        else:
            for name in ("mean", "square"):
                kept.setdefault(name, torch.zeros_like(tensor))
            kept["mean"].lerp_(gradient, 1 - BETAS[0])
            kept["square"].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            mean_share, square_share = (1 - beta**self.steps for beta in BETAS)
            root = kept["square"].sqrt().div_(square_share**0.5).add_(EPS)
            tensor.addcdiv_(kept["mean"], root, value=-self.rate / mean_share)


def make_optimiser(name: OptimiserName, tensors: Sequence[Tensor], rate: float, weight_decay: float) -> Optimiser:
    """The optimiser of that name, with the momentum that `explain_step` tells of."""
    return Optimiser(name, tensors, rate, weight_decay)


@dataclass(frozen=True)
class Before:
    """What a weight's next step hangs on.

    value, gradient: the weight and its gradient. buffers: what the optimiser keeps of the steps before: `velocity`, or
    `mean` and `square`. steps: how many steps there were.
    """

    value: float
    gradient: float
    buffers: Mapping[str, float]
    steps: int


@dataclass(frozen=True)
class WeightStep:
    """One step of one weight: each line is a term's name, how it arises, in numbers, and what it comes to."""

    before: float
    after: float
    lines: tuple[tuple[str, str, float], ...]


def look_before(optimiser: Optimiser, tensor: Tensor, at: int) -> Before:
    """Read a weight, by its place in the flattened tensor, between `backward` and `step`."""
    if tensor.grad is None:
        raise ValueError("the weight has no gradient yet")
    buffers = {name: kept.flatten()[at].item() for name, kept in optimiser.kept[tensor].items()}
    return Before(tensor.flatten()[at].item(), tensor.grad.flatten()[at].item(), buffers, optimiser.steps)


def explain_step(
    name: OptimiserName, rate: float, weight_decay: float, before: Before, kept: float = MOMENTUM
) -> WeightStep:
    """Work out one weight's step in double precision, line by line. kept: the share of the velocity that stays.

    Source: Sutskever et al. 2013, On the importance of initialization and momentum, as torch's SGD writes it;
    Kingma & Ba 2015, Adam, algorithm 1.
    """
    w, g = before.value, before.gradient
    lines = [("gradient", "∂ loss / ∂ w", g)]
    if weight_decay:
        decayed = g + weight_decay * w
        lines.append(("with decay", f"{as_factor(g)} + {as_factor(weight_decay)} · {as_factor(w)}", decayed))
        g = decayed
    if name == "sgd":
        step = rate * g
        lines.append(("step", f"{as_factor(rate)} · {as_factor(g)}", step))
    elif name == "momentum":
        last = before.buffers.get("velocity")
        velocity = g if last is None else kept * last + g
        how = "the first gradient" if last is None else f"{as_factor(kept)} · {as_factor(last)} + {as_factor(g)}"
        step = rate * velocity
        lines += [("velocity", how, velocity), ("step", f"{as_factor(rate)} · {as_factor(velocity)}", step)]
    else:
        t = before.steps + 1
        m = BETAS[0] * before.buffers.get("mean", 0.0) + (1 - BETAS[0]) * g
        v = BETAS[1] * before.buffers.get("square", 0.0) + (1 - BETAS[1]) * g * g
        mean, square = m / (1 - BETAS[0] ** t), v / (1 - BETAS[1] ** t)
        step = rate * mean / (square**0.5 + EPS)
        lines += [
            ("mean gradient", f"{BETAS[0]} · {as_factor(before.buffers.get('mean', 0.0))} + 0.1 · {as_factor(g)}", m),
            (
                "mean square",
                f"{BETAS[1]} · {as_factor(before.buffers.get('square', 0.0))} + 0.001 · {as_factor(g)}²",
                v,
            ),
            ("mean, corrected", f"{as_factor(m)} / (1 − {BETAS[0]}^{t})", mean),
            ("square, corrected", f"{as_factor(v)} / (1 − {BETAS[1]}^{t})", square),
            ("step", f"{as_factor(rate)} · {as_factor(mean)} / (√{as_factor(square)} + {as_factor(EPS)})", step),
        ]
    lines.append(("new weight", f"{as_factor(w)} − {as_factor(step)}", w - step))
    return WeightStep(w, w - step, tuple(lines))

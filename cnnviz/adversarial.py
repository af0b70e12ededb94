"""A small step of all pixels that the network minds most: the fast gradient sign method, and its arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnviz.answers import Weights, answers, check_class, check_picture, logits_of
from cnnviz.layers import Layer
from cnnviz.training_pass import ending, loss_of


@dataclass(frozen=True, eq=False)
class Attack:
    """One picture changed by each of several ε, and what the network says.

    label: the class whose loss is climbed, or descended if `targeted`. loss: before. gradient: (C, H, W), ∂ loss /
    ∂ pixel. epsilons: (n,) as given. pictures: (n, C, H, W), in [0, 1]. before: (K,). after: (n, K).
    """

    label: int
    targeted: bool
    loss: float
    gradient: Tensor
    epsilons: tuple[float, ...]
    pictures: Tensor
    before: Tensor
    after: Tensor

    @property
    def smallest(self) -> float | None:
        """The smallest ε that changes the answer, or, if targeted, that makes it the target; None if none does."""
        found, first = self.after.argmax(1), int(self.before.argmax())
        reached = found == self.label if self.targeted else found != first
        return min((epsilon for epsilon, yes in zip(self.epsilons, reached.tolist()) if yes), default=None)


def fgsm(
    layers: Sequence[Layer],
    x: Tensor,
    parameters: Weights,
    label: int,
    epsilons: Sequence[float],
    targeted: bool = False,
) -> Attack:
    """clip(x + ε · sign(∂ loss / ∂ x), 0, 1) for each ε; with minus, if targeted.

    Args:
        x: one picture, (1, C, H, W), in [0, 1].
        parameters: for each layer the tensors of its `parameter_shapes`.
        label: the right class, which the step leads away from; if targeted, the class that it leads to.
        epsilons: at least 0 each.
    Raises:
        ShapeError: the network does not fit, does not end with a vector, or there is no such class.
        ValueError: an ε below 0, or none at all.
    Source: Goodfellow, Shlens & Szegedy 2015, Explaining and harnessing adversarial examples, section 4; targeted:
        Kurakin, Goodfellow & Bengio 2017, Adversarial machine learning at scale, section 2.2.
    """
    check_picture(x)
    if not epsilons or not min(epsilons) >= 0:
        raise ValueError("An adversarial step needs an ε of at least 0.")
    pixels = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        logits = logits_of(layers, pixels, parameters)
        check_class(label, logits.shape[1])
        loss = loss_of(logits, torch.tensor([label]), ending(layers))
        (gradient,) = torch.autograd.grad(loss, pixels, allow_unused=True)
    gradient = torch.zeros_like(x) if gradient is None else gradient
    pictures = _stepped(x.detach(), gradient, torch.tensor(epsilons, dtype=x.dtype)[:, None, None, None], targeted)[1]
    said = answers(layers, torch.cat([x.detach(), pictures]), parameters)
    return Attack(label, targeted, loss.item(), gradient[0], tuple(epsilons), pictures, said[0], said[1:])


def _stepped(x: Tensor, gradient: Tensor, epsilon: Tensor, targeted: bool) -> tuple[Tensor, Tensor]:
    """The picture after the step, and that clipped."""
    step = epsilon * gradient.sign()
    moved = x - step if targeted else x + step
    return moved, moved.clamp(0, 1)


def explain_pixel(x: Tensor, attack: Attack, which: int, at: tuple[int, int, int]) -> list[tuple[str, str, float]]:
    """The arithmetic of one value of the picture, as the step does it, in its own precision.

    Args:
        x: the picture before, (1, C, H, W).
        which: the number of an ε of the attack, from 0.
        at: (channel, row, column).
    Returns:
        lines: a term's name, how it arises, in numbers, and what it comes to. The last is the new value, bit for bit.
    """
    before, gradient = x[0][at].detach(), attack.gradient[at]
    epsilon = torch.tensor(attack.epsilons[which], dtype=x.dtype)
    moved, clipped = _stepped(before, gradient, epsilon, attack.targeted)
    sign, step = gradient.sign(), epsilon * gradient.sign()
    why = "the loss grows with this value" if sign > 0 else "the loss falls with this value"
    if not sign:
        why = "the loss does not change with this value, so it stays"
    return [
        ("x", "the value before", before.item()),
        ("gradient", "∂ loss / ∂ x", gradient.item()),
        ("sign", why, sign.item()),
        ("step", f"{exact(epsilon)} · {exact(sign)}", step.item()),
        ("sum", f"{exact(before)} {'−' if attack.targeted else '+'} {exact(step)}", moved.item()),
        ("clipped", "it lies in [0, 1]" if moved == clipped else "values end at 0 and 1", clipped.item()),
    ]


def exact(value: Tensor) -> str:
    """A number in as few digits as tell it from all others of its precision; below 0 in brackets."""
    number: Any = value.numpy()[()]
    is_plain = abs(number) >= 1e-4 or not number
    text = np.format_float_positional(number, trim="-") if is_plain else np.format_float_scientific(number)
    return f"({text})".replace("-", "−") if number < 0 else text

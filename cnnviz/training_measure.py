"""How well a network answers, with what it has learned so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.datasets import Examples
from cnnviz.layers import Layer
from cnnviz.network import forward, survey
from cnnviz.network_weights import Parameters
from cnnviz.training_pass import ending, loss_of, to_logits

_AT_ONCE: Final = 250  # pictures that are measured in one pass, if their maps take no more than:
_MAP_BYTES: Final = 100_000_000


@dataclass(frozen=True, eq=False)
class Measure:
    """How well a network answers.

    loss: the mean. answers: (N, K) what it says of each class, after its last layer. classes: (N,) the right ones.
    """

    loss: float
    answers: Tensor
    classes: Tensor

    @property
    def accuracy(self) -> float:
        """The share of right answers, in [0, 1]."""
        return float((self.answers.argmax(1) == self.classes).float().mean())

    def confusion(self) -> Tensor:
        """(K, K) int64: of the pictures of each class (row), how many were taken for each class (column)."""
        k = self.answers.shape[1]
        return torch.bincount(self.classes * k + self.answers.argmax(1), minlength=k * k).reshape(k, k)

    def worst(self, most: int) -> list[int]:
        """The pictures taken for another class, the surest mistakes first: where the right class got the least."""
        right = self.answers.gather(1, self.classes[:, None])[:, 0]
        wrong = (self.answers.argmax(1) != self.classes).nonzero()[:, 0]
        return wrong[right[wrong].argsort(stable=True)][:most].tolist()


def measure(layers: Sequence[Layer], parameters: Parameters, examples: Examples) -> Measure:
    """How well a network answers, as it is used: without dropout, batch norm by what it kept."""
    logits, memory = [], survey(layers, examples.pixels.shape[1:]).memory
    at_once = max(1, min(_AT_ONCE, _MAP_BYTES // max(1, memory)))
    with torch.inference_mode():
        for start in range(0, len(examples), at_once):
            images = examples.images(slice(start, start + at_once))
            logits.append(forward(to_logits(layers), images, parameters[: len(to_logits(layers))])[-1].output)
        every, classes, how = torch.cat(logits), examples.classes(), ending(layers)
        answers = every.softmax(1) if how == "softmax" else every.sigmoid() if how == "sigmoid" else every
        return Measure(loss_of(every, classes, how).item(), answers, classes)

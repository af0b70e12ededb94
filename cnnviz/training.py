"""Gradient descent, one step at a time: a training that can be looked into.

The same recipe, layers and pictures give the same weights bit for bit, with the same version on the same kind of
machine: one generator decides on the order of the pictures, on their changes and on dropout, and one thread adds up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from cnnviz.augmentation import augment
from cnnviz.datasets import Dataset, Examples
from cnnviz.layers import BatchNorm2d, Layer
from cnnviz.network_weights import Parameters, draw_weights
from cnnviz.optimisers import WeightStep, explain_step, look_before, make_optimiser
from cnnviz.training_measure import Measure, measure
from cnnviz.training_pass import check_fit, ending, loss_of, to_logits, training_pass
from cnnviz.training_recipe import Recipe, TrainingError

__all__ = ["Measure", "Recipe", "Step", "Training", "TrainingError", "measure"]

_MEASURED: Final = 1000  # training pictures at most, of the same kind of measure as the held-out ones


@dataclass(frozen=True)
class Step:
    """What one step showed.

    number: from 1. pictures: how many its batch had. loss, accuracy: of its batch, before the step.
    norms: of each layer's gradient, 0 where it has none.
    weight: the arithmetic of the weight that was watched.
    """

    number: int
    pictures: int
    loss: float
    accuracy: float
    norms: tuple[float, ...]
    weight: WeightStep | None = None


class Training:
    """A network that learns, between one step and the next.

    parameters: for each layer its tensors, as they are now. number: of the steps done.

    Raises:
        ShapeError: the network does not fit the pictures.
    """

    def __init__(self, layers: Sequence[Layer], data: Dataset, recipe: Recipe) -> None:
        count = len(data.training)
        check_fit(layers, data.shape, len(data.classes), min(count, recipe.batch, count % recipe.batch or count))
        self.layers, self.data, self.recipe = tuple(layers), data, recipe
        self.parameters: Parameters = draw_weights(layers, data.shape, recipe.init, recipe.seed)
        self.number = 0
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._order = torch.zeros(0, dtype=torch.int64)
        self._logits, self._ending = to_logits(layers), ending(layers)
        self._learned = [
            [tensor.requires_grad_() for name, tensor in tensors.items() if not _is_counted(layer, name)]
            for layer, tensors in zip(layers, self.parameters)
        ]
        learned = [tensor for tensors in self._learned for tensor in tensors]
        self._optimiser = make_optimiser(recipe.optimiser, learned, recipe.rate, recipe.weight_decay)

    @property
    def steps_an_epoch(self) -> int:
        """Steps until every picture was seen once; the last one of them may have fewer pictures."""
        return math.ceil(len(self.data.training) / self.recipe.batch)

    @property
    def steps(self) -> int:
        """All steps of the recipe."""
        return self.steps_an_epoch * self.recipe.epochs

    def step(self, watched: tuple[int, str, int] | None = None) -> Step:
        """Learn from the next batch.

        Args:
            watched: a weight whose arithmetic is to be told: the index of its layer, the name of its tensor, its place
                in that tensor, flattened.
        Raises:
            TrainingError: the loss or its gradient is no number any more; the weights stay as they were.
        """
        which = self._next_batch()
        images = augment(self.data.training.images(which), self.recipe.augmentation, self._generator)
        classes = self.data.training.classes(which)
        self._optimiser.zero_grad()
        logits = training_pass(self._logits, images, self.parameters, self._generator)
        loss = loss_of(logits, classes, self._ending)
        torch.autograd.backward(loss)
        norms = tuple(_norm(tensors) for tensors in self._learned)
        self._check_finite(loss.item(), *norms)
        weight = self._watch(watched) if watched else None
        self._optimiser.step()
        self.number += 1
        accuracy = float((logits.detach().argmax(1) == classes).float().mean())
        return Step(self.number, len(which), loss.item(), accuracy, norms, weight)

    def snapshot(self) -> Parameters:
        """The tensors as they are now, for later."""
        return [{name: tensor.detach().clone() for name, tensor in tensors.items()} for tensors in self.parameters]

    def measure(self) -> tuple[Measure, Measure]:
        """How well it answers now: pictures that it learns from (some), and those that are held out (all).

        Raises:
            TrainingError: what it answers is no number any more.
        """
        seen, parameters = self.data.training, self.snapshot()
        spread = np.arange(min(len(seen), _MEASURED)) * len(seen) // min(len(seen), _MEASURED)  # they may be in order
        some = Examples(seen.pixels[spread], seen.labels[spread])
        now = measure(self.layers, parameters, some), measure(self.layers, parameters, self.data.held_out)
        self._check_finite(*(part.loss for part in now))
        return now

    def _check_finite(self, *numbers: float) -> None:
        if not all(map(math.isfinite, numbers)):
            raise TrainingError(
                f"After {self.number} steps the numbers grew beyond what a float32 can hold. A smaller rate may help."
            )

    def _next_batch(self) -> np.ndarray:
        at = self.number % self.steps_an_epoch * self.recipe.batch
        if at == 0:
            self._order = torch.randperm(len(self.data.training), generator=self._generator)
        return self._order[at : at + self.recipe.batch].numpy()

    def _watch(self, watched: tuple[int, str, int]) -> WeightStep:
        layer, name, at = watched
        before = look_before(self._optimiser, self.parameters[layer][name], at)
        return explain_step(self.recipe.optimiser, self.recipe.rate, self.recipe.weight_decay, before)


def _is_counted(layer: Layer, name: str) -> bool:
    """Whether a tensor is kept by counting, not learned by its gradient."""
    return isinstance(layer, BatchNorm2d) and name.startswith("running")


def _norm(tensors: Sequence[Tensor]) -> float:
    norms = [
        torch.linalg.vector_norm(tensor.grad, dtype=torch.float64) for tensor in tensors if tensor.grad is not None
    ]
    return math.hypot(*map(float, norms))  # in doubles: squares of what a float32 holds may be too large for one

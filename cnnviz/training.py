"""Gradient descent, one step at a time: what a network is taught with, and a training that can be looked into.

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

from cnnviz.augmentation import AUGMENTATIONS, augment
from cnnviz.datasets import Dataset, Examples
from cnnviz.kernels import INITIALISATIONS
from cnnviz.layers import BatchNorm2d, Layer
from cnnviz.network import forward, survey
from cnnviz.network_weights import Parameters, draw_weights
from cnnviz.optimisers import OPTIMISERS, OptimiserName, WeightStep, explain_step, look_before, make_optimiser
from cnnviz.training_pass import check_fit, ending, loss_of, to_logits, training_pass

_MEASURED: Final = 1000  # training pictures at most, of the same kind of measure as the held-out ones
_AT_ONCE: Final = 250  # pictures that are measured in one pass, if their maps take no more than:
_MAP_BYTES: Final = 100_000_000


class TrainingError(ValueError):
    """A recipe that cannot be followed, or a training that ran away. The message is a sentence for a person."""


@dataclass(frozen=True)
class Recipe:
    """How a network is taught.

    rate: the learning rate, above 0. batch: pictures a step. weight_decay: at least 0. augmentation: its name.
    init, seed: as `network_weights.draw_weights` takes them; the seed decides on all else that is drawn too.
    """

    optimiser: OptimiserName = "adam"
    rate: float = 0.002
    batch: int = 32
    epochs: int = 10
    seed: int = 0
    weight_decay: float = 0.0
    augmentation: str = "none"
    init: str = "pytorch"

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise TrainingError(f"There is no optimiser {self.optimiser!r:.20}: there are {', '.join(OPTIMISERS)}.")
        if self.augmentation not in AUGMENTATIONS:
            raise TrainingError(
                f"Pictures are not changed by {self.augmentation!r:.20}: by {', '.join(AUGMENTATIONS)}."
            )
        if not 0 < self.rate <= 100:
            raise TrainingError(f"The rate is a number above 0, up to 100, not {self.rate:g}.")
        if not 0 <= self.weight_decay <= 1:
            raise TrainingError(f"Weight decay is a number from 0 to 1, not {self.weight_decay:g}.")
        if self.init not in INITIALISATIONS:
            raise TrainingError(f"Weights are not drawn by {self.init!r:.20}: by {', '.join(INITIALISATIONS)}.")
        if not all(isinstance(number, int) for number in (self.batch, self.epochs, self.seed)):
            raise TrainingError("Pictures a step, epochs and the seed are whole numbers.")
        if self.batch < 1 or self.epochs < 1:
            raise TrainingError("A training needs at least one picture a step, and one epoch.")
        if not 0 <= self.seed < 2**63:
            raise TrainingError("The seed is a whole number from 0 to 2^63 - 1.")


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


def _is_counted(layer: Layer, name: str) -> bool:
    """Whether a tensor is kept by counting, not learned by its gradient."""
    return isinstance(layer, BatchNorm2d) and name.startswith("running")


def _norm(tensors: Sequence[Tensor]) -> float:
    norms = [
        torch.linalg.vector_norm(tensor.grad, dtype=torch.float64) for tensor in tensors if tensor.grad is not None
    ]
    return math.hypot(*map(float, norms))  # in doubles: squares of what a float32 holds may be too large for one

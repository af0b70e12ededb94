"""What a training is told, and what it tells: an order, commands, and news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnviz.datasets import DATASETS, Dataset
from cnnviz.layers import Layer
from cnnviz.network_weights import Parameters
from cnnviz.optimisers import WeightStep
from cnnviz.training import Measure, Recipe

Watched = tuple[int, str, int]  # a weight: its layer's index, its tensor's name, its place in that tensor, flattened
Command = Literal["pause", "go on", "step", "stop"] | Watched
State = Literal["running", "paused", "over"]


@dataclass(frozen=True, eq=False)
class Order:
    """What is to be trained.

    data: a name in DATASETS, or what a person brought.
    watched: the weight whose arithmetic is told.
    is_paused: whether it does one step and then waits.
    """

    layers: tuple[Layer, ...]
    data: str | Dataset
    recipe: Recipe
    watched: Watched
    is_paused: bool = False

    def dataset(self) -> Dataset:
        """The pictures; shapes are drawn now, which takes a second."""
        return DATASETS[self.data]() if isinstance(self.data, str) else self.data


@dataclass(frozen=True)
class Score:
    """Loss and accuracy after so many steps, of pictures learned from and of those held out."""

    number: int
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True, eq=False)
class News:
    """What happened since the last news.

    steps, steps_an_epoch: of the whole recipe. seconds: spent on steps so far.
    rows: (n, 3 + layers) float64: of each step its number, loss, accuracy, and the norm of each layer's gradient.
    parameters: as they are now, after step `number`. keyframes: those to be kept, with their step's number.
    weight: the last step's arithmetic, of the weight `watched`. pictures: of that step's batch.
    final: at the end, of pictures learned from and of those held out.
    """

    state: State
    number: int
    steps: int
    steps_an_epoch: int
    seconds: float
    rows: np.ndarray
    parameters: Parameters
    watched: Watched
    pictures: int
    keyframes: Sequence[tuple[int, Parameters]] = ()
    scores: Sequence[Score] = ()
    weight: WeightStep | None = None
    final: tuple[Measure, Measure] | None = None
    problem: str = ""

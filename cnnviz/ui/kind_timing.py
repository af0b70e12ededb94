"""How long a kind of convolution takes on this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from time import perf_counter
from typing import Any, Final

import torch
from torch import Tensor

from cnnviz.kind_plans import Plan, Step
from cnnviz.kinds import Kind
from cnnviz.layers import Shape

ROUNDS: Final = 5  # timed on a first visit, after one that is not: it also finds memory and wakes torch's threads
ENOUGH: Final = 50  # rounds in all, after which nothing shorter is to be expected
PATIENCE: Final = 0.3  # seconds after which a first visit is content with fewer


class _Record:
    """The shortest time of all rounds so far, in seconds, and how many there were."""

    def __init__(self) -> None:
        self.shortest, self.rounds, self.lock = math.inf, 0, Lock()

    def add(self, seconds: float) -> float:
        with self.lock:  # sessions are threads
            self.shortest, self.rounds = min(self.shortest, seconds), self.rounds + 1
        return seconds


def milliseconds(kind: Kind, made: Plan, shape: Shape) -> float:
    """How long a kind takes here, in ms: the shortest of the rounds that all visits with the same sizes have timed.

    What else the machine does can only make a round longer. So the first visit times a few, and each later one adds
    another, as another moment may be quieter. A round that takes as long as a visit waits is timed once and for all:
    what a first one does besides is nothing to it.
    """
    sizes = made.weight.shape, made.stride, made.dilation, made.groups, made.padding
    record, steps, x = _record(kind.name, sizes, shape), kind.steps(made), torch.zeros(1, *shape)
    if not record.rounds:
        spent = _round(steps, x)
        if spent >= PATIENCE:
            record.add(spent)
        while record.rounds < ROUNDS and (spent < PATIENCE or not record.rounds):
            spent += record.add(_round(steps, x))
    elif record.rounds < ENOUGH and record.shortest < PATIENCE:
        record.add(_round(steps, x))
    return record.shortest * 1000


@lru_cache(maxsize=256)
def _record(name: str, sizes: Any, shape: Shape) -> _Record:
    return _Record()


def _round(steps: Sequence[Step], x: Tensor) -> float:
    start = perf_counter()
    for step in steps:
        x = step.layer(x, **step.parameters)
    return perf_counter() - start

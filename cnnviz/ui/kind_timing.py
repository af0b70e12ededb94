"""How long a kind of convolution takes on this machine."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Any

import torch

from cnnviz.kind_plans import Plan
from cnnviz.kinds import Kind
from cnnviz.layers import Shape

ROUNDS, PATIENCE = 5, 0.03  # at most so many, and about so many seconds


def milliseconds(kind: Kind, made: Plan, shape: Shape) -> float:
    """How long a kind takes here, in ms: the quickest of a few rounds, measured once for the same sizes."""
    sizes = made.weight.shape, made.stride, made.dilation, made.groups, made.padding
    return _measured(_Timed(kind, made), kind.name, sizes, shape)


class _Timed:
    """What is measured. It is always "equal", so that a measurement is kept by its sizes and not by its weights."""

    def __init__(self, kind: Kind, made: Plan) -> None:
        self.steps = kind.steps(made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Timed)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=256)
def _measured(timed: _Timed, name: str, sizes: Any, shape: Shape) -> float:
    x = torch.zeros(1, *shape)
    best, began = math.inf, time.perf_counter()
    for _ in range(ROUNDS):
        start, y = time.perf_counter(), x
        for step in timed.steps:
            y = step.layer(y, **step.parameters)
        now = time.perf_counter()
        best = min(best, now - start)
        if now - began > PATIENCE:
            break
    return best * 1000

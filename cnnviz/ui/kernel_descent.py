"""The whole descent on the problem of the task One kernel, computed at once: the replay is the browser's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import streamlit as st
import torch
from torch import Tensor

from cnnviz.descent_rates import Method, suggested_method
from cnnviz.kernel_learning import KernelLearning
from cnnviz.kernels import initialise
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_problem import Problem, problem
from cnnviz.ui.settings import SUGGESTED

TOLERANCE: Final = 1e-3  # within which of the best a descent ends
AT_ONCE: Final = 250  # steps between two words about how far it is
SLOW: Final = 0.5  # seconds after which it says how far it is


@dataclass(frozen=True, eq=False)
class Descent:
    """What became of it. error: why it ended before its time. is_down: whether it is as near as was asked for."""

    problem: Problem
    learning: KernelLearning
    error: KernelLearningError | None
    is_down: bool
    seconds: float

    @cached_property
    def optimum(self) -> Tensor:
        """The kernel in closed form."""
        return self.problem.loss.kernel(self.problem.loss.optimum)

    @cached_property
    def trail(self) -> Tensor:
        """(steps + 1, n), the weights after every step."""
        return torch.stack(self.learning.trail)

    @cached_property
    def errors(self) -> list[float]:
        """By keyframe, the largest error of a weight: from the true kernel, else from the one in closed form."""
        right = self.optimum if self.problem.truth is None else self.problem.truth
        return (self.problem.loss.kernel(self.learning.path) - right).abs().amax((1, 2)).tolist()


def descent(values: Mapping[str, Any], chosen: Chosen, tell: Callable[[float], None] = lambda share: None) -> Descent:
    """Learn what the settings say; what was learned last is kept.

    Args:
        tell: is told how far it is, 0 to 1, once it takes long.
    Raises:
        KernelLearningError, ShapeError: nothing can be learned from this.
    """
    names = "aim", "kernel", "target", "numbers", "kernel_size", "start", "seed", "method", "step", "steps"
    key = *(values[name] for name in names), values["fit"], st.session_state.get("filtered")
    last = st.session_state.get("learned")
    if last and last[0] == key and last[1] is chosen.image:
        found: Descent = last[2]
        return found
    now = _computed(problem(values, chosen.image), values, tell)
    st.session_state["learned"] = key, chosen.image, now
    return now


def _suggested(loss: KernelLoss, aim: str) -> Method:
    # What a filter left is so uneven that a heavy ball first throws g far away: no picture to look at.
    return "conjugate" if aim == "undo" else suggested_method(loss)


def _computed(now: Problem, values: Mapping[str, Any], tell: Callable[[float], None]) -> Descent:
    method = _suggested(now.loss, values["aim"]) if values["method"] == SUGGESTED else values["method"]
    height, width = now.loss.kernel_size
    start = initialise("uniform", (1, 1, height, width), values["seed"])[0, 0] if values["start"] == "random" else None
    learning = KernelLearning(now.loss, method, values["step"], start)
    began, is_down = time.perf_counter(), False
    error: KernelLearningError | None = None
    try:
        while learning.number < values["steps"] and not is_down:
            is_down = learning.run(min(AT_ONCE, values["steps"] - learning.number), TOLERANCE)
            if time.perf_counter() - began > SLOW:
                tell(learning.number / values["steps"])
    except KernelLearningError as ran_away:
        error = ran_away
    return Descent(now, learning, error, is_down, time.perf_counter() - began)


def seen(losses: list[float]) -> int:
    """How many keyframes a slice has to hold: those of a descent that ran away are farther than anything else."""
    limit = 100 * (losses[0] + 1e-12)
    return next((at for at, loss in enumerate(losses) if not loss < limit or math.isinf(loss)), len(losses)) or 1

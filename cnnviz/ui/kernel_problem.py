"""What the task One kernel computes: a pair of pictures from the settings, and the whole descent on it."""

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

from cnnviz.deconvolution import inverse_loss
from cnnviz.descent_rates import Method, suggested_method
from cnnviz.functional import conv2d
from cnnviz.images import Fit, ImageError, load_image
from cnnviz.kernel_learning import KernelLearning
from cnnviz.kernel_loss import MAX_SIDE, as_picture, kernel_loss
from cnnviz.kernels import initialise
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.shapes import Pair
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.settings import SUGGESTED

TOLERANCE: Final = 1e-3  # within which of the best a descent ends
AT_ONCE: Final = 250  # steps between two words about how far it is
SLOW: Final = 0.5  # seconds after which it says how far it is
INVERSE: Final = 7  # cells of a kernel that undoes another; one less where that has an even side
_MEANLESS: Final = 1e-6  # of the sum of a kernel's sizes: a smaller sum takes the mean away


class NothingBrought(KernelLearningError):
    """A person's own filtered picture is still to come."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be learned.

    x: the picture, (1, 1, H, W). kernel: f, as set; None where a person brought what f made. input, wanted: what the
    learned kernel gets and what it is to make of that, (H, W) each, the second smaller where padding is "valid".
    clipped: the share of the filtered picture that its file cuts off; None: nothing is rounded. truth: f in a grid as
    large as the learned one; None where it does not fit, or is not known.
    """

    x: Tensor
    kernel: Tensor | None
    input: Tensor
    wanted: Tensor
    padding: str
    loss: KernelLoss
    clipped: float | None
    truth: Tensor | None


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


def problem(values: Mapping[str, Any], x: Tensor) -> Problem:
    """The pair of pictures, and the loss of every kernel."""
    rows = torch.tensor(values["kernel"], dtype=torch.float64)
    if values["aim"] == "undo":
        return _undoing(x, rows, values["kernel_size"])
    size: Pair = values["kernel_size"] or tuple(min(side, MAX_SIDE) for side in rows.shape)  # type: ignore[assignment]
    if values["target"] == "own":
        y = brought(values, x)
        loss = kernel_loss(x, y, size, padding="valid", bias=True, skip_clipped=True)
        top, left = ((side - 1) // 2 for side in size)
        wanted = y[0, 0, top : top + x.shape[2] - size[0] + 1, left : left + x.shape[3] - size[1] + 1]
        clipped = float(((wanted <= 0) | (wanted >= 1)).double().mean())
        return Problem(x, None, x[0, 0], wanted, "valid", loss, clipped, None)
    y = conv2d(x.double(), rows[None, None], padding="same")
    is_file = values["numbers"] == "file"
    kept, cut = as_picture(y)
    y = kept if is_file else y
    loss = kernel_loss(x, y, size, skip_clipped=is_file)
    return Problem(x, rows, x[0, 0], y[0, 0], "same", loss, cut if is_file else None, laid_in(rows, size))


def brought(values: Mapping[str, Any], x: Tensor) -> Tensor:
    """The person's own filtered picture, as large as the picture."""
    own = st.session_state.get("filtered")
    if own is None:
        raise NothingBrought(
            "Bring the filtered picture that belongs to the picture, both at the same size. To try it: let the kernel "
            "make one, save it below the pictures to choose from, and bring it here."
        )
    size = x.shape[2], x.shape[3]
    fit: Fit = "stretch" if values["fit"] == "stretch" else "crop"
    try:
        return load_image(own, mode="L", size=size, fit=fit)
    except ImageError as error:
        raise KernelLearningError(f"The filtered picture: {error}") from None


def laid_in(kernel: Tensor, size: Pair) -> Tensor | None:
    """A kernel in the middle of a larger grid of zeros, so that it does the same; None where it does not fit."""
    if kernel.shape[0] > size[0] or kernel.shape[1] > size[1]:
        return None
    grid = torch.zeros(size, dtype=torch.float64)
    top, left = ((whole - 1) // 2 - (part - 1) // 2 for whole, part in zip(size, kernel.shape))
    if top + kernel.shape[0] > size[0] or left + kernel.shape[1] > size[1]:
        return None
    grid[top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    return grid


def _undoing(x: Tensor, kernel: Tensor, size: Pair | None) -> Problem:
    if size is None:
        height, width = (INVERSE - 1 + side % 2 for side in kernel.shape)
        size = height, width
    is_meanless = abs(float(kernel.sum())) <= _MEANLESS * float(kernel.abs().sum())
    loss = inverse_loss(x, kernel, size, bias=is_meanless)
    filtered = conv2d(x.double(), kernel[None, None])[0, 0]
    rows, columns = (whole - part + 1 for whole, part in zip(filtered.shape, size))
    top, left = ((f + g - 2) // 2 for f, g in zip(kernel.shape, size))
    return Problem(
        x, kernel, filtered, x[0, 0, top : top + rows, left : left + columns], "valid", loss, None, None
    )  # fmt: skip


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

"""What the descent view is told of a kernel that is learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cnnviz.attribution_words import say_share
from cnnviz.frequency_responses import LOST, frequency_response, lost_share
from cnnviz.kernel_steps import explained
from cnnviz.loss_surface import LossSlice, loss_slice, two_weights
from cnnviz.number_words import written
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.ui.kernel_descent import Descent, seen
from cnnviz.ui.kernel_panels import grids, learning_panels, undoing_panels

CELLS: Final = 61  # of the slice, each way
FREQUENCIES: Final = 32  # of the responses, each way
Message = tuple[dict[str, np.ndarray], dict[str, Any]]


def message(now: Descent, values: Mapping[str, Any]) -> Message:
    """Arrays by name, and all else that `descent_view` takes."""
    problem, learning = now.problem, now.learning
    path = learning.path
    arrays = {
        "input": problem.input.numpy(),
        "wanted": problem.wanted.numpy(),
        "frames": path.numpy(),
        "optimum": now.optimum.numpy(),
    }
    if problem.kernel is not None:
        arrays["filter"] = (problem.kernel if problem.truth is None else problem.truth).numpy()
    weight = min(values["weight"], len(problem.loss) - 1)
    told: dict[str, Any] = {
        "frames": learning.numbers,
        "at": frame_at(learning.numbers, values["moment"]),
        "atBox": "moment",
        "weight": weight,
        "weightBox": "weight",
        "weightName": weight_name(problem.loss, weight),
        "steps": [explained(learning, frame, weight).lines for frame in range(len(path))],
        "kernelSize": problem.loss.kernel_size,
        "bias": problem.loss.bias,
        "padding": problem.padding,
        "skip": problem.clipped is not None,
        "panels": undoing_panels(problem) if values["aim"] == "undo" else learning_panels(problem),
        "grids": grids(problem, values["aim"]),
        "curves": [_curve(now)],
        "figures": _figures(now),
    }
    told["surface"] = _surface(now, values["plane"], arrays)
    if values["aim"] == "undo" and problem.kernel is not None:
        told["responses"] = _responses(problem.x, problem.kernel, problem.loss.kernel(path), arrays)
    return arrays, told


def frame_at(numbers: Sequence[int], moment: int | None) -> int:
    """The keyframe nearest to a step; None: the last."""
    if moment is None:
        return len(numbers) - 1
    return min(range(len(numbers)), key=lambda frame: abs(numbers[frame] - moment))


def weight_name(loss: KernelLoss, at: int) -> str:
    """A weight by its row and column."""
    width = loss.kernel_size[1]
    return "bias" if at == loss.kernel_size[0] * width else f"row {at // width}, column {at % width}"


def finite(value: float) -> float:
    """As JSON holds it."""
    return value if math.isfinite(value) else 1e300


def _figures(now: Descent) -> list[list[str]]:
    """What is said of each keyframe beside the slider."""
    pairs = zip(now.learning.losses, now.errors)
    return [[f"loss {written(loss, 3)}", f"off by {written(error, 3)}"] for loss, error in pairs]


def _curve(now: Descent) -> dict[str, Any]:
    numbers = now.learning.numbers
    against = "the best" if now.problem.truth is None else "the true one"
    return {
        "title": "Loss (logarithmic)",
        "log": True,
        "lines": [
            {"name": "loss", "className": "learned", "points": _points(numbers, now.learning.losses)},
            {"name": f"a weight's largest error, from {against}", "className": "held-out",
             "points": _points(numbers, now.errors)},
        ],
    }  # fmt: skip


def _points(numbers: Sequence[int], values: Sequence[float]) -> list[tuple[int, float]]:
    return [(number, finite(value)) for number, value in zip(numbers, values)]


def cut_through(now: Descent, plane: tuple[int, int] | None) -> LossSlice:
    """The slice in a plane: None for the steepest and the flattest direction, else two weights.

    Raises:
        KernelLearningError: there is no such plane.
    """
    loss, learning = now.problem.loss, now.learning
    directions = None if plane is None else two_weights(loss, *plane)
    last = learning.numbers[seen(learning.losses) - 1]
    return loss_slice(loss, now.trail[: last + 1], directions, cells=CELLS)


def _surface(now: Descent, plane: tuple[int, int] | None, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    loss = now.problem.loss
    try:
        cut = cut_through(now, plane)
    except KernelLearningError as error:
        return {"problem": str(error)}
    from_origin = now.trail - cut.origin
    flat = from_origin @ cut.directions.T
    arrays["heights"] = cut.heights.numpy()
    arrays["path"] = flat.numpy()
    arrays["beside"] = (from_origin - flat @ cut.directions).norm(dim=1).numpy()
    if plane is None:
        names = ["steepest mix of the weights", "flattest mix of the weights"]
        about = (
            "Across, the mix of the weights along which the loss rises most steeply; up, the mix along which it hardly "
            f"changes, {loss.condition:,.0f} times less."
        )
    else:
        names = [weight_name(loss, at) for at in plane]
        about = "Across and up, one weight each; all others are those of the best kernel."
    ends = [[float(values[0]), float(values[-1])] for values in (cut.across, cut.down)]
    return {"across": ends[0], "down": ends[1], "names": names, "about": about, "least": loss.least}


def say_lost(kernel: Tensor, x: Tensor) -> str:
    """The share of a picture's frequencies that are lost to a filter; "" if none is."""
    height, width = (max(of_kernel, of_x) for of_kernel, of_x in zip(kernel.shape, x.shape[2:]))
    share = lost_share(kernel, (height, width))
    return say_share(share) if share else ""


def _responses(x: Tensor, kernel: Tensor, inverses: Tensor, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What f and, by keyframe, g do to each frequency."""
    height, width = kernel.shape
    size = max(FREQUENCIES, height, width)
    one = frequency_response(kernel, size)
    arrays["response"] = one.numpy()
    arrays["inverses"] = torch.stack([frequency_response(inverse, size) for inverse in inverses]).numpy()
    return {"lost": LOST * float(one.max()), "share": say_lost(kernel, x),
            "titles": ["|F|: the filter", "|G|: the learned one", "|F·G|: both"]}  # fmt: skip

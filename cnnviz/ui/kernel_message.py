"""What the descent view is told of a kernel that is learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cnnviz import figures
from cnnviz.attribution_words import say_share
from cnnviz.frequency_responses import LOST, frequency_response, lost_share
from cnnviz.kernel_steps import explained
from cnnviz.loss_surface import LossSlice, loss_slice, two_weights
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.ui.kernel_problem import Descent, Problem, seen

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
        "panels": _undoing(problem) if values["aim"] == "undo" else _learning(problem),
        "grids": _grids(problem, values["aim"]),
        "curves": [_curve(now)],
        "figures": [[f"{loss:.3g}", f"{error:.2g}"] for loss, error in zip(learning.losses, now.errors)],
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


def panel(of: str, title: str, maps: Tensor | None = None, reach: float = 0.0) -> dict[str, Any]:
    """A picture's place: what is in it, and its colours: two hues around 0, or greys where the mean is a picture's."""
    if maps is not None:
        low, mean, high = float(maps.min()), float(maps.mean()), float(maps.max())
        if (low >= -1e-9 and high <= 1.5) or (0 < mean < 1 and low > -mean - 2 and high - low < 12 * mean):
            return {"of": of, "title": title, "scale": "gray", "ends": [0.0, 1.0]}
        reach = max(-low, high)
    colors = figures.color_range(-(reach or 1.0), reach or 1.0)
    return {"of": of, "title": title, "scale": colors.scale, "ends": [colors.low, colors.high]}


def _learning(problem: Problem) -> list[dict[str, Any]]:
    filtered = "Its filtered version y" if problem.kernel is None else "Target y = f ∗ x"
    wanted = panel("wanted", filtered, problem.wanted)
    reach = float(problem.wanted.abs().max())
    return [
        panel("input", "Picture x", problem.input),
        wanted,
        {**wanted, "of": "made", "title": "Learned kernel ∗ x"},
        panel("difference", "What is still wrong", reach=reach),
    ]


def _undoing(problem: Problem) -> list[dict[str, Any]]:
    wanted = panel("wanted", "Picture x", problem.wanted)
    return [
        wanted,
        panel("input", "Filtered: f ∗ x", problem.input),
        {**wanted, "of": "made", "title": "Undone: g ∗ (f ∗ x)"},
        panel("difference", "What is still wrong", reach=float(problem.wanted.abs().max())),
    ]


def _grids(problem: Problem, aim: str) -> list[dict[str, str]]:
    if aim == "undo":
        return [
            {"of": "filter", "title": "The filter f"},
            {"of": "optimum", "title": "Best g, in closed form"},
            {"of": "learned", "title": "Learned g"},
            {"of": "both", "title": "f, then g, as one kernel"},
        ]
    known = [] if problem.kernel is None else [{"of": "filter", "title": "True kernel f"}]
    against = "closed form" if problem.truth is None else "true"
    return [
        *known,
        {"of": "optimum", "title": "Best, in closed form"},
        {"of": "learned", "title": "Learned"},
        {"of": "error" if problem.truth is not None else "gap", "title": f"Learned − {against}"},
    ]


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
        names = [f"steepest direction, curvature {loss.largest:.2g}", f"flattest, curvature {loss.smallest:.2g}"]
    else:
        names = [weight_name(loss, at) for at in plane]
    ends = [[float(values[0]), float(values[-1])] for values in (cut.across, cut.down)]
    return {"across": ends[0], "down": ends[1], "names": names, "least": loss.least}


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

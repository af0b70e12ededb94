"""Which pictures and kernels the descent view shows, and in which colours."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from cnnviz import figures
from cnnviz.ui.kernel_problem import Problem


def panel(of: str, title: str, maps: Tensor | None = None, reach: float = 0.0) -> dict[str, Any]:
    """A picture's place: what is in it, and its colours: two hues around 0, or greys where the mean is a picture's."""
    if maps is not None:
        low, mean, high = float(maps.min()), float(maps.mean()), float(maps.max())
        if (low >= -1e-9 and high <= 1.5) or (0 < mean < 1 and low > -mean - 2 and high - low < 12 * mean):
            return {"of": of, "title": title, "scale": "gray", "ends": [0.0, 1.0]}
        reach = max(-low, high)
    colors = figures.color_range(-(reach or 1.0), reach or 1.0)
    return {"of": of, "title": title, "scale": colors.scale, "ends": [colors.low, colors.high]}


def learning_panels(problem: Problem) -> list[dict[str, Any]]:
    """The pictures, where the kernel is to be found."""
    filtered = "Its filtered version y" if problem.kernel is None else "Target y = f ∗ x"
    wanted = panel("wanted", filtered, problem.wanted)
    reach = float(problem.wanted.abs().max())
    return [
        panel("input", "Picture x", problem.input),
        wanted,
        {**wanted, "of": "made", "title": "Learned kernel ∗ x"},
        panel("difference", "What is still wrong", reach=reach),
    ]


def undoing_panels(problem: Problem) -> list[dict[str, Any]]:
    """The pictures, where a filter is to be undone."""
    wanted = panel("wanted", "Picture x", problem.wanted)
    return [
        wanted,
        panel("input", "Filtered: f ∗ x", problem.input),
        {**wanted, "of": "made", "title": "Undone: g ∗ (f ∗ x)"},
        panel("difference", "What is still wrong", reach=float(problem.wanted.abs().max())),
    ]


def grids(problem: Problem, aim: str) -> list[dict[str, str]]:
    """The kernels under the pictures."""
    if aim == "undo":
        return [
            {"of": "filter", "title": "The filter f"},
            {"of": "optimum", "title": "Best g, solved directly"},
            {"of": "learned", "title": "Learned g"},
            {"of": "both", "title": "f, then g, as one kernel"},
        ]
    known = [] if problem.kernel is None else [{"of": "filter", "title": "True kernel f"}]
    against = "best" if problem.truth is None else "true"
    return [
        *known,
        {"of": "optimum", "title": "Best, solved directly"},
        {"of": "learned", "title": "Learned"},
        {"of": "error" if problem.truth is not None else "gap", "title": f"Learned − {against}"},
    ]

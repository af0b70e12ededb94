"""How a training goes: curves, gradients, the filters of the first layer as they change, and a replay of it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from cnnviz.training_run import Score
from cnnviz.ui.components import component
from cnnviz.ui.framing import framed

_mount = component("training_view")

POINTS: Final = 400  # of a curve: more are averaged
MOST: Final = 64  # filters that are shown


def training_view(
    rows: np.ndarray, scores: Sequence[Score], filters: Sequence[tuple[int, np.ndarray]], *, key: str, **told: Any
) -> None:
    """Show the training; a later call with the same key redraws it in place.

    Args:
        rows: (n, 3 + layers): of each step its number, loss, accuracy, and the norm of each layer's gradient.
        filters: the first layer's, (out, in, height, width), with the number of steps after which they were so; one
            while it runs, all that were kept afterwards.
        told: `steps` and `stepsAnEpoch`; `norms`, by layer's index how the curve of its gradient is called; `at`, the
            step that is looked back at, and `atBox`, the key of the box that holds it; `weight`, the place among all
            weights of the filters of the one that is watched, -1: none, `filtersOf`, their layer, and `weightBox`.
    """
    _mount(key=key, data=pack(rows, scores, filters, **told))


def pack(rows: np.ndarray, scores: Sequence[Score], filters: Sequence[tuple[int, np.ndarray]], **told: Any) -> bytes:
    """One message: the header, then the curves, (points, columns), and the filters of each keyframe, as float32."""
    points = thinned(rows, POINTS)
    shown = [weight[:MOST] for _, weight in filters]
    header = {
        **told,
        "points": points.shape,
        "scores": [[s.number, s.loss, s.accuracy, s.held_out_loss, s.held_out_accuracy] for s in scores],
        "frames": [number for number, _ in filters],
        "filters": shown[0].shape if shown else (0, 0, 0, 0),
        "hidden": len(filters[0][1]) - len(shown[0]) if shown else 0,
    }
    finite = np.nan_to_num(points, posinf=3e38, neginf=-3e38)
    return framed(header, [np.asarray(array, "<f4").tobytes() for array in (finite, *shown)])


def thinned(rows: np.ndarray, most: int) -> np.ndarray:
    """The means of as many neighbouring rows as it takes to leave at most so many; the last mean may be of fewer."""
    each = -(-len(rows) // most)
    if each <= 1:
        return rows
    return np.stack([rows[start : start + each].mean(0) for start in range(0, len(rows), each)])

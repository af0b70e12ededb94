"""Which of the classic kernels a learned filter resembles, and how much chance alone would make it resemble one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from cnnviz.kernels import KERNELS


@dataclass(frozen=True, eq=False)
class Resemblance:
    """A kernel, as large as the filter, and how alike they are.

    kernel: a name in KERNELS. values: (height, width) float64, with the sign that is more alike.
    cosine: of the angle between the two, in [0, 1]; 1: equal but for a positive factor.
    gray: of the filter's energy, the share that its channels have in common; the kernel is compared with that.
    """

    kernel: str
    values: np.ndarray
    cosine: float
    gray: float

    @property
    def is_more_than_chance(self) -> bool:
        """Whether of 100 filters drawn at random fewer than five would be as much like any kernel."""
        return self.cosine > chance(self.values.shape)


def resemblance(weight: np.ndarray) -> Resemblance | None:
    """The kernel most like a filter, be it with its sign turned round; None where no kernel is as small as it.

    Args:
        weight: (C, height, width), as it reads a picture of C channels.
    """
    filters = weight.astype(np.float64)
    mean, energy = filters.mean(0), float((filters**2).mean(0).sum())
    names, directions = _directions(mean.shape)
    if not names or not energy:
        return None
    cosines = directions @ mean.flatten() / (np.linalg.norm(mean) or 1.0)
    best = int(np.abs(cosines).argmax())
    sign = 1 if cosines[best] >= 0 else -1
    values = _placed(np.array(KERNELS[names[best]].values, np.float64), mean.shape)
    assert values is not None
    return Resemblance(names[best], sign * values, abs(float(cosines[best])), float((mean**2).sum()) / energy)


@cache
def chance(shape: tuple[int, ...]) -> float:
    """The cosine that 95 of 100 filters of normal weights stay below, whichever kernel is the most like them."""
    _, directions = _directions(shape)
    drawn = np.random.default_rng(0).normal(size=(directions.shape[1], 4000))
    best = np.abs(directions @ (drawn / np.linalg.norm(drawn, axis=0))).max(0)
    return float(np.percentile(best, 95))


@cache
def _directions(shape: tuple[int, ...]) -> tuple[list[str], np.ndarray]:
    """The kernels that are no larger than a filter: their names, and each as a vector of length 1, (kernels, cells)."""
    placed = {name: _placed(np.array(entry.values, np.float64), shape) for name, entry in KERNELS.items()}
    found = {name: values.flatten() for name, values in placed.items() if values is not None}
    vectors = [values / np.linalg.norm(values) for values in found.values()]
    return list(found), np.stack(vectors) if vectors else np.zeros((0, int(np.prod(shape))))


def _placed(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """A kernel in the middle of zeros, as large as a filter; None where it is larger."""
    if any(k > n for k, n in zip(kernel.shape, shape)):
        return None
    before = [(n - k) // 2 for k, n in zip(kernel.shape, shape)]
    after = [n - k - b for k, n, b in zip(kernel.shape, shape, before)]
    return np.pad(kernel, list(zip(before, after)))

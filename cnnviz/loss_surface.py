"""A slice through the loss of a kernel: its height on a plane of weights, with the way that the descent took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.quadratic_loss import KernelLearningError, KernelLoss

MAX_CELLS: Final = 201
_ROOM: Final = 0.1  # of what the path takes up, on each side of it


@dataclass(frozen=True, eq=False)
class LossSlice:
    """The loss on a plane through the weights.

    origin: (n,). directions: (2, n), of length 1, at right angles. across, down: (cells,), how far along the first and
    the second direction. heights: (cells, cells), one row for each `down`. path: (m, 2), where the descent was along
    both directions. beside: (m,), how far it was from the plane; only where that is 0 was it as high as drawn.
    """

    origin: Tensor
    directions: Tensor
    across: Tensor
    down: Tensor
    heights: Tensor
    path: Tensor
    beside: Tensor


def steepest_and_flattest(loss: KernelLoss) -> Tensor:
    """(2, n), the directions with the largest and the smallest curvature that the picture determines.

    Along these the descent does not mix: the path in the slice is what it would be if there were no others.
    """
    flattest = int(loss.determined.nonzero()[0, 0])
    return loss.directions[:, [len(loss) - 1, flattest]].T


def two_weights(loss: KernelLoss, first: int, second: int) -> Tensor:
    """(2, n), the directions in which only one weight changes, by its place in the flattened kernel.

    Raises:
        KernelLearningError: there are no such two weights.
    """
    if first == second or not all(0 <= at < len(loss) for at in (first, second)):
        raise KernelLearningError(f"A slice needs two of the weights 0 to {len(loss) - 1}, not {first} and {second}.")
    return torch.eye(len(loss), dtype=torch.float64)[[first, second]]


def loss_slice(
    loss: KernelLoss,
    path: Tensor,
    directions: Tensor | None = None,
    *,
    origin: Tensor | None = None,
    cells: int = 61,
) -> LossSlice:
    """Cut through the loss so that the whole path and the origin are in sight.

    Args:
        path: (m, n), weights on the way, m at least 1; see `KernelLearning.path`.
        directions: (2, n), not along one line; the second one loses what it shares with the first. None for
            `steepest_and_flattest`.
        origin: (n,), what the plane goes through; None for the optimum.
        cells: of the grid in each direction, 2 … MAX_CELLS.
    Raises:
        KernelLearningError: the directions are along one line; a grid that is too fine or too coarse; a kernel with
            one weight only, which has no plane.
    Source: Goodfellow et al. 2015, Qualitatively characterizing neural network optimization problems; Li et al. 2018,
    Visualizing the loss landscape of neural nets, section 7 (paths, projected).
    """
    if not 2 <= cells <= MAX_CELLS:
        raise KernelLearningError(f"A slice has 2 to {MAX_CELLS} cells in each direction, not {cells}.")
    if len(loss) < 2:
        raise KernelLearningError("A kernel of one weight has a curve, not a surface.")
    plane = _orthonormal(steepest_and_flattest(loss) if directions is None else directions.double())
    middle = loss.optimum if origin is None else origin.double()
    from_middle = path.double() - middle
    flat = from_middle @ plane.T
    beside = (from_middle - flat @ plane).norm(dim=1)
    across, down = (_extent(flat[:, axis], cells) for axis in (0, 1))
    grid = middle + across[None, :, None] * plane[0] + down[:, None, None] * plane[1]
    return LossSlice(middle, plane, across, down, loss.loss(grid), flat, beside)


def _orthonormal(directions: Tensor) -> Tensor:
    if directions.ndim != 2 or len(directions) != 2:
        raise KernelLearningError("A slice needs two directions.")
    first, second = directions
    first = first / first.norm()
    rest = second - (second @ first) * first
    if not float(rest.norm()) > 1e-9 * float(second.norm()):
        raise KernelLearningError("The two directions of a slice lie along one line.")
    return torch.stack([first, rest / rest.norm()])


def _extent(values: Tensor, cells: int) -> Tensor:
    """From the lowest to the highest, 0 included, with room; a length where there is none."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    room = _ROOM * (high - low) if high - low > 1e-9 else 0.5
    return torch.linspace(low - room, high + room, cells, dtype=torch.float64)

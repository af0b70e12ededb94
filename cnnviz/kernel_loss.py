"""The loss of every kernel that may have made one picture of another, from two passes over the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz.padding import check_maps, pad2d
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.shapes import Pair, Size, pair, resolve_padding, times

MAX_SIDE: Final = 11  # cells of a kernel in each direction
_AT_ONCE: Final = 4_000_000  # numbers of patches at a time, 32 MB


def kernel_loss(
    x: Tensor,
    y: Tensor,
    kernel_size: Size,
    *,
    padding: str = "same",
    padding_mode: str = "zeros",
    bias: bool = False,
    skip_clipped: bool = False,
    ridge: float = 0.0,
) -> KernelLoss:
    """Look through a picture and its filtered version for how well each kernel explains them.

    Args:
        x: pictures, (N, 1, H, W), N and both sides at least 1.
        y: what became of them, (N, 1, H, W); with padding "valid" it may be as small as a valid convolution's.
        kernel_size: of the kernel to find, 1 … MAX_SIDE in each direction.
        padding: "same", with `padding_mode`, if it is known how y was made to the edge; "valid" leaves the rim out, and
            then x and y of the same size belong together as in "same".
        bias: whether a number is added to all cells; programs add 0.5 where values may be negative.
        skip_clipped: leave out the cells where y is not between 0 and 1: a picture's file cannot hold what was there.
        ridge: at least 0; ridge · (sum of the squares of the weights, without the bias) is added to the loss.
    Raises:
        KernelLearningError: sizes that do not go together; nothing is left to compare; a picture that is black.
    Source: Goodfellow et al. 2016, Deep learning, section 5.1.4 (normal equations) and 7.1.1 (ridge).
    """
    size = pair(kernel_size, "kernel_size")
    if max(size) > MAX_SIDE:
        raise KernelLearningError(f"The kernel is {times(size)}; each side may be 1 to {MAX_SIDE} cells.")
    if padding not in ("same", "valid"):
        raise KernelLearningError(f"Kernels are learned with padding same or valid, not {padding!r:.20}.")
    if not 0 <= ridge < float("inf"):
        raise KernelLearningError("The ridge is a number that is not negative.")
    x, y = _fitted(x, y, size, padding, padding_mode)
    n = size[0] * size[1] + bias
    gram, mixed = torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    squares, cells = 0.0, 0
    for patches, wanted in _strips(x, y, size, n):
        rows = torch.cat([patches, torch.ones(len(patches), 1, dtype=torch.float64)], 1) if bias else patches
        if skip_clipped:
            inside = (wanted > 0) & (wanted < 1)
            rows, wanted = rows[inside], wanted[inside]
        gram += rows.T @ rows
        mixed += rows.T @ wanted
        squares += float(wanted @ wanted)
        cells += len(wanted)
    if not cells:
        raise KernelLearningError("No cell of the filtered picture lies between 0 and 1: nothing is left to compare.")
    if not float(gram.diagonal()[: size[0] * size[1]].max()) > 0:
        raise KernelLearningError("The picture is black wherever it is compared: every kernel gives the same of it.")
    hessian = gram * (2 / cells)
    hessian.diagonal()[: size[0] * size[1]] += 2 * ridge
    return KernelLoss(size, bias, hessian, mixed * (2 / cells), squares / cells, cells)


def as_picture(y: Tensor) -> tuple[Tensor, float]:
    """What a picture's file can hold of a filtered picture: v / 255 for whole v from 0 to 255, and the share cut off.

    Learning with `skip_clipped` leaves out what was cut off; what stays is wrong by up to 1/510, by rounding.
    """
    cut = float(((y < 0) | (y > 1)).double().mean())
    return (y.clamp(0, 1) * 255 + 0.5).floor() / 255, cut


def _fitted(x: Tensor, y: Tensor, size: Pair, padding: str, padding_mode: str) -> tuple[Tensor, Tensor]:
    """The padded picture, and what is to become of it without padding, both in double precision."""
    check_maps(x)
    if x.shape[1] != 1 or y.ndim != 4 or y.shape[:2] != x.shape[:2]:
        raise KernelLearningError(
            f"A picture and its filtered version are grey, (N, 1, H, W), not {tuple(x.shape)} and {tuple(y.shape)}."
        )
    x, y = x.detach().double(), y.detach().double()
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise KernelLearningError("The pictures hold what is no number.")
    height, width = x.shape[2:]
    sides = top, _, left, _ = resolve_padding("same", (height, width), size, (1, 1), (1, 1))
    if padding == "same":
        if y.shape != x.shape:
            raise KernelLearningError(
                f"The picture is {height}×{width}, its filtered version {times(y.shape[2:])}: they need the same size."
            )
        return pad2d(x, sides, padding_mode), y
    valid = height - size[0] + 1, width - size[1] + 1
    if min(valid) < 1:
        raise KernelLearningError(f"A kernel of {times(size)} does not fit the picture, {height}×{width}.")
    if y.shape == x.shape:
        return x, y[..., top : top + valid[0], left : left + valid[1]]
    if tuple(y.shape[2:]) != valid:
        raise KernelLearningError(
            f"The filtered version is {times(y.shape[2:])}; for a kernel of {times(size)} on a picture of "
            f"{height}×{width} it is {times(valid)}, or as large as the picture."
        )
    return x, y


def _strips(x: Tensor, y: Tensor, size: Pair, n: int) -> Iterator[tuple[Tensor, Tensor]]:
    """A few rows at a time: the patches (cells, height·width), and what is to become of each (cells,)."""
    rows = max(1, _AT_ONCE // (n * len(x) * y.shape[3]))
    for top in range(0, y.shape[2], rows):
        wanted = y[:, 0, top : top + rows]
        patches = F.unfold(x[:, :, top : top + wanted.shape[1] + size[0] - 1], size)
        yield patches.transpose(1, 2).flatten(0, 1), wanted.flatten()

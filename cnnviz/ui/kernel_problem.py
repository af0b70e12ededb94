"""What the task One kernel is about: a pair of pictures from the settings, and the loss of every kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st
import torch
from torch import Tensor

from cnnviz.functional import conv2d
from cnnviz.images import Fit, ImageError, load_image
from cnnviz.inverse_kernel import inverse_loss
from cnnviz.kernel_loss import MAX_SIDE, as_picture, kernel_loss
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.shapes import Pair

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

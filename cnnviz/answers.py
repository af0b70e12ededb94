"""What a network answers to pictures, and how one logit changes with them; as many at a time as memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from cnnviz.layers import Layer
from cnnviz.network import forward, survey
from cnnviz.shapes import ShapeError, times
from cnnviz.training_pass import ending, to_logits

Weights = Sequence[Mapping[str, Tensor]]

_BYTES: Final = 48_000_000  # of the outputs that are kept at a time
_MOST: Final = 256  # pictures at a time; more are not faster


def logits_of(layers: Sequence[Layer], x: Tensor, parameters: Weights) -> Tensor:
    """A number for each class, before the softmax or sigmoid at the end, if there is one; autograd can follow it.

    Args:
        x: (N, C, H, W).
        parameters: for each layer, the last one too, the tensors of its `parameter_shapes`.
    Returns:
        (N, K).
    Raises:
        ShapeError: a layer cannot take what the one before it made, or the last makes maps.
    """
    found = forward(to_logits(layers), x, parameters[: len(to_logits(layers))])[-1].output
    if found.ndim != 2:
        raise ShapeError(f"the network ends with maps {times(found.shape[1:])}: it has no number for each class")
    return found


def said(layers: Sequence[Layer], logits: Tensor) -> Tensor:
    """What a network says of logits (N, K): shares after softmax or sigmoid, else the logits themselves."""
    how = ending(layers)
    return logits.softmax(1) if how == "softmax" else logits.sigmoid() if how == "sigmoid" else logits


def answers(layers: Sequence[Layer], x: Tensor, parameters: Weights) -> Tensor:
    """What a network says of each class of each picture.

    Args, Raises: as for `logits_of`.
    Returns:
        (N, K), without a gradient.
    """
    with torch.no_grad():
        parts = [logits_of(layers, part, parameters) for part in batches(layers, x)]
    return said(layers, torch.cat(parts))


def logits_and_gradients(layers: Sequence[Layer], x: Tensor, parameters: Weights, target: int) -> tuple[Tensor, Tensor]:
    """The target's logit of each picture, and its gradient with respect to that picture; all in one pass.

    Args:
        x: (N, C, H, W).
        target: the number of a class, from 0.
    Returns:
        (N,) and (N, C, H, W).
    Raises:
        ShapeError: as `logits_of`; or there is no such class.
    """
    pixels = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        logits = logits_of(layers, pixels, parameters)
        check_class(target, logits.shape[1])
        # each picture's logit hangs on that picture alone, so the gradient of the sum has them all
        (gradients,) = torch.autograd.grad(logits[:, target].sum(), pixels, allow_unused=True)
    return logits[:, target].detach(), torch.zeros_like(x) if gradients is None else gradients


def check_class(target: int, classes: int) -> None:
    """Raise ShapeError unless there is such a class."""
    if not 0 <= target < classes:
        raise ShapeError(f"there is no class {target}: the network tells {classes} apart, numbered from 0")


def check_picture(x: Tensor) -> None:
    """Raise ShapeError unless x is one picture, (1, C, H, W)."""
    if x.ndim != 4 or len(x) != 1:
        raise ShapeError(f"x must be one picture, (1, C, H, W), not {tuple(x.shape)}")


def batches(layers: Sequence[Layer], x: Tensor) -> Iterator[Tensor]:
    """The pictures (N, C, H, W), as many at a time as memory allows."""
    yield from torch.split(x, at_once(layers, tuple(x.shape[1:])))


def at_once(layers: Sequence[Layer], shape: tuple[int, ...]) -> int:
    """How many pictures (C, H, W) a network takes in one pass."""
    return max(1, min(_MOST, _BYTES // max(1, survey(layers, shape).memory)))

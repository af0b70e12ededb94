"""A network while it learns: batch norm counts its batch, dropout silences, and the answer stays a logit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz.layers import Activation, BatchNorm2d, Dropout, Layer, Shape
from cnnviz.network import survey
from cnnviz.shapes import ShapeError, times

Ending = Literal["softmax", "sigmoid", "none"]


def ending(layers: Sequence[Layer]) -> Ending:
    """How a network turns its logits into what it says: its last layer, if that is softmax or sigmoid."""
    last = layers[-1] if layers else None
    if isinstance(last, Activation) and last.name in ("softmax", "sigmoid"):
        return "softmax" if last.name == "softmax" else "sigmoid"
    return "none"


def to_logits(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers without the softmax or sigmoid at their end: the loss takes logits, since log 0 is -inf."""
    return tuple(layers[: len(layers) - (ending(layers) != "none")])


def check_fit(layers: Sequence[Layer], shape: Shape, classes: int, smallest: int = 2) -> None:
    """Raise ShapeError, with a sentence, unless a network can learn from such pictures.

    Args:
        shape: of the pictures, (C, H, W).
        classes: it has to answer with a number for each.
        smallest: pictures in the smallest batch.
    """
    found = survey(layers, shape)
    if found.fault:
        raise ShapeError(
            f"It does not fit pictures of {times(shape)}: "
            f"layer {found.fault.index + 1} cannot work. {found.fault.error}."
        )
    out = found.rows[-1].output_shape if found.rows else shape
    if out != (classes,):
        raise ShapeError(f"It has to end with {classes} numbers, one for each class; it ends with {times(out)}.")
    if not any(row.parameters for row in found.rows):
        raise ShapeError("None of its layers has anything to learn.")
    for index, row in enumerate(found.rows):
        if isinstance(row.layer, BatchNorm2d) and smallest * math.prod(row.output_shape[1:]) < 2:
            raise ShapeError(
                f"Layer {index + 1} norms maps of one cell, and a batch has one picture only: one number has no "
                "variance. Another number of pictures a step helps."
            )


def training_pass(
    layers: Sequence[Layer], x: Tensor, parameters: Sequence[Mapping[str, Tensor]], generator: torch.Generator
) -> Tensor:
    """Run the layers as in training; `network.forward` runs them as they answer.

    Batch norm uses the mean and variance of this batch, and moves the kept ones a tenth towards them, in place.
    Dropout silences a share p, drawn by the generator, and scales the rest by 1 / (1 - p).

    Args:
        x: (N, C, H, W), N at least 2 where batch norm has one cell of a map only.
    Returns:
        what the last layer makes.
    Source: Ioffe & Szegedy 2015, algorithm 1; Srivastava et al. 2014, section 4.
    """
    outputs = [x]
    for index, (layer, tensors) in enumerate(zip(layers, parameters)):
        inputs = [outputs[at] for at in layer.sources(index)]
        if isinstance(layer, BatchNorm2d):
            mean, variance = tensors["running_mean"], tensors["running_var"]
            outputs.append(
                F.batch_norm(
                    inputs[0], mean, variance, tensors["weight"], tensors["bias"], training=True, eps=layer.eps
                )
            )
        elif isinstance(layer, Dropout) and layer.p > 0:
            kept = torch.rand(inputs[0].shape, generator=generator) >= layer.p
            outputs.append(inputs[0] * kept / max(1 - layer.p, 1e-12))
        else:
            outputs.append(layer(*inputs, **tensors))
    return outputs[-1]


def loss_of(logits: Tensor, classes: Tensor, how: Ending) -> Tensor:
    """The mean loss of a batch: cross entropy; after a sigmoid, whose outputs are judged one by one, summed over them.

    Args:
        logits: (N, K). classes: (N,) int64.
    """
    if how == "sigmoid":
        wanted = F.one_hot(classes, logits.shape[1]).to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / len(classes)
    return F.cross_entropy(logits, classes)

"""How much a page computes, and what it says where that is not enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from cnnviz.hosting import HOSTING
from cnnviz.layers import (
    Activation,
    AdaptivePool2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    GlobalPool2d,
    Layer,
    Pool2d,
    Shape,
)
from cnnviz.shapes import ShapeError, pair
from cnnviz.ui.watch import rejected

BUDGET = HOSTING.steps_million * 1_000_000  # multiply-adds or comparisons: about a second
CELLS = (
    HOSTING.cells_million * 1_000_000
)  # of all stages of a page together: 120 MB as float32, and what is made of them on the way
OVERFLOW = "These numbers grow beyond what a float32 can hold. What is shown here is the last that could be computed."
NOTHING_YET = "A setting below cannot work and says why."
STILL = "A setting below cannot work and says why. What is shown here is the last that could be computed."
_ACTIVATION = {"none": 0, "relu": 10, "relu6": 10, "hardtanh": 10, "leaky_relu": 10, "mish": 400}
STILL_ROW = "a setting below cannot work and says why. What is shown in that row is the last that could be computed."


def afford(what: str, steps: int, cells: int = 0) -> None:
    """Refuse what would hold the machine for seconds, or fill its memory, other visitors' pages with it.

    Ask before anything is computed: shapes and counts of layers need no pass.

    Args:
        what: what the person chose, as in "kind".
        steps: multiply-adds or comparisons.
        cells: of all stages that the page would then hold, see `stage_cells`.
    Raises:
        ShapeError: more than BUDGET steps or CELLS cells.
    """
    if steps > BUDGET or cells > CELLS:
        rejected("size")
    if steps > BUDGET:
        raise ShapeError(
            f"This {what} takes {steps:,} steps; up to {BUDGET:,} are computed here. "
            "Make the picture or the window smaller, or the stride larger."
        )
    if cells > CELLS:
        raise ShapeError(
            f"With this {what} the stages of the page would have {cells:,} cells together; up to {CELLS:,} are "
            "computed here. Make the picture smaller, or choose fewer filters, less padding, or a stride that leaves "
            "smaller maps."
        )


def stage_cells(layers: Sequence[Layer], shape: Shape) -> int:
    """How many cells the stages of some layers have, those that are padded or have zeros between too; not the input.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take its input.
    """
    return sum(_cells(layer, before, out) for layer, before, out in _passes(layers, shape))


def comparisons(layers: Sequence[Layer], shape: Shape) -> int:
    """What pools take, in multiply-adds of the same time: two for each cell looked at, four where they are dilated."""
    looks = 0
    for layer, before, out in _passes(layers, shape):
        if isinstance(layer, Pool2d):
            each = 2 if pair(layer.dilation, "") == (1, 1) else 4
            looks += each * math.prod(out) * math.prod(pair(layer.kernel_size, ""))
        elif isinstance(layer, GlobalPool2d | AdaptivePool2d):
            looks += 2 * (math.prod(before) + math.prod(out))
    return looks


def batched_steps(layers: Sequence[Layer], shape: Shape) -> int:
    """What PyTorch's own layers take for one picture of many, in multiply-adds of the same time.

    A multiply-add of a convolution on many pictures takes a fourteenth of a nanosecond; next to that, activations and
    max pools are dear. Measured with torch 2.13 on one thread: relu takes as long as 10 multiply-adds, most activations
    20 to 70, mish 340, a look of a max pool 45 to 60, and what a layer makes has to be written.
    """
    steps = sum(layer.macs(before) for layer, before, _ in _passes(layers, shape))
    for layer, _, out in _passes(layers, shape):
        steps += math.prod(out) * (_ACTIVATION.get(layer.name, 60) if isinstance(layer, Activation) else 5)
    return steps + 25 * comparisons(layers, shape)


def _passes(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Each layer with the shapes that it takes and makes."""
    shapes = [shape]
    for index, layer in enumerate(layers):
        inputs = [shapes[at] for at in layer.sources(index)]
        shapes.append(layer.output_shape(*inputs))
        yield layer, inputs[0], shapes[-1]


def _cells(layer: Layer, before: Shape, out: Shape) -> int:
    total = math.prod(out)
    if isinstance(layer, ConvTranspose2d):  # zero_insertion: what a plain convolution makes the same output of
        sizes = zip(out[1:], pair(layer.kernel_size, ""), pair(layer.dilation, ""))
        total += before[0] * math.prod(n + d * (k - 1) for n, k, d in sizes)
    elif isinstance(layer, Conv2d | DepthwiseSeparableConv2d | Pool2d) and any(pads := layer.padding4(before)):
        top, bottom, left, right = pads
        total += before[0] * (before[1] + top + bottom) * (before[2] + left + right)
    return total


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute by one thread meanwhile: of thousands of small steps each would wait for the slowest of several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_finite(x: Tensor) -> bool:
    """Whether every value is a number; looking at the ends alone takes an eighth of the time."""
    return all(math.isfinite(end) for end in torch.aminmax(x))

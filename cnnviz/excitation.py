"""A picture made to excite a filter; see `exciting_pictures` for those of a set that do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from cnnviz.answers import Weights
from cnnviz.attribution import layer_outputs
from cnnviz.layers import Activation, Layer, Shape
from cnnviz.network import summary
from cnnviz.shapes import ShapeError

Goal = Literal["mean", "centre"]
_TRIES: Final = 8  # noises, until one has a gradient


@dataclass(frozen=True, eq=False)
class Frame:
    """A moment of the climb.

    number: of the steps done. picture: (1, C, H, W) in [0, 1]. value: the filter's answer to it. note: a sentence where
    something is in the way, else "". is_last: nothing comes after it.
    """

    number: int
    picture: Tensor
    value: float
    note: str = ""
    is_last: bool = False


def maximise(
    layers: Sequence[Layer],
    parameters: Weights,
    shape: Shape,
    layer: int,
    filter: int,
    *,
    goal: Goal = "mean",
    steps: int = 100,
    rate: float = 0.02,
    decay: float = 0.1,
    smoothness: float = 0.2,
    seed: int = 0,
) -> Iterator[Frame]:
    """Climb from grey noise to a picture that a filter answers strongly to; each step is a frame.

    A step goes along the gradient, divided by its root mean square so that filters of any scale climb alike; two priors
    pull besides: towards mid-grey, and each pixel towards its neighbours. A ReLU that is shut everywhere has no
    gradient: then the sum that goes into it is climbed.

    Args:
        shape: of the picture, (C, H, W).
        layer, filter: the index of a layer and of one of its maps, or of a vector's values.
        goal: the map's mean, or its cell in the middle.
        steps: at most. rate: how far a pixel goes in one of them, about.
        decay, smoothness: how strongly the priors pull, at least 0, measured against the gradient.
    Raises:
        ShapeError: there is no such layer or filter.
    Source: Erhan, Bengio, Courville & Vincent 2009, Visualizing higher-layer features of a deep network, section 3; L2
        prior: Simonyan et al. 2014, section 2; total variation: Mahendran & Vedaldi 2015, Understanding deep image
        representations by inverting them, section 3.2 (here its smooth form, β = 2).
    """
    check_filter(layers, shape, layer, filter)  # now, not when the first frame is asked for
    climbed = _Filter(layers[: layer + 1], parameters[: layer + 1], filter, goal)
    return _climb(climbed, shape, steps, rate, (decay, smoothness), seed)


def _climb(
    climbed: _Filter, shape: Shape, steps: int, rate: float, priors: tuple[float, float], seed: int
) -> Iterator[Frame]:
    generator = torch.Generator().manual_seed(seed)
    for spread in [0.1, *[0.3] * (_TRIES - 1)]:
        picture = (0.5 + spread * torch.randn((1, *shape), generator=generator)).clamp(0, 1)
        value, gradient, note = climbed.look(picture)
        if gradient is not None:
            break
    for number in range(steps):
        yield Frame(number, picture, value, note, is_last=gradient is None)
        if gradient is None:
            return
        steep = gradient / gradient.abs().max()  # the squares of the smallest numbers are 0
        pull = steep / steep.square().mean().sqrt()
        pull -= priors[0] * (picture - 0.5) / 0.5 + priors[1] * _roughness(picture)
        picture = (picture + rate * pull).clamp(0, 1)
        value, gradient, note = climbed.look(picture)
    yield Frame(steps, picture, value, note, is_last=True)


def _roughness(picture: Tensor) -> Tensor:
    """Each pixel's differences from its neighbours, added up: half the gradient of the squared variation."""
    total = torch.zeros_like(picture)
    for axis in (2, 3):
        step = picture.diff(dim=axis)
        size = picture.shape[axis] - 1
        total.narrow(axis, 1, size).add_(step)
        total.narrow(axis, 0, size).sub_(step)
    return total


@dataclass(frozen=True, eq=False)
class _Filter:
    layers: Sequence[Layer]
    parameters: Weights
    filter: int
    goal: Goal

    def look(self, picture: Tensor) -> tuple[float, Tensor | None, str]:
        """The answer, the way up (None: there is none), and what is in the way."""
        pixels = picture.detach().requires_grad_()
        with torch.enable_grad():
            outputs = layer_outputs(self.layers, pixels, self.parameters)
            answer = self._goal(outputs[-1])
            gradient = _slope(answer, pixels)
            note = ""
            if gradient is None and isinstance(self.layers[-1], Activation):
                gradient = _slope(self._goal(outputs[-2]), pixels)
                note = "The activation is shut everywhere, so its gradient is 0: the sum that goes into it is climbed."
        if gradient is None:
            note = "The gradient is 0 for every pixel: no small change of this picture moves the filter’s answer."
        return answer.item(), gradient, note

    def _goal(self, output: Tensor) -> Tensor:
        if output.ndim == 2:
            return output[0, self.filter]
        maps = output[0, self.filter]
        return maps[maps.shape[0] // 2, maps.shape[1] // 2] if self.goal == "centre" else maps.mean()


def _slope(answer: Tensor, pixels: Tensor) -> Tensor | None:
    (gradient,) = torch.autograd.grad(answer, pixels, retain_graph=True, allow_unused=True)
    return gradient if gradient is not None and gradient.isfinite().all() and gradient.any() else None


def check_filter(layers: Sequence[Layer], shape: Shape, layer: int, filter: int) -> Shape:
    """The shape of a layer's output; ShapeError unless it has such a map, or, if it is a vector, such a value."""
    if not 0 <= layer < len(layers):
        raise ShapeError(f"there is no layer {layer}: there are {len(layers)}, numbered from 0")
    found = summary(layers[: layer + 1], shape).rows[-1].output_shape
    if not 0 <= filter < found[0]:
        raise ShapeError(f"layer {layer + 1} has no filter {filter}: it has {found[0]}, numbered from 0")
    return found

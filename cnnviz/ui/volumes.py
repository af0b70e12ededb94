"""What the page Volumes computes: a bank of filters as deep as the picture, and the maps that it makes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from cnnviz.filters import FILTERS, FilterPreset, bank
from cnnviz.kernels import KernelError, initial_bias, initialise
from cnnviz.layers import Conv2d, Linear, Shape
from cnnviz.network import Stage, forward
from cnnviz.shapes import ShapeError, pair, times
from cnnviz.ui import drawn
from cnnviz.ui.checking import Pin, check
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_grid import Preset
from cnnviz.ui.limits import NOTHING_YET, OVERFLOW, STILL, afford, is_finite, stage_cells
from cnnviz.ui.stage_view import Look, StageMap
from cnnviz.ui.stages import stage_map

NAMES = {"input": "input", "padded": "padded", "conv": "0"}  # of the stages on the page: a layer has its index
TITLES = {"input": "Input", "padded": "Padded", "conv": "Feature maps"}
USUAL: dict[str, Look] = {"input": "stack", "padded": "stack", "0": "all"}
LARGEST_PATCH = 34  # pixels a side of a patch as large as the image: then the lens shows each of its weights


@dataclass(frozen=True, eq=False)
class Volume:
    """One state of the page, with all that made it.

    layer: None where it cannot work and never has.
    parameters: weight (K, C, kh, kw) and bias (K,).
    error: why the settings now, which are others, cannot work; `notice` says that there is one.
    """

    values: Mapping[str, Any]
    layer: Conv2d | None
    parameters: dict[str, Tensor]
    stages: list[Stage]
    maps: list[StageMap]
    error: ValueError | None = None
    notice: str = ""

    @property
    def image(self) -> Tensor:
        return self.stages[0].output

    @property
    def planes(self) -> tuple[str, ...]:
        """The names of the picture's channels."""
        return ("red", "green", "blue") if self.image.shape[1] == 3 else ("grey",)

    @property
    def filter(self) -> int:
        """The filter that is edited: the one chosen, or the last where there are not so many."""
        return min(self.values["filter"], self.values["filters"] - 1)

    @property
    def looks(self) -> dict[str, Look]:
        """What is shown: where one map is, it is that of the filter chosen."""
        looks: dict[str, Look] = self.values["looks"]
        return looks | ({"0": self.filter} if isinstance(looks.get("0"), int) else {})

    @property
    def follow(self) -> dict[str, Any] | None:
        """Filters may be edited before the server has heard of it, where they can be edited at all."""
        is_whole = self.values["patch"] == "image"
        return None if self.error or is_whole else {"filters": {"bias": self.values["bias"]}}

    def check(self, pin: Pin | None) -> dict[str, Any] | None:
        """The pinned cell by another route, for the lens."""
        return check(pin, self.stages, [self.parameters], {name: ours for ours, name in NAMES.items()})

    def dense(self) -> tuple[Linear, Shape]:
        """A fully connected layer that would make as many numbers, and the shape that it takes."""
        layer = self.layer
        assert layer
        shape = tuple(self.image.shape[1:])
        return Linear(math.prod(layer.output_shape(shape))), (math.prod(shape),)

    def as_linear(self) -> Tensor:
        """What a fully connected layer of the same weights makes of the picture, (K,): for a patch as large as it."""
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        return F.linear(self.image.flatten(1), weight.flatten(1), bias)[0]


def picture_size(values: Mapping[str, Any]) -> tuple[int, int]:
    """The picture's size: a patch as large as it keeps it small."""
    height, width = values["size"]
    if values["patch"] == "window":
        return height, width
    return min(height, LARGEST_PATCH), min(width, LARGEST_PATCH)


def run(values: Mapping[str, Any], chosen: Chosen) -> Volume:
    """Compute the page's state; what cannot work leaves the last good picture."""
    shape = tuple(chosen.image.shape[1:])
    count, is_whole = values["filters"], values["patch"] == "image"
    size = (shape[1], shape[2]) if is_whole else pair(values["kernel_size"], "kernel_size")
    layer = Conv2d(count, size) if is_whole else Conv2d(count, size, values["stride"], values["padding"])
    try:
        layer.output_shape(shape)
        afford(layer.stage, layer.macs(shape), math.prod(shape) + stage_cells([layer], shape))
        weight, bias = _filters(values, shape[0], size)
    except (ShapeError, KernelError) as error:
        return _last(values, chosen, error=error, notice=STILL)
    parameters = {"weight": weight, "bias": bias + values["bias"]}
    stages = forward([layer], chosen.image, [parameters])
    if not is_finite(stages[-1].output):
        return _last(values, chosen, notice=OVERFLOW, error=ShapeError(OVERFLOW))
    now = Volume(values, layer, parameters, stages, _maps(stages, parameters))
    drawn.keep(now)
    return now


def _filters(values: Mapping[str, Any], channels: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    if values["patch"] == "window":
        return bank(values["filters"], channels, size, values["init"], values["seed"], values["edits"])
    shape = (values["filters"], channels, *size)
    return initialise(values["init"], shape, values["seed"]), initial_bias(values["init"], shape, values["seed"])


def _maps(stages: list[Stage], parameters: Mapping[str, Tensor]) -> list[StageMap]:
    maps: list[StageMap] = []
    for stage in stages:
        before = maps[-1] if maps else None
        maps.append(stage_map(stage, before, parameters, NAMES[stage.name], TITLES[stage.name]))
    return maps


def _last(values: Mapping[str, Any], chosen: Chosen, error: ValueError, notice: str) -> Volume:
    stages = [Stage("input", None, chosen.image)]
    nothing = Volume(values, None, {}, stages, _maps(stages, {}))
    last = drawn.last(Volume) or nothing
    return replace(last, values=values, error=error, notice=notice if last.layer else NOTHING_YET)


@lru_cache(maxsize=64)
def presets(channels: int, height: int, width: int) -> tuple[Preset, ...]:
    """The filters by name, for a picture and a size; their planes one below the other."""
    return tuple(
        (name, entry.family, _look_for(entry, channels), rows_of(entry.values(channels, height, width)))
        for name, entry in FILTERS.items()
    )


def _look_for(entry: FilterPreset, channels: int) -> str:
    if channels == 3 or len(set(entry.rgb)) == 1:
        return entry.look_for
    if not math.fsum(entry.rgb):
        return "It sets one colour against another, and a grey picture has none: nothing is left."
    return f"A grey picture has one channel for all colours. {entry.look_for}"


def rows_of(weight: Tensor) -> tuple[tuple[float, ...], ...]:
    """A filter (C, kh, kw) as rows, its planes one below the other."""
    return tuple(tuple(row) for row in weight.flatten(0, 1).tolist())


def about(now: Volume) -> str:
    """What to say of the chosen filter where it is no preset."""
    if now.filter in now.values["edits"]:
        return f"Filter {now.filter}: your own."
    bias = float(now.parameters["bias"][now.filter]) - now.values["bias"]
    method = now.values["init"].replace("_", " ")
    drawn = f"Filter {now.filter}, as it was drawn: {method}, seed {now.values['seed']}"
    return f"{drawn}, with a bias of its own, {bias:.4g}." if abs(bias) > 1e-9 else f"{drawn}."


def counts(now: Volume) -> list[tuple[str, int, int, str]]:
    """What convolution and a fully connected layer cost for the same output: name, weights, multiply-adds, how."""
    layer = now.layer
    assert layer
    shape = tuple(now.image.shape[1:])
    filters, depth = now.parameters["weight"].shape[:2]
    window = times((depth, *pair(layer.kernel_size, "")))
    dense, flat = now.dense()
    out = times(layer.output_shape(shape))
    return [
        ("convolution", layer.parameter_count(shape), layer.macs(shape), f"{filters} · ({window} + 1)"),
        ("fully connected", dense.parameter_count(flat), dense.macs(flat), f"{out} · ({times(shape)} + 1)"),
    ]


def both_ways(now: Volume) -> tuple[np.ndarray, np.ndarray]:
    """What `conv2d` and `Linear` make of a patch as large as the picture, each (K,) float32."""
    return now.stages[-1].output.flatten().numpy(), now.as_linear().numpy()

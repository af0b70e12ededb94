"""What the Lab computes from its settings: the layers, every stage, and which setting cannot work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from cnnviz.activation_effects import sum_rounding
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d, Shape
from cnnviz.network import Stage, forward
from cnnviz.shapes import ShapeError, pair
from cnnviz.ui import drawn
from cnnviz.ui.checking import Pin, check
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.limits import OVERFLOW, STILL, afford, is_finite
from cnnviz.ui.settings import IMAGE
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import follow, stage_maps


@dataclass(frozen=True, eq=False)
class Experiment:
    """One state of the Lab, with all that made it. A layer is None when it is off or cannot work.

    values: the settings.
    shape: of the input, (C, H, W).
    stale: whether the settings now are others, which cannot work; conv_error or notice say why.
    """

    values: Mapping[str, Any]

    chosen: Chosen
    shape: Shape
    conv: Conv2d | None
    activation: Activation | None
    pool: Pool2d | None
    parameters: list[dict[str, Tensor]]
    stages: list[Stage]
    maps: list[StageMap]
    conv_error: ShapeError | None = None
    pool_error: ShapeError | None = None
    notice: str = ""
    stale: bool = False

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in (self.conv, self.activation, self.pool) if layer]

    @property
    def pool_shape(self) -> Shape:
        """What the pool gets."""
        assert self.conv
        return self.conv.output_shape(self.shape)

    @property
    def rounding(self) -> float:
        """The largest |sum| that may be 0."""
        conv = next(i for i, stage in enumerate(self.stages) if stage.name == "conv")
        return sum_rounding(self.stages[conv - 1].output, **self.parameters[0])

    @property
    def follow(self) -> dict[str, Any] | None:
        """What the browser needs to show a tweak of the knobs by itself."""
        image = {setting.name for setting in IMAGE}
        return None if self.stale else follow({name: self.values[name] for name in self.values if name not in image})

    def check(self, pin: Pin | None) -> dict[str, Any] | None:
        """The pinned cell by another route, for the lens."""
        return check(pin, self.stages, self.parameters, {stage.name: stage.name for stage in self.stages})

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)


def run(values: Mapping[str, Any], chosen: Chosen) -> Experiment:
    """Compute the Lab's state, unless it was the last one computed; what cannot work leaves the last good picture."""
    last = drawn.last(Experiment)
    if last and last.chosen.image is chosen.image and last.values == values:
        return replace(last, chosen=chosen)  # a page may run again to say more
    shape = tuple(chosen.image.shape[1:])
    rows = torch.tensor(values["kernel"], dtype=torch.float32)
    weight = rows.expand(1, shape[0], *rows.shape)  # a filter has the full depth of the input
    parameters: list[dict[str, Tensor]] = [{"weight": weight, "bias": torch.tensor([values["bias"]])}]
    conv = Conv2d(
        1, (rows.shape[0], rows.shape[1]), values["stride"], values["padding"], values["padding_mode"],
        values["padding_value"], values["dilation"],
    )  # fmt: skip
    try:
        conv_shape = conv.output_shape(shape)
        afford(conv.stage, conv.macs(shape))
    except ShapeError as error:
        return _last(values, chosen, conv_error=error, notice=STILL)
    layers: list[Layer] = [conv]
    activation = pool = pool_error = None
    if values["activation"] != "none":
        wanted = ACTIVATIONS[values["activation"]].parameters
        activation = Activation(values["activation"], {name: values[name] for name in wanted})
        layers.append(activation)
    if values["pool"] != "none":
        try:
            pool = Pool2d(values["pool"], values["pool_size"], values["pool_stride"], values["pool_padding"])
            afford(
                pool.stage, math.prod(pool.output_shape(conv_shape)) * math.prod(pair(pool.kernel_size, "pool_size"))
            )
            layers.append(pool)
        except ShapeError as error:
            pool, pool_error = None, error
    parameters += [{} for _ in layers[1:]]
    stages = forward(layers, chosen.image, parameters)
    if not all(is_finite(stage.output) for stage in stages):
        return _last(values, chosen, notice=OVERFLOW)
    now = Experiment(
        values,
        chosen,
        shape,
        conv,
        activation,
        pool,
        parameters,
        stages,
        stage_maps(stages, parameters),
        pool_error=pool_error,
    )
    drawn.keep(now)
    return now


def _last(values: Mapping[str, Any], chosen: Chosen, **problem: Any) -> Experiment:
    """The last experiment that worked; on a first visit the input alone."""
    stages = [Stage("input", None, chosen.image)]
    shape, maps = tuple(chosen.image.shape[1:]), stage_maps(stages, [])
    alone = Experiment(values, chosen, shape, None, None, None, [], stages, maps)
    return replace(drawn.last(Experiment) or alone, **{"pool_error": None, "stale": True, **problem})

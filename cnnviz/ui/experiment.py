"""What the Lab computes from its settings: the layers, every stage, and which setting cannot work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
import torch
from torch import Tensor

from cnnviz.activations import ACTIVATIONS
from cnnviz.images import ImageError
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d, Shape
from cnnviz.network import Stage, forward
from cnnviz.shapes import ShapeError
from cnnviz.ui.image_picker import Chosen
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import stage_maps

PADDING_HELP = (
    "**valid**: none. **same**: as much as keeps the size (divided by the stride), the odd pixel after, as in "
    "TensorFlow. Or a number for every side, or two as in 1,2 (rows, columns)."
)
OVERFLOW = "These numbers grow beyond what a float32 can hold. What is shown here is the last that could be computed."
STILL = "A setting below cannot work and says why. What is shown here is the last that could be computed."


@dataclass(frozen=True, eq=False)
class Experiment:
    """One state of the Lab. A layer is None when it is off or cannot work; then its error says why.

    shape: of the input, (C, H, W).
    stages: the last ones that could be computed.
    """

    chosen: Chosen | None
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

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in (self.conv, self.activation, self.pool) if layer]

    @property
    def pool_shape(self) -> Shape:
        """What the pool gets."""
        assert self.conv
        return self.conv.output_shape(self.shape)

    @property
    def link_note(self) -> str:
        own = self.chosen is not None and self.chosen.sample is None
        return "It does not carry your own picture: whoever opens it sees the sample." if own else ""

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)


def run(values: Mapping[str, Any], chosen: Chosen | ImageError) -> Experiment:
    """Compute the Lab's state; what cannot work leaves the last good picture."""
    if isinstance(chosen, ImageError):
        return replace(_last(), notice=STILL)
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
    except ShapeError as error:
        return replace(_last(chosen), conv_error=error, notice=STILL)
    layers: list[Layer] = [conv]
    activation = pool = pool_error = None
    if values["activation"] != "none":
        wanted = ACTIVATIONS[values["activation"]].parameters
        activation = Activation(values["activation"], {name: values[name] for name in wanted})
        layers.append(activation)
    if values["pool"] != "none":
        try:
            pool = Pool2d(values["pool"], values["pool_size"], values["pool_stride"], values["pool_padding"])
            pool.output_shape(conv_shape)
            layers.append(pool)
        except ShapeError as error:
            pool, pool_error = None, error
    parameters += [{} for _ in layers[1:]]
    stages = forward(layers, chosen.image, parameters)
    if not all(stage.output.isfinite().all() for stage in stages):
        return replace(_last(chosen), notice=OVERFLOW)
    now = Experiment(
        chosen, shape, conv, activation, pool, parameters, stages, stage_maps(stages, parameters), pool_error=pool_error
    )
    st.session_state["experiment"] = now
    return now


def _last(chosen: Chosen | None = None) -> Experiment:
    """The last experiment that worked; on a first visit the input alone."""
    stages = [Stage("input", None, chosen.image)] if chosen else []
    shape = tuple(chosen.image.shape[1:]) if chosen else ()
    alone = Experiment(chosen, shape, None, None, None, [], stages, stage_maps(stages, []))
    return replace(st.session_state.get("experiment", alone), conv=None, activation=None, pool=None, pool_error=None)

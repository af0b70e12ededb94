"""What the page Activation and pooling computes: a map through both, who wins, and what a shift changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cnnviz.activation_effects import sum_rounding
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d, Shape
from cnnviz.network import Stage, forward
from cnnviz.number_pictures import NUMBER_PICTURES
from cnnviz.pool_layers import AdaptivePool2d, GlobalPool2d
from cnnviz.pool_winners import Pool, win_counts
from cnnviz.shapes import ShapeError, pair
from cnnviz.shifting import shift
from cnnviz.ui import drawn, pooling_maps
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_grid import Preset
from cnnviz.ui.limits import OVERFLOW, STILL, afford, is_finite
from cnnviz.ui.pooling_state import Pooling, before_pool

PRESETS: tuple[Preset, ...] = tuple((p.name, p.family, p.look_for, p.rows) for p in NUMBER_PICTURES.values())


def run(values: Mapping[str, Any], chosen: Chosen) -> Pooling:
    """Compute the page's state, unless it was the last one computed; what cannot work leaves the last good picture."""
    is_image = values["source"] == "image"
    last = drawn.last(Pooling)
    if last and last.values == values and (not is_image or last.stages[0].output is chosen.image):
        return last  # a page may run again to say more
    image = chosen.image if is_image else torch.tensor(values["numbers"], dtype=torch.float32)[None, None]
    alone = Pooling(values, [Stage("input", None, image)], [pooling_maps.input_map(image, is_image)])
    shape: Shape = tuple(image.shape[1:])
    conv = pool = pool_error = None
    if is_image:
        conv = Conv2d(1, (len(values["kernel"]), len(values["kernel"][0])))
        try:
            afford(conv.stage, conv.macs(shape))
        except ShapeError as error:
            return _stale(last or alone, STILL, conv_error=error)
        shape = conv.output_shape(shape)
    try:
        pool = _pool(values, shape)
    except ShapeError as error:
        if last:
            return _stale(last, STILL, pool_error=error)
        pool_error = error  # on a first visit all but the pool is shown
    if not (now := _through(alone, conv, _activation(values), pool)):
        return _stale(last or alone, OVERFLOW, pool_error=pool_error)
    if pool_error:
        return replace(now, pool_error=pool_error)
    drawn.keep(now)
    return now


def _stale(
    last: Pooling, notice: str, conv_error: ValueError | None = None, pool_error: ValueError | None = None
) -> Pooling:
    return replace(last, conv_error=conv_error, pool_error=pool_error, notice=notice, stale=True)


def _through(alone: Pooling, conv: Conv2d | None, activation: Activation | None, pool: Pool | None) -> Pooling | None:
    """The picture, and the shifted one, through these layers; None if they make numbers that a float32 cannot hold."""
    values, image = alone.values, alone.stages[0].output
    tensors: dict[str, Tensor] = {}
    rounding = 0.0  # numbers are exact
    if conv:
        rows = torch.tensor(values["kernel"], dtype=torch.float32)
        tensors = {"weight": rows.expand(1, image.shape[1], *rows.shape), "bias": torch.tensor([values["bias"]])}
        rounding = sum_rounding(image, **tensors)
    layers: list[Layer] = [layer for layer in (conv, activation, pool) if layer]
    parameters = [tensors if layer is conv else {} for layer in layers]
    stages = forward(layers, image, parameters)
    by = values["shift_down"], values["shift"]
    shifted = forward(layers, shift(image, *by, pooling_maps.ENTERS), parameters) if any(by) else []
    if not all(is_finite(stage.output) for stage in (*stages, *shifted)):
        return None
    wins = win_counts(before_pool(stages), pool) if pool and pool.kind in ("max", "min") else None
    strided = Pool2d("max", 1, pool.stride) if isinstance(pool, Pool2d) else None
    maps = pooling_maps.first_row(alone.maps[0], stages, tensors, wins)
    if shifted:
        maps += pooling_maps.second_row(maps, shifted, tensors, by, strided)
    return Pooling(values, stages, maps, conv, activation, pool, strided, parameters, shifted, wins, rounding)


def function(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The activation chosen, with its parameters, whatever else can work; "none" does nothing to the values."""
    name = "identity" if values["activation"] == "none" else values["activation"]
    return name, {parameter: values[parameter] for parameter in ACTIVATIONS[name].parameters}


def _activation(values: Mapping[str, Any]) -> Activation | None:
    return None if values["activation"] == "none" else Activation(*function(values))


def _pool(values: Mapping[str, Any], shape: Shape) -> Pool | None:
    """The pool of these settings, if it can take a map of this shape."""
    kind = values["pool"]
    if kind == "none":
        return None
    if values["pool_windows"] == "global":
        return GlobalPool2d(kind)
    if values["pool_windows"] == "adaptive":
        return AdaptivePool2d(kind, values["output_size"])
    pool = Pool2d(kind, values["pool_size"], values["pool_stride"], values["pool_padding"])
    afford(pool.stage, math.prod(pool.output_shape(shape)) * math.prod(pair(pool.kernel_size, "pool_size")))
    return pool

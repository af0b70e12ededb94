"""What the page Activation and pooling computes: a map through both, who wins, and what a shift changes."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from cnnviz.activation_effects import Effect, effect
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d, Shape
from cnnviz.network import Stage, forward
from cnnviz.number_pictures import NUMBER_PICTURES
from cnnviz.pool_layers import AdaptivePool2d, GlobalPool2d
from cnnviz.pool_winners import Pool, win_counts
from cnnviz.receptive_fields import tables
from cnnviz.shapes import ShapeError, pair, times
from cnnviz.shifting import Change, changed, shift
from cnnviz.ui.checking import Pin, check
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_grid import Preset
from cnnviz.ui.limits import OVERFLOW, STILL, afford
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import TITLES, stage_map

ENTERS = "replicate"  # what comes in at the edge when the picture is shifted
FIRST_ROW = {name: TITLES[name] for name in ("input", "conv", "activation", "pool")} | {"winners": "Winners"}
POOLED = ("pool", "shifted-pool", "pool-changes")
PASSED_ON = ("activation", "winners", "shifted-strided", "strided-changes")  # and these, if it passes values on
PRESETS: tuple[Preset, ...] = tuple((p.name, p.family, p.look_for, p.rows) for p in NUMBER_PICTURES.values())


# What it is, how many cells changed, Σ|change| as a share of Σ|value|, whether cells that see the edge are left out
Comparison = tuple[str, Change, float, bool]


@dataclass(frozen=True, eq=False)
class Pooling:
    """One state of the page, with all that made it. A layer is None when it is off or cannot work.

    shifted: the stages of the shifted picture, the same layers; none where nothing is shifted.
    strided: takes every so many cells instead of a pool, as a convolution with that stride would.
    stale: whether the settings now are others, which cannot work; conv_error or notice say why.
    """

    values: Mapping[str, Any]
    conv: Conv2d | None
    activation: Activation | None
    pool: Pool | None
    strided: Pool2d | None
    parameters: list[dict[str, Tensor]]
    stages: list[Stage]
    shifted: list[Stage]
    maps: list[StageMap]
    conv_error: ValueError | None = None
    pool_error: ValueError | None = None
    notice: str = ""
    stale: bool = False

    @property
    def by(self) -> tuple[int, int]:
        """How far the picture is shifted, down and to the right."""
        return self.values["shift_down"], self.values["shift"]

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    @property
    def before(self) -> Tensor:
        """What goes into the activation."""
        return (self.stage("conv") or self.stages[0]).output

    @property
    def pooled_from(self) -> Tensor:
        """What goes into the pool."""
        return (self.stage("activation") or self.stage("conv") or self.stages[0]).output

    @property
    def places(self) -> dict[str, str]:
        """The titles of all stages that there may be: two rows of five."""
        if not any(self.by):
            return FIRST_ROW
        second = {"shifted": "Shifted", "shifted-pool": "Its pooling", "pool-changes": "What changed"}
        third = {"shifted-strided": "Stride alone", "strided-changes": "What changed"}
        return FIRST_ROW | second | (third if self.strided else {})

    @property
    def alike(self) -> tuple[str, ...]:
        """The stages that are to be compared by their colours: means and norms are of another size than their cells."""
        return POOLED + PASSED_ON if self.pool and self.pool.kind in ("max", "min") else POOLED

    def check(self, pin: Pin | None) -> dict[str, Any] | None:
        """The pinned cell by another route, for the lens."""
        if not self.conv or not pin:
            return None
        if pin[0] == "shifted-pool":
            return check(pin, self.shifted, self.parameters, {"shifted-pool": "pool"})
        return check(pin, self.stages, self.parameters, {stage.name: stage.name for stage in self.stages})

    @property
    def effect(self) -> Effect | None:
        """What the activation does to the values before it; None of a softmax, which has no curve."""
        name = self.activation.name if self.activation else "identity"
        return None if name == "softmax" else effect(name, self.function[1], self.before)

    @property
    def function(self) -> tuple[str, dict[str, Any]]:
        """The activation's name and parameters; where there is none, nothing happens to the values."""
        return (self.activation.name, dict(self.activation.parameters)) if self.activation else ("identity", {})

    @property
    def wins(self) -> Tensor | None:
        """How many windows each cell of the map before the pool won; None where nobody wins."""
        return win_counts(self.pooled_from, self.pool) if self.pool and self.pool.kind in ("max", "min") else None

    def comparisons(self) -> list[Comparison]:
        """What the shift changed, with the pool and with its stride alone, in cells that do not see the edge."""
        if not self.shifted or self.stale:
            return []
        first = [layer for layer in (self.conv, self.activation) if layer]
        routes: list[tuple[str, Layer | None]] = [(_route(self), self.pool)]
        routes += [(f"{_step(self.strided)}, no pooling", self.strided)] if self.strided else []
        found = []
        for name, last in routes:
            one, other = (_end(stages, last) for stages in (self.stages, self.shifted))
            seen = _clear(first + ([last] if last else []), tuple(self.stages[0].output.shape[1:]), self.by)
            if is_apart := bool(seen.any()):  # else each window sees the edge, as a global one does
                one, other = one[..., seen], other[..., seen]
            total = float(one.abs().sum())
            size = float((other - one).abs().sum()) / total if total else 0.0
            found.append((name, Change.of(changed(one, other)), size, is_apart))
        return found


def run(values: Mapping[str, Any], chosen: Chosen) -> Pooling:
    """Compute the page's state; what cannot work leaves the last good picture."""
    is_image = values["source"] == "image"
    image = chosen.image if is_image else torch.tensor(values["numbers"], dtype=torch.float32)[None, None]
    shape: Shape = tuple(image.shape[1:])
    layers: list[Layer] = []
    parameters: list[dict[str, Tensor]] = []
    conv = activation = pool = strided = pool_error = None
    if is_image:
        rows = torch.tensor(values["kernel"], dtype=torch.float32)
        conv = Conv2d(1, (rows.shape[0], rows.shape[1]))
        try:
            conv.output_shape(shape)
            afford(conv.stage, conv.macs(shape))
        except ShapeError as error:
            return _last(values, chosen, conv_error=error, notice=STILL)
        weight = rows.expand(1, shape[0], *rows.shape)
        parameters.append({"weight": weight, "bias": torch.tensor([values["bias"]])})
        layers.append(conv)
        shape = conv.output_shape(shape)
    if values["activation"] != "none":
        wanted = ACTIVATIONS[values["activation"]].parameters
        activation = Activation(values["activation"], {name: values[name] for name in wanted})
        layers.append(activation)
    if values["pool"] != "none":
        try:
            pool = _pool(values, shape)
            layers.append(pool)
        except ShapeError as error:
            pool = None
            pool_error = error
    if isinstance(pool, Pool2d):
        strided = Pool2d("max", 1, pool.stride)
    parameters += [{} for _ in layers[len(parameters) :]]
    stages = forward(layers, image, parameters)
    by = values["shift_down"], values["shift"]
    shifted = forward(layers, shift(image, *by, ENTERS), parameters) if any(by) else []
    if not all(stage.output.isfinite().all() for stage in (*stages, *shifted)):
        return _last(values, chosen, notice=OVERFLOW)
    now = Pooling(values, conv, activation, pool, strided, parameters, stages, shifted, [], pool_error=pool_error)
    now = replace(now, maps=_maps(now))
    st.session_state["last drawn"] = now
    return now


def _pool(values: Mapping[str, Any], shape: Shape) -> Pool:
    kind = values["pool"]
    if values["pool_windows"] == "global":
        return GlobalPool2d(kind)
    if values["pool_windows"] == "adaptive":
        return AdaptivePool2d(kind, values["output_size"])
    pool = Pool2d(kind, values["pool_size"], values["pool_stride"], values["pool_padding"])
    afford(pool.stage, math.prod(pool.output_shape(shape)) * math.prod(pair(pool.kernel_size, "pool_size")))
    return pool


def _maps(now: Pooling) -> list[StageMap]:
    """The stages of both rows; those that the second row's arithmetic needs besides are hidden."""
    source = now.stages[0].output[0].numpy()
    if now.conv:
        maps = [stage_map(now.stages[0], None, {}, "input", TITLES["input"])]
    else:
        maps = [StageMap("input", "Numbers", source, {"op": "numbers", "values": source})]
    for stage in now.stages[1:]:
        maps.append(stage_map(stage, maps[-1], _tensors(now, stage), stage.name, TITLES[stage.name]))
    pooled = maps[-1] if now.pool else None
    last = maps[-2] if now.pool else maps[-1]  # what the pool reads
    if now.wins is not None:
        maps.append(_winners(now.wins, last))
    if not now.shifted:
        return maps
    down, right = now.by
    how = {"op": "pad", "pads": (down, -down, right, -right), "mode": ENTERS, "value": 0.0}
    words = [f"{count} {where}" for count, where in ((down, "↓"), (right, "→")) if count]
    chain = [
        StageMap(
            "shifted", f"Shifted {' '.join(words)}", now.shifted[0].output[0].numpy(), how,
            origins=("input",), picture=maps[0].picture,
        )
    ]  # fmt: skip
    for stage in now.shifted[1:]:
        before = chain[-1]
        is_pool = stage.layer is now.pool
        title = "Its pooling" if is_pool else TITLES[stage.name]
        origins = (before.name,)
        name = f"shifted-{stage.name}"
        tensors = _tensors(now, stage)
        chain.append(stage_map(stage, before, tensors, name, title, origins=origins, hidden=not is_pool))
    chain_end = chain[-2] if now.pool else chain[-1]
    ends = (chain[-1], pooled or last)
    if ends[1].name != "input":
        chain.append(_difference("pool-changes", *ends))
    if now.strided:
        chain += _without_pooling(now.strided, last, chain_end)
    return maps + chain


def _tensors(now: Pooling, stage: Stage) -> Mapping[str, Tensor]:
    return now.parameters[0] if isinstance(stage.layer, Conv2d) else {}


def _winners(wins: Tensor, before: StageMap) -> StageMap:
    """The cells that won, at their value; the rest 0."""
    won = wins[0].numpy() > 0
    how = {"op": "winners", "mask": base64.b64encode(np.packbits(won.ravel()).tobytes()).decode()}
    maps = np.where(won, before.maps, np.float32(0))
    return StageMap("winners", "Winners", maps, how, before.start, before.jump, "who won", origins=(before.name,))


def _difference(name: str, after: StageMap, before: StageMap) -> StageMap:
    maps = after.maps - before.maps
    origins = (after.name, before.name)
    words = f"− {before.title.lower()}"
    return StageMap(name, "What changed", maps, {"op": "difference"}, before.start, before.jump, words, origins)


def _without_pooling(strided: Pool2d, before: StageMap, shifted: StageMap) -> list[StageMap]:
    """Every so many cells of both maps, and the difference: what a convolution with that stride makes of the shift."""
    title = f"{_step(strided).capitalize()} alone"

    def of(source: StageMap, name: str, hidden: bool) -> StageMap:
        stage = Stage("pool", strided, strided(torch.from_numpy(source.maps)[None]))
        shown = stage_map(stage, source, {}, name, title, origins=(source.name,), hidden=hidden)
        return replace(shown, arrow="")  # it does not come from the stage at its left

    one, other = of(before, "strided", True), of(shifted, "shifted-strided", False)
    return [one, other, _difference("strided-changes", other, one)]


def _end(stages: Sequence[Stage], last: Layer | None) -> Tensor:
    """What the last layer makes of a picture; without it, the last stage."""
    stage = next((stage for stage in stages if stage.layer is last and last), None)
    if stage or not last:
        return (stage or stages[-1]).output
    source = next(stage for stage in reversed(stages) if stage.name != "pool")
    return last(source.output)


def _clear(layers: Sequence[Layer], shape: Shape, by: tuple[int, int]) -> Tensor:
    """Which output cells see nothing that came in at the edge, (H, W) bool."""
    fresh = [torch.arange(size) < distance for size, distance in zip(shape[1:], by)]
    for layer in layers:
        if isinstance(layer, Activation):
            continue  # each cell by itself; and were it a softmax over all, nothing would be left to compare
        fresh = [
            torch.tensor([bool(seen[list(cells)].any()) for cells in table])
            for seen, table in zip(fresh, tables(layer, shape))
        ]
        shape = layer.output_shape(shape)
    return ~(fresh[0][:, None] | fresh[1])


def _step(strided: Pool2d) -> str:
    rows, columns = pair(strided.stride, "")
    return f"stride {rows if rows == columns else f'{rows},{columns}'}"


def _route(now: Pooling) -> str:
    if not now.pool:
        return "no pooling"
    if isinstance(now.pool, Pool2d):
        return f"{now.pool.kind} pooling {times(pair(now.pool.kernel_size, ''))}"
    return f"{'global' if isinstance(now.pool, GlobalPool2d) else 'adaptive'} {now.pool.kind} pooling"


def _last(values: Mapping[str, Any], chosen: Chosen, **problem: Any) -> Pooling:
    """The last state that worked; on a first visit the input alone."""
    stages = [Stage("input", None, chosen.image)]
    maps = [stage_map(stages[0], None, {}, "input", TITLES["input"])]
    alone = Pooling(values, None, None, None, None, [], stages, [], maps)
    last: Pooling = st.session_state.get("last drawn", alone)
    return replace(last, **{"pool_error": None, "stale": True, **problem})

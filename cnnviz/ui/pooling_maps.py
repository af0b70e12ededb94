"""The stages of the page Activation and pooling: the picture's own row, and that of the shifted picture."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cnnviz.layers import Conv2d, Pool2d
from cnnviz.network import Stage
from cnnviz.shapes import pair
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import TITLES, stage_map

ENTERS = "replicate"  # what comes in at the edge when the picture is shifted
FIRST_ROW = {name: TITLES[name] for name in ("input", "conv", "activation", "pool")} | {"winners": "Winners"}
SECOND_ROW = {"shifted": "Shifted", "shifted-pool": "Its pooling", "pool-changes": "Pool change"}
WITHOUT_POOLING = {"shifted-strided": "Its stride alone", "strided-changes": "Stride change"}
POOLED = ("pool", "shifted-pool", "pool-changes")
PASSED_ON = ("activation", "shifted-strided", "strided-changes")  # as large as these, if the pool passes values on


def input_map(image: Tensor, is_image: bool) -> StageMap:
    """The picture, or the numbers, (1, C, H, W)."""
    if is_image:
        return stage_map(Stage("input", None, image), None, {}, "input", TITLES["input"])
    numbers = image[0].numpy()
    return StageMap("input", "Numbers", numbers, {"op": "numbers", "values": numbers})


def first_row(
    source: StageMap, stages: Sequence[Stage], parameters: Mapping[str, Tensor], wins: Tensor | None
) -> list[StageMap]:
    """From the input to the pool, and who won.

    Args:
        stages: of the picture, N = 1; parameters: of its convolution.
        wins: as `win_counts` says; None where nobody wins.
    """
    row = [source]
    for stage in stages[1:]:
        row.append(stage_map(stage, row[-1], _tensors(stage, parameters), stage.name, TITLES[stage.name]))
    return row if wins is None else [*row, _winners(wins, row[-2])]


def second_row(
    row: Sequence[StageMap],
    shifted: Sequence[Stage],
    parameters: Mapping[str, Tensor],
    by: tuple[int, int],
    strided: Pool2d | None,
) -> list[StageMap]:
    """From the shifted picture to what changed; what only the arithmetic needs besides is hidden.

    Args:
        row: the first one. shifted, parameters: the stages of the shifted picture, and of its convolution.
        by: how far, down and to the right.
        strided: what takes every so many cells instead of the pool.
    """
    (down, right), source = by, row[0]
    how = {"op": "pad", "pads": (down, -down, right, -right), "mode": ENTERS, "value": 0.0}
    title = " ".join(["Shifted", *(f"{count} {where}" for count, where in ((down, "↓"), (right, "→")) if count)])
    picture = shifted[0].output[0].numpy()
    maps = [StageMap("shifted", title, picture, how, origins=("input",), picture=source.picture)]
    for stage in shifted[1:]:
        is_pool = stage.name == "pool"
        named = f"shifted-{stage.name}", SECOND_ROW["shifted-pool"] if is_pool else TITLES[stage.name]
        origins = (maps[-1].name,)
        tensors = _tensors(stage, parameters)
        maps.append(stage_map(stage, maps[-1], tensors, *named, origins=origins, hidden=not is_pool))
    ours = [entry for entry in row if entry.name != "winners"]
    changes = [] if ours[-1] is source else [_difference("pool-changes", maps[-1], ours[-1])]
    alone = _without_pooling(strided, ours[-2], maps[-2]) if strided else []
    return [*maps, *changes, *alone]


def step_words(strided: Pool2d) -> str:
    """The stride of a pool, in words."""
    rows, columns = pair(strided.stride, "")
    return f"stride {rows if rows == columns else f'{rows},{columns}'}"


def _tensors(stage: Stage, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return parameters if isinstance(stage.layer, Conv2d) else {}


def _winners(wins: Tensor, before: StageMap) -> StageMap:
    """1 where a cell won, else 0: at their values, winners that are 0 could not be told from the others."""
    won = wins[0].numpy() > 0
    how = {"op": "winners", "mask": base64.b64encode(np.packbits(won.ravel()).tobytes()).decode()}
    maps = won.astype(np.float32)
    return StageMap("winners", "Winners", maps, how, before.start, before.jump, "1 = won", (before.name,))


def _difference(name: str, after: StageMap, before: StageMap) -> StageMap:
    title, how = (SECOND_ROW | WITHOUT_POOLING)[name], {"op": "difference"}
    maps, origins = after.maps - before.maps, (after.name, before.name)
    return StageMap(name, title, maps, how, before.start, before.jump, "minus the unshifted", origins)


def _without_pooling(strided: Pool2d, before: StageMap, shifted: StageMap) -> list[StageMap]:
    """Every so many cells of both maps, and the difference: what a convolution with that stride makes of the shift."""
    title = f"Its {step_words(strided)}"

    def of(source: StageMap, name: str, hidden: bool) -> StageMap:
        stage = Stage("pool", strided, strided(torch.from_numpy(source.maps)[None]))
        shown = stage_map(stage, source, {}, name, title, origins=(source.name,), hidden=hidden)
        return replace(shown, arrow="")  # it does not come from the stage at its left

    one, other = of(before, "strided", True), of(shifted, "shifted-strided", False)
    return [one, other, _difference("strided-changes", other, one)]

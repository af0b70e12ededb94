"""From a network's stages to what the stage view shows: titles, arrows, positions, and each stage's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, AdaptivePool2d, Conv2d, GlobalPool2d, Pool2d
from cnnviz.network import Stage
from cnnviz.shapes import Pair, pair, times
from cnnviz.ui.stage_view import StageMap

Parameters = Sequence[Mapping[str, Tensor]]
TITLES = {"input": "Input", "padded": "Padded", "conv": "Convolution", "activation": "Activation", "pool": "Pooling"}


def follow(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the browser needs to foretell the stages of a tweak of these settings (`stage_layout.js`)."""
    parameters = {name: list(function.parameters) for name, function in ACTIVATIONS.items()}
    return {"settings": dict(settings), "words": {"titles": TITLES, "parameters": parameters}}


def stage_maps(stages: Sequence[Stage], parameters: Parameters) -> list[StageMap]:
    """Describe the stages of one image for the stage view.

    Args:
        stages: what `network.forward` returned, of convolutions, activations and pools; N = 1.
        parameters: what it was given.
    """
    weights = iter([tensors for tensors in parameters if "weight" in tensors])
    shown: list[StageMap] = []
    for stage in stages:
        is_conv = isinstance(stage.layer, Conv2d) and stage.name != "padded"
        tensors = next(weights) if is_conv else {}
        shown.append(stage_map(stage, shown[-1] if shown else None, tensors, stage.name, TITLES[stage.name]))
    return shown


def stage_map(
    stage: Stage, before: StageMap | None, parameters: Mapping[str, Tensor], name: str, title: str, **more: Any
) -> StageMap:
    """Describe one stage, N = 1, that arises from another; None is before the input.

    Args:
        parameters: the tensors of its layer.
        more: what else the map is given, such as its origins.
    """
    maps = stage.output[0].numpy()
    layer = stage.layer
    if before is None:
        return StageMap(name, title, maps, {"op": "image"}, picture=True, **more)
    start, jump, picture = before.start, before.jump, False
    if stage.name == "padded":
        how, arrow = _pad(stage, before)
        start, picture = moved(before, (-how["pads"][0], -how["pads"][2])), before.picture
    elif isinstance(layer, Conv2d):
        how, arrow = _conv(layer, parameters)
        sizes = zip(pair(layer.dilation, "dilation"), pair(layer.kernel_size, "kernel_size"))
        start, jump = moved(before, [d * (k - 1) / 2 for d, k in sizes]), _scaled(jump, layer.stride)
    elif isinstance(layer, Activation):
        how, arrow = _activation(layer, before), layer.name.replace("_", "\n")
    elif isinstance(layer, AdaptivePool2d | GlobalPool2d):
        how, arrow = _adaptive(layer, before.maps.shape)
        down, across = (size / out for size, out in zip(before.maps.shape[1:], how["adaptive"]))
        start, jump = moved(before, ((down - 1) / 2, (across - 1) / 2)), (jump[0] * down, jump[1] * across)
    else:
        assert isinstance(layer, Pool2d)
        how, arrow = _pool(layer, before.maps.shape)
        sizes = zip(pair(layer.dilation, "dilation"), pair(layer.kernel_size, "size"))
        pads = how["pads"][0], how["pads"][2]
        start = moved(before, [d * (k - 1) / 2 - p for (d, k), p in zip(sizes, pads)])
        jump = _scaled(jump, layer.stride)
    return StageMap(name, title, maps, how, start, jump, arrow, picture=picture, **more)


def moved(before: StageMap, by: Sequence[float]) -> tuple[float, float]:
    """Where a cell of a stage lies in the input that is not cell (0, 0) but so many cells off."""
    (top, left), (down, across) = before.start, before.jump
    return top + down * by[0], left + across * by[1]


def _scaled(jump: tuple[float, float], stride: int | Pair) -> tuple[float, float]:
    rows, columns = pair(stride, "stride")
    return jump[0] * rows, jump[1] * columns


def _pad(stage: Stage, before: StageMap) -> tuple[dict[str, Any], str]:
    layer = stage.layer
    assert isinstance(layer, Conv2d)
    pads = layer.padding4(before.maps.shape)
    how = {"op": "pad", "pads": pads, "mode": layer.padding_mode, "value": layer.padding_value}
    top, bottom, left, right = pads
    return how, f"pad {top}" if len(set(pads)) == 1 else f"pad\n↑{top} ↓{bottom}\n←{left} →{right}"


def _conv(layer: Conv2d, parameters: Mapping[str, Tensor]) -> tuple[dict[str, Any], str]:
    weight, bias = parameters["weight"], parameters.get("bias")
    how = {
        "op": "conv",
        "weight": weight.numpy(),
        "bias": bias.tolist() if bias is not None else [0.0] * len(weight),
        "stride": layer.stride,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }
    step = f"\nstep {times(pair(layer.stride, 'stride'))}" if layer.stride != (1, 1) else ""
    return how, f"∗ {times(pair(layer.kernel_size, 'kernel_size'))}{step}"


def _activation(layer: Activation, before: StageMap) -> dict[str, Any]:
    defaults = {name: parameter.default for name, parameter in ACTIVATIONS[layer.name].parameters.items()}
    how: dict[str, Any] = {"op": "activation", "name": layer.name, "parameters": defaults | dict(layer.parameters)}
    if how["parameters"].get("over") == "all":
        how["shift"] = float(torch.logsumexp(torch.from_numpy(before.maps).flatten(), dim=0))  # the browser cannot know
    return how


def _adaptive(layer: AdaptivePool2d | GlobalPool2d, shape: tuple[int, ...]) -> tuple[dict[str, Any], str]:
    is_global = isinstance(layer, GlobalPool2d)
    out = (1, 1) if isinstance(layer, GlobalPool2d) else pair(layer.output_size, "output_size")
    how = {"op": "pool", "kind": layer.kind, "adaptive": out, "pads": (0, 0, 0, 0)}
    return how, f"{layer.kind} of\nall" if is_global else f"{layer.kind}\nto {times(out)}"


def _pool(layer: Pool2d, shape: tuple[int, ...]) -> tuple[dict[str, Any], str]:
    how = {
        "op": "pool",
        "kind": layer.kind,
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "dilation": layer.dilation,
        "pads": layer.padding4(shape),
    }
    step = f"\nstep {times(pair(layer.stride, 'stride'))}" if layer.stride != layer.kernel_size else ""
    return how, f"{layer.kind}\n{times(pair(layer.kernel_size, 'kernel_size'))}{step}"

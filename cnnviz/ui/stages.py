"""From a network's stages to what the stage view shows: titles, arrows, positions, and each stage's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, Pool2d
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
    start, jump = (0.0, 0.0), (1.0, 1.0)
    shown: list[StageMap] = []
    for stage, before in zip(stages, [None, *stages]):
        how: dict[str, Any] = {"op": "image"}
        arrow = ""
        layer = stage.layer
        if stage.name == "padded":
            how, arrow = _pad(stage, before)
            start = _moved(start, jump, (-how["pads"][0], -how["pads"][2]))
        elif isinstance(layer, Conv2d):
            how, arrow = _conv(layer, next(weights))
            reach = tuple(
                d * (k - 1) / 2
                for d, k in zip(pair(layer.dilation, "dilation"), pair(layer.kernel_size, "kernel_size"))
            )
            start, jump = _moved(start, jump, reach), _scaled(jump, layer.stride)
        elif isinstance(layer, Activation):
            how, arrow = _activation(layer, before), layer.name.replace("_", "\n")
        elif isinstance(layer, Pool2d):
            assert before is not None
            how, arrow = _pool(layer, tuple(before.output.shape[1:]))
            size, dilation, pads = layer.kernel_size, layer.dilation, how["pads"]
            reach = tuple(
                d * (k - 1) / 2 - p
                for d, k, p in zip(pair(dilation, "dilation"), pair(size, "size"), (pads[0], pads[2]))
            )
            start, jump = _moved(start, jump, reach), _scaled(jump, layer.stride)
        maps = stage.output[0].numpy()
        shown.append(StageMap(stage.name, TITLES[stage.name], maps, how, start, jump, arrow))
    return shown


def _moved(start: tuple[float, float], jump: tuple[float, float], by: Sequence[float]) -> tuple[float, float]:
    return start[0] + jump[0] * by[0], start[1] + jump[1] * by[1]


def _scaled(jump: tuple[float, float], stride: int | Pair) -> tuple[float, float]:
    rows, columns = pair(stride, "stride")
    return jump[0] * rows, jump[1] * columns


def _pad(stage: Stage, before: Stage | None) -> tuple[dict[str, Any], str]:
    layer = stage.layer
    assert isinstance(layer, Conv2d) and before is not None
    pads = layer.padding4(tuple(before.output.shape[1:]))
    how = {"op": "pad", "pads": pads, "mode": layer.padding_mode, "value": layer.padding_value}
    top, bottom, left, right = pads
    return how, f"pad {top}" if len(set(pads)) == 1 else f"pad\n↑{top} ↓{bottom}\n←{left} →{right}"


def _conv(layer: Conv2d, parameters: Mapping[str, Tensor]) -> tuple[dict[str, Any], str]:
    weight, bias = parameters["weight"], parameters.get("bias")
    how = {
        "op": "conv",
        "weight": weight.tolist(),
        "bias": bias.tolist() if bias is not None else [0.0] * len(weight),
        "stride": layer.stride,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }
    step = f"\nstep {times(pair(layer.stride, 'stride'))}" if layer.stride != (1, 1) else ""
    return how, f"∗ {times(pair(layer.kernel_size, 'kernel_size'))}{step}"


def _activation(layer: Activation, before: Stage | None) -> dict[str, Any]:
    defaults = {name: parameter.default for name, parameter in ACTIVATIONS[layer.name].parameters.items()}
    how: dict[str, Any] = {"op": "activation", "name": layer.name, "parameters": defaults | dict(layer.parameters)}
    if how["parameters"].get("over") == "all" and before is not None:
        how["shift"] = float(torch.logsumexp(before.output.flatten(), dim=0))  # what the browser cannot know
    return how


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

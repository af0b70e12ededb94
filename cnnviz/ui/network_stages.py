"""A layer of a network, opened: what it takes and what it makes, as the stage view shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from cnnviz.kind_plans import Step
from cnnviz.layers import (
    Activation,
    Add,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
)
from cnnviz.network import Stage
from cnnviz.network_text import format_layer
from cnnviz.skip_layers import Off
from cnnviz.ui.kind_stages import Layered, step_stages
from cnnviz.ui.network import Network
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import stage_map


def is_dense(network: Network, index: int) -> bool:
    """Whether a layer mixes places and channels, so that it has a view of its own."""
    layer = network.layers[index]
    is_softmax = isinstance(layer, Activation) and layer.name == "softmax"
    return isinstance(layer, Flatten | Linear) or (is_softmax and network.before(index)[0].ndim == 2)


def title_of(network: Network, output: int) -> str:
    """What to call an output: 0 is the picture, n what the n-th layer made."""
    return "Input" if output == 0 else f"{output} {format_layer(network.layers[output - 1]).partition(',')[0]}"


def opened(network: Network, index: int) -> tuple[list[StageMap], Layered | None]:
    """The stages of one layer: what it takes, its padding or steps, and what it makes.

    Returns:
        the stages; and of a convolution what the pinned cell is worked out from once more.
    """
    layer, sources = network.layers[index], network.layers[index].sources(index)
    inputs = [_given(network, at) for at in sources]
    name, title = str(index), title_of(network, index + 1)
    before, x, after = inputs[0], network.outputs[sources[0]], network.outputs[index + 1]
    if isinstance(layer, ConvTranspose2d) and layer.groups > 1:  # which no single plain convolution stands for
        made = _planes(after)
        how = {"op": "numbers", "values": made}
        return [before, StageMap(name, title, made, how, arrow="in groups", origins=())], None
    if isinstance(layer, Conv2d | ConvTranspose2d | DepthwiseSeparableConv2d):
        maps, layered = [before], None
        for number, step in enumerate(steps := _steps(layer, network, index)):
            is_last = number == len(steps) - 1
            named = (name, title) if is_last else (f"{name}-step", "Depthwise")
            found, layered = step_stages(step, maps[-1], x, *named)
            maps += [replace(each, hidden=False, title=_beside(each, title)) for each in found]
            x = layered.output
        return maps, layered
    if isinstance(layer, Add):
        total = _planes(after)
        names = tuple(each.name for each in inputs)
        return [*inputs, StageMap(name, title, total, {"op": "sum"}, arrow="+", origins=names)], None
    if isinstance(layer, BatchNorm2d):
        return [before, _normalised(layer, network, index, before, title)], None
    shown = Activation("identity") if isinstance(layer, Dropout | Off) else layer
    stage = Stage(shown.stage, shown, _as_maps(after))
    entry = stage_map(stage, before, {}, name, title)
    return [before, entry if shown is layer else replace(entry, arrow="as it is")], None


def _steps(layer: Layer, network: Network, index: int) -> list[Step]:
    tensors = network.parameters[index]
    if not isinstance(layer, DepthwiseSeparableConv2d):
        return [Step("", layer, tensors)]
    channels = len(tensors["depthwise"])
    depthwise = Conv2d(
        channels, layer.kernel_size, layer.stride, layer.padding, layer.padding_mode, layer.padding_value,
        layer.dilation, channels, bias=False,
    )  # fmt: skip
    mix = {"weight": tensors["pointwise"]} | ({"bias": tensors["bias"]} if layer.bias else {})
    pointwise = Conv2d(layer.out_channels, 1, bias=layer.bias)
    return [Step("", depthwise, {"weight": tensors["depthwise"]}), Step("", pointwise, mix)]


def _beside(entry: StageMap, title: str) -> str:
    """What stages beside a layer's output are called."""
    if entry.name.endswith("-padded"):
        return "Padded"
    return "Zeros between" if entry.name.endswith("-spread") else entry.title


def _given(network: Network, output: int) -> StageMap:
    """An output as the browser is given it: its values, whatever made them."""
    if output == 0:
        return stage_map(Stage("input", None, network.image), None, {}, "input", "Input")
    maps = _planes(network.outputs[output])
    how = {"op": "numbers", "values": maps}
    return StageMap(str(output - 1), title_of(network, output), maps, how, origins=())


def _normalised(layer: BatchNorm2d, network: Network, index: int, before: StageMap, title: str) -> StageMap:
    tensors = {name: tensor.double() for name, tensor in network.parameters[index].items()}
    scale = tensors["weight"] / (tensors["running_var"] + layer.eps).sqrt()
    shift = tensors["bias"] - tensors["running_mean"] * scale
    how = {"op": "affine", "scale": scale.tolist(), "shift": shift.tolist()}
    return StageMap(str(index), title, _planes(network.outputs[index + 1]), how, before.start, before.jump, "norm")


def _as_maps(output: Tensor) -> Tensor:
    """(1, F) as one map of one row, (1, 1, 1, F)."""
    return output[:, None, None] if output.ndim == 2 else output


def _planes(output: Tensor) -> np.ndarray:
    planes: np.ndarray = _as_maps(output)[0].numpy()
    return planes

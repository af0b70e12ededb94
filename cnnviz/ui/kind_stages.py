"""The maps that all kinds of convolution get, and one layer of a kind, as the stage view shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from cnnviz.filters import bank
from cnnviz.kind_plans import Step
from cnnviz.layers import Conv2d, ConvTranspose2d, Layer
from cnnviz.network import Stage, forward
from cnnviz.shapes import times
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import moved, stage_map
from cnnviz.zero_insertion import transposed_as_plain, zeros_between

# The filters that make many maps of a picture, so that there are channels to group and to mix; then come random ones.
# By the picture's channels: on a grey one those that compare colours are blank, and all outlines are bright-spots.
FIRST_LAYER = {
    3: (
        "upright-edges", "level-edges", "yellow-minus-blue", "brightness", "red-on-green", "bright-spots",
        "green-to-red", "red-edges", "soft-blur", "only-red", "blue-edges", "green-minus-magenta",
    ),
    1: ("upright-edges", "level-edges", "bright-spots", "brightness", "soft-blur", "only-red"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Layered:
    """One layer on the page: what it reads, what it makes, and its weights as a plain convolution has them."""

    name: str
    stages: list[Stage]
    parameters: Mapping[str, Tensor]

    @property
    def output(self) -> Tensor:
        return self.stages[-1].output


def source_stages(maps: str, image: Tensor) -> tuple[tuple[StageMap, ...], Tensor]:
    """The picture, and the maps that a first layer makes of it where some are wanted.

    Args:
        maps: "image", or how many maps.
        image: (1, C, H, W), C 1 or 3.
    Returns:
        the stages, what all kinds get the last of them; and that as a tensor (1, C, H, W).
    """
    picture = stage_map(Stage("input", None, image), None, {}, "input", "Input")
    if maps == "image":
        return (picture,), image
    count, channels = int(maps), image.shape[1]
    named = dict(enumerate(FIRST_LAYER[channels]))
    weight, bias = bank(count, channels, (3, 3), "kaiming_uniform", 0, named)
    layer, parameters = Conv2d(count, padding="same"), {"weight": weight, "bias": bias}
    stages, layered = through(picture, layer, image, parameters, "maps", f"{count} maps of it")
    return (picture, *stages), layered.output


def through(
    before: StageMap, layer: Layer, x: Tensor, parameters: Mapping[str, Tensor], name: str, title: str
) -> tuple[list[StageMap], Layered]:
    """The stages of one layer as the page has them. A padded input is not shown."""
    maps = [before]
    stages = forward([layer], x, [parameters])
    for stage in stages[1:]:
        is_padded = stage.name == "padded"
        origins = (maps[-1].name,)
        named = (f"{name}-padded" if is_padded else name), title
        maps.append(stage_map(stage, maps[-1], parameters, *named, origins=origins, hidden=is_padded))
    return maps[1:], Layered(name, stages, parameters)


def step_stages(step: Step, before: StageMap, x: Tensor, name: str, title: str) -> tuple[list[StageMap], Layered]:
    """One layer's stages. A transposed convolution is shown as what it is: zeros put between, then convolved."""
    layer = step.layer
    if not isinstance(layer, ConvTranspose2d):
        maps, layered = through(before, layer, x, step.parameters, name, title)
        if isinstance(layer, Conv2d):
            maps[-1] = replace(maps[-1], arrow=_arrow(layer))
        return maps, layered
    pads, weight, apart = transposed_as_plain(layer, step.parameters["weight"], tuple(x.shape[1:]))
    spread = zeros_between(x, apart, pads)
    how = {"op": "pad", "pads": pads, "mode": "zeros", "value": 0.0, "step": apart}
    jump = before.jump[0] / apart[0], before.jump[1] / apart[1]
    corner = moved(replace(before, jump=jump), (-pads[0], -pads[2]))
    between = StageMap(
        f"{name}-spread", f"{title[0]} zeros between", spread[0].numpy(), how, corner, jump, "zeros\nbetween",
        (before.name,), before.picture,
    )  # fmt: skip
    plain = Conv2d(layer.out_channels, layer.kernel_size, dilation=layer.dilation, bias=layer.bias)
    parameters = {**step.parameters, "weight": weight}
    after = layer(x, **step.parameters)
    stages = [Stage("input", None, spread), Stage("conv", plain, after)]
    entry = stage_map(stages[1], between, parameters, name, title, origins=(between.name,))
    return [between, entry], Layered(name, stages, parameters)


def all_stages(
    steps: Sequence[Step], before: StageMap, x: Tensor, slot: str, title: str
) -> tuple[list[StageMap], list[Layered]]:
    """All stages of a kind in its place, of which the last has its title, and its layers.

    Args:
        before, x: what the kind gets, as a stage and as a tensor (1, C, H, W).
        slot: its place, as in "a".
    """
    maps, layers = [before], list[Layered]()
    for index, step in enumerate(steps):
        named = title if index == len(steps) - 1 else f"step {index + 1}"
        shown, layer = step_stages(step, maps[-1], x, f"{slot}{index}", f"{slot.upper()} {named}")
        maps, layers, x = [*maps, *shown], [*layers, layer], layer.output
    return maps[1:], layers


def _arrow(layer: Conv2d) -> str:
    """What a layer does, in a few words."""
    words = [f"∗ {times(layer.kernel_size)}"]  # type: ignore[arg-type]  # layers hold pairs
    words += [f"step {times(layer.stride)}"] * (layer.stride != (1, 1))  # type: ignore[arg-type]
    words += [f"dilation {times(layer.dilation)}"] * (layer.dilation != (1, 1))  # type: ignore[arg-type]
    words += [f"groups {layer.groups}"] * (layer.groups > 1)
    return "\n".join(words)

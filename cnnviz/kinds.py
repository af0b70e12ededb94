"""The kinds of convolution, side by side: made from the same plan.

A further kind is one more entry in KINDS; what runs and counts knows nothing about particular kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnviz import kind_steps
from cnnviz.kind_plans import Plan, Step
from cnnviz.layers import Layer


@dataclass(frozen=True)
class Kind:
    """A kind of convolution.

    name: in the address. about: what it does, what it is for, what to look at.
    knobs: the options of a plan that it heeds, out of "stride", "dilation", "groups".
    steps: its layers with their weights, made from a plan.
    pads: whether it heeds the plan's padding too.
    """

    name: str
    title: str
    about: str
    knobs: tuple[str, ...]
    steps: Callable[[Plan], tuple[Step, ...]]
    pads: bool = True


def layers_of(kind: Kind, plan: Plan) -> tuple[Layer, ...]:
    """The layers of a kind, without their weights.

    Raises:
        ShapeError: the plan's options cannot work for any input.
    """
    return tuple(step.layer for step in kind.steps(plan))


_ALL = (
    Kind("plain", "Plain",
         "Every filter looks at all input maps at once and adds what it finds up to one output map. "
         "Almost every CNN is built from it, and here it is what the other kinds are compared with. "
         "Look at its costs: parameters and multiply-adds grow with channels times filters.",
         (), kind_steps.plain),
    Kind("strided", "Strided",
         "The filters move several cells at a time, so the output has fewer cells and each costs as much as before. "
         "Networks use it to make maps smaller while they compute, often in place of pooling. "
         "Look at fine lines and textures: some are stepped over, others turn into a coarser pattern "
         "that is not in the image.",
         ("stride",), kind_steps.strided),
    Kind("dilated", "Dilated",
         "Gaps between the weights spread a filter over a larger area at the same cost. "
         "It gives a network a wide view without making maps smaller, for example to label every pixel. "
         "Look at thin lines and small dots: each appears several times, as far apart as the weights are.",
         ("dilation",), kind_steps.dilated),
    Kind("grouped", "Grouped",
         "The channels are split into groups, and every filter sees its own group only: with g groups it costs a g-th. "
         "AlexNet shared its work between two GPUs in this way; ResNeXt runs many narrow paths beside each other. "
         "Look at grouped minus plain: it is what the other groups' channels would have added, with its sign turned.",
         ("groups",), kind_steps.grouped),
    Kind("depthwise", "Depthwise",
         "One filter for each channel, and nothing is added up across channels: as many groups as channels. "
         "It finds patterns in space at very low cost, and needs another layer to combine them. "
         "Look at each output map beside the input map it comes from: it can show nothing that is not there.",
         (), kind_steps.depthwise),
    Kind("separable", "Separable",
         "Depthwise separable: first one filter for each channel, then 1×1 filters that mix the channels "
         "(MobileNets, Howard et al. 2017). "
         "It takes the place of a plain convolution where computing time is short, as on a phone. "
         "Look at the difference from plain: none if all filters look for the same pattern in a channel, "
         "each with its own strength; with weights drawn at random there is one.",
         (), kind_steps.separable),
    Kind("pointwise", "Pointwise, 1×1",
         "Each output cell is a weighted sum of the channels at that one cell; its neighbours have no part in it. "
         "It changes the number of channels at low cost, before or after layers that look around. "
         "Look at edges: it blends the maps, but it cannot find an edge that none of them shows.",
         (), kind_steps.pointwise, pads=False),
    Kind("transposed", "Transposed",
         "Each input cell stamps the filters, times its value, onto a larger map; where stamps overlap they add up. "
         "Networks that draw or label images use it to make maps larger again. "
         "Look for a checkerboard: if the stride does not divide the kernel's size, "
         "some cells get more stamps than others.",
         ("stride",), kind_steps.transposed, pads=False),
    Kind("stacked", "Dilated ×3",
         "Three convolutions in a row, all with the same dilation: the view grows with each. "
         "With a dilation of 2 or more an output cell still reads only cells on a coarse grid, and its neighbour reads "
         "another grid (gridding: Wang et al. 2018, section 3.2). "
         "Look at the cells that are read, and for a grid in the output where the input is smooth or has one dot.",
         ("dilation",), kind_steps.stacked),
    Kind("sawtooth", "Sawtooth ×3",
         "Three convolutions in a row at the same cost, with dilations d - 1 (at least 1), d and d + 1. "
         "Unequal gaps fill each other as long as d is small, which is the remedy for gridding "
         "(Wang et al. 2018, section 3.2). "
         "Look at the cells that are read: with 3×3 filters and d = 2 all 169 that are spanned, where three equal ones "
         "read 49 of them; with d = 3 there are holes again, and 289 of 361 are read.",
         ("dilation",), kind_steps.sawtooth),
)  # fmt: skip
# Source of the last two: Wang et al. 2018, Understanding convolution for semantic segmentation, section 3.2.
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}

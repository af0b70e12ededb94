"""Each kind of convolution as layers with weights, made from a plan. None has a bias, so costs are the filters' alone.

Each takes a plan and returns its steps in order; ShapeError: the plan's options cannot work for any input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from cnnviz.kind_plans import Plan, Step
from cnnviz.layers import Conv2d, ConvTranspose2d
from cnnviz.shapes import Pair, Size, check_groups, pair, times


def plain(plan: Plan) -> tuple[Step, ...]:
    """Stride 1, dilation 1, no groups."""
    return (_conv("every filter over all channels", plan, plan.weight),)


def strided(plan: Plan) -> tuple[Step, ...]:
    """The plain weights, with the plan's stride."""
    return (_conv(f"every filter over all channels, stride {_said(plan.stride)}", plan, plan.weight, plan.stride),)


def dilated(plan: Plan) -> tuple[Step, ...]:
    """The plain weights, with the plan's dilation."""
    title = f"every filter over all channels, dilation {_said(plan.dilation)}"
    return (_conv(title, plan, plan.weight, dilation=plan.dilation),)


def grouped(plan: Plan) -> tuple[Step, ...]:
    """Of each plain filter the part that lies on its own group's channels."""
    check_groups(plan.channels, plan.out_channels, plan.groups)
    share = plan.channels // plan.groups
    # the filters of a group lie together, and so do the channels that they see
    filters = torch.split(plan.weight, plan.out_channels // plan.groups)
    weight = torch.cat([part[:, i * share : (i + 1) * share] for i, part in enumerate(filters)])
    return (_conv(f"every filter over its group's channels, groups {plan.groups}", plan, weight, groups=plan.groups),)


def depthwise(plan: Plan) -> tuple[Step, ...]:
    """As many groups as channels, and as many filters."""
    return (_conv("one filter for each channel", plan, plan.depthwise, groups=plan.channels),)


def pointwise(plan: Plan) -> tuple[Step, ...]:
    """The mixtures of channels alone."""
    # one cell needs no padding, and any would only add a rim of zeros
    return (_conv("1×1 filters over all channels", replace(plan, padding="valid"), plan.pointwise),)


def separable(plan: Plan) -> tuple[Step, ...]:
    """Depthwise, then pointwise, as two layers."""
    return *depthwise(plan), *pointwise(plan)


def transposed(plan: Plan) -> tuple[Step, ...]:
    """The plain weights as stamps; the output is in·stride large where the kernel allows it."""
    weight = plan.weight.transpose(0, 1)
    kernel, stride = (plan.weight.shape[2], plan.weight.shape[3]), pair(plan.stride, "stride")
    padding, output_padding = zip(*(_enlarging(k, s) for k, s in zip(kernel, stride)))
    layer = ConvTranspose2d(plan.out_channels, kernel, stride, padding, output_padding, bias=False)
    return (Step(f"every cell stamps every filter, stride {_said(stride)}", layer, {"weight": weight}),)


def _enlarging(kernel: int, stride: int) -> Pair:
    """padding and output_padding with which a transposed convolution makes in·stride out of in.

    With stride 1 and an even kernel there are none; then the output is one larger.
    """
    more = kernel - stride  # by as much would the output be larger than in·stride without padding
    if more < 0:
        return 0, -more
    if stride == 1:
        return more // 2, 0  # output_padding must be smaller than the stride
    return (more + 1) // 2, more % 2


def stacked(plan: Plan) -> tuple[Step, ...]:
    """Three layers with the plan's dilation each."""
    return _in_a_row(plan, (plan.dilation,) * 3)


def sawtooth(plan: Plan) -> tuple[Step, ...]:
    """Three layers with dilations d - 1 (at least 1), d, d + 1."""
    rows, cols = pair(plan.dilation, "dilation")
    return _in_a_row(plan, [(max(rows + i, 1), max(cols + i, 1)) for i in (-1, 0, 1)])


def _in_a_row(plan: Plan, dilations: Sequence[Size]) -> tuple[Step, ...]:
    weights = (plan.weight, *plan.deeper)
    return tuple(
        _conv(f"layer {number}, dilation {_said(dilation)}", plan, weight, dilation=dilation)
        for number, (weight, dilation) in enumerate(zip(weights, dilations), 1)
    )


def _conv(title: str, plan: Plan, weight: Tensor, stride: Size = 1, dilation: Size = 1, groups: int = 1) -> Step:
    layer = Conv2d(
        weight.shape[0], (weight.shape[2], weight.shape[3]), stride, plan.padding, plan.padding_mode,
        plan.padding_value, dilation, groups, bias=False,
    )  # fmt: skip
    return Step(title, layer, {"weight": weight})


def _said(size: Size) -> str:
    """(2, 2) as 2, (2, 3) as 2×3."""
    rows, cols = pair(size, "the size")
    return str(rows) if rows == cols else times((rows, cols))

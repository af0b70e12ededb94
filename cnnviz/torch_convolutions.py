"""Convolutions as torch.nn modules, as code."""

from __future__ import annotations

from cnnviz.code_steps import Step, call, unless
from cnnviz.layers import Conv2d, ConvTranspose2d, DepthwiseSeparableConv2d, Layer
from cnnviz.shapes import Padding4


def conv(layer: Layer, step: Step) -> str:
    """A plain convolution as a call."""
    assert isinstance(layer, Conv2d)
    channels = step.shape[0]
    return _one_conv(layer, step, channels, layer.out_channels, layer.groups, layer.bias)


def separable(layer: Layer, step: Step) -> str:
    """A depthwise separable convolution as two modules in a row."""
    assert isinstance(layer, DepthwiseSeparableConv2d)
    channels = step.shape[0]
    depthwise = _one_conv(layer, step, channels, channels, channels, bias=False)
    pointwise = call("nn.Conv2d", channels, layer.out_channels, kernel_size=1, bias=unless(layer.bias, True))
    return f"nn.Sequential(\n        {depthwise},\n        {pointwise},\n    )"


def _one_conv(
    layer: Conv2d | DepthwiseSeparableConv2d, step: Step, channels: int, filters: int, groups: int, bias: bool
) -> str:
    top, bottom, left, right = sides = layer.padding4(step.shape)
    mode, value = layer.padding_mode, 0.0
    if mode == "constant":
        mode, value = "zeros", layer.padding_value
    # nn.Conv2d pads both sides alike, and with zeros or the map's own cells
    own = top == bottom and left == right and (value == 0 or not any(sides))
    options: dict[str, object] = {
        "kernel_size": layer.kernel_size,
        "stride": unless(layer.stride, (1, 1)),
        "padding": unless((top, left), (0, 0)) if own else None,
        "dilation": unless(layer.dilation, (1, 1)),
        "groups": unless(groups, 1),
        "bias": unless(bias, True),
    }
    fill = unless(mode, "zeros") if any(sides) else None
    if own:
        return call("nn.Conv2d", channels, filters, **options, padding_mode=fill)
    return call(
        "PaddedConv2d", channels, filters, **options, pads=torch_order(sides), fill=fill, value=unless(value, 0.0)
    )


def transposed(layer: Layer, step: Step) -> str:
    """A transposed convolution as a call."""
    assert isinstance(layer, ConvTranspose2d)
    return call(
        "nn.ConvTranspose2d", step.shape[0], layer.out_channels, kernel_size=layer.kernel_size,
        stride=unless(layer.stride, (1, 1)), padding=unless(layer.padding, (0, 0)),
        output_padding=unless(layer.output_padding, (0, 0)), groups=unless(layer.groups, 1),
        bias=unless(layer.bias, True), dilation=unless(layer.dilation, (1, 1)),
    )  # fmt: skip


def torch_order(sides: Padding4) -> tuple[int, ...]:
    """(top, bottom, left, right) as torch.nn.functional.pad wants it: (left, right, top, bottom)."""
    top, bottom, left, right = sides
    return left, right, top, bottom

"""Convolutions as lines of a Keras 3 model, and their weights as Keras wants them."""

from __future__ import annotations

from cnnviz.code_steps import Step, call, unless
from cnnviz.layers import Conv2d, ConvTranspose2d, DepthwiseSeparableConv2d, Layer, Shape
from cnnviz.shapes import Padding4, pair

# PyTorch's axes (filters, channels, rows, columns) as Keras's (rows, columns, channels, filters)
_TURNED = ".transpose(2, 3, 1, 0)"


def conv(layer: Layer, step: Step) -> tuple[list[str], list[str]]:
    """A plain convolution: the lines, and its weights as code."""
    assert isinstance(layer, Conv2d)
    strided = max(pair(layer.stride, "")) > 1 and max(pair(layer.dilation, "")) > 1
    lines = _slid(layer, step, "keras.layers.Conv2D", strided, unless(layer.groups, 1))
    return lines, [_tensor(step, "weight") + _TURNED, *_bias(layer.bias, step)]


def separable(layer: Layer, step: Step) -> tuple[list[str], list[str]]:
    """A depthwise separable convolution: the lines, and its weights as code."""
    assert isinstance(layer, DepthwiseSeparableConv2d)
    down, right = pair(layer.stride, "")
    strided = max(down, right) > 1 and (down != right or max(pair(layer.dilation, "")) > 1)
    lines = _slid(layer, step, "keras.layers.SeparableConv2D", strided, None)
    depthwise = _tensor(step, "0.weight") + ".transpose(2, 3, 0, 1)"
    return lines, [depthwise, _tensor(step, "1.weight") + _TURNED, *_bias(layer.bias, step, "1.bias")]


def _slid(
    layer: Conv2d | DepthwiseSeparableConv2d, step: Step, name: str, strided_after: bool, groups: object
) -> list[str]:
    sides = layer.padding4(step.shape)
    value = layer.padding_value if layer.padding_mode == "constant" else 0.0
    zeros = layer.padding_mode in ("zeros", "constant") and value == 0
    same = zeros and layer.padding == "same" and not strided_after
    lines = []
    if any(sides) and not same:
        fill = "constant" if value else layer.padding_mode
        rows, cols = sides[:2], sides[2:]
        lines.append(
            _zeros_around(sides)
            if zeros
            else f'x = Pad(({rows}, {cols}), "{fill}"{f", {value!r}" if value else ""})(x)'
        )
    code = call(
        name, layer.out_channels, layer.kernel_size, groups=groups,
        strides=None if strided_after else unless(layer.stride, (1, 1)),
        padding="same" if same and any(sides) else None, dilation_rate=unless(layer.dilation, (1, 1)),
        use_bias=unless(layer.bias, True), name=f"layer_{step.index}",
    )  # fmt: skip
    lines.append(f"x = {code}(x)")
    if strided_after:
        down, right = pair(layer.stride, "")
        lines[-1] += "  # Keras cannot step as far here, so that comes after it"
        lines.append(f"x = x[:, ::{down}, ::{right}]")
    return lines


def transposed(layer: Layer, step: Step) -> tuple[list[str], list[str]]:
    """A transposed convolution: the lines, and its weights as code.

    Keras's own makes a map that is never smaller, of which the padding is cut away. What it cannot do (groups, dilation
    on TensorFlow's CPU, rows that lie beyond its map) is a plain convolution over the spread input.
    """
    assert isinstance(layer, ConvTranspose2d)
    stride, dilation, padding = pair(layer.stride, ""), pair(layer.dilation, ""), pair(layer.padding, "", 0)
    kernel = pair(layer.kernel_size, "")
    whole = tuple((step.shape[1 + a] - 1) * stride[a] + max(kernel[a], stride[a]) for a in (0, 1))
    after = tuple(whole[a] - padding[a] - step.output[1 + a] for a in (0, 1))
    if layer.groups > 1 or min(after) < 0 or max(dilation) > 1:
        return _spread(layer, step)
    code = call(
        "keras.layers.Conv2DTranspose", layer.out_channels, kernel, strides=unless(stride, (1, 1)),
        use_bias=unless(layer.bias, True), name=f"layer_{step.index}",
    )  # fmt: skip
    lines = [f"x = {code}(x)"]
    if any(padding) or any(after):
        lines.append(_cut(((padding[0], after[0]), (padding[1], after[1]))))
    return lines, [_tensor(step, "weight") + _TURNED, *_bias(layer.bias, step)]


def _spread(layer: ConvTranspose2d, step: Step) -> tuple[list[str], list[str]]:
    """As `zero_insertion.transposed_as_plain`, for groups too."""
    (height, width), dilation = pair(layer.kernel_size, ""), pair(layer.dilation, "")
    padding, extra = pair(layer.padding, "", 0), pair(layer.output_padding, "", 0)
    top, left = dilation[0] * (height - 1) - padding[0], dilation[1] * (width - 1) - padding[1]
    pads = top, top + extra[0], left, left + extra[1]
    added = max(pads[0], 0), max(pads[1], 0), max(pads[2], 0), max(pads[3], 0)
    cut = max(-pads[0], 0), max(-pads[1], 0), max(-pads[2], 0), max(-pads[3], 0)
    lines = [f"x = Spread({layer.stride})(x)"] if layer.stride != (1, 1) else []
    lines += [_zeros_around(added)] if any(added) else []
    lines += [_cut((cut[:2], cut[2:]))] if any(cut) else []
    code = call(
        "keras.layers.Conv2D", layer.out_channels, layer.kernel_size, dilation_rate=unless(dilation, (1, 1)),
        groups=unless(layer.groups, 1), use_bias=unless(layer.bias, True), name=f"layer_{step.index}",
    )  # fmt: skip
    channels, filters = step.shape[0] // layer.groups, layer.out_channels // layer.groups
    by_group = (layer.groups, channels, filters, height, width)
    turned: Shape = (height, width, channels, layer.out_channels)
    # a plain convolution's filters are those of a transposed one turned around, each on its group's channels
    weight = f"{_tensor(step, 'weight')}.reshape{by_group}[..., ::-1, ::-1]"
    weight += f".transpose(3, 4, 1, 0, 2).reshape{turned}.copy()"
    return [*lines, f"x = {code}(x)"], [weight, *_bias(layer.bias, step)]


def _zeros_around(sides: Padding4) -> str:
    return f"x = keras.layers.ZeroPadding2D(({sides[:2]}, {sides[2:]}))(x)"


def _cut(sides: tuple[tuple[int, ...], tuple[int, ...]]) -> str:
    return f"x = keras.layers.Cropping2D({sides})(x)"


def _tensor(step: Step, name: str) -> str:
    return f'weights["{step.index}.{name}"]'


def _bias(has_bias: bool, step: Step, name: str = "bias") -> list[str]:
    return [_tensor(step, name)] if has_bias else []

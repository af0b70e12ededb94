"""A network and its picture as PyTorch code that runs by itself and gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from cnnviz.layers import Activation, Conv2d, Layer, Pool2d, Shape
from cnnviz.shapes import Padding4

HEAD = """\
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
"""
# Pillow's own BOX filter weighs whole pixels; this one weighs the fraction that each output pixel covers.
AVERAGE = '''

def shares(pixels, cells):
    """How much of each pixel lies in each of the equal cells, as a matrix whose rows sum to 1."""
    edges = np.linspace(0, pixels, cells + 1)[:, None]
    overlap = np.minimum(edges[1:], np.arange(1, pixels + 1)) - np.maximum(edges[:-1], np.arange(pixels))
    return overlap.clip(0) * cells / pixels

'''
OWN = """\
if image.mode[0] in "IF":  # samples of 16 or 32 bits become 8
    samples = np.nan_to_num(np.asarray(image)).astype(float)
    tops = [65535] if "16" in image.mode else [255, 65535] if image.mode == "I" else [1, 255, 65535]
    top = next((top for top in tops if 0 <= samples.min() and samples.max() <= top), None)
    if top is None:  # from the lowest to the highest that occurs
        samples, top = samples - samples.min(), np.ptp(samples) or 1
    eight = np.floor(samples / top * 255 + 0.5).astype(np.uint8)
    if isinstance(clear := image.info.get("transparency"), int):
        eight[np.asarray(image) == clear] = 255
    image = Image.fromarray(eight)
if image.has_transparency_data:
    clear = image.convert("RGBA")
    image = Image.new("RGB", image.size, "white")
    image.paste(clear, mask=clear.getchannel("A"))
"""


@dataclass(frozen=True)
class Picture:
    """How the input came from a file, as in `images.load_image`.

    size: (height, width) of the result.
    wanted: the size that was asked for, which "keep" only fits into.
    own: whether it is a person's own file, which may be transparent or have more than 8 bits; our samples are neither.
    """

    file_name: str
    mode: str
    size: tuple[int, int]
    fit: str
    frame: int = 0
    wanted: tuple[int, int] | None = None
    own: bool = False


def pytorch(layers: Sequence[Layer], shape: Shape, parameters: Sequence[Mapping[str, Tensor]], picture: Picture) -> str:
    """Code that reads the picture, runs convolutions, activations and pools, and prints each stage's shape and range.

    Each stage becomes a variable named as in `network.forward`; the picture is `input`.

    Args:
        layers, parameters: as for `network.forward`.
        shape: the input's (C, H, W).
    Raises:
        ValueError: two layers of one kind, whose variables would have one name; a dilated pool other than max or
            min, for which torch has no function.
    """
    if len({type(layer) for layer in layers}) < len(layers):
        raise ValueError("code is written for at most one layer of each kind")
    lines = [HEAD + AVERAGE + _reading(picture)]
    stages = ["input"]
    for layer, tensors in zip(layers, parameters):
        lines.append(_WRITERS[type(layer)](layer, stages, shape, tensors))
        shape = layer.output_shape(shape)
    names = ", ".join(f"{name}={name}" for name in stages)
    lines.append(
        f"for name, stage in dict({names}).items():\n"
        '    print(f"{name:<10} {tuple(stage.shape)}  from {stage.min():.4g} to {stage.max():.4g}")\n'
    )
    return "\n".join(lines)


def _reading(picture: Picture) -> str:
    height, width = picture.size
    frame = f"image.seek({picture.frame})\n" if picture.frame else ""
    crop = {
        "crop": "h, w = pixels.shape[:2]\n"
        f"tall, wide = min(h, round(w * {height} / {width})) or 1, min(w, round(h * {width} / {height})) or 1\n"
        "pixels = pixels[(h - tall) // 2 :, (w - wide) // 2 :][:tall, :wide]  # the middle\n",
    }.get(picture.fit, "")
    return (
        f'image = Image.open("{picture.file_name}")  # your picture here\n{frame}'
        f"image.draft(None, ({4 * max(picture.wanted or picture.size)},) * 2)  # a JPEG far too large is halved early\n"
        f"image = ImageOps.exif_transpose(image)\n{OWN if picture.own else ''}"
        f'image = image.convert("RGB").convert("{picture.mode}")\n'
        f"pixels = np.asarray(image, dtype=float).reshape(image.height, image.width, -1)\n{crop}"
        f"pixels = pixels.transpose(2, 0, 1)\n"
        f"pixels = shares(pixels.shape[1], {height}) @ pixels @ shares(pixels.shape[2], {width}).T\n"
        "pixels = np.floor(pixels + 0.5 + 1e-9)  # whole steps; halves up, in spite of the last bit\n"
        "input = torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[None]  # (1, C, H, W)\n"
    )


def _conv(layer: Layer, stages: list[str], shape: Shape, parameters: Mapping[str, Tensor]) -> str:
    assert isinstance(layer, Conv2d)
    weight = parameters["weight"]
    lines = [f"kernel = torch.tensor({_nested(weight[0, 0].tolist())}, dtype=torch.float32)"]
    if (weight == weight[:1, :1]).all():
        lines.append(f"weight = kernel.expand({', '.join(map(str, weight.shape))})  # a filter is as deep as its input")
    else:
        lines[0] = f"weight = torch.tensor({weight.tolist()}, dtype=torch.float32)"
    lines.append(f"bias = torch.tensor({parameters['bias'].tolist()}, dtype=torch.float32)")
    pads = layer.padding4(shape)
    if any(pads):
        lines.append(f"padded = F.pad({stages[-1]}, {_torch_order(pads)}{_fill(layer)})  # left, right, top, bottom")
        stages.append("padded")
    groups = f", groups={layer.groups}" if layer.groups > 1 else ""
    lines.append(
        f"conv = F.conv2d({stages[-1]}, weight, bias, stride={layer.stride}, dilation={layer.dilation}{groups})\n"
    )
    stages.append("conv")
    return "\n".join(lines)


def _fill(layer: Conv2d) -> str:
    if layer.padding_mode == "constant":
        return f", value={layer.padding_value!r}"
    return "" if layer.padding_mode == "zeros" else f', mode="{layer.padding_mode}"'


def _activation(layer: Layer, stages: list[str], _shape: Shape, _parameters: Mapping[str, Tensor]) -> str:
    assert isinstance(layer, Activation)
    x, parameters = stages[-1], dict(layer.parameters)
    stages.append("activation")
    if layer.name == "softmax":
        if parameters.get("over") == "all":
            return f"activation = F.softmax({x}.flatten(), dim=0).reshape({x}.shape)\n"
        return f"activation = F.softmax({x}, dim=1)\n"
    if layer.name in ("identity", "none"):
        return f"activation = {x}\n"
    arguments = "".join(f", {name}={value!r}" for name, value in parameters.items())
    return f"activation = F.{layer.name}({x}{arguments})\n"


def _pool(layer: Layer, stages: list[str], shape: Shape, _parameters: Mapping[str, Tensor]) -> str:
    assert isinstance(layer, Pool2d)
    pads, x = layer.padding4(shape), stages[-1]
    stages.append("pool")
    window = f"{layer.kernel_size}, stride={layer.stride}"
    if layer.kind in ("max", "min"):
        sign = "-" if layer.kind == "min" else ""
        inner = f"F.pad({sign}{x}, {_torch_order(pads)}, value=-torch.inf)" if any(pads) else f"{sign}{x}"
        return f"pool = {sign}F.max_pool2d({inner}, {window}, dilation={layer.dilation})\n"
    if layer.dilation != (1, 1):
        raise ValueError(f"torch has no dilated {layer.kind} pooling")
    pad = f"F.pad({{}}, {_torch_order(pads)})" if any(pads) else "{}"
    if layer.kind == "l2":
        return f"pool = F.avg_pool2d({pad.format(f'{x}**2')}, {window}, divisor_override=1).sqrt()\n"
    mean = f"F.avg_pool2d({pad.format(x)}, {window})"
    if not any(pads):
        return f"pool = {mean}\n"
    share = f"F.avg_pool2d({pad.format(f'torch.ones_like({x})')}, {window})"
    return f"pool = {mean} / {share}  # the mean of the cells that exist\n"


def _torch_order(pads: Padding4) -> str:
    top, bottom, left, right = pads
    return str((left, right, top, bottom))


def _nested(rows: list[list[float]]) -> str:
    return "[" + ", ".join("[" + ", ".join(f"{value:.9g}" for value in row) + "]" for row in rows) + "]"


_WRITERS: dict[type[Layer], Callable[[Layer, list[str], Shape, Mapping[str, Tensor]], str]] = {
    Conv2d: _conv,
    Activation: _activation,
    Pool2d: _pool,
}

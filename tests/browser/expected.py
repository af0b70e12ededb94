"""What the Lab should show, from the library: one text per setting in, tensors out."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernels import parse_kernel
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d
from cnnviz.network import forward

DEFAULTS = {
    "image": "camera", "size": "300", "fit": "crop", "color": "gray", "frame": "0", "kernel": "edge", "bias": "0",
    "stride": "1", "padding": "same", "padding_mode": "zeros", "padding_value": "0", "dilation": "1",
    "activation": "relu", "pool": "max", "pool_size": "2", "pool_stride": "2", "pool_padding": "same",
}  # fmt: skip


def numbers(text: str, separator: str = ",") -> tuple[int, int]:
    found = [int(part) for part in text.split(separator)]
    return found[0], found[-1]


@cache
def stages(picture: bytes | None = None, **settings: str) -> dict[str, Tensor]:
    """Every stage (C, H, W) by name. picture: an upload, instead of the sample."""
    say = DEFAULTS | settings
    data = picture if picture is not None else SAMPLES[say["image"]].path.read_bytes()
    mode = "RGB" if say["color"] == "rgb" else "L"
    image = load_image(data, mode=mode, size=numbers(say["size"], "x"), fit=say["fit"], frame=int(say["frame"]))
    rows = torch.tensor(parse_kernel(say["kernel"]), dtype=torch.float32)
    weight = rows.expand(1, image.shape[1], *rows.shape)
    padding, pool_padding = (
        text if text in ("valid", "same") else numbers(text) for text in (say["padding"], say["pool_padding"])
    )
    layers: list[Layer] = [
        Conv2d(
            1, tuple(rows.shape), numbers(say["stride"]), padding, say["padding_mode"], float(say["padding_value"]),
            numbers(say["dilation"]),
        )
    ]  # fmt: skip
    if say["activation"] != "none":
        wanted = ACTIVATIONS[say["activation"]].parameters
        given = {
            name: say[name] if isinstance(parameter, Choice) else float(say[name])
            for name, parameter in wanted.items()
            if name in say
        }
        layers.append(Activation(say["activation"], given))
    if say["pool"] != "none":
        layers.append(Pool2d(say["pool"], numbers(say["pool_size"]), numbers(say["pool_stride"]), pool_padding))
    parameters = [{"weight": weight, "bias": torch.tensor([float(say["bias"])])}, *[{} for _ in layers[1:]]]
    return {stage.name: stage.output[0] for stage in forward(layers, image, parameters)}


def shapes(picture: bytes | None = None, **settings: str) -> dict[str, str]:
    """`data-shape` of every stage, in order."""
    return {name: "x".join(map(str, maps.shape)) for name, maps in stages(picture, **settings).items()}

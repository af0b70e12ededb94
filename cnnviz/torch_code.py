"""A network as a PyTorch file: torch.nn modules, one for each layer, and its weights by nn.Sequential's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cnnviz.code_steps import Step, call, own_classes, steps, unless
from cnnviz.layers import (
    Activation,
    AdaptivePool2d,
    Add,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Dropout,
    Flatten,
    GlobalPool2d,
    Layer,
    Linear,
    Pool2d,
    Shape,
)
from cnnviz.shapes import pair
from cnnviz.skip_layers import Off
from cnnviz.torch_classes import CLASSES
from cnnviz.torch_convolutions import conv, separable, torch_order, transposed

_ACTIVATIONS: Final[Mapping[str, str]] = {
    "none": "Identity", "identity": "Identity", "relu": "ReLU", "leaky_relu": "LeakyReLU", "tanh": "Tanh",
    "sigmoid": "Sigmoid", "elu": "ELU", "gelu": "GELU", "silu": "SiLU", "softplus": "Softplus", "relu6": "ReLU6",
    "selu": "SELU", "mish": "Mish", "hardtanh": "Hardtanh", "hardswish": "Hardswish",
}  # fmt: skip


def torch_code(layers: Sequence[Layer], shape: Shape) -> str:
    """A Python file that makes the network and loads its weights from weights.safetensors in the same folder.

    The names in that file are those of `network_weights.named_tensors`.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take what the one before it makes; it says which.
        CodeError: a layer that cannot be written; it says which.
    """
    size = ", ".join(map(str, shape))
    about = f'"""A network in PyTorch for pictures (N, {size}), whose values lie from 0 to 1."""\n\n'
    definition = torch_definition(layers, shape)
    if any(step.layer.parameter_shapes(step.shape) for step in steps(layers, shape)):
        definition = definition.replace("from torch import nn\n", _LOADS + "from torch import nn\n", 1)
        definition += '\nnetwork.load_state_dict(load_file("weights.safetensors"))\n'
    return f"{about}{definition}network.eval()  # then network(pictures) answers\n"


def torch_definition(layers: Sequence[Layer], shape: Shape) -> str:
    """The part of `torch_code` that makes the network, with the weights that PyTorch draws."""
    found = steps(layers, shape)
    modules = [f"    {_module(step)},  {step.comment()}\n" for step in found]
    kind = "Network" if any(isinstance(layer, Add) for layer in layers) else "nn.Sequential"
    network = f"network = {kind}(\n{''.join(modules)})\n"
    classes = own_classes(CLASSES, [*modules, network])
    parts = "\n\n".join([*classes, network])
    imports = "".join(line for name, line in _IMPORTS.items() if name in parts) + "from torch import nn\n"
    return imports + ("\n\n" if classes else "\n") + parts


_LOADS = "from safetensors.torch import load_file\n"
_IMPORTS = {"torch.": "import torch\n", "F.": "import torch.nn.functional as F\n"}


def _module(step: Step) -> str:
    writer = _WRITERS.get(type(step.layer))
    if writer is None:
        raise step.refuse("PyTorch's module for it is not known here")
    return writer(step.layer, step)


def _activation(layer: Layer, step: Step) -> str:
    assert isinstance(layer, Activation)
    options = dict(layer.parameters)
    if layer.name == "softmax":
        if options.get("over") == "all" and len(step.shape) == 3:
            return "SoftmaxOverAll()"
        return call("nn.Softmax", dim=1)
    if layer.name not in _ACTIVATIONS:
        raise step.refuse(f"PyTorch's module for {layer.name} is not known here")
    return call(f"nn.{_ACTIVATIONS[layer.name]}", **options)


def _pool(layer: Layer, step: Step) -> str:
    assert isinstance(layer, Pool2d)
    top, bottom, left, right = sides = layer.padding4(step.shape)
    height, width = pair(layer.kernel_size, "")
    dilation = unless(layer.dilation, (1, 1))
    # torch pads both sides alike, by half a window at most
    own = top == bottom and left == right and 2 * top <= height and 2 * left <= width
    window = {"kernel_size": layer.kernel_size, "stride": unless(layer.stride, layer.kernel_size)}
    padding = unless((top, left), (0, 0))
    if layer.kind == "max" and own:
        return call("nn.MaxPool2d", **window, padding=padding, dilation=dilation)
    if layer.kind == "avg" and own and not dilation:
        return call("nn.AvgPool2d", **window, padding=padding, count_include_pad=False if padding else None)
    pads = unless(torch_order(sides), (0, 0, 0, 0))
    # the sizes of a Pool2d are pairs, and are written as such
    return f'Pool2d("{layer.kind}", {(height, width)}, {layer.stride}{_more(pads=pads, dilation=dilation)})'


def _more(**options: object) -> str:
    return "".join(f", {key}={value}" for key, value in options.items() if value is not None)


def _global_pool(layer: Layer, step: Step) -> str:
    assert isinstance(layer, GlobalPool2d)
    return call(_ADAPTIVE[layer.kind], 1)


def _adaptive_pool(layer: Layer, step: Step) -> str:
    assert isinstance(layer, AdaptivePool2d)
    return call(_ADAPTIVE[layer.kind], layer.output_size)


_ADAPTIVE: Final[Mapping[str, str]] = {
    "max": "nn.AdaptiveMaxPool2d", "avg": "nn.AdaptiveAvgPool2d", "min": "AdaptiveMinPool2d", "l2": "AdaptiveL2Pool2d",
}  # fmt: skip


def _norm(layer: Layer, step: Step) -> str:
    assert isinstance(layer, BatchNorm2d)
    return call("nn.BatchNorm2d", step.shape[0], eps=unless(layer.eps, 1e-5))


def _dropout(layer: Layer, step: Step) -> str:
    assert isinstance(layer, Dropout)
    return call("nn.Dropout", layer.p)


def _linear(layer: Layer, step: Step) -> str:
    assert isinstance(layer, Linear)
    return call("nn.Linear", step.shape[0], layer.out_features, bias=unless(layer.bias, True))


def _add(layer: Layer, step: Step) -> str:
    assert isinstance(layer, Add)
    return call("Add", layer.back)


_WRITERS: dict[type[Layer], Callable[[Layer, Step], str]] = {
    Conv2d: conv,
    DepthwiseSeparableConv2d: separable,
    ConvTranspose2d: transposed,
    Activation: _activation,
    Pool2d: _pool,
    GlobalPool2d: _global_pool,
    AdaptivePool2d: _adaptive_pool,
    BatchNorm2d: _norm,
    Dropout: _dropout,
    Flatten: lambda layer, step: "nn.Flatten()",
    Linear: _linear,
    Add: _add,
    Off: lambda layer, step: "nn.Identity()",
}

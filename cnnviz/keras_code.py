"""A network as a Keras 3 file: a functional model, channels last, with the weights that PyTorch has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cnnviz.code_steps import Step, call, own_classes, steps, unless
from cnnviz.keras_classes import CLASSES
from cnnviz.keras_convolutions import conv, separable, transposed
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

# what goes on with x, line by line, and the layer's weights in Keras's order, as code
Written = tuple[list[str], list[str]]

_ACTIVATIONS: Final = {
    "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "gelu": "gelu", "silu": "silu", "relu6": "relu6",
    "selu": "selu", "mish": "mish", "hardtanh": "hard_tanh", "hardswish": "hard_silu", "softplus": "softplus",
    "none": "linear", "identity": "linear",
}  # fmt: skip


def keras_code(layers: Sequence[Layer], shape: Shape) -> str:
    """A Python file that makes the network and loads its weights from weights.safetensors in the same folder.

    That file is the one of `torch_code`: the code turns its tensors as Keras wants them.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take what the one before it makes; it says which.
        CodeError: a layer that cannot be written; it says which.
    """
    channels, height, width = shape
    found = steps(layers, shape)
    skipped = {step.skipped for step in found}
    lines, loads = [f"inputs = {call('keras.Input', (height, width, channels), name='pictures')}", "x = inputs"], []
    for step in found:
        if step.index in skipped:
            lines.append(f"into_{step.index} = x")
        made, weights = _written(step)
        lines += [*made[:-1], f"{made[-1]}  {step.comment(channels_last=True)}"]
        if weights:
            loads.append(_load(f"layer_{step.index}", weights))
    network = "\n".join([*lines, "network = keras.Model(inputs, x)\n"])
    about = f'"""A network in Keras for pictures (N, {height}, {width}, {channels}), whose values lie from 0 to 1."""\n'
    classes = own_classes(CLASSES, lines)
    parts = "\n\n".join([*classes, network])
    if loads:
        parts += '\nweights = load_file("weights.safetensors")  # named and laid out as in PyTorch\n' + "".join(loads)
    return "\n".join([about, _imports(parts), *[""] * bool(classes), parts])


def _imports(parts: str) -> str:
    """The standard library, then packages: those that the rest of the file uses."""
    standard = "import functools\n\n" if "functools." in parts else ""
    numpy = "import numpy as np\n" if "np." in parts else ""
    operations = "from keras import ops\n" if "ops." in parts else ""
    reader = "from safetensors.numpy import load_file\n" if "load_file(" in parts else ""
    return f"{standard}import keras\n{numpy}{operations}{reader}"


def _load(name: str, weights: Sequence[str]) -> str:
    together = f'network.get_layer("{name}").set_weights([{", ".join(weights)}])\n'
    if len(together) <= 110:
        return together
    lines = "".join(f"    {weight},\n" for weight in weights)
    return f'network.get_layer("{name}").set_weights([\n{lines}])\n'


def _written(step: Step) -> Written:
    writer = _WRITERS.get(type(step.layer))
    if writer is None:
        raise step.refuse("Keras's layer for it is not known here")
    return writer(step.layer, step)


def _simply(code: str) -> Written:
    """A layer without weights."""
    return [f"x = {code}(x)"], []


def _activation(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, Activation)
    options = dict(layer.parameters)
    if layer.name == "softmax":
        over_all = options.get("over") == "all" and len(step.shape) == 3
        return _simply(call("keras.layers.Softmax", axis=[1, 2, 3] if over_all else None))
    if layer.name == "leaky_relu":
        slope = options.get("negative_slope", 0.01)
        # keras.layers.LeakyReLU refuses a slope below 0
        return [f"x = ops.leaky_relu(x, negative_slope={slope!r})"], []
    if layer.name == "elu":
        return _simply(call("keras.layers.ELU", **options))
    if layer.name == "softplus" and options:
        return _simply(call("Softplus", **options))
    if layer.name == "gelu" and options.get("approximate") == "tanh":
        return ["x = keras.activations.gelu(x, approximate=True)"], []
    if layer.name not in _ACTIVATIONS:
        raise step.refuse(f"Keras's function for {layer.name} is not known here")
    return _simply(call("keras.layers.Activation", _ACTIVATIONS[layer.name]))


def _pool(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, Pool2d)
    top, bottom, left, right = sides = layer.padding4(step.shape)
    own = {"max": "keras.layers.MaxPooling2D", "avg": "keras.layers.AveragePooling2D"}.get(layer.kind)
    # on PyTorch, Keras counts a side of unequal padding into a mean
    alike = layer.kind == "max" or (top == bottom and left == right)
    if own and layer.dilation == (1, 1) and (not any(sides) or (layer.padding == "same" and alike)):
        strides, padding = unless(layer.stride, layer.kernel_size), "same" if any(sides) else None
        return _simply(call(own, layer.kernel_size, strides=strides, padding=padding))
    around = f", sides=(({top}, {bottom}), ({left}, {right}))" if any(sides) else ""
    gaps = f", dilation={layer.dilation}" if layer.dilation != (1, 1) else ""
    return _simply(f'Pool("{layer.kind}", {layer.kernel_size}, {layer.stride}{around}{gaps})')


def _global_pool(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, GlobalPool2d)
    if layer.kind == "min":
        return ["x = ops.min(x, axis=(1, 2), keepdims=True)"], []
    if layer.kind == "l2":
        return ["x = ops.sqrt(ops.sum(ops.square(x), axis=(1, 2), keepdims=True))"], []
    return _simply(f"keras.layers.Global{_KINDS[layer.kind]}Pooling2D(keepdims=True)")


def _adaptive_pool(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, AdaptivePool2d)
    height, width = pair(layer.output_size, "")
    rows, cols = step.shape[1] // height, step.shape[2] // width
    # the edges of Keras's own adaptive windows suffer from rounding on JAX, so even 7 of 7 cells come out wrong
    if layer.kind in _KINDS and (rows * height, cols * width) == step.shape[1:]:
        return _simply(call(f"keras.layers.{_KINDS[layer.kind]}Pooling2D", (rows, cols)))
    return _simply(f'AdaptivePool("{layer.kind}", {(height, width)})')


_KINDS: Final = {"max": "Max", "avg": "Average"}


def _norm(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, BatchNorm2d)
    code = call("keras.layers.BatchNormalization", epsilon=layer.eps, name=f"layer_{step.index}")
    names = ("weight", "bias", "running_mean", "running_var")
    return [f"x = {code}(x)"], [f'weights["{step.index}.{name}"]' for name in names]


def _dropout(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, Dropout)
    return _simply(call("keras.layers.Dropout", layer.p))


def _flatten(layer: Layer, step: Step) -> Written:
    turned = ["x = keras.layers.Permute((3, 1, 2))(x)  # channels first, as PyTorch flattens them"]
    return [*(turned if len(step.shape) == 3 else []), "x = keras.layers.Flatten()(x)"], []


def _linear(layer: Layer, step: Step) -> Written:
    assert isinstance(layer, Linear)
    code = call("keras.layers.Dense", layer.out_features, use_bias=unless(layer.bias, True), name=f"layer_{step.index}")
    bias = [f'weights["{step.index}.bias"]'] * layer.bias
    return [f"x = {code}(x)"], [f'weights["{step.index}.weight"].T', *bias]


def _add(layer: Layer, step: Step) -> Written:
    return [f"x = keras.layers.Add()([x, into_{step.skipped}])"], []


_WRITERS: dict[type[Layer], Callable[[Layer, Step], Written]] = {
    Conv2d: conv,
    DepthwiseSeparableConv2d: separable,
    ConvTranspose2d: transposed,
    Activation: _activation,
    Pool2d: _pool,
    GlobalPool2d: _global_pool,
    AdaptivePool2d: _adaptive_pool,
    BatchNorm2d: _norm,
    Dropout: _dropout,
    Flatten: _flatten,
    Linear: _linear,
    Add: _add,
    Off: lambda layer, step: _simply("keras.layers.Identity()"),
}

"""The weights of a network: drawn by a method and a seed, or taken from tensors by name, which may come from a file.

Names are nn.Sequential's. Files are safetensors: a list of tensors and their numbers, nothing that is run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from cnnviz.filters import parse_filter
from cnnviz.kernels import KernelError, draw
from cnnviz.layers import BatchNorm2d, Conv2d, DepthwiseSeparableConv2d, Layer, Shape
from cnnviz.network import survey
from cnnviz.shapes import times

Parameters = list[dict[str, Tensor]]
# nn.Sequential's names of a depthwise separable convolution, which is two of its modules
_SEPARABLE = {"depthwise": "0.weight", "pointwise": "1.weight", "bias": "1.bias"}

MAX_BYTES: Final = 50_000_000
_MAX_LIST: Final = 1_000_000  # bytes of the list of tensors at the file's beginning
_MAX_NAME: Final = 200
_MOST_DIMENSIONS: Final = 8  # that are written out where a tensor does not fit
# Batch norm counts its batches in whole numbers; a network computes with the others.
_DTYPES: Final = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32)


class WeightsError(ValueError):
    """A file that holds no weights. The message is a sentence for the person who brought it."""


def draw_weights(layers: Sequence[Layer], shape: Shape, method: str, seed: int) -> Parameters:
    """Draw the weights of all layers, one after another, as a network has them before it has learned anything.

    With "pytorch" they are bit for bit those of the same nn.Sequential made right after torch.manual_seed(seed); with
    another method those that torch.nn.init draws in the layers' order, and biases are 0. Batch norm passes on what
    comes: mean 0, variance 1.

    Args:
        shape: the input's (C, H, W).
        method: see `kernels.initialise`.
    Returns:
        for each layer the tensors of its `parameter_shapes`, float32, as far as the network works.
    Raises:
        KernelError: an unknown method, or a seed beyond 64 bits.
    """
    if not 0 <= seed < 2**63:
        raise KernelError("The seed is a whole number from 0 to 2^63 - 1.")
    generator = torch.Generator().manual_seed(seed)
    return [_drawn(layer, wanted, method, generator) for layer, wanted in wanted_tensors(layers, shape)]


def wanted_tensors(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, dict[str, Shape]]]:
    """Each layer with the shapes of its tensors, as far as the network works."""
    rows = survey(layers, shape).rows
    for layer, before in zip(layers, [shape, *(row.output_shape for row in rows)][: len(rows)]):
        yield layer, layer.parameter_shapes(before)


def with_filters(parameters: Parameters, layers: Sequence[Layer], filters: Mapping[int, str]) -> Parameters:
    """Put filters, as `filters.parse_filter` reads them, in their places in the first convolution; their biases are 0.

    Those with a number beyond its last filter wait until there are as many.

    Raises:
        KernelError: a filter that cannot be read, named by its number.
    """
    for index, layer in enumerate(layers[: len(parameters)]):
        if isinstance(layer, Conv2d):
            weight = parameters[index]["weight"].clone()
            bias = parameters[index].get("bias", torch.zeros(0)).clone()
            for number, text in filters.items():
                if number < len(weight):
                    try:
                        weight[number] = parse_filter(text, *weight.shape[1:])
                    except KernelError as error:
                        raise KernelError(f"Filter {number}: {error}") from None
                    bias[number : number + 1] = 0
            changed = {"weight": weight} | ({"bias": bias} if layer.bias else {})
            return [*parameters[:index], changed, *parameters[index + 1 :]]
    return parameters


def named_tensors(layers: Sequence[Layer], parameters: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """All tensors by the names that nn.Sequential gives them: "0.weight", "0.bias", "4.weight" …"""
    return {
        f"{index}.{_name(layer, name)}": tensor
        for index, (layer, tensors) in enumerate(zip(layers, parameters))
        for name, tensor in tensors.items()
    }


def fit_tensors(
    layers: Sequence[Layer], parameters: Parameters, tensors: Mapping[str, Tensor]
) -> tuple[Parameters, list[str]]:
    """Take the tensors that fit by name and shape.

    Args:
        parameters: what stays where none fits.
        tensors: by nn.Sequential's names.
    Returns:
        the parameters, and a sentence for each tensor that does not fit or is missing.
    """
    left, fitted, problems = dict(tensors), Parameters(), list[str]()
    for index, (layer, own) in enumerate(zip(layers, parameters)):
        taken = dict(own)
        for name, now in own.items():
            key = f"{index}.{_name(layer, name)}"
            given = left.pop(key, None)
            if given is None:
                problems.append(f"{key} is missing: it should be {_size(now)}.")
            elif given.shape != now.shape:
                problems.append(f"{key} is {_size(given)}, but has to be {_size(now)} here.")
            elif not given.is_floating_point():
                kind = str(given.dtype).removeprefix("torch.")
                problems.append(f"{key} holds {kind}, and weights are floating point.")
            elif not torch.isfinite(given.float()).all():
                problems.append(f"{key} holds what is no number, or beyond what a float32 can hold.")
            elif name == "running_var" and (given < 0).any():
                problems.append(f"{key} holds variances below 0.")
            else:
                taken[name] = given.float()
        fitted.append(taken)
    unused = [key for key in left if not key.endswith("num_batches_tracked")]
    return fitted, problems + [f"{key}, {_size(left[key])}, belongs to no layer here." for key in unused]


def _size(tensor: Tensor) -> str:
    if tensor.ndim > _MOST_DIMENSIONS:
        return f"of {tensor.ndim:,} dimensions"
    return times(tensor.shape) or "one number"


def weights_file(layers: Sequence[Layer], parameters: Sequence[Mapping[str, Tensor]]) -> bytes:
    """All tensors as a safetensors file, by the names of `named_tensors`."""
    # each with memory of its own: views of one tensor cannot be saved
    tensors = {name: tensor.detach().clone(memory_format=torch.contiguous_format)
               for name, tensor in named_tensors(layers, parameters).items()}  # fmt: skip
    return save(tensors, metadata={"format": "pt"})


def read_weights(data: bytes) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file that a stranger may have made; `fit_tensors` says which of them fit.

    Raises:
        WeightsError: it is too large, no such file, or holds other numbers than weights are.
    """
    if len(data) > MAX_BYTES:
        raise WeightsError(f"The file has {len(data):,} bytes; weights are read up to {MAX_BYTES:,}.")
    if _MAX_LIST < int.from_bytes(data[:8], "little") <= len(data):
        raise WeightsError("The list of tensors in this file is too long.")
    try:
        tensors = load(data)
    except KeyError as error:
        raise WeightsError(f"The file holds numbers of the kind {error}, which no layer here can take.") from None
    except (SafetensorError, ValueError, TypeError, RuntimeError, AssertionError):
        raise WeightsError("This is no safetensors file, or it is damaged: its tensors cannot be read.") from None
    for name, tensor in tensors.items():
        if len(name) > _MAX_NAME or not name.isprintable():
            raise WeightsError(f"A tensor's name in this file has more than {_MAX_NAME} characters, or odd ones.")
        if tensor.dtype not in _DTYPES:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise WeightsError(f"{name} holds numbers of the kind {kind}, which no layer here can take.")
    return tensors


def _name(layer: Layer, name: str) -> str:
    return _SEPARABLE[name] if isinstance(layer, DepthwiseSeparableConv2d) else name


def _drawn(layer: Layer, wanted: Mapping[str, Shape], method: str, generator: torch.Generator) -> dict[str, Tensor]:
    if isinstance(layer, BatchNorm2d):
        return {
            name: torch.ones(shape) if name in ("weight", "running_var") else torch.zeros(shape)
            for name, shape in wanted.items()
        }
    tensors = {name: draw(method, shape, generator) for name, shape in wanted.items() if name != "bias"}
    if "bias" in wanted:
        bias = torch.zeros(wanted["bias"])
        if method == "pytorch":
            # the weights drawn last are those that the bias is added to
            bound = 1 / math.sqrt(math.prod(next(reversed(tensors.values())).shape[1:]))
            torch.nn.init.uniform_(bias, -bound, bound, generator=generator)
        tensors["bias"] = bias
    return tensors

"""What all kinds of convolution are made from: one set of related weights, one stride, one dilation, one padding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.kernels import KernelError, check_kernel_size, initialise
from cnnviz.layers import Layer
from cnnviz.shapes import Padding, Pair, ShapeError, Size

WEIGHTS: Final = ("kernel", "random")


@dataclass(frozen=True, eq=False)
class Plan:
    """The ingredients that the kinds share; each kind takes what it needs and heeds the options it names.

    weight: (K, C, kernel height, kernel width), the plain convolution's: K filters that look at C channels.
    depthwise: (C, 1, kernel height, kernel width), one filter for each channel.
    pointwise: (K, C, 1, 1), K mixtures of the channels.
    deeper: the weights of a second and a third layer, each (K, K, kernel height, kernel width).
    padding and the rest: as in Conv2d.
    """

    weight: Tensor
    depthwise: Tensor
    pointwise: Tensor
    deeper: tuple[Tensor, Tensor]
    stride: Size = 1
    dilation: Size = 1
    groups: int = 1
    padding: Padding = "same"
    padding_mode: str = "zeros"
    padding_value: float = 0.0

    @property
    def channels(self) -> int:
        """Input channels C."""
        return self.weight.shape[1]

    @property
    def out_channels(self) -> int:
        """Filters K."""
        return self.weight.shape[0]


@dataclass(frozen=True, eq=False)
class Step:
    """One layer of a kind with its weights; parameters are named as in the layer's `parameter_shapes`."""

    title: str
    layer: Layer
    parameters: Mapping[str, Tensor]


def plan(
    kernel_rows: Sequence[Sequence[float]],
    channels: int,
    out_channels: int,
    *,
    weights: str = "kernel",
    method: str = "kaiming_uniform",
    seed: int = 0,
    stride: Size = 1,
    dilation: Size = 1,
    groups: int = 1,
    padding: Padding = "same",
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
) -> Plan:
    """Related weights for every kind, from one kernel or from one seed.

    With both, the depthwise filter of channel c is the part of a plain filter that lies on it,
    weight[c mod K, c]: with K = C, as many groups as channels are exactly depthwise.
    With "kernel", every filter is that kernel times a number for each channel: weight[k, c] =
    mix[k, c] · kernel, depthwise[c] = kernel, pointwise = mix. These are the plain filters that a separable
    convolution can imitate, and it does so exactly. The mix is 1 for each channel and its own filter c mod K
    (so everywhere for a single filter), else drawn from a normal distribution with deviation 1/√C, so that
    what a filter takes from all other channels is about as bright as one channel. In the deeper layers
    filter k is the kernel on map k and 0 on all others: each map then goes its own way, and a grid in it can
    only come from the dilation.
    With "random", all weights are drawn by `method`, each tensor with a seed of its own, and a separable
    convolution cannot imitate the plain one.

    Args:
        kernel_rows: rows of equal length; with "random" only their number and length count.
        channels, out_channels: C and K, each at least 1.
        weights: "kernel" or "random".
        method: one of `kernels.INITIALISATIONS`; only "random" uses it.
        seed: of the mix, or of the plain weights; the others' seeds follow from it.
    Returns:
        float32 weights and the options as they were given.
    Raises:
        ShapeError: channels or out_channels below 1.
        KernelError: a kernel too large, rows of unequal length, an unknown method or a seed out of range.
        ValueError: another word for `weights`.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}, not {weights!r}")
    if min(channels, out_channels) < 1:
        raise ShapeError(f"a convolution needs at least one channel and one filter, not {channels} and {out_channels}")
    size = len(kernel_rows), max(map(len, kernel_rows), default=0)
    check_kernel_size(*size)
    if len({len(row) for row in kernel_rows}) != 1:
        raise KernelError("All rows of a kernel need the same number of cells.")
    if weights == "kernel":
        tensors = _from_kernel(torch.tensor(kernel_rows, dtype=torch.float32), channels, out_channels, seed)
    else:
        tensors = _from_seed(size, channels, out_channels, method, seed)
    return Plan(*tensors, stride, dilation, groups, padding, padding_mode, padding_value)


def group_counts(channels: int, out_channels: int) -> list[int]:
    """The numbers of groups that channels and filters both split into, ascending; the first is 1."""
    common = math.gcd(channels, out_channels)
    return [count for count in range(1, common + 1) if common % count == 0]


_Tensors = tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]


def _from_kernel(kernel: Tensor, channels: int, out_channels: int, seed: int) -> _Tensors:
    mix = initialise("normal", (out_channels, channels, 1, 1), seed) / math.sqrt(channels)
    every = torch.arange(channels)
    mix[every % out_channels, every] = 1
    own_map = torch.eye(out_channels)[:, :, None, None] * kernel
    return mix * kernel, kernel.repeat(channels, 1, 1, 1), mix, (own_map, own_map)


def _from_seed(size: Pair, channels: int, out_channels: int, method: str, seed: int) -> _Tensors:
    weight = initialise(method, (out_channels, channels, *size), seed)
    # not seed + 1 …: the plain weights of one seed would be the depthwise ones of its neighbour
    seeds = torch.randint(2**63 - 1, (3,), generator=torch.Generator().manual_seed(seed)).tolist()
    every = torch.arange(channels)
    depthwise = weight[every % out_channels, every][:, None]
    pointwise = initialise(method, (out_channels, channels, 1, 1), seeds[0])
    second, third = (initialise(method, (out_channels, out_channels, *size), later) for later in seeds[1:])
    return weight, depthwise, pointwise, (second, third)

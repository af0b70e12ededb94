"""Random networks that work, with skips and layers switched off, and the same networks as modules of torch.nn."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnviz.functional import ACTIVATIONS, ShapeError
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
)
from cnnviz.skip_layers import Off
from tests.option_space import KINDS, MODES, both, naive_adaptive, naive_sides, pairs

Network = tuple[tuple[Layer, ...], tuple[int, ...]]

MOST_CELLS = 1500  # of one layer's output
sizes, steps, gaps = pairs(st.integers(1, 4)), pairs(st.integers(1, 2)), pairs(st.integers(1, 2))
paddings = st.one_of(st.sampled_from(["valid", "same", "same"]), pairs(st.integers(0, 2)))
window = {"kernel_size": sizes, "stride": steps, "padding": paddings, "dilation": gaps}
fill = {"padding_mode": st.sampled_from(MODES), "padding_value": st.sampled_from([0.0, 0.5, -2.0])}
filters, flags = st.integers(1, 4), st.booleans()
activations = st.sampled_from(list(ACTIVATIONS)).map(Activation) | st.sampled_from(
    [
        Activation("leaky_relu", {"negative_slope": 0.3}),
        Activation("softmax", {"over": "all"}),
        Activation("gelu", {"approximate": "tanh"}),
        Activation("softplus", {"beta": 2.5, "threshold": 1.0}),
        Activation("elu", {"alpha": 0.5}),
    ]
)


@cache
def changing(pools: tuple[str, ...]) -> st.SearchStrategy[Layer]:
    """Layers that make maps of other sizes."""
    kinds = st.sampled_from(pools)
    return st.one_of(
        st.builds(Conv2d, filters, groups=st.sampled_from([1, 1, 2]), bias=flags, **window, **fill),
        st.builds(DepthwiseSeparableConv2d, filters, bias=flags, **window, **fill),
        st.builds(
            ConvTranspose2d,
            filters,
            kernel_size=sizes,
            stride=steps,
            padding=pairs(st.integers(0, 1)),
            output_padding=pairs(st.integers(0, 1)),
            dilation=gaps,
            groups=st.sampled_from([1, 1, 2]),
            bias=flags,
        ),
        st.builds(ConvTranspose2d, filters, kernel_size=sizes, stride=steps, dilation=gaps, bias=flags),
        st.builds(Pool2d, kinds, **window),
        st.builds(AdaptivePool2d, kinds, pairs(st.integers(1, 6))),
        st.builds(GlobalPool2d, kinds),
    )


@cache
def keeping(channels: int, pools: tuple[str, ...]) -> st.SearchStrategy[Layer]:
    """Layers that make maps of the same shape, so that something may be added later."""
    same = {"kernel_size": sizes, "padding": st.just("same"), "dilation": gaps}
    groups = st.sampled_from([n for n in (1, 2, 3, 4) if channels % n == 0])
    return st.one_of(
        st.builds(Conv2d, st.just(channels), groups=groups, bias=flags, **same),
        st.builds(DepthwiseSeparableConv2d, st.just(channels), bias=flags, **same),
        st.builds(Pool2d, st.sampled_from(pools), stride=st.just(1), **same),
        st.builds(BatchNorm2d, st.sampled_from([1e-5, 0.1])),
    )


def fitting_skips(shapes: list[tuple[int, ...]]) -> list[int]:
    """How many layers a skip could go back from here; shapes: of the input and of all outputs."""
    return [back for back in range(1, len(shapes)) if shapes[-1 - back] == shapes[-1]]


_DROPOUT, _FLATTEN = st.sampled_from([Dropout(0.0), Dropout()]), st.just(Flatten())
_OFF = st.sampled_from([Linear(3), Add(9), BatchNorm2d()])


@cache
def _input(side: int) -> st.SearchStrategy[tuple[int, int, int]]:
    return st.tuples(st.integers(1, 4), st.integers(1, side), st.integers(1, side))


@st.composite
def networks(
    draw: st.DrawFn,
    most: int = 7,
    pools: tuple[str, ...] = KINDS,
    activations: st.SearchStrategy[Layer] = activations,
    side: int = 12,
    also: st.SearchStrategy[Layer] | None = None,
) -> Network:
    """Layers that can work on the input shape that comes with them: convolutions, pools, skips, layers that are off …

    most: layers. side: rows and columns of the input. also: other layers that keep any shape.
    """
    shapes: list[tuple[int, ...]] = [draw(_input(side))]
    layers: list[Layer] = []
    for _ in range(draw(st.integers(0, most))):
        shape, backs = shapes[-1], fitting_skips(shapes)
        ways = ["keeping", "keeping", "plain", "plain", "changing", "changing", "changing", "off"]
        match draw(st.sampled_from([*ways, *["add"] * 3 * bool(backs), *["also"] * bool(also)])):
            case "add":
                layer: Layer = Add(draw(st.sampled_from([backs[-1], *backs])))
            case "also":
                layer = draw(also)  # type: ignore[arg-type]
            case "off":
                layer = Off(draw(st.one_of(changing(pools), activations, _OFF)))
            case "plain":
                layer = draw(st.one_of(activations, activations, _DROPOUT, _FLATTEN))
            case _ if len(shape) == 1:
                layer = Linear(draw(st.sampled_from([1, 3, shape[0]])), draw(flags))
            case "changing":
                layer = draw(changing(pools))
            case _:
                layer = draw(keeping(shape[0], pools))
        try:
            out = layer.output_shape(*(shapes[at] for at in layer.sources(len(layers))))
        except ShapeError:
            continue
        if math.prod(out) <= MOST_CELLS:
            layers.append(layer)
            shapes.append(out)
    return tuple(layers), shapes[0]


# --- the same with torch.nn


class Pool(nn.Module):
    """A pool as sums, means and extremes of unfolded patches, in which padding is NaN."""

    def __init__(self, layer: Pool2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        layer, size = self.layer, x.shape[2:]
        k, s, d = both(layer.kernel_size), both(layer.stride), both(layer.dilation)
        rows, cols = (naive_sides(size[a], k[a], s[a], d[a], layer.padding, a) for a in (0, 1))
        padded = F.pad(x, (*cols, *rows), value=math.nan)
        # one after another along each axis
        patches = padded.unfold(2, d[0] * (k[0] - 1) + 1, s[0]).unfold(3, d[1] * (k[1] - 1) + 1, s[1])
        return summed_up(layer.kind, patches[..., :: d[0], :: d[1]].flatten(4))


class AdaptivePool(nn.Module):
    """A pool of adaptive windows, one by one."""

    def __init__(self, kind: str, output_size: Any) -> None:
        super().__init__()
        self.kind, self.output_size = kind, both(output_size)

    def forward(self, x: Tensor) -> Tensor:
        rows, cols = (naive_adaptive(x.shape[2 + a], self.output_size[a]) for a in (0, 1))
        lines = [
            torch.stack([summed_up(self.kind, x[:, :, row][:, :, :, col].flatten(2)) for col in cols], 2)
            for row in rows
        ]
        return torch.stack(lines, 2)


def summed_up(kind: str, cells: Tensor) -> Tensor:
    """The last dimension as one number, NaN left out."""
    there = ~cells.isnan()
    if kind in ("max", "min"):
        least = cells.masked_fill(~there, -math.inf if kind == "max" else math.inf)
        return least.amax(-1) if kind == "max" else least.amin(-1)
    cells = torch.where(there, cells, 0.0)
    return cells.sum(-1) / there.sum(-1) if kind == "avg" else cells.square().sum(-1).sqrt()


class Padded(nn.Module):
    """Rows and columns around the maps."""

    def __init__(self, sides: tuple[int, int, int, int], mode: str, value: float) -> None:
        super().__init__()
        self.sides = sides
        self.mode = "constant" if mode == "zeros" else mode
        self.value = value if mode == "constant" else None

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.sides, self.mode, self.value) if any(self.sides) else x


class SoftmaxOverAll(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        powers = (x - x.amax(tuple(range(1, x.ndim)), keepdim=True)).exp()
        return powers / powers.sum(tuple(range(1, x.ndim)), keepdim=True)


FUNCTIONS = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "mish": nn.Mish,
    "hardtanh": nn.Hardtanh,
    "hardswish": nn.Hardswish,
}


def function(layer: Activation) -> nn.Module:
    parameters = dict(layer.parameters)
    if layer.name == "softmax":
        return SoftmaxOverAll() if parameters.get("over") == "all" else nn.Softmax(1)
    return FUNCTIONS[layer.name](**parameters)


class Twin(nn.Module):
    """A network as modules of torch.nn, with explicit additions; `modules_` has nn.Sequential's names.

    What goes around a convolution, and has no weights, is in `before`.
    """

    def __init__(self, layers: tuple[Layer, ...], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers, self.shapes = layers, [shape]
        self.before: list[nn.Module] = []
        made: list[nn.Module] = []
        for layer in layers:
            around, module = self._made(layer, self.shapes[-1])
            self.before.append(around.eval())
            made.append(module.eval())
            with torch.no_grad():
                ones = torch.ones(1, *self.shapes[-1])
                self.shapes.append(tuple(module(around(ones)).shape[1:]))
        self.modules_ = nn.Sequential(*made)

    def stages(self, x: Tensor) -> list[Tensor]:
        """The input and what each layer makes."""
        kept = [x]
        for layer, before, module in zip(self.layers, self.before, self.modules_):
            if isinstance(layer, Add):
                kept.append(kept[-1] + kept[len(kept) - 1 - layer.back])
            else:
                kept.append(module(before(kept[-1])))
        return kept

    def randomise(self, seed: int = 0, positive: bool = False) -> Twin:
        generator = torch.Generator().manual_seed(seed)
        for name, tensor in self.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) / 2)
                if positive or name.endswith("running_var"):
                    tensor.abs_().add_(0.1)
        return self

    def tensors(self) -> dict[str, Tensor]:
        """By name, but for torch's count of batches."""
        return {name: tensor for name, tensor in self.modules_.state_dict().items() if "num_batches" not in name}

    def parameters_by_layer(self) -> list[dict[str, Tensor]]:
        """As `forward` takes them."""
        found: list[dict[str, Tensor]] = []
        for layer, module in zip(self.layers, self.modules_):
            tensors = {name: tensor for name, tensor in module.state_dict().items() if "num_batches" not in name}
            if isinstance(layer, DepthwiseSeparableConv2d):
                names = {"0.weight": "depthwise", "1.weight": "pointwise", "1.bias": "bias"}
                tensors = {names[name]: tensor for name, tensor in tensors.items()}
            found.append(tensors)
        return found

    def _made(self, layer: Layer, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
        nothing = nn.Identity()
        match layer:
            case Conv2d() | DepthwiseSeparableConv2d():
                return self._convolution(layer, shape)
            case ConvTranspose2d():
                return nothing, nn.ConvTranspose2d(
                    shape[0], layer.out_channels, both(layer.kernel_size), both(layer.stride), both(layer.padding),
                    both(layer.output_padding), layer.groups, layer.bias, both(layer.dilation),
                )  # fmt: skip
            case Pool2d():
                return nothing, Pool(layer)
            case AdaptivePool2d():
                return nothing, AdaptivePool(layer.kind, layer.output_size)
            case GlobalPool2d():
                return nothing, AdaptivePool(layer.kind, 1)
            case Activation():
                return nothing, function(layer)
            case BatchNorm2d():
                return nothing, nn.BatchNorm2d(shape[0], layer.eps)
            case Dropout():
                return nothing, nn.Dropout(layer.p)
            case Flatten():
                return nothing, nn.Flatten()
            case Linear():
                return nothing, nn.Linear(shape[0], layer.out_features, layer.bias)
            case Add() | Off():
                return nothing, nn.Identity()
        raise TypeError(f"{layer} has no twin")

    def _convolution(
        self, layer: Conv2d | DepthwiseSeparableConv2d, shape: tuple[int, ...]
    ) -> tuple[nn.Module, nn.Module]:
        k, s, d = both(layer.kernel_size), both(layer.stride), both(layer.dilation)
        rows, cols = (naive_sides(shape[1 + a], k[a], s[a], d[a], layer.padding, a) for a in (0, 1))
        around = Padded((*cols, *rows), layer.padding_mode, layer.padding_value)
        if isinstance(layer, Conv2d):
            return around, nn.Conv2d(
                shape[0], layer.out_channels, k, s, dilation=d, groups=layer.groups, bias=layer.bias
            )
        return around, nn.Sequential(
            nn.Conv2d(shape[0], shape[0], k, s, dilation=d, groups=shape[0], bias=False),
            nn.Conv2d(shape[0], layer.out_channels, 1, bias=layer.bias),
        )

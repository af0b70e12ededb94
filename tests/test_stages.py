"""What the browser is told of each stage: enough to recompute every cell, and where the cell lies in the image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.functional import POOLS, ShapeError
from cnnviz.layers import Activation, AdaptivePool2d, Conv2d, GlobalPool2d, Layer, Pool2d
from cnnviz.network import forward
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import TITLES, stage_maps
from tests.fuzzing import examples
from tests.option_space import MODES, both, dilations, naive_sides, pairs, strides

several = examples(40)
paddings: st.SearchStrategy[Any] = st.one_of(st.sampled_from(["valid", "same"]), pairs(st.integers(0, 4)))
convolutions = st.builds(
    Conv2d,
    out_channels=st.sampled_from([1, 1, 2, 3]),
    kernel_size=pairs(st.integers(1, 5)),
    stride=pairs(strides),
    padding=paddings,
    padding_mode=st.sampled_from(MODES),
    padding_value=st.sampled_from([0.0, 0.7, -2.0]),
    dilation=pairs(dilations),
    groups=st.sampled_from([1, 1, 3]),
    bias=st.booleans(),
)
pools = st.builds(
    Pool2d,
    kind=st.sampled_from(POOLS),
    kernel_size=pairs(st.integers(1, 4)),
    stride=st.one_of(st.none(), pairs(strides)),
    padding=paddings,
    dilation=pairs(st.integers(1, 2)),
)


@st.composite
def activations(draw: st.DrawFn) -> Activation:
    name = draw(st.sampled_from(list(ACTIVATIONS)))
    parameters: dict[str, Any] = {}
    for key, parameter in ACTIVATIONS[name].parameters.items():
        if isinstance(parameter, Choice):
            parameters[key] = draw(st.sampled_from(parameter.options))
        elif draw(st.booleans()):
            parameters[key] = draw(st.floats(0.125, 3, width=32))
    return Activation(name, parameters)


@st.composite
def experiments(draw: st.DrawFn, low: int = 3, high: int = 14) -> list[StageMap]:
    """What the Lab may show: one convolution, perhaps an activation, perhaps a pool."""
    conv = draw(convolutions)
    layers: list[Layer] = [conv]
    layers += [draw(activations())] if draw(st.booleans()) else []
    layers += [draw(pools)] if draw(st.booleans()) else []
    channels = 3 if conv.groups == 3 else draw(st.sampled_from([1, 3]))
    size = draw(st.integers(low, high)), draw(st.integers(low, high))
    try:
        return described(layers, (channels, *size), draw(st.integers(0, 10**6)))
    except ShapeError:
        assume(False)
        raise


def described(layers: Sequence[Layer], shape: tuple[int, int, int], seed: int = 0) -> list[StageMap]:
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.integers(0, 256, (1, *shape)).astype(np.float32) / np.float32(255))
    parameters: list[dict[str, torch.Tensor]] = []
    now: tuple[int, ...] = shape
    for layer in layers:
        wanted = layer.parameter_shapes(now)
        parameters.append({k: torch.from_numpy(rng.standard_normal(s).astype(np.float32)) for k, s in wanted.items()})
        now = layer.output_shape(now)
    return stage_maps(forward(layers, image, parameters), parameters)


# --- what each stage is told to be, computed with NumPy alone ---------------------------------------


def padded(x: np.ndarray, how: Mapping[str, Any]) -> np.ndarray:
    top, bottom, left, right = how["pads"]
    widths = [(0, 0), (top, bottom), (left, right)]
    if how["mode"] in ("zeros", "constant"):
        return np.pad(x, widths, constant_values=how["value"] if how["mode"] == "constant" else 0)
    return np.pad(x, widths, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[how["mode"]])


def convolved(x: np.ndarray, how: Mapping[str, Any]) -> np.ndarray:
    weight = np.array(how["weight"])
    (sy, sx), (dy, dx) = how["stride"], how["dilation"]
    out_channels, depth, height, width = weight.shape
    rows = (x.shape[1] - dy * (height - 1) - 1) // sy + 1
    columns = (x.shape[2] - dx * (width - 1) - 1) // sx + 1
    maps = np.zeros((out_channels, rows, columns)) + np.array(how["bias"])[:, None, None]
    for c in range(out_channels):
        first = c // (out_channels // how["groups"]) * depth
        for k in range(depth):
            for r in range(height):
                for s in range(width):
                    seen = x[first + k, r * dy :: sy, s * dx :: sx][:rows, :columns]
                    maps[c] += weight[c, k, r, s] * seen
    return maps


def activated(x: np.ndarray, how: Mapping[str, Any]) -> np.ndarray:
    name, p = how["name"], how["parameters"]
    if name == "softmax":
        assert ("shift" in how) == (p["over"] == "all"), "the browser knows the channels, not all the cells"
        if p["over"] == "all":
            return np.exp(x - how["shift"])
        powers = np.exp(x - x.max(0))
        return powers / powers.sum(0)
    with np.errstate(over="ignore"):
        sigmoid = 1 / (1 + np.exp(-x))
        if name == "softplus":
            return np.where(x * p["beta"] > p["threshold"], x, np.logaddexp(0, x * p["beta"]) / p["beta"])
        erf = np.vectorize(math.erf)
        formulas = {
            "identity": lambda: x,
            "relu": lambda: np.maximum(x, 0),
            "relu6": lambda: np.clip(x, 0, 6),
            "leaky_relu": lambda: np.where(x >= 0, x, x * p["negative_slope"]),
            "tanh": lambda: np.tanh(x),
            "hardtanh": lambda: np.clip(x, -1, 1),
            "sigmoid": lambda: sigmoid,
            "elu": lambda: np.where(x > 0, x, p["alpha"] * np.expm1(np.minimum(x, 0))),
            "selu": lambda: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
            "gelu": lambda: (
                x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
                if p["approximate"] == "tanh"
                else x / 2 * (1 + erf(x / math.sqrt(2)))
            ),
            "silu": lambda: x * sigmoid,
            "mish": lambda: x * np.tanh(np.logaddexp(0, x)),
            "hardswish": lambda: x * np.clip(x + 3, 0, 6) / 6,
        }
        return formulas[name]()


def pooled(x: np.ndarray, how: Mapping[str, Any]) -> np.ndarray:
    top, bottom, left, right = how["pads"]
    x = np.pad(x, [(0, 0), (top, bottom), (left, right)], constant_values=np.nan)  # not a cell
    (height, width), (sy, sx), (dy, dx) = how["kernel_size"], how["stride"], how["dilation"]
    rows = (x.shape[1] - dy * (height - 1) - 1) // sy + 1
    columns = (x.shape[2] - dx * (width - 1) - 1) // sx + 1
    seen = [x[:, r * dy :: sy, s * dx :: sx][:, :rows, :columns] for r in range(height) for s in range(width)]
    if how["kind"] == "l2":
        return np.sqrt(np.nansum(np.square(seen), 0))
    return {"max": np.nanmax, "min": np.nanmin, "avg": np.nanmean}[how["kind"]](seen, 0)


OPERATIONS = {"pad": padded, "conv": convolved, "activation": activated, "pool": pooled}


@several
@given(experiments())
def test_every_stage_follows_from_the_input_and_what_is_told(shown: list[StageMap]) -> None:
    assert shown[0].how == {"op": "image"}
    x = shown[0].maps.astype(float)
    for entry in shown[1:]:
        x = OPERATIONS[entry.how["op"]](x, entry.how)
        assert x.shape == entry.maps.shape
        reach = max(1.0, float(np.abs(entry.maps).max()))
        assert np.abs(x - entry.maps).max() <= 1e-5 * reach, (entry.name, entry.how)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_told_with_all_its_parameters(name: str) -> None:
    for given_parameters in ({}, {k: v.default for k, v in ACTIVATIONS[name].parameters.items()}):
        shown = described([Conv2d(2, (3, 3), groups=1), Activation(name, given_parameters)], (3, 9, 9), seed=4)
        told = shown[-1].how
        assert set(told["parameters"]) == set(ACTIVATIONS[name].parameters), "defaults too"
        before = shown[-2].maps.astype(float)
        assert np.abs(activated(before, told) - shown[-1].maps).max() <= 1e-5


# --- where cells lie --------------------------------------------------------------------------------


@st.composite
def seen_layers(draw: st.DrawFn) -> list[Layer]:
    """Convolutions and a pool whose every weight counts."""
    window = {
        "kernel_size": pairs(st.integers(1, 5)),
        "stride": pairs(st.integers(1, 3)),
        "padding": paddings,
        "dilation": pairs(st.integers(1, 3)),
    }
    layers: list[Layer] = [draw(st.builds(Conv2d, **window))]
    layers += [Activation("relu")] if draw(st.booleans()) else []
    layers += [draw(st.builds(Pool2d, kind=st.just("avg"), **window))] if draw(st.booleans()) else []
    return layers


@examples(40)
@given(seen_layers(), st.integers(36, 48), st.integers(36, 48), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_positions_are_the_centres_of_receptive_fields(
    layers: list[Layer], height: int, width: int, down: float, across: float
) -> None:
    image = torch.rand(1, 1, height, width) + 0.5
    image.requires_grad_()
    conv = layers[0]
    assert isinstance(conv, Conv2d)
    parameters = [{"weight": torch.ones(1, 1, *both(conv.kernel_size)), "bias": torch.ones(1)}, {}, {}][: len(layers)]
    try:
        stages = forward(layers, image, parameters)
    except ShapeError:
        assume(False)
    with torch.no_grad():
        shown = stage_maps(forward(layers, image, parameters), parameters)
    checked = 0
    for stage, entry in zip(stages[1:], shown[1:]):
        maps = stage.output[0, 0]
        row, column = int(down * (maps.shape[0] - 1)), int(across * (maps.shape[1] - 1))
        (gradient,) = torch.autograd.grad(maps[row, column], image, retain_graph=True)
        touched = gradient[0, 0].abs() > 0
        extent = full_extent(layers, entry.name)
        for axis, index in ((0, row), (1, column)):
            seen = touched.any(dim=1 - axis).nonzero().flatten()
            if len(seen) == 0 or int(seen[-1] - seen[0]) + 1 != extent[axis]:
                continue  # part of the window hangs over the edge
            centre = (int(seen[0]) + int(seen[-1])) / 2
            assert entry.start[axis] + entry.jump[axis] * index == pytest.approx(centre), (entry.name, axis)
            checked += 1
    assume(checked)


def full_extent(layers: Sequence[Layer], name: str) -> list[int]:
    """How much of the input a cell of a stage sees, gaps included."""
    extent, jump = [1, 1], [1, 1]
    for layer in layers:
        if name == "padded":
            break
        if isinstance(layer, (Conv2d, Pool2d)):
            for axis in (0, 1):
                extent[axis] += (both(layer.kernel_size)[axis] - 1) * both(layer.dilation)[axis] * jump[axis]
                jump[axis] *= both(layer.stride)[axis]
        if layer.stage == name:
            break
    return extent


def test_positions_by_hand() -> None:
    layers = [Conv2d(1, (3, 3), (2, 2), (1, 1)), Activation("relu"), Pool2d("max", (2, 2))]
    shown = {entry.name: entry for entry in described(layers, (1, 12, 12))}
    places = {name: (entry.start, entry.jump) for name, entry in shown.items()}
    assert places == {
        "input": ((0, 0), (1, 1)),
        "padded": ((-1, -1), (1, 1)),
        "conv": ((0, 0), (2, 2)),
        "activation": ((0, 0), (2, 2)),
        "pool": ((1, 1), (4, 4)),
    }


def test_zoom_can_divide_by_every_jump() -> None:
    shown = described([Conv2d(1, (1, 1), (64, 64)), Pool2d("avg", (1, 1), (64, 64))], (1, 65, 65))
    assert all(jump > 0 for entry in shown for jump in entry.jump)


# --- words ------------------------------------------------------------------------------------------


@several
@given(experiments())
def test_titles_and_arrows(shown: list[StageMap]) -> None:
    names = [entry.name for entry in shown]
    assert names[0] == "input"
    assert len(set(names)) == len(names)
    assert set(names) <= {"input", "padded", "conv", "activation", "pool"}
    for entry in shown:
        assert entry.title == TITLES[entry.name]
        assert (entry.arrow == "") == (entry.name == "input")
        assert all(len(line) <= 14 for line in entry.arrow.split("\n")), "it stands between two pictures"


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 3)])
def test_an_arrow_says_kernel_and_stride(stride: tuple[int, int]) -> None:
    shown = described([Conv2d(1, (3, 5), stride, (0, 2)), Pool2d("l2", (2, 3), stride)], (1, 20, 20))
    arrows = {entry.name: entry.arrow for entry in shown}
    step = f"step {stride[0]}×{stride[1]}"
    assert arrows["padded"] == "pad\n↑0 ↓0\n←2 →2"
    assert "3×5" in arrows["conv"]
    assert (step in arrows["conv"]) == (stride != (1, 1))
    assert "l2" in arrows["pool"]
    assert "2×3" in arrows["pool"]
    assert step in arrows["pool"]


@several
@given(st.integers(1, 20), st.integers(1, 20), convolutions)
def test_the_pads_told_are_those_of_the_definition(height: int, width: int, conv: Conv2d) -> None:
    try:
        shown = described([conv], (3, height, width))
    except ShapeError:
        assume(False)
    k, s, d = both(conv.kernel_size), both(conv.stride), both(conv.dilation)
    sides = [naive_sides(n, k[a], s[a], d[a], conv.padding, a) for a, n in enumerate((height, width))]
    told = [entry.how["pads"] for entry in shown if entry.name == "padded"]
    assert told == ([(*sides[0], *sides[1])] if any(map(any, sides)) else [])


@pytest.mark.parametrize(
    ("layer", "start", "jump"),
    [  # of 12×9 sums, whose cell (0, 0) lies at (1, 1)
        (GlobalPool2d("avg"), (1 + 5.5, 1 + 4.0), (12.0, 9.0)),
        (AdaptivePool2d("max", (3, 3)), (1 + 1.5, 1 + 1.0), (4.0, 3.0)),
        (AdaptivePool2d("max", (5, 2)), (1 + 0.7, 1 + 1.75), (2.4, 4.5)),
    ],
)
def test_windows_that_follow_from_the_outputs_size(
    layer: Layer, start: tuple[float, float], jump: tuple[float, float]
) -> None:
    pool = described([Conv2d(2), layer], (1, 14, 11))[-1]
    assert pool.how == {"op": "pool", "kind": layer.kind, "adaptive": pool.maps.shape[1:], "pads": (0, 0, 0, 0)}
    assert (pool.start, pool.jump) == (pytest.approx(start), pytest.approx(jump)), "the centres lie evenly"

"""What layers say without running, against running them, and against torch.nn and torch's flop counter."""

from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz import layers
from cnnviz.functional import ShapeError
from cnnviz.layers import (
    LAYERS,
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
    WindowLayer,
)
from tests.fuzzing import examples
from tests.option_space import (
    KINDS,
    MODES,
    both,
    kernels,
    naive_adaptive,
    naive_geometry,
    numbers,
    paddings,
    pairs,
    strides,
)

whole_space = examples(120)
counts = st.integers(1, 4)
window_fields = {
    "kernel_size": pairs(kernels),
    "stride": pairs(strides),
    "padding": paddings,
    "dilation": pairs(st.integers(1, 3)),
}
fill_fields = {"padding_mode": st.sampled_from(MODES), "padding_value": st.sampled_from([0.0, 0.5])}
any_conv = st.builds(
    Conv2d,
    out_channels=counts,
    groups=st.sampled_from([1, 1, 2]),
    bias=st.booleans(),
    **window_fields,
    **fill_fields,
)
any_depthwise = st.builds(
    DepthwiseSeparableConv2d, out_channels=counts, bias=st.booleans(), **window_fields, **fill_fields
)
any_transposed = st.builds(
    ConvTranspose2d,
    out_channels=counts,
    groups=st.sampled_from([1, 1, 2]),
    bias=st.booleans(),
    kernel_size=pairs(kernels),
    stride=pairs(strides),
    dilation=pairs(st.integers(1, 3)),
    padding=pairs(st.integers(0, 4)),
    output_padding=pairs(st.integers(0, 2)),
)
any_pool = st.builds(Pool2d, kind=st.sampled_from(KINDS), **window_fields)
any_adaptive = st.builds(AdaptivePool2d, kind=st.sampled_from(KINDS), output_size=pairs(st.integers(1, 9)))
any_layer = st.one_of(
    any_conv,
    any_depthwise,
    any_transposed,
    any_pool,
    st.builds(GlobalPool2d, st.sampled_from(KINDS)),
    any_adaptive,
    st.sampled_from([Activation("softmax", {"over": "all"}), Activation(), BatchNorm2d(), Dropout(), Flatten()]),
    st.builds(Linear, counts, st.booleans()),
)
# most windows fit into the large ones, few into the small ones
maps = st.one_of(
    st.tuples(counts, st.integers(1, 12), st.integers(1, 12)),
    st.tuples(counts, st.integers(20, 40), st.integers(20, 40)),
)
any_shape = st.one_of(maps, maps, maps, st.tuples(st.integers(1, 20)))


def run(layer, shape):
    """The layer's output for two random images, with random tensors."""
    try:
        tensors = {name: numbers(1, *size).abs() for name, size in layer.parameter_shapes(shape).items()}
    except ShapeError:
        tensors = {}
    return layer(numbers(0, 2, *shape), **tensors)


@examples(200)
@given(any_layer, any_shape)
def test_output_shape_is_the_real_shape_and_fails_exactly_where_the_call_does(layer, shape):
    try:
        expected = layer.output_shape(shape)
    except ShapeError:
        with pytest.raises(ShapeError):
            run(layer, shape)
        with pytest.raises(ShapeError):
            layer.formula(shape)
    else:
        assert tuple(run(layer, shape).shape) == (2, *expected)


@whole_space
@given(st.one_of(any_conv, any_depthwise, any_transposed, any_pool), maps)
def test_formula_computes_the_real_size(layer, shape):
    try:
        out = tuple(run(layer, shape).shape[2:])
    except ShapeError:
        with pytest.raises(ShapeError):
            layer.formula(shape)
        return
    values = [evaluate(line) for line in formula_lines(layer.formula(shape))]
    assert len(values) == (1 if "H_\\text{out} &= W_\\text{out}" in layer.formula(shape) else 2)
    assert all(computed == said for computed, said in values)
    assert (values[0][1], values[-1][1]) == out


def formula_lines(latex):
    latex = latex.removeprefix(r"\begin{aligned} ").removesuffix(r" \end{aligned}")
    latex = latex.replace(r"W_\text{out} \\ &= ", "")  # said once, on a line of its own
    return [re.sub(r"^.*_\\text\{out\} &?= ", "", line) for line in latex.split(r" \\ ")]


def evaluate(line):
    """What a line of LaTeX computes, and what it says the result is."""
    left, said = line.rsplit(" = ", 1)
    python = left.replace(r"\cdot", "*").replace(r"\left\lfloor", "").replace(r"\right\rfloor", "")
    python = re.sub(r"\\frac\{(.*)\}\{(\d+)\}", r"((\1) // \2)", python).strip()
    assert re.fullmatch(r"[\d\s()+*/-]+", python), python
    return eval(python), int(said)


@examples(50)
@given(any_adaptive, maps)
def test_an_adaptive_pools_formula_computes_the_cells_of_each_window(layer, shape):
    spans = re.findall(r"(?<=&)\\left\\lfloor .*?, \\quad [ij] = 0(?: \\dots \d+)?", layer.formula(shape))
    assert len(spans) == (1 if (shape[1], layer.output_size[0]) == (shape[2], layer.output_size[1]) else 2)
    for axis, span in ((0, spans[0]), (1, spans[-1])):
        limits, indices = span.replace(r"\cdot", "*").split(r", \quad ")
        first, last = re.sub(r"\\frac\{(.*?)\}\{(\d+)\}", r"(\1) / \2", limits).split(r" \dots ")
        name, values = indices.split(" = ")
        assert int(values.split(r"\dots")[-1]) == layer.output_size[axis] - 1
        for i, cells in enumerate(naive_adaptive(shape[1 + axis], layer.output_size[axis])):
            computed = [re.sub(rf"\b{name}\b", str(i), limit) for limit in (first, last)]
            computed[0] = re.sub(r"\\left\\lfloor(.*)\\right\\rfloor", r"floor(\1)", computed[0])
            computed[1] = re.sub(r"\\left\\lceil(.*)\\right\\rceil", r"ceil(\1)", computed[1])
            functions = {"floor": math.floor, "ceil": math.ceil}
            assert [eval(limit, functions) for limit in computed] == [cells[0], cells[-1]]


def test_formulas_as_the_lab_shows_them():
    lab = Conv2d(padding=1)
    assert lab.formula((1, 300, 300)) == (
        r"\begin{aligned} H_\text{out} &= W_\text{out} \\ &= "
        r"\left\lfloor \frac{300 + 2 \cdot 1 - 1 \cdot (3 - 1) - 1}{1} "
        r"\right\rfloor + 1 = 300 \end{aligned}"
    )
    same = replace(lab, padding="same", stride=(2, 1)).formula((1, 4, 4))
    assert same.startswith(r"\begin{aligned} H_\text{out} &= \left\lfloor \frac{4 + (0 + 1) - 1 \cdot (3 - 1) - 1}{2}")
    assert r"= 2 \\ W_\text{out} &= \left\lfloor \frac{4 + 2 \cdot 1 - 1 \cdot (3 - 1) - 1}{1}" in same
    assert Flatten().formula((12, 16, 16)) == r"12 \times 16 \times 16 = 3072"
    assert Linear(10).formula((3072,)) == r"3072 \to 10"
    assert AdaptivePool2d(output_size=3).formula((8, 7, 7)) == (
        r"\begin{aligned} &\text{window } i \text{ covers rows, columns} \\ &"
        r"\left\lfloor \frac{i \cdot 7}{3} \right\rfloor \dots "
        r"\left\lceil \frac{(i + 1) \cdot 7}{3} \right\rceil - 1, \quad i = 0 \dots 2 \end{aligned}"
    )


@whole_space
@given(any_pool, maps)
def test_padding_and_dropped_rows_are_what_windows_leave(layer, shape):
    try:
        layer.output_shape(shape)
    except ShapeError:
        return
    options = {field.name: getattr(layer, field.name) for field in fields(layer)}
    sides, starts = naive_geometry(shape[1:], options)
    assert layer.padding4(shape) == (*sides[0], *sides[1])
    for a in (0, 1):
        last = starts[a][-1] + (both(layer.kernel_size)[a] - 1) * both(layer.dilation)[a]
        assert layer.dropped(shape)[a] == shape[1 + a] + sum(sides[a]) - 1 - last


# --- torch.nn and torch's flop counter

SHAPE = (4, 13, 17)
TWINS = [
    (Conv2d(6, (3, 5), (2, 1), 2, dilation=(1, 2)), nn.Conv2d(4, 6, (3, 5), (2, 1), 2, (1, 2))),
    (Conv2d(6, 3, groups=2, bias=False), nn.Conv2d(4, 6, 3, groups=2, bias=False)),
    (Conv2d(4, 3, padding="same", groups=4), nn.Conv2d(4, 4, 3, padding="same", groups=4)),
    (Conv2d(3, 3, padding=2, padding_mode="reflect"), nn.Conv2d(4, 3, 3, padding=2, padding_mode="reflect")),
    (ConvTranspose2d(6, 3, 2, 1, 1, groups=2), nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2)),
    (
        ConvTranspose2d(2, (2, 3), dilation=2, bias=False),
        nn.ConvTranspose2d(4, 2, (2, 3), dilation=2, bias=False),
    ),
    (Pool2d("max", 3, 2, 1, 2), nn.MaxPool2d(3, 2, 1, 2)),
    (Pool2d("avg", (2, 3), padding=1), nn.AvgPool2d((2, 3), padding=1, count_include_pad=False)),
    (GlobalPool2d(), nn.AdaptiveAvgPool2d(1)),
    (GlobalPool2d("max"), nn.AdaptiveMaxPool2d(1)),
    (AdaptivePool2d("avg", (5, 4)), nn.AdaptiveAvgPool2d((5, 4))),
    (AdaptivePool2d("max", (20, 3)), nn.AdaptiveMaxPool2d((20, 3))),
    (BatchNorm2d(1e-3), nn.BatchNorm2d(4, eps=1e-3)),
    (Dropout(0.9), nn.Dropout(0.9)),
    (Activation("elu", {"alpha": 0.5}), nn.ELU(0.5)),
    (Flatten(), nn.Flatten()),
]


@pytest.mark.parametrize(("layer", "module"), TWINS, ids=lambda value: type(value).__name__)
def test_layer_is_its_torch_twin(layer, module):
    check_twin(layer, module, SHAPE)


def test_linear_is_its_torch_twin():
    check_twin(Linear(5), nn.Linear(7, 5), (7,))
    check_twin(Linear(5, in_features=7), nn.Linear(7, 5), (7,))
    check_twin(Linear(5, bias=False), nn.Linear(7, 5, bias=False), (7,))


def check_twin(layer, module, shape):
    module = module.double().eval()
    tensors = {name: tensor for name, tensor in module.state_dict().items() if name != "num_batches_tracked"}
    for seed, (name, tensor) in enumerate(tensors.items()):
        tensor.copy_(numbers(seed, *tensor.shape).abs() if name == "running_var" else numbers(seed, *tensor.shape))
    x = numbers(9, 2, *shape)
    with FlopCounterMode(display=False) as flops:
        expected = module(x)
    torch.testing.assert_close(layer(x, **tensors), expected)
    assert layer.parameter_shapes(shape) == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert layer.parameter_count(shape) == sum(parameter.numel() for parameter in module.parameters())
    assert 2 * layer.macs(shape) * len(x) == flops.get_total_flops()


@whole_space
@given(st.one_of(any_conv, any_depthwise, any_transposed), maps)
def test_macs_are_half_of_torchs_flops(layer, shape):
    try:
        layer.output_shape(shape)
    except ShapeError:
        return
    with FlopCounterMode(display=False) as flops:
        run(layer, shape)
    assert 2 * layer.macs(shape) * 2 == flops.get_total_flops()  # twice: run() takes two images


def test_depthwise_separable_is_cheaper_as_mobilenets_says():
    plain, separable = (
        Conv2d(64, padding="same", bias=False),
        DepthwiseSeparableConv2d(64, padding="same", bias=False),
    )
    shape = (32, 14, 14)
    # Howard et al. 2017, section 3.1: the ratio is 1/N + 1/D²
    assert separable.macs(shape) / plain.macs(shape) == pytest.approx(1 / 64 + 1 / 9)
    assert separable.parameter_count(shape) == 32 * 9 + 32 * 64


# --- settings


def test_layers_lists_every_layer_and_all_are_plain_settings():
    concrete = [item for item in vars(layers).values() if isinstance(item, type) and issubclass(item, Layer)]
    assert set(LAYERS) == set(concrete) - {Layer, WindowLayer}
    for layer in LAYERS:
        assert is_dataclass(layer)
        assert hash(layer()) == hash(layer())
        assert layer() == replace(layer())
        with pytest.raises(FrozenInstanceError):
            layer().anything = 1


def test_settings_are_normalised():
    conv = Conv2d(kernel_size=[3, 5], stride=2, padding=1, dilation=1, padding_value=1)
    assert conv == Conv2d(kernel_size=(3, 5), stride=(2, 2), padding=(1, 1), padding_value=1.0)
    assert Pool2d(kernel_size=3) == Pool2d(kernel_size=(3, 3), stride=(3, 3))
    assert AdaptivePool2d(output_size=3) == AdaptivePool2d(output_size=(3, 3))
    assert Activation("softplus", {"threshold": 1.0, "beta": 2.0}).parameters == (
        ("beta", 2.0),
        ("threshold", 1.0),
    )
    transposed = ConvTranspose2d(padding=1, output_padding=1, stride=2)
    assert (transposed.padding, transposed.output_padding) == ((1, 1), (1, 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv2d(out_channels=0), "out_channels must be a whole number, at least 1, not 0"),
        (lambda: Conv2d(groups=1.5), "groups must be a whole number"),  # type: ignore[arg-type]
        (lambda: Conv2d(kernel_size=0), "kernel_size must be at least 1, not 0×0"),
        (lambda: Conv2d(stride=(1, 0)), "stride must be at least 1, not 1×0"),
        (lambda: Conv2d(padding=-1), "padding must be at least 0"),
        (lambda: Conv2d(padding="full"), 'padding must be "valid", "same"'),
        (lambda: Conv2d(padding_mode="mirror"), "zeros, constant, reflect, replicate, circular"),
        (lambda: Conv2d(padding_value=float("nan")), "padding_value must be a finite number"),
        (lambda: DepthwiseSeparableConv2d(padding_mode="mirror"), "unknown padding_mode"),
        (lambda: ConvTranspose2d(output_padding=-1), "output_padding must be at least 0"),
        (lambda: Pool2d("median"), "max, avg, min, l2"),
        (lambda: GlobalPool2d("median"), "max, avg, min, l2"),
        (lambda: AdaptivePool2d("median"), "max, avg, min, l2"),
        (lambda: AdaptivePool2d(output_size=(3, 0)), "output_size must be at least 1, not 3×0"),
        (lambda: Activation("swish"), "unknown activation 'swish'"),
        (lambda: Activation("elu", {"beta": 1.0}), "it takes alpha"),
        (lambda: Linear(0), "out_features must be"),
        (lambda: Linear(1, in_features=0), "in_features must be a whole number, at least 1, not 0"),
        (lambda: Add(0), "back must be a whole number, at least 1, not 0"),
        (lambda: BatchNorm2d(0), "eps must be a number above 0"),
        (lambda: Dropout(1.5), r"p must lie in \[0, 1\]"),
    ],
)
def test_settings_that_can_never_work_are_refused_at_once(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (
            lambda: Linear(2).output_shape((3, 4, 5)),
            "Linear takes a vector, not maps 3×4×5: put Flatten before it",
        ),
        (lambda: Linear(2, in_features=3).output_shape((4,)), "Linear expects 3 inputs but gets 4"),
        (lambda: Add().output_shape((4,), (5,)), "cannot add 5, which skipped 2 layers, to 4"),
        (lambda: Conv2d().output_shape((12,)), r"Conv2d takes maps \(C, H, W\)"),
        (lambda: Conv2d(4, groups=2).output_shape((3, 9, 9)), "3 input and 4 output channels"),
        (
            lambda: Conv2d(padding=3, padding_mode="reflect").output_shape((1, 3, 9)),
            "at least 4 rows; this one has 3",
        ),
        (lambda: Conv2d()(torch.zeros(1, 1, 5, 5)), "Conv2d needs parameters .*'weight': \\(1, 1, 3, 3\\)"),
        (lambda: Dropout().output_shape((3, 0, 5)), "at least one cell"),
    ],
)
def test_inputs_that_cannot_work_are_named(ask, words):
    with pytest.raises(ShapeError, match=words):
        ask()

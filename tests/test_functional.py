"""cnnviz.functional against torch, against plain NumPy loops, and against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from cnnviz import functional, pooling
from cnnviz.functional import (
    ACTIVATIONS,
    ShapeError,
    activate,
    conv2d,
    conv_transpose2d,
    depthwise_separable_conv2d,
    global_pool2d,
    output_size,
    pad2d,
    pool2d,
    resolve_padding,
)
from tests.fuzzing import examples
from tests.option_space import (
    KINDS,
    MODES,
    both,
    convolutions,
    dilations,
    kernels,
    naive_conv,
    naive_geometry,
    naive_pad,
    naive_pool,
    numbers,
    pairs,
    strides,
    windows,
)

whole_space = examples(120)


def weights_for(shape, out_channels, options, dtype=torch.float64):
    size = both(options["kernel_size"])
    weight = numbers(1, out_channels, shape[0] // options["groups"], *size, dtype=dtype)
    return weight, numbers(2, out_channels, dtype=dtype)


def without_kernel(options):
    return {name: value for name, value in options.items() if name != "kernel_size"}


# --- convolution


@whole_space
@given(convolutions())
def test_conv2d_is_the_naive_loop_or_says_why_not(case):
    shape, out_channels, options = case
    x = numbers(0, 2, *shape)
    weight, bias = weights_for(shape, out_channels, options)
    expected = [naive_conv(image.numpy(), weight.numpy(), bias.numpy(), options) for image in x]
    if expected[0] is None:
        with pytest.raises(ShapeError):
            conv2d(x, weight, bias, **without_kernel(options))
    else:
        np.testing.assert_allclose(conv2d(x, weight, bias, **without_kernel(options)), expected, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@whole_space
@given(convolutions(), st.sampled_from([torch.float32, torch.float64]))
def test_conv2d_is_torchs_where_torch_has_it(case, dtype):
    shape, out_channels, options = case
    if options["padding"] == "same":
        options["stride"] = 1  # torch has no other
    x = numbers(0, 2, *shape, dtype=dtype)
    weight, bias = weights_for(shape, out_channels, options, dtype)
    torchs = {name: options[name] for name in ("stride", "dilation", "groups")}
    try:
        expected = F.conv2d(x, weight, bias, padding=options["padding"], **torchs)
    except RuntimeError:
        with pytest.raises(ShapeError):
            conv2d(x, weight, bias, padding=options["padding"], **torchs)
        return
    result = conv2d(x, weight, bias, padding=options["padding"], **torchs)
    assert result.dtype == dtype
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-4 if dtype == torch.float32 else 1e-10)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@whole_space
@given(convolutions(), st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
def test_conv2d_pads_as_nn_conv2d(case, mode):
    shape, out_channels, options = case
    if options["padding"] == "same":
        options["stride"] = 1
    options = options | {"padding_mode": mode}
    del options["padding_value"]
    module = nn.Conv2d(shape[0], out_channels, **options).double()
    x = numbers(0, 1, *shape)
    try:
        expected = module(x)
    except RuntimeError:
        with pytest.raises(ShapeError):
            conv2d(x, module.weight, module.bias, **without_kernel(options))
        return
    torch.testing.assert_close(conv2d(x, module.weight, module.bias, **without_kernel(options)), expected)


def test_convolution_is_cross_correlation():
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[0, 0, 2, 2] = 1
    kernel = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert conv2d(impulse, kernel)[0, 0].tolist() == kernel.flip(2, 3)[0, 0].tolist()


def test_the_worked_example_by_hand():
    kernel = torch.tensor([[[[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]]])
    x = torch.zeros(1, 1, 3, 4)
    x[..., 2:] = 1  # a vertical step
    # dark cells beside the step see 2 or 3 lit ones; lit cells have 3 lit neighbours at the edge, 5 inside
    expected = [[0, -2, 8 - 3, 8 - 3], [0, -3, 8 - 5, 8 - 5], [0, -2, 8 - 3, 8 - 3]]
    assert conv2d(x, kernel, padding="same")[0, 0].tolist() == expected


def test_symmetrical_zero_padding_costs_no_copy(monkeypatch):
    def no_copy(*_):
        raise AssertionError("padded by hand")

    monkeypatch.setattr(functional, "pad2d", no_copy)
    monkeypatch.setattr(pooling, "pad2d", no_copy)
    x, weight = numbers(0, 1, 1, 9, 9), numbers(1, 1, 1, 3, 3)
    torch.testing.assert_close(conv2d(x, weight, padding="same"), F.conv2d(x, weight, padding=1))
    torch.testing.assert_close(pool2d(x, "max", 3, stride=1, padding="same"), F.max_pool2d(x, 3, 1, 1))


@whole_space
@given(windows(tiny=True), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from(MODES))
def test_depthwise_separable_is_one_full_convolution_with_a_product_kernel(case, channels, multiplier, outs, mode):
    size, options = case
    depthwise = numbers(1, channels * multiplier, 1, *both(options["kernel_size"]))
    pointwise, bias = numbers(2, outs, channels * multiplier, 1, 1), numbers(3, outs)
    split = depthwise.reshape(channels, multiplier, *depthwise.shape[2:])
    full = torch.einsum("ocm,cmij->ocij", pointwise.reshape(outs, channels, multiplier), split)
    x = numbers(0, 2, channels, *size)
    extra = without_kernel(options) | {"padding_mode": mode, "padding_value": 0.5}
    try:
        expected = conv2d(x, full, bias, **extra)
    except ShapeError:
        with pytest.raises(ShapeError):
            depthwise_separable_conv2d(x, depthwise, pointwise, bias, **extra)
        return
    torch.testing.assert_close(depthwise_separable_conv2d(x, depthwise, pointwise, bias, **extra), expected)


transposed = st.fixed_dictionaries(
    {
        "kernel_size": pairs(kernels),
        "stride": pairs(strides),
        "dilation": pairs(dilations),
        "padding": pairs(st.integers(0, 4)),
        "output_padding": pairs(st.integers(0, 3)),
    }
)


@whole_space
@given(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.sampled_from([1, 2]), transposed)
def test_conv_transpose2d_is_torchs_and_names_what_torch_refuses(size, groups, options):
    x = numbers(0, 2, 2 * groups, *size)
    weight, bias = numbers(1, 2 * groups, 3, *both(options["kernel_size"])), numbers(2, 3 * groups)
    extra = without_kernel(options) | {"groups": groups}
    try:
        expected = F.conv_transpose2d(x, weight, bias, **extra)
    except RuntimeError:
        expected = None
    if expected is None or expected.numel() == 0:
        with pytest.raises(ShapeError):
            conv_transpose2d(x, weight, bias, **extra)
    else:
        torch.testing.assert_close(conv_transpose2d(x, weight, bias, **extra), expected)


@whole_space
@given(convolutions(tiny=True))
def test_conv_transpose2d_is_the_gradient_of_conv2d(case):
    shape, out_channels, options = case
    options["padding"] = both(options["padding"]) if not isinstance(options["padding"], str) else (0, 0)
    extra = {name: options[name] for name in ("stride", "padding", "dilation", "groups")}
    weight, _ = weights_for(shape, out_channels, options)
    x = numbers(0, 1, *shape).requires_grad_()
    try:
        out = conv2d(x, weight, **extra)
    except ShapeError:
        assume(False)
    upstream = numbers(3, *out.shape)
    (gradient,) = torch.autograd.grad(out, x, upstream)
    smallest = conv_transpose2d(upstream, weight, **extra) if _gradient_fits(shape, out, options) else None
    assume(smallest is not None)
    # the floor may drop rows of x: they get no gradient, and output_padding is the way to name them
    rows, cols = (shape[1 + a] - smallest.shape[2 + a] for a in (0, 1))
    result = conv_transpose2d(upstream, weight, **extra, output_padding=(rows, cols))
    torch.testing.assert_close(result, gradient)


def _gradient_fits(shape, out, options):
    s, p = both(options["stride"]), options["padding"]
    k, d = both(options["kernel_size"]), both(options["dilation"])
    return all((out.shape[2 + a] - 1) * s[a] - 2 * p[a] + d[a] * (k[a] - 1) >= 0 for a in (0, 1))


# --- padding and sizes


@whole_space
@given(windows(), st.sampled_from(MODES))
def test_pad2d_is_numpys(case, mode):
    size, options = case
    sides, _ = naive_geometry(size, options)
    x = numbers(0, 2, *size)
    expected = naive_pad(x.numpy(), sides, mode, 0.25)
    padding4 = (*sides[0], *sides[1])
    if expected is None:
        with pytest.raises(ShapeError, match=f"{mode} padding of .* needs an input with at least"):
            pad2d(x[None], padding4, mode, 0.25)
    else:
        np.testing.assert_array_equal(pad2d(x[None], padding4, mode, 0.25)[0], expected)


@whole_space
@given(windows())
def test_same_is_tensorflows(case):
    size, options = case
    top, bottom, left, right = resolve_padding(
        "same", size, *(options[n] for n in ("kernel_size", "stride", "dilation"))
    )
    k, s, d = both(options["kernel_size"]), both(options["stride"]), both(options["dilation"])
    for a, (before, after) in enumerate(((top, bottom), (left, right))):
        extent = (k[a] - 1) * d[a] + 1
        # word for word from TensorFlow's "Notes on padding"
        total = max(extent - (s[a] if size[a] % s[a] == 0 else size[a] % s[a]), 0)
        assert (before, after) == (total // 2, total - total // 2)
    assert output_size(size, k, s, "same", d) == tuple(math.ceil(size[a] / s[a]) for a in (0, 1))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (4, 3, 2, (0, 1, 0, 1)),
        (5, 3, 2, (1, 1, 1, 1)),
        (6, 2, 1, (0, 1, 0, 1)),
        (300, 2, 2, (0, 0, 0, 0)),
        ((4, 5), (3, 4), 2, (0, 1, 1, 2)),
        (7, 1, 3, (0, 0, 0, 0)),
    ],
)
def test_same_puts_the_odd_pixel_after(size, kernel, stride, expected):
    assert resolve_padding("same", size, kernel, stride, 1) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 7, 1, 2, 2), "kernel 7×7 (dilated: 13×13) does not fit the padded input 9×9 (5×5 + 2·2)"),
        (((5, 6), 7), "kernel 7×7 does not fit the input 5×6"),
        ((5, 9, 1, (1, 0)), "kernel 9×9 does not fit the padded input 7×5 (5×5 + 2 rows and 0 columns)"),
        ((5, 3, 0), "stride must be at least 1, not 0×0"),
        ((5, 3, 1, -1), "padding must be at least 0, not -1×-1"),
        ((5, 3, 1, "full"), 'padding must be "valid", "same", a number or a pair, not \'full\''),
        ((5, 2.5), "kernel_size must be a whole number or a pair (height, width), not 2.5"),
        ((5, (1, 2, 3)), "kernel_size must be a whole number or a pair (height, width), not (1, 2, 3)"),
    ],
)
def test_output_size_says_what_is_wrong(arguments, message):
    with pytest.raises(ShapeError) as error:
        output_size(*arguments)
    assert str(error.value) == message


X = torch.zeros(1, 3, 5, 5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: conv2d(X, torch.zeros(2, 3, 9, 9), padding=1),
            "kernel 9×9 does not fit the padded input 7×7",
        ),
        (lambda: conv2d(X, torch.zeros(2, 2, 3, 3)), "the input has 3 channels"),
        (
            lambda: conv2d(X, torch.zeros(2, 3, 3, 3), groups=2),
            "3 input and 2 output channels do not split into 2",
        ),
        (lambda: conv2d(X, torch.zeros(3, 1, 3, 3), groups=0), "0 groups"),
        (
            lambda: conv2d(X, torch.zeros(2, 3, 3, 3), torch.zeros(3)),
            "bias must have one number for each of 2",
        ),
        (lambda: conv2d(X, torch.zeros(2, 3, 3)), r"weight must have four dimensions"),
        (lambda: conv2d(X[0], torch.zeros(2, 3, 3, 3)), r"x must be \(N, C, H, W\)"),
        (lambda: conv2d(X[:, :, :0], torch.zeros(2, 3, 3, 3)), r"at least one cell"),
        (
            lambda: conv2d(X, torch.zeros(1, 3, 3, 3), padding=5, padding_mode="reflect"),
            "5 rows needs .* 6 rows",
        ),
        (
            lambda: conv2d(X, torch.zeros(1, 3, 3, 3), padding=6, padding_mode="circular"),
            "6 rows needs .* 6 rows",
        ),
        (lambda: conv_transpose2d(X, torch.zeros(3, 1, 3, 3), padding=4), "cuts everything away"),
        (
            lambda: conv_transpose2d(X, torch.zeros(3, 1, 3, 3), output_padding=1),
            "output_padding 1 must be smaller",
        ),
        (lambda: conv_transpose2d(X, torch.zeros(2, 1, 3, 3)), "takes 2"),
        (
            lambda: depthwise_separable_conv2d(X, torch.zeros(3, 1, 3, 3), torch.zeros(1, 3, 2, 2)),
            "pointwise must be",
        ),
        (lambda: depthwise_separable_conv2d(X, torch.zeros(4, 1, 3, 3), torch.zeros(1, 4, 1, 1)), "3 groups"),
        (lambda: pool2d(X, "max", 6), "window 6×6 does not fit the input 5×5"),
        (lambda: pool2d(X, "avg", 2, padding=2), r"covers padding only.*the input is 5×5"),
        (lambda: pad2d(X, (0, -1, 0, 0)), "must not be negative"),
    ],
)
def test_sizes_that_cannot_work_are_named(call, words):
    with pytest.raises(ShapeError, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: conv2d(X, torch.zeros(1, 3, 3, 3), padding_mode="mirror"),
            "zeros, constant, reflect, replicate",
        ),
        (lambda: pool2d(X, "median", 2), "max, avg, min, l2"),
        (lambda: global_pool2d(X, "median"), "max, avg, min, l2"),
        (lambda: conv2d(X.int(), torch.zeros(1, 3, 3, 3)), "floating point"),
        (
            lambda: conv2d(X, torch.zeros(1, 3, 3, 3).double()),
            r"weight is torch\.float64 but x is torch\.float32",
        ),
    ],
)
def test_other_mistakes_are_value_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# --- pooling


@whole_space
@given(windows(), st.integers(1, 4), st.sampled_from(KINDS))
def test_pool2d_is_the_naive_loop_or_says_why_not(case, channels, kind):
    size, options = case
    x = numbers(0, 2, channels, *size)
    expected = [naive_pool(image.numpy(), kind, options) for image in x]
    if expected[0] is None:
        with pytest.raises(ShapeError, match=r"does not fit|covers padding only"):
            pool2d(x, kind, **options)
    else:
        np.testing.assert_allclose(pool2d(x, kind, **options), expected, atol=1e-12)


@whole_space
@given(windows(), st.sampled_from(["max", "avg"]), st.sampled_from([torch.float32, torch.float64]))
def test_pool2d_is_torchs_where_torch_has_it(case, kind, dtype):
    size, options = case
    k = both(options["kernel_size"])
    padding = (0, 0) if isinstance(options["padding"], str) else both(options["padding"])
    options["padding"] = min(padding[0], k[0] // 2), min(padding[1], k[1] // 2)
    x = numbers(0, 2, 3, *size, dtype=dtype)
    if kind == "avg":
        options["dilation"] = 1
        torchs = {n: options[n] for n in ("kernel_size", "stride", "padding")} | {"count_include_pad": False}
    else:
        torchs = options
    try:
        expected = (F.max_pool2d if kind == "max" else F.avg_pool2d)(x, **torchs)
    except RuntimeError:
        expected = None
    if expected is None or expected.isinf().any():  # torch answers -inf where a dilated window has no cell
        with pytest.raises(ShapeError):
            pool2d(x, kind, **options)
    else:
        torch.testing.assert_close(pool2d(x, kind, **options), expected)


def test_pooling_steps_by_its_window_and_ignores_padding():
    x = torch.tensor([[[[-1.0, -2, -3], [-4, -5, -6], [-7, -8, -9]]]])
    assert pool2d(x, "max", 2).tolist() == [[[[-1]]]]
    assert pool2d(x, "max", 2, padding="same").tolist() == [[[[-1, -3], [-7, -9]]]]
    assert pool2d(x, "min", 2, padding="same").tolist() == [[[[-5, -6], [-8, -9]]]]
    assert pool2d(x, "avg", 2, padding="same").tolist() == [[[[-3, -4.5], [-7.5, -9]]]]
    root = [[math.sqrt(1 + 4 + 16 + 25), math.sqrt(9 + 36)], [math.sqrt(49 + 64), 9]]
    np.testing.assert_allclose(pool2d(x, "l2", 2, padding="same")[0, 0], root, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_global_pooling_is_pooling_with_the_largest_window(kind):
    x = numbers(0, 2, 3, 4, 7)
    torch.testing.assert_close(global_pool2d(x, kind), pool2d(x, kind, (4, 7)))


# --- activations

GRID = torch.cat([torch.linspace(-30, 30, 601), torch.tensor([-1e-3, 0.0, 1e-3, 1.0])]).double().reshape(1, 5, 11, 11)
CLOSED: dict[str, Any] = {
    "identity": lambda x: x,
    "relu": lambda x: max(0.0, x),
    "leaky_relu": lambda x, negative_slope=0.01: x if x >= 0 else negative_slope * x,
    "tanh": lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "elu": lambda x, alpha=1.0: x if x > 0 else alpha * (math.exp(x) - 1),
    "gelu": lambda x, approximate="none": (
        x / 2 * (1 + math.erf(x / math.sqrt(2)))
        if approximate == "none"
        else x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "softplus": lambda x, beta=1.0, threshold=20.0: (
        x if beta * x > threshold else math.log(1 + math.exp(beta * x)) / beta
    ),
    "relu6": lambda x: min(max(0, x), 6),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
    "hardtanh": lambda x: max(-1, min(1, x)),
    "hardswish": lambda x: x * min(max(0, x + 3), 6) / 6,
}
TORCH: dict[str, Any] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "softmax": lambda: nn.Softmax(dim=1),
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "mish": nn.Mish,
    "hardtanh": nn.Hardtanh,
    "hardswish": nn.Hardswish,
}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("leaky_relu", {"negative_slope": 0.3}),
    ("elu", {"alpha": 2.5}),
    ("gelu", {"approximate": "tanh"}),
    ("softplus", {"beta": 3.0}),
    ("softplus", {"beta": 0.5, "threshold": 2.0}),
]


@pytest.mark.parametrize(("name", "parameters"), [*((name, {}) for name in CLOSED), *SETTINGS])
def test_activation_is_its_closed_form(name, parameters):
    expected = [CLOSED[name](value, **parameters) for value in GRID.flatten().tolist()]
    np.testing.assert_allclose(activate(GRID, name, **parameters).flatten(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "parameters"), [*((name, {}) for name in ACTIVATIONS), *SETTINGS])
def test_activation_is_torchs(name, parameters):
    x = GRID.float()
    result = activate(x, name, **parameters)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, TORCH[name](**parameters)(x), rtol=0, atol=0)


def test_every_activation_lists_its_defaults():
    assert activate(GRID, "none").equal(GRID)
    for name, entry in ACTIVATIONS.items():
        defaults = {key: parameter.default for key, parameter in entry.parameters.items()}
        assert activate(GRID, name, **defaults).equal(activate(GRID, name))
        assert entry.formula.removeprefix(r"\begin{aligned} ").startswith("f(x)")
        assert entry.about.endswith(".")


def test_softmax_over_channels_or_over_all():
    x = numbers(0, 2, 3, 4, 5)
    powers = x.exp()
    torch.testing.assert_close(activate(x, "softmax"), powers / powers.sum(1, keepdim=True))
    torch.testing.assert_close(activate(x, "softmax", over="all"), powers / powers.sum((1, 2, 3), keepdim=True))
    vector = numbers(0, 2, 7)
    torch.testing.assert_close(activate(vector, "softmax"), vector.exp() / vector.exp().sum(1, keepdim=True))
    assert activate(x + 1e4, "softmax").isfinite().all()


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("swish", {}, "unknown activation 'swish': choose one of none, identity, relu,"),
        ("leaky_relu", {"slope": 1.0}, "leaky_relu has no parameter 'slope'; it takes negative_slope"),
        ("relu", {"alpha": 1.0}, "relu has no parameter 'alpha'; it takes no parameters"),
        ("gelu", {"approximate": "erf"}, "must be one of none, tanh, not 'erf'"),
        ("elu", {"alpha": math.nan}, "alpha must be a finite number"),
        ("elu", {"alpha": "1"}, "alpha must be a finite number"),
        ("softplus", {"beta": 0.0}, "beta must be a finite number other than 0"),
    ],
)
def test_what_activate_cannot_do_it_names(name, parameters, words):
    with pytest.raises(ValueError, match=words):
        activate(GRID, name, **parameters)

"""Curves against closed forms and finite differences; effects against counts of plain numbers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.activation_effects import Effect, curve, effect, histogram, largest_slope, marks, silenced, sum_rounding
from cnnviz.activations import ACTIVATIONS, Choice, Number, activate
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernels import parse_kernel
from tests.fuzzing import examples
from tests.option_space import numbers

several = examples(60)
POINTWISE = [name for name in ACTIVATIONS if name != "softmax"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# the slopes by hand, away from kinks
SLOPES: dict[str, Any] = {
    "identity": lambda x: np.ones_like(x),
    "relu": lambda x: (x > 0) * 1.0,
    "leaky_relu": lambda x, negative_slope: np.where(x > 0, 1, negative_slope),
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid": lambda x: sigmoid(x) * (1 - sigmoid(x)),
    "elu": lambda x, alpha: np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0))),
    "silu": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    "softplus": lambda x, beta, threshold: np.where(beta * x > threshold, 1, sigmoid(beta * x)),
    "relu6": lambda x: ((x > 0) & (x < 6)) * 1.0,
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, 1, 1.6732632423543772 * np.exp(np.minimum(x, 0))),
    "hardtanh": lambda x: (abs(x) < 1) * 1.0,
    "hardswish": lambda x: np.where(x < -3, 0, np.where(x > 3, 1, x / 3 + 0.5)),
}
KINKS: dict[str, Any] = {
    "relu": [0],
    "leaky_relu": [0],
    "elu": [0],
    "relu6": [0, 6],
    "selu": [0],
    "hardtanh": [-1, 1],
    "hardswish": [-3, 3],
}


@st.composite
def functions(draw):
    """A function's name and its parameters, in the ranges of the sliders."""
    name = draw(st.sampled_from(POINTWISE))
    drawn: dict[str, float | str] = {}
    for key, parameter in ACTIVATIONS[name].parameters.items():
        if isinstance(parameter, Choice):
            drawn[key] = draw(st.sampled_from(parameter.options))
        else:
            drawn[key] = draw(st.floats(parameter.minimum, parameter.maximum))
    return name, drawn


def defaults(name):
    return {key: parameter.default for key, parameter in ACTIVATIONS[name].parameters.items()}


def kinks(name, parameters):
    if name == "softplus":
        return [parameters["threshold"] / parameters["beta"]]
    return KINKS.get(name, [])


def away_from_kinks(x, name, parameters, distance):
    return np.all([abs(x - kink) > distance for kink in kinks(name, parameters)], axis=0) | np.zeros(x.shape, bool)


def check_curve(name, parameters, low, high, points):
    x, y, slope = curve(name, parameters, low, high, points)
    assert {array.dtype for array in (x, y, slope)} == {np.dtype(np.float64)}
    assert x.shape == y.shape == slope.shape == (points,)
    np.testing.assert_array_equal(x, np.linspace(low, high, points))
    np.testing.assert_array_equal(y, activate(torch.from_numpy(x), name, **parameters))
    smooth = away_from_kinks(x, name, parameters, 1e-4)
    step = 1e-5
    ahead, behind = (activate(torch.from_numpy(x + side), name, **parameters).numpy() for side in (step, -step))
    np.testing.assert_allclose(slope[smooth], ((ahead - behind) / (2 * step))[smooth], atol=1e-6)
    if name in SLOPES:
        np.testing.assert_allclose(slope[smooth], SLOPES[name](x, **parameters)[smooth], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", POINTWISE)
def test_every_curve_is_the_function_and_its_slope(name):
    check_curve(name, defaults(name), -8, 8, 161)


@examples(150)
@given(functions(), st.floats(-20, 5), st.floats(0.1, 30), st.integers(2, 60))
def test_curves_are_functions_and_their_slopes_for_all_parameters(function, low, width, points):
    check_curve(*function, low, low + width, points)


@pytest.mark.parametrize("name", KINKS)
def test_at_a_kink_the_slope_is_that_of_a_side(name):
    for kink in KINKS[name]:
        before, at, after = curve(name, {}, kink - 1e-6, kink + 1e-6, 3)[2]
        assert min(abs(at - before), abs(at - after)) < 1e-5
    assert curve("relu", {}, -1, 1, 3)[2].tolist() == [0, 0, 1]


def test_curves_do_not_need_gradients_to_be_on():
    with torch.no_grad():
        assert curve("tanh", {}, -1, 1, 3)[2][1] == 1
    assert curve("none", {}, 0, 1)[1].tolist() == np.linspace(0, 1, 201).tolist()


@pytest.mark.parametrize(
    ("name", "parameters", "steepest"),
    [
        ("identity", {}, 1),
        ("relu", {}, 1),
        ("leaky_relu", {"negative_slope": 3.0}, 3),
        ("tanh", {}, 1),
        ("sigmoid", {}, 0.25),
        ("elu", {"alpha": 2.5}, 2.5),
        ("elu", {"alpha": 0.3}, 1),
        ("gelu", {}, 1.12890),
        ("silu", {}, 1.09984),
        ("softplus", {"beta": 0.1}, 1),
        ("relu6", {}, 1),
        ("selu", {}, 1.75810),
        ("mish", {}, 1.08850),
        ("hardtanh", {}, 1),
        ("hardswish", {}, 1.5),
    ],
)
def test_the_largest_slope(name, parameters, steepest):
    assert largest_slope(name, parameters) == pytest.approx(steepest, rel=1e-3)


@several
@given(functions())
def test_no_slope_is_larger_than_the_largest(function):
    slopes = curve(*function, -30, 30, 3000)[2]
    assert abs(slopes).max() <= largest_slope(*function) * 1.002


# --- dead, nearly flat


def sloped(x, name, parameters):
    """The function, from the slopes by hand: how steep it is at most, how steep here, and whether 0 comes out."""
    slope = SLOPES[name](x, **parameters)
    steepest = {"sigmoid": 0.25, "silu": 1.09984, "selu": 1.7581, "hardswish": 1.5}.get(name, 1)
    steepest = max(steepest, *(float(v) for k, v in parameters.items() if k in ("negative_slope", "alpha")), 0)
    zero = {"relu": x <= 0, "relu6": x <= 0, "hardswish": (x <= -3) | (x == 0)}.get(name, np.zeros(x.shape, bool))
    return steepest, slope, zero | ((x < 0) & (0 in (parameters.get("negative_slope"), parameters.get("alpha"))))


@several
@given(
    functions().filter(lambda function: function[0] in SLOPES),
    st.sampled_from([0.1, 1.0, 5.0]),
    st.sampled_from([0.0, 0.02, 0.3]),
)
def test_marks_are_those_of_slopes_by_hand(function, spread, rounding):
    name, parameters = function
    before = numbers(0, 2, 4, 25) * spread
    x = before.numpy()
    steepest, slope, zero = sloped(x, name, parameters)
    # away from kinks, and from where the share of the steepest is just the one that counts
    sure = away_from_kinks(x, name, parameters, 1e-9) & (abs(abs(slope) / steepest - 0.05) > 1e-3)
    found = marks(name, parameters, before, rounding)
    assert found.dead.shape == found.flat.shape == before.shape
    dead = zero & (abs(x) > rounding)
    np.testing.assert_array_equal(found.dead.numpy()[sure], dead[sure])
    flat = (abs(slope) < 0.05 * steepest) & (abs(x) > rounding) & ~dead
    np.testing.assert_array_equal(found.flat.numpy()[sure], flat[sure])


@pytest.mark.parametrize("name", POINTWISE)
def test_a_zero_is_neither_dead_nor_flat(name):
    for rounding in (0.0, 1e-7):
        found = marks(name, defaults(name), torch.tensor([0.0, -0.0, -0.9 * rounding, 0.9 * rounding]), rounding)
        assert not found.dead.any() and not found.flat.any()


@pytest.mark.parametrize("kernel", ["edge", "sobel-y", "scharr-y", "line-0", "log"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("sample", ["digits", "colours", "camera", "step", "gradient", "shapes"])
def test_of_sums_those_are_dead_that_whole_numbers_say(sample, mode, kernel):
    x = load_image(SAMPLES[sample].path, mode=mode, size=32)
    rows = torch.tensor(parse_kernel(kernel))
    assert rows.equal(rows.round())
    weight = rows.expand(1, x.shape[1], *rows.shape)
    levels, whole = np.rint(x[0].numpy() * 255).astype(int), rows.int().numpy()
    exact = np.einsum("cyxst,st->yx", np.lib.stride_tricks.sliding_window_view(levels, rows.shape, (1, 2)), whole)
    before = conv2d(x, weight)
    rounding = sum_rounding(x, weight, torch.zeros(1))
    assert effect("relu", {}, before, rounding).dead == (exact < 0).mean()
    np.testing.assert_array_equal(silenced(before, before.relu(), rounding)[0, 0], exact < 0)


def test_rounding_is_a_millionth_of_all_that_is_added_up():
    weight = torch.tensor([[[[1.0, -2]], [[3, 0]]], [[[1, 1]], [[1, 1]]]])  # 6 and 4 at most
    x = torch.tensor([0.5, -2.0])
    assert sum_rounding(x, weight) == pytest.approx(12e-6)
    assert sum_rounding(x, weight, torch.tensor([1.0, -8.0])) == pytest.approx(16e-6)
    # -1e-9 beside sums of such terms may be 0: float32 cannot tell
    assert effect("relu", {}, torch.tensor([-1e-9, -1.0]), sum_rounding(x, weight)).dead == 0.5


@pytest.mark.parametrize(
    ("name", "parameters", "values", "dead", "flat"),
    [
        ("relu", {}, [-2, -1e-9, 0, 1e-9, 2], 2, 0),  # numbers that are no sums: the least below 0 is below 0
        ("leaky_relu", {}, [-2, -1, 0, 3], 0, 2),
        ("leaky_relu", {"negative_slope": 0.0}, [-2, -1, 0, 3], 2, 0),
        ("leaky_relu", {"negative_slope": 0.3}, [-2, -1, 0, 3], 0, 0),
        ("relu6", {}, [-1, 0, 3, 6.5, 9], 1, 2),
        ("hardswish", {}, [-4, -3.5, -1, 0, 2], 2, 0),
        ("hardtanh", {}, [-4, 0, 0.5, 2], 0, 2),
        ("tanh", {}, [-4, -2, 0, 2, 4], 0, 2),  # 1 - tanh²(2) = 0.07, 1 - tanh²(4) = 0.0013
        ("sigmoid", {}, [-6, -4, 0, 4, 6], 0, 2),  # s(1 - s) of 4 is 0.0177, of 6 0.0025; 0.05 · 1/4 = 0.0125
        ("elu", {}, [-6, -2, 0, 1], 0, 1),
        ("elu", {"alpha": 0.0}, [-6, -2, 0, 1], 2, 0),
        ("softplus", {}, [-6, 0, 30], 0, 1),
        ("identity", {}, [-6, 0, 30], 0, 0),
        ("none", {}, [-6, 0, 30], 0, 0),
        ("silu", {}, [-1.278, 0, 2], 0, 1),  # its lowest point
    ],
)
def test_effects_by_hand(name, parameters, values, dead, flat):
    before = torch.tensor(values, dtype=torch.float32)
    result = effect(name, parameters, before)
    assert (result.dead * len(values), result.flat * len(values)) == pytest.approx((dead, flat))


def test_every_number_of_an_effect():
    before = torch.tensor([[-3.0, -1.0], [0.0, 4.0]])
    assert effect("relu", {}, before) == Effect(0.5, 0.0, 0.0, math.sqrt(26 / 4), 1.0, math.sqrt(3))
    assert effect("identity", {}, torch.ones(1)) == Effect(0, 0, 1, 0, 1, 0)
    nearly_nothing = torch.tensor([1e-8, -3e-8])
    assert effect("identity", {}, nearly_nothing, 1e-7) == Effect(0, 0, 0, 0, 0, 0)
    assert effect("identity", {}, nearly_nothing).mean_before == pytest.approx(-1e-8)


@several
@given(functions(), st.integers(1, 40))
def test_means_and_spreads_are_numpys(function, count):
    before = numbers(0, count) * 3
    result, after = effect(*function, before), activate(before, function[0], **function[1]).numpy()
    expected = before.mean(), before.numpy().std(), after.mean(), after.std()
    found = result.mean_before, result.std_before, result.mean_after, result.std_after
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert all(0 <= share <= 1 for share in (result.dead, result.flat))
    assert result.dead + result.flat <= 1


def test_effects_leave_the_values_alone():
    before = numbers(0, 5)
    kept = before.clone()
    effect("relu", {}, before)
    assert before.equal(kept)
    assert not before.requires_grad


# --- histograms


@several
@given(st.integers(0, 60), st.floats(-5, 5), st.floats(1e-3, 10), st.integers(1, 40), st.booleans())
def test_histogram_counts_value_by_value(count, low, width, bins, on_edges):
    high = low + width
    # values exactly on edges, and the doubles beside them
    edges = np.random.default_rng(0).choice(np.linspace(low, high, bins + 1), count)
    values = np.nextafter(edges, np.array([-9e9, 9e9, 0])[np.arange(count) % 3]) if on_edges else np.array(edges)
    values = np.concatenate([values, numbers(1, count).numpy() * 4])
    counts = histogram(torch.from_numpy(values), low, high, bins)
    assert counts.dtype == np.int64
    limits = np.linspace(low, high, bins + 1)
    expected = [((values >= a) & (values < b)).sum() for a, b in pairwise(limits)]
    expected[-1] += (values == high).sum()
    np.testing.assert_array_equal(counts, expected)
    assert counts.sum() == ((values >= low) & (values <= high)).sum()


def test_histograms_last_bin_is_closed_and_any_shape_will_do():
    values = torch.tensor([[0.0, 0.25], [0.5, 1.0]])
    assert histogram(values, 0, 1, 2).tolist() == [2, 2]
    assert histogram(torch.tensor([math.nan, math.inf, -math.inf, 0.5]), 0, 1, 1).tolist() == [1]
    assert histogram(torch.zeros(0), 0, 1, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: curve("softmax", {}, -1, 1), "softmax has no curve: each of its outputs depends on all inputs"),
        (lambda: effect("softmax", {}, torch.zeros(3)), "softmax has no curve"),
        (lambda: largest_slope("softmax", {}), "softmax has no curve"),
        (lambda: curve("swish", {}, -1, 1), "unknown activation 'swish'"),
        (lambda: curve("elu", {"beta": 1.0}, -1, 1), "it takes alpha"),
        (lambda: largest_slope("elu", {"alpha": math.nan}), "alpha must be a finite number"),
        (lambda: curve("relu", {}, 1, 1), "low < high and at least 2 points, not 1, 1, 201"),
        (lambda: curve("relu", {}, 0, math.inf), "low < high"),
        (lambda: curve("relu", {}, 0, 1, 1), "at least 2 points"),
        (lambda: effect("relu", {}, torch.zeros(0)), "no values"),
        (lambda: histogram(torch.zeros(1), 1, 0, 3), "low < high and at least 1 bin, not 1, 0, 3"),
        (lambda: histogram(torch.zeros(1), 0, 1, 0), "at least 1 bin"),
    ],
)
def test_what_cannot_be_asked_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_sliders_of_all_numbers_are_drawn_from():
    numeric = [key for name in POINTWISE for key, p in ACTIVATIONS[name].parameters.items() if isinstance(p, Number)]
    assert sorted(numeric) == ["alpha", "beta", "negative_slope", "threshold"]

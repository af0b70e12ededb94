"""What excites a filter: climbs that must arrive, and the pictures against a loop over all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.attribution import layer_outputs
from cnnviz.datasets import Examples
from cnnviz.excitation import maximise
from cnnviz.exciting_pictures import Exciting, most_exciting
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights
from cnnviz.shapes import ShapeError
from tests.classifiers import digit_net
from tests.fuzzing import examples
from tests.random_networks import Twin, networks

pytestmark = pytest.mark.usefixtures("one_thread")


def test_without_priors_a_linear_filter_gets_the_signs_of_its_weights():
    layers = parse_network("flatten|linear:3")
    parameters = draw_weights(layers, (1, 4, 4), "normal", 0)
    frames = list(maximise(layers, parameters, (1, 4, 4), 1, 2, steps=300, rate=0.1, decay=0, smoothness=0))
    weight = parameters[1]["weight"][2].reshape(4, 4)
    assert frames[-1].picture[0, 0].equal((weight > 0).float())
    assert frames[-1].value == pytest.approx(float(weight.clamp(min=0).sum() + parameters[1]["bias"][2]), rel=1e-5)
    assert [frame.number for frame in frames] == list(range(301)) and [f.is_last for f in frames] == [False] * 300 + [
        True
    ]


@pytest.mark.parametrize("goal", ["mean", "centre"])
def test_a_learned_filter_is_excited_more_and_more(goal):
    layers, parameters = digit_net()
    for filter in range(4):
        frames = list(maximise(layers, parameters, (1, 8, 8), 0, filter, goal=goal, steps=40))
        again = list(maximise(layers, parameters, (1, 8, 8), 0, filter, goal=goal, steps=40))
        assert all(one.picture.equal(two.picture) for one, two in zip(frames, again))
        assert all(frame.picture.min() >= 0 and frame.picture.max() <= 1 for frame in frames)
        assert frames[-1].value > frames[0].value and not frames[-1].note
        for frame in frames[::20]:
            maps = layer_outputs(layers[:1], frame.picture, parameters[:1])[-1][0, filter]
            assert frame.value == pytest.approx(float(maps.mean() if goal == "mean" else maps[4, 4]), abs=1e-6)


@pytest.mark.parametrize("size", [1e-25, 1e-38, 1e-44])
def test_gradients_whose_squares_are_0_lead_up_too(size):
    weight = size * torch.tensor([[1.0, -1, 1, -1]])
    parameters = [{}, {"weight": weight, "bias": torch.zeros(1)}]
    *_, last = maximise(parse_network("flatten|linear:1"), parameters, (1, 2, 2), 1, 0, decay=0, smoothness=0)
    assert torch.equal(last.picture.flatten(), torch.tensor([1.0, 0, 1, 0])) and last.value > 0


def test_the_priors_make_a_picture_smooth_and_grey():
    layers, parameters = digit_net()

    def last(**options):
        return list(maximise(layers, parameters, (1, 8, 8), 5, 3, steps=60, **options))[-1].picture

    plain, smooth, grey = last(decay=0, smoothness=0), last(decay=0, smoothness=2), last(decay=5, smoothness=0)
    assert smooth.diff(dim=2).abs().mean() < plain.diff(dim=2).abs().mean()
    assert (grey - 0.5).abs().mean() < (plain - 0.5).abs().mean()


def test_a_shut_relu_is_opened_by_climbing_its_sum():
    layers = parse_network("conv:1@3x3|relu")
    parameters = draw_weights(layers, (1, 5, 5), "pytorch", 0)
    parameters[0]["weight"][:], parameters[0]["bias"][:] = 1.0, -7.0
    frames = list(maximise(layers, parameters, (1, 5, 5), 1, 0, rate=0.2, decay=0, smoothness=0))
    assert frames[0].value == 0 and "the sum that goes into it is climbed" in frames[0].note
    assert frames[-1].value == pytest.approx(2.0) and not frames[-1].note


def test_where_nothing_leads_up_the_climb_says_so_and_ends():
    layers = parse_network("conv:1@3x3|relu|conv:1@1x1")
    parameters = draw_weights(layers, (1, 5, 5), "pytorch", 0)
    parameters[0]["weight"][:], parameters[0]["bias"][:] = -1.0, -1.0
    frames = list(maximise(layers, parameters, (1, 5, 5), 2, 0))
    assert len(frames) == 1 and frames[0].is_last
    assert (
        frames[0].note
        == "The gradient is 0 for every pixel: no small change of this picture moves the filter’s answer."
    )


def test_layers_and_filters_that_are_not_there():
    layers = parse_network("conv:2@3x3|relu")
    parameters = draw_weights(layers, (1, 5, 5), "pytorch", 0)
    for layer, filter, words in ((2, 0, "there is no layer 2"), (0, 2, "layer 1 has no filter 2: it has 2")):
        with pytest.raises(ShapeError, match=words):
            maximise(layers, parameters, (1, 5, 5), layer, filter)


@examples(15)
@given(networks(most=4, side=8), st.integers(0, 99))
def test_the_most_exciting_pictures_are_those_of_a_plain_loop(case, seed):
    layers, shape = case
    if not layers:
        return
    parameters = Twin(layers, shape).randomise().parameters_by_layer()
    random = np.random.default_rng(seed)
    some = Examples(random.integers(0, 256, (9, *shape), dtype=np.uint8), np.zeros(9, np.int64))
    layer = seed % len(layers)
    outputs = [
        layer_outputs(layers[: layer + 1], image[None], parameters[: layer + 1])[-1][0] for image in some.images()
    ]
    filter = seed % len(outputs[0])
    values = [float(output[filter].max()) for output in outputs]
    found = most_exciting(layers, parameters, some, layer, filter, 4)
    best = sorted(values, reverse=True)[:4]
    assert [one.value for one in found] == pytest.approx(best, rel=1e-4, abs=1e-4 * (1 + max(map(abs, values))))
    for one in found:
        assert one.value == pytest.approx(values[one.index], rel=1e-4, abs=1e-4 * (1 + max(map(abs, values))))
        if one.cell is None:
            assert (one.rows, one.cols) == ((0, shape[1]), (0, shape[2]))
            continue
        cell = float(outputs[one.index][(filter, *one.cell)])
        assert cell == pytest.approx(values[one.index], rel=1e-4, abs=1e-5)
        # what lies outside the window does not matter to the cell
        other = torch.rand((1, *shape), generator=torch.Generator().manual_seed(seed))
        rows, cols = slice(*one.rows), slice(*one.cols)
        other[:, :, rows, cols] = some.images(slice(one.index, one.index + 1))[:, :, rows, cols]
        there = layer_outputs(layers[: layer + 1], other, parameters[: layer + 1])[-1][0]
        assert float(there[(filter, *one.cell)]) == pytest.approx(cell, rel=1e-4, abs=1e-5)


def test_of_equals_the_first_picture_and_cell_come_first():
    layers = parse_network("conv:1@3x3,nobias")
    parameters = [{"weight": torch.ones(1, 1, 3, 3)}]
    pixels = np.zeros((4, 1, 6, 6), np.uint8)
    pixels[1, 0, 2:5, 3:6] = pixels[2, 0, 2:5, 3:6] = 255
    assert most_exciting(layers, parameters, Examples(pixels, np.zeros(4, np.int64)), 0, 0, 3) == [
        Exciting(1, 9.0, (2, 3), (2, 5), (3, 6)),
        Exciting(2, 9.0, (2, 3), (2, 5), (3, 6)),
        Exciting(0, 0.0, (0, 0), (0, 3), (0, 3)),
    ]

"""The weights behind a map: what the layer's own gradient says that they are."""

from __future__ import annotations

import pytest
import torch

from cnnviz.attribution import layer_outputs
from cnnviz.map_weights import map_weights
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights


def drawn(text, shape):
    layers = parse_network(text)
    return layers, draw_weights(layers, shape, "pytorch", 1)


def slope(layers, parameters, shape, at, cell):
    """∂ cell of a layer's output / ∂ that layer's input, all of it."""
    before = layer_outputs(layers[:at], torch.rand((1, *shape)), parameters[:at])[-1]
    before = before.detach().requires_grad_()
    output = layer_outputs(layers[at : at + 1], before, parameters[at : at + 1])[-1]
    return torch.autograd.grad(output[(0, *cell)], before)[0][0]


@pytest.mark.parametrize("text", ["conv:5@3x2", "separable:5@3x2"])
def test_of_a_convolution_they_are_the_slopes_of_a_cell(text):
    layers, parameters = drawn(f"conv:4@1x1|relu|{text}|norm|relu", (2, 6, 6))
    for layer in (2, 3, 4):
        found = map_weights(layers, parameters, (2, 6, 6), layer, 3)
        assert (found.layer, found.filter) == (2, 3)
        slopes = slope(layers, parameters, (2, 6, 6), 2, (3, 1, 2))
        torch.testing.assert_close(found.planes, slopes[:, 1:4, 2:4])
    every = [map_weights(layers, parameters, (2, 6, 6), 2, number).planes for number in range(5)]
    assert found.largest == pytest.approx(max(float(planes.abs().max()) for planes in every))


def test_of_groups_they_are_those_of_its_own_group():
    layers, parameters = drawn("conv:4@3x3,g2", (4, 3, 3))
    found = map_weights(layers, parameters, (4, 3, 3), 0, 3)
    slopes = slope(layers, parameters, (4, 3, 3), 0, (3, 0, 0))
    assert not slopes[:2].any()
    torch.testing.assert_close(found.planes, slopes[2:])


@pytest.mark.parametrize("groups", [1, 2])
def test_of_a_transposed_convolution_they_are_its_stamps(groups):
    layers, parameters = drawn(f"transposed:6@2x2,s2,g{groups}", (4, 3, 3))
    number, own = 4, range(2, 4) if groups == 2 else range(4)
    found = map_weights(layers, parameters, (4, 3, 3), 0, number)
    without = layer_outputs(layers, torch.zeros(1, 4, 3, 3), parameters)[-1]
    assert len(found.planes) == len(own)
    for plane, channel in zip(found.planes, own):
        spot = torch.zeros(1, 4, 3, 3)
        spot[0, channel, 1, 1] = 1
        stamp = layer_outputs(layers, spot, parameters)[-1] - without
        torch.testing.assert_close(plane, stamp[0, number, 2:4, 2:4], atol=1e-6, rtol=1e-5)


def test_of_a_vector_they_are_planes_of_the_maps_that_were_flattened():
    shape = (1, 4, 4)
    layers, parameters = drawn("conv:3@3x3|relu|flatten|dropout:0.5|linear:5|relu|linear:2|softmax", shape)
    found = map_weights(layers, parameters, shape, 4, 2)
    assert tuple(found.planes.shape) == (3, 2, 2)
    torch.testing.assert_close(found.planes.flatten(), slope(layers, parameters, shape, 4, (2,)))
    last = map_weights(layers, parameters, shape, 7, 1)
    assert last.layer == 6 and tuple(last.planes.shape) == (1, 1, 5)
    torch.testing.assert_close(last.planes.flatten(), slope(layers, parameters, shape, 6, (1,)))
    cell = map_weights(layers, parameters, shape, 2, 7)  # 12 cells of three maps of 2×2
    assert (cell.layer, cell.filter) == (0, 1)


def test_where_there_are_none():
    layers, parameters = drawn("relu|max:2|conv:1@1x1,same|relu|add:2", (1, 4, 4))
    assert map_weights(layers, parameters, (1, 4, 4), 1, 0) is None
    assert map_weights(layers, parameters, (1, 4, 4), 4, 0) is None

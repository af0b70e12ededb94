"""Weights of a network: drawn bit for bit as torch draws them, and taken from tensors by nn.Sequential's names."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnviz.filters import parse_filter
from cnnviz.kernels import INITIALISATIONS, KernelError
from cnnviz.layers import Activation, Add, BatchNorm2d, Conv2d, DepthwiseSeparableConv2d, Linear
from cnnviz.network import forward
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights, fit_tensors, named_tensors, wanted_tensors, with_filters
from tests.fuzzing import examples
from tests.random_networks import Twin, networks

seeds = st.one_of(st.integers(0, 9), st.integers(0, 2**63 - 1))
INIT = {
    "uniform": lambda weight: nn.init.uniform_(weight, -1, 1),
    "normal": nn.init.normal_,
    "kaiming_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
    "kaiming_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
}

EVERY_KIND = (
    "conv:4@3x3|norm|separable:6@3x3,nobias|-conv:9@3x3|separable:2@1x1|transposed:4@2x2,g2|relu|flatten|linear:5"
)


def same_tensors(found, wanted):
    assert list(found) == list(wanted)
    for name, tensor in found.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, wanted[name]), name


@examples(80)
@given(networks(), seeds)
def test_pytorchs_weights_are_those_of_nn_sequential(network, seed):
    layers, shape = network
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        twin = Twin(layers, shape)
    same_tensors(named_tensors(layers, draw_weights(layers, shape, "pytorch", seed)), twin.tensors())


def test_every_kind_of_layer_as_nn_sequential_written_out():
    layers = parse_network(EVERY_KIND)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        twin = nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.Sequential(nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.Conv2d(4, 6, 1, bias=False)),
            nn.Identity(),
            nn.Sequential(nn.Conv2d(6, 6, 1, groups=6, bias=False), nn.Conv2d(6, 2, 1)),
            nn.ConvTranspose2d(2, 4, 2, groups=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * 5 * 5, 5),
        )
    drawn = draw_weights(layers, (3, 8, 8), "pytorch", 7)
    same_tensors(named_tensors(layers, drawn), {k: v for k, v in twin.state_dict().items() if "num_batches" not in k})
    # and a state dict fits as it is
    fitted, problems = fit_tensors(layers, draw_weights(layers, (3, 8, 8), "normal", 0), twin.state_dict())
    assert problems == []
    same_tensors(named_tensors(layers, fitted), named_tensors(layers, drawn))
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(forward(layers, x, fitted)[-1].output, twin.eval()(x))


@examples(80)
@given(networks(), st.sampled_from(sorted(INIT)), seeds)
def test_other_methods_are_torch_nn_init_in_order(network, method, seed):
    layers, shape = network
    twin = Twin(layers, shape)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for module in twin.modules_.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                INIT[method](module.weight)
                if module.bias is not None:
                    module.bias.zero_()
    same_tensors(named_tensors(layers, draw_weights(layers, shape, method, seed)), twin.tensors())


def test_all_methods_are_tried():
    assert {*INIT, "pytorch"} == set(INITIALISATIONS)


@examples(30)
@given(networks(), seeds)
def test_drawing_leaves_the_global_random_state_alone(network, seed):
    before = torch.random.get_rng_state()
    draw_weights(*network, "normal", seed)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_are_drawn_as_far_as_the_network_works():
    layers = parse_network("conv:2@3x3|norm|conv:2@9x9|conv:1@1x1")
    drawn = draw_weights(layers, (3, 8, 8), "pytorch", 0)
    assert len(drawn) == 2
    assert list(named_tensors(layers, drawn)) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"
    ]  # fmt: skip
    assert [layer for layer, _ in wanted_tensors(layers, (3, 8, 8))] == list(layers[:2])
    assert draw_weights((), (3, 8, 8), "pytorch", 0) == []


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_and_methods_that_are_not_there_are_told(seed):
    with pytest.raises(KernelError, match="The seed is a whole number from 0"):
        draw_weights([Conv2d()], (1, 3, 3), "normal", seed)
    with pytest.raises(KernelError, match="There is no initialisation called “zeros”"):
        draw_weights([Conv2d()], (1, 3, 3), "zeros", 0)


# --- tensors by name


@examples(60)
@given(networks())
def test_a_state_dict_fits_whole(network):
    layers, shape = network
    twin = Twin(layers, shape).randomise(3)
    fitted, problems = fit_tensors(layers, draw_weights(layers, shape, "pytorch", 0), twin.modules_.state_dict())
    assert problems == []
    same_tensors(named_tensors(layers, fitted), twin.tensors())
    # doubles and halves become float32
    for kind in (torch.float64, torch.float16):
        tensors = {name: tensor.to(kind) for name, tensor in twin.tensors().items()}
        fitted, problems = fit_tensors(layers, fitted, tensors)
        assert problems == []
        same_tensors(named_tensors(layers, fitted), {name: tensor.float() for name, tensor in tensors.items()})


FLOATING = "and weights are floating point."
BEYOND = "holds what is no number, or beyond what a float32 can hold."
spoilt = {
    "missing": (None, "is missing: it should be {right}."),
    "another shape": (lambda t: t.new_ones(*t.shape, 2), "is {right}×2, but has to be {right} here."),
    "many dimensions": (lambda t: t.new_zeros([0] * 60), "is of 60 dimensions, but has to be {right} here."),
    "one number": (lambda t: t.new_tensor(1.0), "is one number, but has to be {right} here."),
    "not a number": (lambda t: t.fill_(math.nan), BEYOND),
    "infinite": (lambda t: t.fill_(-math.inf), BEYOND),
    "beyond float32": (lambda t: t.double().fill_(1e300), BEYOND),
    "whole numbers": (lambda t: torch.ones_like(t, dtype=torch.int64), "holds int64, " + FLOATING),
    "flags": (lambda t: torch.ones_like(t, dtype=torch.bool), "holds bool, " + FLOATING),
    "complex": (lambda t: torch.ones_like(t, dtype=torch.complex64), "holds complex64, " + FLOATING),
}


@examples(120)
@given(networks(), st.data())
def test_what_does_not_fit_is_named_and_stays_as_it_was(network, data):
    layers, shape = network
    own = draw_weights(layers, shape, "pytorch", 0)
    kept = {name: tensor.clone() for name, tensor in named_tensors(layers, own).items()}
    given_, wanted, sentences = dict(Twin(layers, shape).randomise(3).tensors()), {}, []
    for name in list(given_):
        how = data.draw(st.sampled_from(["well", "well", *spoilt]))
        wanted[name] = given_[name].clone() if how == "well" else kept[name]
        if how != "well":
            change, sentence = spoilt[how]
            right = "×".join(map(str, kept[name].shape))
            sentences.append(f"{name} {sentence.format(right=right)}")
            if change is None:
                del given_[name]
            else:
                given_[name] = change(given_[name].clone())
    given_ |= {"99.weight": torch.zeros(2, 3), "fc.scale": torch.tensor(1.0), "9.num_batches_tracked": torch.tensor(5)}
    sentences += ["99.weight, 2×3, belongs to no layer here.", "fc.scale, one number, belongs to no layer here."]
    fitted, problems = fit_tensors(layers, own, given_)
    assert problems == sentences
    same_tensors(named_tensors(layers, fitted), wanted)
    same_tensors(named_tensors(layers, own), kept)  # what was given is not changed


def test_names_skip_layers_without_weights():
    layers = [Activation(), Conv2d(2), Add(1), BatchNorm2d(), DepthwiseSeparableConv2d(2), Linear()]
    tensors = [{}, {"weight": torch.zeros(1)}, {}, {}, {"depthwise": torch.zeros(1), "bias": torch.zeros(1)}]
    assert list(named_tensors(layers, tensors)) == ["1.weight", "4.0.weight", "4.1.bias"]


# --- filters of a person's own


@pytest.mark.parametrize("bias", [True, False])
def test_filters_go_into_the_first_convolution(bias):
    layers = [Activation(), Conv2d(4, bias=bias), Conv2d(4)]
    own = draw_weights(layers, (3, 9, 9), "pytorch", 0)
    kept = [{name: tensor.clone() for name, tensor in tensors.items()} for tensors in own]
    filters = {0: "red-edges", 2: "0,1,0;1,-4,1;0,1,0", 7: "not even read"}
    made = with_filters(own, layers, filters)
    for number in (0, 2):
        assert torch.equal(made[1]["weight"][number], parse_filter(filters[number], 3, 3, 3))
    assert torch.equal(made[1]["weight"][[1, 3]], kept[1]["weight"][[1, 3]])
    assert list(made[1]) == list(kept[1])
    if bias:
        assert made[1]["bias"].tolist() == [0, kept[1]["bias"][1], 0, kept[1]["bias"][3]]
    for at in (0, 2):
        assert made[at] is own[at]
    for tensors, before in zip(own, kept):
        same_tensors(tensors, before)
    assert forward(layers, torch.rand(1, 3, 9, 9), made)[-1].output.shape == (1, 4, 5, 5)


def test_filters_that_cannot_be_read_are_told_and_without_a_convolution_none_is():
    layers, shape = [Conv2d(4)], (3, 9, 9)
    own = draw_weights(layers, shape, "pytorch", 0)
    with pytest.raises(KernelError, match="Filter 3: There is no filter called “nonsense”"):
        with_filters(own, layers, {3: "nonsense"})
    with pytest.raises(KernelError, match="Filter 0: This one is 1×1; the filters are 3×3"):
        with_filters(own, layers, {0: "1"})
    assert with_filters([{}], [Activation()], {0: "nonsense"}) == [{}]
    # a convolution that cannot work has no weights yet
    broken = [Activation(), Conv2d(4, 99)]
    assert with_filters(draw_weights(broken, shape, "pytorch", 0), broken, {0: "nonsense"}) == [{}]
    same_tensors(with_filters(own, layers, {})[0], own[0])

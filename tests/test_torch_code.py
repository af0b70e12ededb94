"""The PyTorch file of a network is run as it is, and must give the network's own output."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from torch import nn

from cnnviz.activations import ACTIVATIONS
from cnnviz.code_steps import CodeError
from cnnviz.functional import ShapeError
from cnnviz.layers import LAYERS, Activation, Add, Conv2d, DepthwiseSeparableConv2d, Layer, Linear, Pool2d, Shape
from cnnviz.network import survey
from cnnviz.network_text import parse_network
from cnnviz.network_weights import named_tensors, weights_file
from cnnviz.prepared_networks import NETWORKS
from cnnviz.skip_layers import Off
from cnnviz.torch_code import _WRITERS, torch_code
from tests.fuzzing import examples
from tests.network_space import EVERY_ACTIVATION, answer, assert_near, networks, odd_weights, some_picture
from tests.option_space import KINDS, MODES

SHAPE: Shape = (3, 9, 11)


def run(code: str, weights: bytes) -> nn.Module:
    """The network that the file makes, in a folder with its weights and nothing else."""
    namespace: dict[str, nn.Module] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("weights.safetensors").write_bytes(weights)
        exec(compile(code, "network.py", "exec"), namespace)
    return namespace["network"]


def check(layers: Sequence[Layer], shape: Shape = SHAPE) -> str:
    parameters, picture = odd_weights(layers, shape), some_picture(shape)
    code = torch_code(layers, shape)
    network = run(code, weights_file(layers, parameters))
    assert not network.training
    with torch.inference_mode():
        # two pictures at once, of which the first is answered as it is alone
        pair = torch.cat([picture, some_picture(shape, 1)])
        assert_near(network(pair)[:1], answer(layers, picture, parameters), code)
    names = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    assert names == set(named_tensors(layers, parameters)), code
    assert len(network) == len(layers), "one module for each layer"
    return code


@pytest.mark.parametrize("name", NETWORKS)
def test_prepared_networks(name: str) -> None:
    prepared = NETWORKS[name]
    layers = parse_network(prepared.text)
    code = check(layers, (3 if prepared.color == "rgb" else 1, prepared.side, prepared.side))
    if not any(isinstance(layer, Add) for layer in layers) and name != "separable":
        assert "class" not in code, "torch has all of it"


@pytest.mark.parametrize(("name", "parameters"), EVERY_ACTIVATION, ids=str)
def test_every_activation_on_maps_and_on_vectors(name: str, parameters: dict[str, float | str]) -> None:
    activation = Activation(name, parameters)
    check([Conv2d(4), activation, *parse_network("flatten|linear:5"), activation])


@pytest.mark.parametrize("kind", KINDS)
def test_every_pool(kind: str) -> None:
    paddings = ("valid", "same", 1, (2, 1), (0, 2))
    for padding, dilation, stride in itertools.product(paddings, (1, 2, (1, 3)), (None, (2, 1))):
        pool = Pool2d(kind, (4, 3), stride, padding, dilation)
        if not survey([pool], SHAPE).fault:
            check([pool])
    for size in (1, (2, 3), (12, 20)):
        check(parse_network(f"adaptive_{kind}:{size if isinstance(size, int) else 'x'.join(map(str, size))}"))
    check(parse_network(f"conv:3@3x3|global_{kind}|conv:2@1x1"))


@pytest.mark.parametrize("mode", MODES)
def test_every_padding_mode(mode: str) -> None:
    for padding, stride, value in itertools.product(("valid", "same", (1, 3)), (1, 2), (0.0, -1.5)):
        if mode == "constant" or not value:
            for layer in (Conv2d, DepthwiseSeparableConv2d):
                check([layer(4, (3, 4), stride, padding, mode, value)])


def test_skips_and_what_is_switched_off() -> None:
    check(parse_network("conv:3@3x3,same|add:1|relu|conv:3@3x3,same|add:2|add:5|-add:2|add:1"))
    check(parse_network("-conv:4@3x3|-norm|-max:2|relu"))
    code = check([Off(Add(9)), Conv2d(2), Off(Linear(3))])
    assert "nn.Identity(),  # 0: 3×9×11 (Add, switched off)" in code
    assert "class" not in code


def test_no_layer_and_no_weights() -> None:
    assert "safetensors" not in check([])
    assert "safetensors" not in check(parse_network("max:2|dropout:0.3|flatten|relu"))


def test_a_chain_is_plain_modules_with_names_of_their_own() -> None:
    code = torch_code(parse_network("conv:12@3x3,same|relu|max:2|flatten|linear:10|softmax"), (3, 32, 32))
    assert (
        code
        == '''\
"""A network in PyTorch for pictures (N, 3, 32, 32), whose values lie from 0 to 1."""

from safetensors.torch import load_file
from torch import nn

network = nn.Sequential(
    nn.Conv2d(3, 12, kernel_size=3, padding=1),  # 0: 12×32×32
    nn.ReLU(),  # 1: 12×32×32
    nn.MaxPool2d(kernel_size=2),  # 2: 12×16×16
    nn.Flatten(),  # 3: 3072
    nn.Linear(3072, 10),  # 4: 10
    nn.Softmax(dim=1),  # 5: 10
)

network.load_state_dict(load_file("weights.safetensors"))
network.eval()  # then network(pictures) answers
'''
    )


def test_what_cannot_work_or_is_not_known_is_said() -> None:
    with pytest.raises(ShapeError, match="layer 2, Linear"):
        torch_code([Conv2d(2), Linear(3)], SHAPE)

    class Strange(Activation):
        pass

    with pytest.raises(CodeError, match="layer 2, Strange"):
        torch_code([Conv2d(2), Strange("relu")], SHAPE)
    assert issubclass(CodeError, ValueError)


def test_every_layer_and_activation_has_its_line() -> None:
    assert set(_WRITERS) == {*LAYERS, Off}
    for name in ACTIVATIONS:
        torch_code([Activation(name)], SHAPE)


@examples(80)
@given(networks())
def test_any_network(drawn: tuple[tuple[Layer, ...], Shape]) -> None:
    check(*drawn)

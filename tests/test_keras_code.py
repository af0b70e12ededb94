"""The Keras file of a network is run as it is, on Keras's PyTorch backend, and must give the network's own output."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from cnnviz.activations import ACTIVATIONS
from cnnviz.code_steps import CodeError
from cnnviz.functional import ShapeError
from cnnviz.keras_code import _WRITERS, keras_code
from cnnviz.layers import LAYERS, Activation, Conv2d, ConvTranspose2d, DepthwiseSeparableConv2d, Layer, Pool2d, Shape
from cnnviz.network import survey
from cnnviz.network_text import parse_network
from cnnviz.network_weights import weights_file
from cnnviz.prepared_networks import NETWORKS
from cnnviz.skip_layers import Off
from tests.fuzzing import examples
from tests.network_space import EVERY_ACTIVATION, answer, assert_near, networks, odd_weights, some_picture
from tests.option_space import KINDS, MODES

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras

# Where Keras is loaded, Streamlit has it forget its models after each run of a page: that costs half a second.
sys.modules.pop("keras")


@pytest.fixture(autouse=True, scope="module")
def keras_is_loaded() -> Iterator[None]:
    sys.modules["keras"] = keras
    yield
    sys.modules.pop("keras")


# of the way Keras reads PyTorch's tensors, and that a softmax over one channel is always 1
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning"),
]
SHAPE: Shape = (3, 9, 11)


def run(code: str, weights: bytes) -> Any:
    """The model that the file makes, in a folder with its weights and nothing else."""
    namespace: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("error")
        Path("weights.safetensors").write_bytes(weights)
        exec(compile(code, "network.py", "exec"), namespace)
    return namespace["network"]


def check(layers: Sequence[Layer], shape: Shape = SHAPE) -> str:
    parameters, picture = odd_weights(layers, shape), some_picture(shape)
    code = keras_code(layers, shape)
    network = run(code, weights_file(layers, parameters))
    made = torch.from_numpy(keras.ops.convert_to_numpy(network(picture.permute(0, 2, 3, 1).numpy())).copy())
    assert_near(made.permute(0, 3, 1, 2) if made.ndim == 4 else made, answer(layers, picture, parameters), code)
    assert network.output_shape[1:] == tuple(made.shape[1:]), "known before it runs"
    return code


@pytest.mark.parametrize("name", NETWORKS)
def test_prepared_networks(name: str) -> None:
    prepared = NETWORKS[name]
    code = check(parse_network(prepared.text), (3 if prepared.color == "rgb" else 1, prepared.side, prepared.side))
    assert "class" not in code, "Keras has all of it"


@pytest.mark.parametrize(("name", "parameters"), EVERY_ACTIVATION, ids=str)
def test_every_activation_on_maps_and_on_vectors(name: str, parameters: dict[str, float | str]) -> None:
    activation = Activation(name, parameters)
    check([Conv2d(4), activation, *parse_network("flatten|linear:5"), activation])


@pytest.mark.parametrize("kind", KINDS)
def test_every_pool(kind: str) -> None:
    paddings = ("valid", "same", (2, 1))
    for padding, dilation, stride in itertools.product(paddings, (1, 2, (1, 3)), (None, (2, 1))):
        pool = Pool2d(kind, (4, 3), stride, padding, dilation)
        if not survey([pool], SHAPE).fault:
            check([pool])
    check(parse_network(f"{kind}:3,same,s1"))
    for size in ("1", "3x11", "2x3", "12x20"):
        check(parse_network(f"adaptive_{kind}:{size}"))
    assert ("class" in check(parse_network(f"adaptive_{kind}:7"), (2, 14, 21))) == (kind in ("min", "l2"))
    check(parse_network(f"conv:3@3x3|global_{kind}|conv:2@1x1"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layer", [Conv2d, DepthwiseSeparableConv2d])
def test_every_padding_mode(layer: type[Conv2d], mode: str) -> None:
    for padding, stride, value in itertools.product(("valid", "same", (1, 3)), (1, 2), (0.0, -1.5)):
        if mode == "constant" or not value:
            check([layer(4, (3, 4), stride, padding, mode, value)])


@pytest.mark.parametrize("layer", [Conv2d, DepthwiseSeparableConv2d])
def test_strides_that_keras_refuses(layer: type[Conv2d]) -> None:
    for stride, dilation, padding in itertools.product((2, (1, 3), (2, 1)), (1, 2, (1, 3)), ("valid", "same", (2, 1))):
        check([layer(4, 3, stride, padding, dilation=dilation)])


def test_groups() -> None:
    check([Conv2d(4), Conv2d(6, 3, groups=2), Conv2d(6, 3, groups=6), ConvTranspose2d(4, (3, 2), 2, groups=2)])


def test_every_transposed_convolution() -> None:
    choices = itertools.product((2, (1, 3), 4), (1, 2, (3, 2)), (0, 1, (2, 0)), (0, 1), (1, 2), (1, 3))
    for kernel, stride, padding, extra, dilation, groups in list(choices)[::5]:
        layer = ConvTranspose2d(3, kernel, stride, padding, extra, dilation, groups)
        if not survey([layer], SHAPE).fault:
            check([layer])
    plain = check(parse_network("transposed:5@4x4,s2,p1"))
    assert "Conv2DTranspose" in plain
    assert "class" not in plain


def test_skips_and_what_is_switched_off() -> None:
    check(parse_network("conv:3@3x3,same|add:1|relu|conv:3@3x3,same|add:2|add:5|-add:2|add:1"))
    code = check(parse_network("-conv:4@3x3|-norm|-max:2|relu"))
    assert "x = keras.layers.Identity()(x)  # 0: 9×11×3 (Conv2d, switched off)" in code


def test_no_layer_and_no_weights() -> None:
    assert "safetensors" not in check([])
    assert "safetensors" not in check(parse_network("max:2|dropout:1|flatten|relu"))


def test_the_file_reads_well() -> None:
    code = keras_code(parse_network("conv:12@3x3,same|relu|max:2|flatten|linear:10|softmax"), (3, 32, 32))
    assert (
        code
        == '''\
"""A network in Keras for pictures (N, 32, 32, 3), whose values lie from 0 to 1."""

import keras
from safetensors.numpy import load_file

inputs = keras.Input((32, 32, 3), name="pictures")
x = inputs
x = keras.layers.Conv2D(12, 3, padding="same", name="layer_0")(x)  # 0: 32×32×12
x = keras.layers.Activation("relu")(x)  # 1: 32×32×12
x = keras.layers.MaxPooling2D(2)(x)  # 2: 16×16×12
x = keras.layers.Permute((3, 1, 2))(x)  # channels first, as PyTorch flattens them
x = keras.layers.Flatten()(x)  # 3: 3072
x = keras.layers.Dense(10, name="layer_4")(x)  # 4: 10
x = keras.layers.Softmax()(x)  # 5: 10
network = keras.Model(inputs, x)

weights = load_file("weights.safetensors")  # named and laid out as in PyTorch
network.get_layer("layer_0").set_weights([weights["0.weight"].transpose(2, 3, 1, 0), weights["0.bias"]])
network.get_layer("layer_4").set_weights([weights["4.weight"].T, weights["4.bias"]])
'''
    )


def test_a_model_with_layers_of_its_own_can_be_saved(tmp_path: Path) -> None:
    layers = parse_network("conv:4@3x3,same,reflect|l2:2,same|transposed:4@3x3,s2,g2|adaptive_min:3|softplus,beta=2")
    parameters, picture = odd_weights(layers, SHAPE), some_picture(SHAPE)
    network = run(keras_code(layers, SHAPE), weights_file(layers, parameters))
    network.save(tmp_path / "network.keras")
    own = {type(layer).__name__: type(layer) for layer in network.layers}
    again = keras.saving.load_model(tmp_path / "network.keras", custom_objects=own)
    pixels = picture.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(*(keras.ops.convert_to_numpy(model(pixels)) for model in (network, again)))


def test_what_cannot_work_or_is_not_known_is_said() -> None:
    with pytest.raises(ShapeError, match="layer 2, Linear"):
        keras_code(parse_network("conv:2@3x3|linear:3"), SHAPE)

    class Strange(Activation):
        pass

    with pytest.raises(CodeError, match="layer 2, Strange"):
        keras_code([Conv2d(2), Strange("relu")], SHAPE)


def test_every_layer_and_activation_has_its_line() -> None:
    assert set(_WRITERS) == {*LAYERS, Off}
    for name in ACTIVATIONS:
        keras_code([Activation(name)], SHAPE)


@examples(60)
@given(networks())
def test_any_network(drawn: tuple[tuple[Layer, ...], Shape]) -> None:
    check(*drawn)

"""Networks as JSON: what is described is read back, and what cannot be read is a sentence."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnviz.layers import LAYERS, Activation, Add, BatchNorm2d, Conv2d, Linear, Pool2d
from cnnviz.network_json import FORMAT, MAX_BYTES, VERSION, NetworkJsonError, from_json, to_json
from cnnviz.network_text import MAX_TEXT, format_network, parse_network
from cnnviz.prepared_networks import NETWORKS
from cnnviz.skip_layers import Off
from tests.fuzzing import examples
from tests.random_networks import networks
from tests.settings_space import any_setting, any_settings

shapes = st.tuples(*[st.integers(1, 5000)] * 3)


@examples(200)
@given(any_settings, shapes)
def test_what_is_described_is_read_back(layers, shape):
    text = to_json(layers, shape)
    if len(format_network(layers)) > MAX_TEXT:
        with pytest.raises(NetworkJsonError, match="characters long"):
            from_json(text)
        return
    for form in (text, text.encode(), "\ufeff".encode() + text.encode(), text.encode("utf-16")):
        assert from_json(form) == (tuple(layers), shape)


@examples(100)
@given(networks())
def test_networks_that_work_are_read_back(network):
    layers, shape = network
    assert from_json(to_json(layers, shape)) == (layers, shape)


@examples(200)
@given(any_setting)
def test_a_description_is_plain_and_as_short_as_can_be(layer):
    (described,) = json.loads(to_json([layer], (1, 2, 3)))["layers"]
    inside = layer.layer if isinstance(layer, Off) else layer
    assert described.pop("type") == type(inside).__name__
    assert described.pop("off", False) is isinstance(layer, Off)
    # each setting that is left out was at its default, and each that is there was not
    for name in described:
        less = {key: value for key, value in described.items() if key != name}
        try:
            again, _ = from_json(file([{"type": type(inside).__name__, **less}]))
        except NetworkJsonError:
            assert name == "name"  # parameters of another activation
        else:
            assert again != (inside,)
    assert from_json(file([{"type": type(inside).__name__, **described}]))[0] == (inside,)


def file(layers, **head):
    return json.dumps({"format": FORMAT, "version": VERSION, "input": [3, 32, 32], "layers": layers, **head})


def test_a_description_by_hand():
    text = to_json(parse_network("conv:12@3x3,same|leaky_relu,negative_slope=0.2|max:3,s2|-norm|add:1"), (3, 32, 32))
    assert json.loads(text) == {
        "format": "cnnviz-network",
        "version": 1,
        "input": [3, 32, 32],
        "layers": [
            {"type": "Conv2d", "out_channels": 12, "padding": "same"},
            {"type": "Activation", "name": "leaky_relu", "parameters": {"negative_slope": 0.2}},
            {"type": "Pool2d", "kernel_size": [3, 3], "stride": [2, 2]},
            {"type": "BatchNorm2d", "off": True},
            {"type": "Add", "back": 1},
        ],
    }
    assert text.endswith("}\n")
    # sizes may be one number
    again, shape = from_json(file([{"type": "Conv2d", "kernel_size": 5, "padding": 2, "padding_value": 1}]))
    assert (again, shape) == ((Conv2d(1, 5, padding=2, padding_value=1.0),), (3, 32, 32))
    assert from_json(file([{"type": "Pool2d", "kernel_size": 3}]))[0] == (Pool2d("max", 3, 3),)
    assert from_json(file([{"type": "Linear", "in_features": None, "off": False}]))[0] == (Linear(),)
    assert from_json(file([])) == ((), (3, 32, 32))


@pytest.mark.parametrize("prepared", NETWORKS.values(), ids=list(NETWORKS))
def test_prepared_networks_are_read_back(prepared):
    layers = parse_network(prepared.text)
    assert from_json(to_json(layers, (1, 32, 32))) == (layers, (1, 32, 32))


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_is_read_by_its_name(layer):
    assert from_json(file([{"type": layer.__name__}]))[0] == (layer(),)
    names = [field.name for field in fields(layer)]
    has = f"it has {', '.join(names)}" if names else "it has no settings"
    with pytest.raises(NetworkJsonError, match=rf"^Layer 2: {layer.__name__} has no 'colour'; {has}\.$"):
        from_json(file([{"type": "Add"}, {"type": layer.__name__, "colour": 1}]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "This is not JSON that can be read"),
        ("{", "This is not JSON that can be read"),
        (b"\xff\xfe\x00", "This is not JSON that can be read"),
        ("\ud800", "This is not JSON that can be read"),
        ("[" * 100_000, "This is not JSON that can be read"),
        ('{"a":' * 30_000, "This is not JSON that can be read"),
        ('{"input": [3, NaN, 2]}', "This is not JSON that can be read"),
        ('{"input": [3, -Infinity, 2]}', "This is not JSON that can be read"),
        ("1" * 100_000, "This is not JSON that can be read"),
        ("[]", 'This is no description of a network: it has to say "format": "cnnviz-network"'),
        ("null", "This is no description of a network"),
        ('{"format": "onnx"}', "This is no description of a network"),
        ('{"format": ["cnnviz-network"]}', "This is no description of a network"),
        (" " * (MAX_BYTES + 1), f"The file has {MAX_BYTES + 1:,} bytes; a description has at most {MAX_BYTES:,}"),
        (file([], version=2), "Version 1 of the format is read here, not 2"),
        (file([], version="1"), "Version 1 of the format is read here, not '1'"),
        (file([], version=True), "Version 1 of the format is read here, not True"),
        (file([], version=None), "Version 1 of the format is read here, not None"),
        (file([], input=[3, 32]), '"input" has to be three whole numbers, such as'),
        (file([], input=[3, 32, 32, 1]), '"input" has to be three whole numbers'),
        (file([], input=[3, 32, 0]), '"input" has to be three whole numbers'),
        (file([], input=[3, 32, 1.0]), '"input" has to be three whole numbers'),
        (file([], input=[3, 32, True]), '"input" has to be three whole numbers'),
        (file([], input="3, 2, 1"), '"input" has to be three whole numbers'),
        (file([], input={"0": 1, "1": 2, "2": 3}), '"input" has to be three whole numbers'),
        (file({}), '"layers" has to be a list of at most 64 layers'),
        (file(None), '"layers" has to be a list of at most 64 layers'),
        (file([{"type": "Add"}] * 65), '"layers" has to be a list of at most 64 layers'),
        (file([[]]), "Layer 1: its type has to be one of Conv2d, .*, Linear, Add"),
        (file([{}]), "Layer 1: its type has to be one of"),
        (file([{"type": "Add"}, {"type": "LSTM"}]), "Layer 2: its type has to be one of"),
        (file([{"type": ["Add"]}]), "Layer 1: its type has to be one of"),
        (file([{"type": "Off"}]), "Layer 1: its type has to be one of"),
        (file([{"type": "Add", "off": "yes"}]), "Layer 1: off is true or false, not 'yes'"),
        (file([{"type": "Add", "off": 1}]), "Layer 1: off is true or false, not 1"),
        (file([{"type": "Conv2d", "x" * 90: 1}]), "Layer 1: Conv2d has no 'x{39}…; it has out_channels"),
        (file([{"type": "Add"}] * 2 + [{"type": "Conv2d", "groups": 1.5}]), "Layer 3: groups must be a whole number"),
        (file([{"type": "Conv2d", "out_channels": 0}]), "Layer 1: out_channels must be a whole number, at least 1"),
        (file([{"type": "Conv2d", "padding": [0, -1]}]), "Layer 1: padding must be at least 0"),
        (file([{"type": "Conv2d", "padding": "full"}]), 'Layer 1: padding must be "valid", "same"'),
        (file([{"type": "Conv2d", "padding_mode": "mirror"}]), "Layer 1: unknown padding_mode 'mirror'"),
        (file([{"type": "Conv2d", "padding_value": 1e7}]), "Layer 1: padding_value is a number up to a million"),
        (file([{"type": "Conv2d", "kernel_size": 10_000}]), "Layer 1: kernel_size is a whole number up to 9999"),
        (file([{"type": "Linear", "in_features": 10**10}]), "Layer 1: in_features is a whole number of at most nine"),
        (file([{"type": "Activation", "name": "swish"}]), "Layer 1: unknown activation 'swish'"),
        (file([{"type": "Activation", "parameters": {"alpha": 1}}]), "Layer 1: relu has no parameter 'alpha'"),
        (file([{"type": "Activation", "name": "elu", "parameters": {"alpha": "x"}}]), "alpha must be a finite number"),
        (file([{"type": "BatchNorm2d", "eps": 0}]), "Layer 1: eps must be a number above 0, not 0"),
        (file([{"type": "Dropout", "p": 2}]), r"Layer 1: p must lie in \[0, 1\]"),
    ],
)  # fmt: skip
def test_each_way_to_be_wrong_is_told(text, words):
    with pytest.raises(NetworkJsonError, match=words):
        from_json(text)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("Conv2d", "kernel_size", [3, 3, 3]),
        ("Conv2d", "kernel_size", [3]),
        ("Conv2d", "kernel_size", [3, 3.0]),
        ("Conv2d", "kernel_size", [3, True]),
        ("Conv2d", "kernel_size", {"0": 3}),
        ("Conv2d", "kernel_size", True),
        ("Conv2d", "out_channels", True),
        ("Conv2d", "out_channels", None),
        ("Conv2d", "out_channels", [1, 2]),
        ("Conv2d", "bias", 1),
        ("Conv2d", "bias", "no"),
        ("Conv2d", "bias", None),
        ("Conv2d", "padding_value", True),
        ("Conv2d", "padding_value", "1"),
        ("Conv2d", "padding_mode", "x" * 31),
        ("Conv2d", "stride", None),
        ("Dropout", "p", True),
        ("Dropout", "p", [0, 1]),
        ("BatchNorm2d", "eps", "1e-5"),
        ("Activation", "name", None),
        ("Activation", "parameters", None),
        ("Activation", "parameters", "relu"),
        ("Activation", "parameters", []),
        ("Activation", "parameters", {"a": True}),
        ("Activation", "parameters", {"a": [1, 2]}),
        ("Activation", "parameters", {"a": {"b": 1}}),
        ("Activation", "parameters", {"abcde"[i]: 1 for i in range(5)}),
        ("Linear", "in_features", "784"),
        ("Add", "back", False),
    ],
)
def test_values_of_another_kind_are_told(kind, name, value):
    with pytest.raises(NetworkJsonError, match=rf"^Layer 1: {name} (cannot be|must be a whole number)"):
        from_json(file([{"type": kind, name: value}]))


plain = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.integers(), st.floats(), st.text(max_size=40),
    st.sampled_from(["same", "relu", "elu", "max", "zeros", "softmax", 10**30, 1e300, 5e-324, [3, 3], [1, 2, 3], {}]),
)  # fmt: skip
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
names = st.sampled_from(sorted({field.name for layer in LAYERS for field in fields(layer)} | {"off", "type", "stage"}))
entries = st.dictionaries(names, nested, max_size=4)
odd_layers = st.tuples(st.sampled_from([layer.__name__ for layer in LAYERS]), entries).map(
    lambda parts: {"type": parts[0], **parts[1]}
)
# one odd value in a layer's own setting, where it is most likely to be taken
odd_settings = st.sampled_from([(layer.__name__, field.name) for layer in LAYERS for field in fields(layer)]).flatmap(
    lambda where: st.one_of(nested, st.dictionaries(st.sampled_from(["alpha", "over", "beta"]), plain)).map(
        lambda value: {"type": where[0], where[1]: value}
    )
)


@examples(500)
@given(st.lists(odd_layers | odd_settings, max_size=3), st.dictionaries(st.sampled_from(["input", "version"]), nested))
@example([{"type": "Activation", "parameters": {"over": []}}], {})
@example([{"type": "Pool2d", "kernel_size": 10**9, "padding": 10**10}], {})
@example([{"type": "Conv2d", "padding_value": 10**400}], {})
def test_hostile_descriptions_are_read_or_told(layers, head):
    check(file(layers, **head))


@examples(200)
@given(st.text() | st.binary() | nested.map(json.dumps))
def test_hostile_files_are_told(text):
    check(text)


@examples(200)
@given(any_settings, st.data())
def test_damaged_descriptions_are_read_or_told(layers, data):
    text = to_json(layers, (3, 32, 32))
    at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 20))
    check(text[:at] + data.draw(st.text('{}[]",:0123456789eE.-truefalsn', max_size=5)) + text[at + length :])


def check(text):
    try:
        layers, shape = from_json(text)
    except NetworkJsonError as error:
        assert str(error)
        assert len(str(error)) < 500
        return
    # what is read is as good as what is written
    assert all(type(side) is int and side > 0 for side in shape)
    assert from_json(to_json(layers, shape)) == (layers, shape)
    again = parse_network(format_network(layers))
    assert [type(layer) for layer in again] == [type(layer) for layer in layers]


def test_off_and_a_skip_travel():
    layers = (Off(Add(3)), Activation("softmax", {"over": "all"}), BatchNorm2d(1e-3))
    assert from_json(to_json(layers, (1, 1, 1))) == (layers, (1, 1, 1))

"""Networks as text: what is written is read back, whatever layer, and what cannot be read is told by its layer."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnviz.activations import ACTIVATIONS, Choice
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
    Linear,
    Pool2d,
)
from cnnviz.network import survey
from cnnviz.network_text import (
    MAX_LAYERS,
    MAX_TEXT,
    NetworkTextError,
    format_layer,
    format_network,
    parse_layer,
    parse_network,
)
from cnnviz.network_words import WORDS, word_of
from cnnviz.prepared_networks import NETWORKS
from cnnviz.skip_layers import Off
from tests.fuzzing import examples
from tests.random_networks import networks
from tests.settings_space import any_setting, any_settings


@examples(400)
@given(any_setting)
def test_what_is_written_is_read_back(layer):
    text = format_layer(layer)
    assert parse_layer(text) == layer
    assert parse_network(text) == (layer,)
    assert re.fullmatch(r"[a-z0-9_:@,.=-]+", text)  # nothing that an address has to escape


@examples(150)
@given(any_settings)
def test_networks_that_are_written_are_read_back(layers):
    text = format_network(layers)
    if len(text) <= MAX_TEXT:
        assert parse_network(text) == tuple(layers)
        assert format_network(parse_network(text)) == text
    else:
        with pytest.raises(NetworkTextError, match=f"is {len(text)} characters long"):
            parse_network(text)


@examples(100)
@given(networks())
def test_networks_that_work_are_read_back(network):
    layers, shape = network
    again = parse_network(format_network(layers))
    found, wanted = survey(again, shape), survey(layers, shape)
    assert [row.output_shape for row in found.rows] == [row.output_shape for row in wanted.rows]
    # an activation's parameter at its default is not written
    assert again == tuple(map(without_defaults, layers))


def without_defaults(layer):
    if isinstance(layer, Off):
        return Off(without_defaults(layer.layer))
    if isinstance(layer, Activation):
        known = ACTIVATIONS[layer.name].parameters
        return Activation(layer.name, {key: v for key, v in layer.parameters if v != known[key].default})
    return layer


@examples(200)
@given(any_setting, st.data())
def test_no_written_option_can_be_left_out(layer, data):
    """What stands at its default is not written, so without any of its options the layer is another."""
    name, *options = format_layer(layer).split(",")
    if options:
        gone = data.draw(st.integers(0, len(options) - 1))
        text = ",".join([name, *options[:gone], *options[gone + 1 :]])
        assert parse_layer(text) != layer
        assert format_layer(parse_layer(text)) == text
    # in whatever order they come
    mixed = data.draw(st.permutations(options))
    assert parse_layer(",".join([name, *mixed])) == layer


@examples(150)
@given(any_setting, st.data())
def test_case_and_spaces_do_not_matter(layer, data):
    text = format_layer(layer)
    spaced = "".join(
        data.draw(st.sampled_from([c, c, c.upper(), f" {c}", f"{c}\t", f"\n{c} ", f"\u00a0{c}"])) for c in text
    )
    assert parse_layer(spaced) == layer


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("conv:12@3x3", [Conv2d(12)]),
        ("conv:12@5x5,s2,same", [Conv2d(12, 5, 2, "same")]),
        ("conv:4@3x5,s2x1,p1x2,d1x2,g2,nobias", [
            Conv2d(4, (3, 5), (2, 1), (1, 2), dilation=(1, 2), groups=2, bias=False),
        ]),
        ("conv:1@3x3,p0", [Conv2d(padding=0)]),
        ("conv:1@3x3,same,constant,value=0.5", [Conv2d(padding="same", padding_mode="constant", padding_value=0.5)]),
        ("conv:1@3x3,p1,reflect", [Conv2d(padding=1, padding_mode="reflect")]),
        ("separable:32@3x3,s2,same", [DepthwiseSeparableConv2d(32, 3, 2, "same")]),
        ("transposed:8@3x3,s2,p1,o1,g2", [ConvTranspose2d(8, 3, 2, 1, 1, groups=2)]),
        ("relu|leaky_relu,negative_slope=0.2", [Activation(), Activation("leaky_relu", {"negative_slope": 0.2})]),
        ("softplus,beta=2,threshold=1", [Activation("softplus", {"beta": 2.0, "threshold": 1.0})]),
        ("softmax,over=all", [Activation("softmax", {"over": "all"})]),
        ("max:2|avg:3,s2,p1|min:2x3|l2:2,d2", [
            Pool2d("max"), Pool2d("avg", 3, 2, 1), Pool2d("min", (2, 3)), Pool2d("l2", 2, dilation=2),
        ]),
        ("max:3,s2", [Pool2d("max", 3, 2)]),
        ("global_avg|adaptive_max:3|adaptive_l2:7x5", [
            GlobalPool2d("avg"), AdaptivePool2d("max", 3), AdaptivePool2d("l2", (7, 5)),
        ]),
        ("norm|norm,eps=0.001|dropout:0.5|flatten", [BatchNorm2d(), BatchNorm2d(1e-3), Dropout(), Flatten()]),
        ("linear:10|linear:3,nobias|linear:4096,in=25088", [
            Linear(), Linear(3, False), Linear(4096, in_features=25088),
        ]),
        ("add:3|-add:1|-conv:2@1x1", [Add(3), Off(Add(1)), Off(Conv2d(2, 1))]),
    ],
)  # fmt: skip
def test_texts_by_hand(text, layers):
    assert parse_network(text) == tuple(layers)
    assert format_network(layers) == text.strip()


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("conv", Conv2d()),
        ("conv@5x5", Conv2d(kernel_size=5)),
        ("conv:3@5", Conv2d(3, 5)),
        ("CONV:3 @ 5 X 5 , VALID", Conv2d(3, 5)),
        ("conv:1@3x3,zeros,value=0,s1x1,d1,g1,valid", Conv2d()),
        ("conv,,same,", Conv2d(padding="same")),
        ("conv:0003", Conv2d(3)),
        ("max", Pool2d()),
        ("max:3,s3", Pool2d("max", 3)),
        ("- relu", Off(Activation())),
        ("norm,eps=1e-5", BatchNorm2d()),
        ("linear:10,in=000000784", Linear(10, in_features=784)),
        ("add", Add()),
    ],
)
def test_other_ways_to_write_the_same(text, layer):
    assert parse_layer(text) == layer


def test_each_word_makes_what_is_written_with_it():
    for name, word in WORDS.items():
        layer = word.default()
        assert parse_layer(name) == layer
        assert word_of(layer) == (name, word)
        assert format_layer(layer).startswith(name)
        assert {entry.name for entry in word.fields} <= {field.name for field in fields(layer)} | set(
            getattr(ACTIVATIONS.get(name), "parameters", {})
        )
    assert {word.make for word in WORDS.values()} == set(LAYERS)
    # every setting of every layer can be written
    for name, word in WORDS.items():
        settings = {field.name for field in fields(word.default())} - {"parameters"}
        if name in ACTIVATIONS:
            settings |= set(ACTIVATIONS[name].parameters)
        assert {entry.name for entry in word.fields} | set(word.fixed) == settings


@pytest.mark.parametrize("text", ["", "  \n ", "nothing", "Nothing "])
def test_no_layers_are_a_network_too(text):
    assert parse_network(text) == ()
    assert format_network(()) == "nothing", "an empty text would mean the default"


def test_an_activation_called_none_is_the_identity():
    assert Activation("none") == Activation("identity")
    assert format_layer(Activation("none")) == "identity"


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if ACTIVATIONS[name].parameters])
def test_an_activations_defaults_are_not_written(name):
    parameters = {key: parameter.default for key, parameter in ACTIVATIONS[name].parameters.items()}
    assert format_layer(Activation(name, parameters)) == name
    assert parse_layer(name) == Activation(name)
    for key, parameter in ACTIVATIONS[name].parameters.items():
        other = next(o for o in parameter.options if o != parameter.default) if isinstance(parameter, Choice) else 0.125
        text = format_layer(Activation(name, {**parameters, key: other}))
        assert text == f"{name},{key}={other}"
        assert parse_layer(text) == Activation(name, {key: other})


@pytest.mark.parametrize("value", [1e-3, 0.30000000000000004, 5e-324, 1e6, 999999.9999999999, 0.1, 123456.789, 1e-300])
def test_numbers_survive_to_the_last_digit(value):
    for layer in (
        BatchNorm2d(value),
        Activation("elu", {"alpha": -value}),
        Conv2d(padding_mode="constant", padding_value=value),
    ):
        assert parse_layer(format_layer(layer)) == layer
    if value <= 1:
        assert parse_layer(format_layer(Dropout(value))) == Dropout(value)


@pytest.mark.parametrize(("name", "prepared"), NETWORKS.items())
def test_prepared_networks_are_written_as_short_as_can_be(name, prepared):
    layers = parse_network(prepared.text)
    assert format_network(layers) == prepared.text
    assert len(prepared.text) <= 2000
    assert re.fullmatch("[a-z0-9-]+", name)
    assert prepared.color in ("gray", "rgb")
    assert prepared.title and prepared.about.endswith((".", ")."))


# --- what cannot be read

BEGINS = r"is no layer: it begins with one of conv, separable, transposed, identity, .*, linear, add\.$"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("relu|swish", f"^Layer 2: “swish” {BEGINS}"),
        ("relu|", f"^Layer 2: “” {BEGINS}"),
        ("|", f"^Layer 1: “” {BEGINS}"),
        ("relu||relu", f"^Layer 2: “” {BEGINS}"),
        ("--relu", f"^Layer 1: “--relu” {BEGINS}"),
        ("3x3", BEGINS),
        ("conv@3x3:5", "^Layer 1: kernel_size is a whole number up to 9999, or two as in 3x5, not “3x3:5”"),
        ("conv:2:3", "^Layer 1: out_channels is a whole number up to 9999, not “2:3”"),
        ("conv:", "out_channels is a whole number up to 9999, not “”"),
        ("conv:2x3", "out_channels is a whole number up to 9999, not “2x3”"),
        ("conv:-1", "out_channels is a whole number up to 9999, not “-1”"),
        ("conv:12345", "out_channels is a whole number up to 9999, not “12345”"),
        ("conv:²", "not “²”"),
        ("conv:0", "out_channels must be a whole number, at least 1, not 0"),
        ("conv@0", "kernel_size must be at least 1, not 0×0"),
        ("conv@3x3x3", "or two as in 3x5, not “3x3x3”"),
        ("max:1,s0", "stride must be at least 1"),
        ("relu:3", "^Layer 1: relu takes nothing after “:”"),
        ("linear@3", "^Layer 1: linear takes nothing after “@”"),
        ("flatten,s1", "^Layer 1: flatten has no option “s1”. Options: none"),
        ("conv,x3", r"conv has no option “x3”. Options: s2 \(stride\), valid, same or p1, d2 \(dilation\), "
                    r"g2 \(groups\), zeros or constant or reflect or replicate or circular, value=…, nobias"),
        ("transposed,same", r"transposed has no option “same”. Options: s2 \(stride\), p2 \(padding\), "
                            r"o2 \(output padding\)"),
        ("max,reflect", "max has no option “reflect”"),
        ("conv,eps=3", "conv has no option “eps=3”"),
        ("separable,g2", "separable has no option “g2”"),
        ("conv,s2,s2", "conv is told its stride twice"),
        ("conv,valid,p1", "conv is told its padding twice"),
        ("conv,zeros,reflect", "conv is told its padding_mode twice"),
        ("linear,nobias,nobias", "linear is told its bias twice"),
        ("conv,value=x", "padding_value is a number up to a million, not “x”"),
        ("conv,value=1000001", "padding_value is a number up to a million, not “1000001”"),
        ("conv,value=nan", "up to a million, not “nan”"),
        ("conv,value=-inf", "up to a million, not “-inf”"),
        ("conv,value=", "up to a million, not “”"),
        ("conv,value=" + "0" * 31, "up to a million, not “" + "0" * 30 + "…”"),
        ("norm,eps=0", "eps must be a number above 0, not 0.0"),
        ("dropout:1.5", r"p must lie in \[0, 1\], not 1.5"),
        ("softplus,beta=0", "beta must be a finite number other than 0, not 0.0"),
        ("softmax,over=rows", "over is one of channels, all, not “rows”"),
        ("relu,alpha=1", "relu has no option “alpha=1”. Options: none"),
        ("linear:3,in=0", "in_features must be a whole number, at least 1, not 0"),
        ("linear:3,in=2x2", "in_features is a whole number of at most nine digits, not “2x2”"),
        ("linear:3,in=1234567890", "in_features is a whole number of at most nine digits"),
        ("add:0", "back must be a whole number, at least 1, not 0"),
        ("relu\x00|x", "“relu·” is no layer"),
        ("r" * 100, "“" + "r" * 30 + "…” is no layer"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(text, words):
    with pytest.raises(NetworkTextError, match=words) as told:
        parse_network(text)
    assert re.match(r"Layer \d+: ", str(told.value))
    with pytest.raises(NetworkTextError, match=words.replace("^Layer 1", "^Layer 3").replace("^Layer 2", "^Layer 4")):
        parse_network(f"norm|norm|{text}")


def test_too_many_layers_and_too_long_texts_are_told():
    assert len(parse_network("|".join(["relu"] * MAX_LAYERS))) == MAX_LAYERS
    with pytest.raises(NetworkTextError, match=r"^There are 65 layers; at most 64 are read\.$"):
        parse_network("|".join(["relu"] * 65))
    assert parse_network("relu".ljust(MAX_TEXT)) == (Activation(),)
    with pytest.raises(NetworkTextError, match=r"^The network is 4001 characters long; at most 4000 are read\.$"):
        parse_network("relu".ljust(MAX_TEXT + 1))


def test_a_layer_without_a_word_is_named():
    with pytest.raises(ValueError, match="there is no word for"):
        word_of(replace(Off(Conv2d())))


pieces = st.sampled_from(
    [
        *WORDS,
        *":@,|=-x",
        "s2",
        "p1",
        "same",
        "nobias",
        "value=",
        "in=",
        "9999",
        "0",
        "1e5",
        "3x3",
        "é",
        "ſ",
        "K",
        "\x00",
        " ",
    ]
)
hostile = st.one_of(
    st.text(max_size=200),
    st.lists(pieces, max_size=40).map("".join),
    st.text("|,:@x=-", max_size=80),
    st.integers(0, 5000).map("|".__mul__),
    st.tuples(st.text(max_size=3), st.integers(0, 2000)).map(lambda pair: pair[0] * pair[1]),
    st.lists(pieces, min_size=2, max_size=6).map(lambda found: found[0] + ":" + ",".join(found[1:])),
)


@examples(500)
@given(hostile)
@example("conv:1@3x3" + "," * 3000)
@example("-" * 3999)
@example("conv:" + "9" * 3990)
@example("İ|ﬀ|\ud800")
def test_hostile_texts_are_read_or_told(text):
    try:
        layers = parse_network(text)
    except NetworkTextError as error:
        assert str(error).startswith(("Layer ", "There are ", "The network is "))
        assert len(str(error)) < 500
        assert str(error).isprintable()
    else:
        assert parse_network(format_network(layers)) == tuple(map(without_defaults, layers))


@examples(300)
@given(st.lists(pieces, min_size=1, max_size=12).map("".join), st.tuples(*[st.integers(1, 300)] * 3))
@example("transposed:1@1x1,s9999|transposed:1@1x1,s9999|max:2|min:9999,d9999,same|avg:1,p9999", (3, 64, 64))
@example("max:1,p9999,d9999|min:9999,d9999,s1,same", (3, 64, 64))
def test_whatever_is_read_can_be_surveyed(text, shape):
    try:
        layers = parse_network(text)
    except NetworkTextError:
        return
    found = survey(layers, shape)
    assert len(found.rows) == (found.fault.index if found.fault else len(layers))

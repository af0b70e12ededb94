"""The one change that mends a network: it works, it is said, and it is the only one of its kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.functional import ShapeError
from cnnviz.layers import Activation, Add, Conv2d, Flatten, Layer, Linear
from cnnviz.network import forward, summary, survey
from cnnviz.network_mends import Mend, mend
from cnnviz.network_text import format_network, parse_network
from tests.fuzzing import examples
from tests.random_networks import fitting_skips
from tests.settings_space import any_on
from tests.test_layers import any_layer, any_shape
from tests.test_network_survey import broken

some_layers = st.lists(st.one_of(any_layer, any_layer, st.builds(Add, st.integers(1, 4))), max_size=6)


@examples(250)
@given(broken())
def test_a_mend_makes_the_layer_work_and_is_offered_only_where_it_is_certain(case):
    layers, index, _, shapes = case
    layer, before, offered = layers[index], shapes[-1], mend(layers, shapes[0])
    if isinstance(layer, Linear):
        assert offered.words == ("Put flatten before it" if len(before) == 3 else f"Set in_features to {before[0]}")
    elif isinstance(layer, Add):
        fitting = fitting_skips(shapes)
        if len(fitting) != 1:
            assert offered is None
            return
        assert offered.words == f"Let it skip {fitting[0]} layer{'' if fitting[0] == 1 else 's'}"
        assert offered.layers == (*layers[:index], Add(fitting[0]), *layers[index + 1 :])
    else:
        assert offered is None
        return
    more = len(offered.layers) - len(layers)  # the flatten before it
    assert more in (0, 1)
    found = survey(offered.layers, shapes[0])
    assert found.fault is None or found.fault.index > index + more
    assert offered.layers[:index] == layers[:index]
    assert offered.layers[index + more + 1 :] == layers[index + 1 :]
    assert parse_network(format_network(offered.layers[: index + more + 1]))  # an address can hold it
    again = mend(offered.layers, shapes[0])
    assert again is None or again.layers != offered.layers


@examples(200)
@given(some_layers, any_shape)
def test_whatever_the_layers_a_survey_tells_what_running_does(layers, shape):
    found = survey(layers, shape)
    offered = mend(layers, shape)
    tensors, now = [], shape
    for layer, row in zip(layers, found.rows):
        wanted = layer.parameter_shapes(now)
        tensors.append({name: torch.ones(size) for name, size in wanted.items()})
        now = row.output_shape
    tensors += [{}] * (len(layers) - len(tensors))
    x = torch.ones(1, *shape)
    if found.fault is None:
        assert offered is None
        assert tuple(forward(layers, x, tensors)[-1].output.shape[1:]) == now
        assert summary(layers, shape) == found
        return
    with pytest.raises(ShapeError) as ran:
        forward(layers, x, tensors)
    with pytest.raises(ShapeError) as added_up:
        summary(layers, shape)
    index = found.fault.index
    assert (
        str(ran.value)
        == str(added_up.value)
        == f"layer {index + 1}, {type(layers[index]).__name__}: {found.fault.error}"
    )
    assert isinstance(offered, Mend | None)
    assert offered is None or isinstance(layers[index], Linear | Add)


@examples(100)
@given(st.lists(any_on, max_size=4), st.tuples(*[st.integers(1, 40)] * 3))
def test_layers_of_any_settings_are_surveyed_and_mended(layers, shape):
    found, offered = survey(layers, shape), mend(layers, shape)
    assert all(isinstance(row.layer, Layer) for row in found.rows)
    assert found.fault or offered is None
    if offered:
        mended = survey(offered.layers, shape)
        assert mended.fault is None or mended.fault.index > found.fault.index


def changed(text, shape):
    offered = mend(parse_network(text), shape)
    return offered and (offered.words, format_network(offered.layers))


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("conv:2@3x3|linear:10", (1, 8, 8), ("Put flatten before it", "conv:2@3x3|flatten|linear:10")),
        (
            "conv:2@3x3|linear:10,in=9,nobias|softmax",
            (1, 8, 8),
            ("Put flatten before it", "conv:2@3x3|flatten|linear:10,in=72,nobias|softmax"),
        ),
        ("flatten|linear:10,in=65", (1, 8, 8), ("Set in_features to 64", "flatten|linear:10,in=64")),
        (
            "conv:2@3x3,same|relu|add:1|add:3|add:2|flatten|linear:1,in=9",
            (2, 2, 2),
            ("Set in_features to 8", "conv:2@3x3,same|relu|add:1|add:3|add:2|flatten|linear:1,in=8"),
        ),
        ("conv:2@3x3,same|relu|add:2", (1, 8, 8), ("Let it skip 1 layer", "conv:2@3x3,same|relu|add:1")),
        ("max:1|max:2|conv:1@3x3|conv:1@3x3,p2|add:9", (1, 8, 8), ("Let it skip 2 layers",
         "max:1|max:2|conv:1@3x3|conv:1@3x3,p2|add:2")),
        ("add:1|relu", (1, 8, 8), None),
        ("relu|relu|add:3", (1, 8, 8), None),  # one layer or two
        ("max:2|add:1", (1, 8, 8), None),
        ("conv:1@9x9|linear:10", (1, 8, 8), None),
        ("conv:4@3x3,g2", (1, 8, 8), None),
        ("flatten|conv:1@3x3", (1, 8, 8), None),
        ("max:9", (1, 8, 8), None),
        ("relu", (1, 8, 8), None),
        ("", (1, 8, 8), None),
        ("linear:10,in=3", (4,), ("Set in_features to 4", "linear:10,in=4")),
    ],
)  # fmt: skip
def test_mends_by_hand(text, shape, expected):
    assert changed(text, shape) == expected


def test_a_large_flatten_can_be_written():
    words, text = changed("conv:64@3x3,same|flatten|linear:10,in=1", (3, 224, 224))
    assert words == "Set in_features to 3211264"
    assert survey(parse_network(text), (3, 224, 224)).fault is None


def test_one_mend_after_the_other():
    layers = (Conv2d(2), Linear(3, in_features=1), Activation(), Add(2), Linear(2, in_features=5))
    texts = []
    while offered := mend(layers, (1, 5, 5)):
        texts.append(offered.words)
        layers = offered.layers
    assert texts == ["Put flatten before it", "Let it skip 1 layer", "Set in_features to 3"]
    assert survey(layers, (1, 5, 5)).fault is None
    assert layers == (
        Conv2d(2), Flatten(), Linear(3, in_features=18), Activation(), Add(1), replace(Linear(2), in_features=3),
    )  # fmt: skip

"""What a survey says of random networks, against the same networks of torch.nn, run; and faults, each at its layer."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.functional import ShapeError
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
    GlobalPool2d,
    Linear,
    Pool2d,
)
from cnnviz.network import forward, summary, survey
from cnnviz.network_text import parse_network
from cnnviz.prepared_networks import NETWORKS
from cnnviz.shapes import cells_per_window, pool_output_size
from cnnviz.skip_layers import Off
from tests.fuzzing import examples
from tests.option_space import windows
from tests.random_networks import Twin, fitting_skips, networks


def shape_of(prepared):
    return {"gray": 1, "rgb": 3}[prepared.color], prepared.side, prepared.side


def text_of_vgg(*blocks):
    maps = ["|".join([*[f"conv:{filters}@3x3,same|relu"] * count, "max:2"]) for filters, count in blocks]
    return "|".join([*maps, "flatten|linear:4096|relu|dropout:0.5|linear:4096|relu|dropout:0.5|linear:1000|softmax"])


VGG_16 = text_of_vgg((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


# --- networks that work


@examples(200)
@given(networks())
def test_a_survey_is_what_torch_counts(network):
    layers, shape = network
    twin = Twin(layers, shape).double().randomise()
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    flops = []
    kept = [x]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        for layer, before, module in zip(layers, twin.before, twin.modules_):
            done = counter.get_total_flops()
            inputs = module(before(kept[-1]))
            kept.append(inputs + kept[-1 - layer.back] if isinstance(layer, Add) else inputs)
            flops.append(counter.get_total_flops() - done)
    found = survey(layers, shape)
    assert found.fault is None
    assert [row.layer for row in found.rows] == list(layers)
    assert [row.output_shape for row in found.rows] == [tuple(output.shape[1:]) for output in kept[1:]]
    assert [row.parameters for row in found.rows] == [
        sum(parameter.numel() for parameter in module.parameters()) for module in twin.modules_
    ]
    assert [2 * row.macs for row in found.rows] == flops
    # 4 bytes a cell of float32
    assert [row.memory for row in found.rows] == [
        output.float().numel() * output.float().element_size() for output in kept[1:]
    ]
    assert found.parameters == sum(parameter.numel() for parameter in twin.parameters())
    assert 2 * found.macs == sum(flops)
    assert found.memory == sum(4 * output.numel() for output in kept[1:])
    assert all(row.formula == row.layer.formula(tuple(kept[i].shape[1:])) for i, row in enumerate(found.rows))
    assert found == summary(layers, shape)


@examples(200)
@given(networks())
def test_forward_is_the_same_network_of_torch(network):
    layers, shape = network
    twin = Twin(layers, shape).double().randomise()
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        expected = twin.stages(x)
    stages = forward(layers, x, twin.parameters_by_layer())
    assert stages[0].output is x
    outputs = [stage for stage in stages if stage.name != "padded"]
    assert [stage.layer for stage in outputs] == [None, *layers]
    assert [stage.name for stage in outputs] == ["input", *(layer.stage for layer in layers)]
    for stage, output in zip(outputs, expected):
        torch.testing.assert_close(stage.output, output)


class Residual(nn.Module):
    """x + f(x), written as papers write it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        residual = self.norm(self.second(torch.relu(self.first(x))))
        return torch.relu(x + residual)


def test_a_residual_block_and_skips_within_skips():
    layers = parse_network("conv:4@3x3,same|relu|conv:4@3x3,same|norm|add:4|relu")
    block = Residual().double().eval()
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parameters = [
        dict(block.first.state_dict()), {}, dict(block.second.state_dict()),
        {name: value for name, value in block.norm.state_dict().items() if name != "num_batches_tracked"}, {}, {},
    ]  # fmt: skip
    with torch.no_grad():
        torch.testing.assert_close(forward(layers, x, parameters)[-1].output, block(x))
    # y = x + x = 2x; z = y + x = 3x; y + z = 5x
    doubled = forward(parse_network("identity|add:1|add:2|add:1"), x, [{}] * 4)
    assert [stage.name for stage in doubled] == ["input", "activation", "add", "add", "add"]
    for stage, factor in zip(doubled, (1, 1, 2, 3, 5)):
        torch.testing.assert_close(stage.output, factor * x)


def test_a_layer_that_is_off_hands_on_the_very_same_and_costs_nothing():
    x = torch.randn(1, 3, 4, 4)
    layers = [Off(Conv2d(5)), Off(Linear(3)), Off(Add(7))]
    stages = forward(layers, x, [{}] * 3)
    assert all(stage.output is x for stage in stages)
    found = survey(layers, (3, 4, 4))
    assert (found.parameters, found.macs) == (0, 0)
    assert {row.output_shape for row in found.rows} == {(3, 4, 4)}
    assert {row.field for row in found.rows} == {survey([Dropout()], (3, 4, 4)).rows[0].field}


def test_vgg_16_has_its_published_numbers():
    layers, shape = parse_network(VGG_16), (3, 224, 224)
    found = summary(layers, shape)
    assert found.parameters == 138_357_544  # Simonyan & Zisserman 2015, table 2: 138 million
    with torch.device("meta"):
        twin = nn.Sequential(
            *[
                nn.Conv2d(row_in, row.layer.out_channels, 3, padding=1)
                if isinstance(row.layer, Conv2d)
                else nn.Linear(row_in, row.layer.out_features)
                if isinstance(row.layer, Linear)
                else {"max": nn.MaxPool2d(2), "flatten": nn.Flatten()}.get(word, nn.ReLU())
                for word, row, row_in in zip(
                    (part.partition(":")[0] for part in VGG_16.split("|")),
                    found.rows,
                    [3, *(row.output_shape[0] for row in found.rows)],
                )
            ]
        )
        with FlopCounterMode(display=False) as flops:
            out = twin(torch.empty(1, *shape))
    assert tuple(out.shape[1:]) == found.rows[-1].output_shape == (1000,)
    assert found.parameters == sum(parameter.numel() for parameter in twin.parameters())
    assert 2 * found.macs == flops.get_total_flops()
    assert found.macs == 15_470_264_320
    assert found.rows[0].memory == 64 * 224 * 224 * 4
    # layer by layer: a convolution adds two of the steps so far, a pool one, and doubles the step
    sizes = [row.field.size[0] for row in found.rows if isinstance(row.layer, (Conv2d, Pool2d))]
    assert sizes == [3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212]
    last_pool = next(row for row in reversed(found.rows) if isinstance(row.layer, Pool2d))
    assert (last_pool.field.size, last_pool.field.stride, last_pool.field.start) == ((212, 212), (32, 32), (-90, -90))
    assert found.rows[-1].field.size == (212 + 6 * 32,) * 2  # all 7 × 7 cells of the last pool
    assert found.rows[-1].field.stride == (0, 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_prepared_networks_are_what_torch_makes_of_them(name):
    prepared = NETWORKS[name]
    layers, shape = parse_network(prepared.text), shape_of(prepared)
    twin = Twin(layers, shape).randomise()
    found = summary(layers, shape)
    assert [row.output_shape for row in found.rows] == twin.shapes[1:]
    assert found.parameters == sum(parameter.numel() for parameter in twin.parameters())
    x = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(forward(layers, x, twin.parameters_by_layer())[-1].output, twin.stages(x)[-1])


def test_prepared_networks_keep_their_word():
    surveys = {name: summary(parse_network(each.text), shape_of(each)) for name, each in NETWORKS.items()}
    lesson = surveys["lesson"]
    assert lesson.rows[-2].parameters / lesson.parameters > 0.98  # nearly all in the last step
    assert surveys["lenet5"].parameters == 61_706  # 60,000 in the paper, whose second layer leaves connections out
    assert surveys["dilated"].rows[-1].field.size == (31, 31)
    assert surveys["dilated"].rows[-1].output_shape == (1, 64, 64)
    pair = surveys["tiny-vgg"].rows[2]
    assert pair.field.size == (5, 5)


# --- networks that do not


def on_maps(shapes):
    """Layers that cannot follow maps of the last shape, each with words of its sentence."""
    (channels, height, width), index = shapes[-1], len(shapes) - 1
    wrong = [
        (Conv2d(kernel_size=(height + 1, 1)), rf"kernel {height + 1}×1 does not fit the input {height}×{width}"),
        (
            Conv2d(kernel_size=(1, width + 3), padding=(0, 1)),
            rf"kernel 1×{width + 3} does not fit the padded input {height}×{width + 2}",
        ),
        (DepthwiseSeparableConv2d(2, (height + 2, 1)), rf"kernel {height + 2}×1 does not fit"),
        (
            Conv2d(kernel_size=(2, 1), dilation=(height, 1)),
            rf"kernel 2×1 \(dilated: {height + 1}×1\) does not fit the input {height}×{width}"
            if height > 1
            else rf"kernel 2×1 does not fit the input {height}×{width}",
        ),
        (Pool2d("max", (1, width + 1)), rf"window 1×{width + 1} does not fit the input {height}×{width}"),
        (
            Pool2d("avg", 1, padding=1),
            rf"pooling window 1×1 at index 0 of the output rows covers padding only.*the input is {height}×{width}",
        ),
        (
            Conv2d(channels + 1, 1, groups=channels + 1),
            rf"{channels} input and {channels + 1} output channels do not split into {channels + 1} groups",
        ),
        (
            ConvTranspose2d(1, 1, padding=(height, 0)),
            rf"padding {height}×0 cuts everything away: .* an input {height}×{width} with a kernel 1×1 would be",
        ),
        (ConvTranspose2d(output_padding=1), "output_padding 1 must be smaller than stride 1 or dilation 1"),
        (
            Conv2d(padding=(height, 0), padding_mode="reflect", kernel_size=1),
            rf"reflect padding of {height} rows needs an input with at least {height + 1} rows; this one has {height}",
        ),
        (
            Conv2d(padding=(0, width + 1), padding_mode="circular", kernel_size=1),
            rf"circular padding of {width + 1} columns needs an input with at least {width + 1} columns",
        ),
        (Linear(3), rf"Linear takes a vector, not maps {channels}×{height}×{width}: put Flatten before it"),
    ]
    return [*wrong, *anywhere(shapes, index)]


def on_vectors(shapes):
    (features,), index = shapes[-1], len(shapes) - 1
    maps = (Conv2d(), DepthwiseSeparableConv2d(), ConvTranspose2d(), Pool2d(), AdaptivePool2d(), GlobalPool2d())
    return [
        *((layer, rf"{type(layer).__name__} takes maps \(C, H, W\)[^(]*, not \({features},\)") for layer in maps),
        (BatchNorm2d(), rf"BatchNorm2d takes maps .*, not \({features},\)"),
        (Linear(2, in_features=features + 1), f"Linear expects {features + 1} inputs but gets {features}"),
        *anywhere(shapes, index),
    ]


def anywhere(shapes, index):
    stands = "stands" if index == 1 else "stand"
    wrong = [(Add(index + 2), f"Add skips {index + 2} layers, but {index} {stands} before it")]
    for back in range(1, index + 1):
        if shapes[index - back] != shapes[index]:
            skipped, last = ("×".join(map(str, shapes[at])) for at in (index - back, index))
            layers = "1 layer" if back == 1 else f"{back} layers"
            wrong.append((Add(back), f"Add cannot add {skipped}, which skipped {layers}, to {last}: both must have"))
    return wrong


@st.composite
def broken(draw):
    """Layers of which one cannot work, its index, words of its sentence, the input's shape and those before it."""
    layers, shape = draw(networks(most=5))
    shapes = Twin(layers, shape).shapes
    index = draw(st.integers(0, len(layers)))
    before = shapes[: index + 1]
    choices = on_vectors(before) if len(before[-1]) == 1 else on_maps(before)
    layer, words = draw(st.sampled_from(choices))
    return (*layers[:index], layer, *layers[index:]), index, words, before


@examples(200)
@given(broken())
def test_a_fault_is_blamed_on_its_layer_and_the_rows_before_it_stand(case):
    layers, index, words, shapes = case
    found = survey(layers, shapes[0])
    assert found.fault.index == index
    assert re.search(words, str(found.fault.error))
    assert found.rows == summary(layers[:index], shapes[0]).rows
    assert [row.output_shape for row in found.rows] == shapes[1:]
    sentence = f"layer {index + 1}, {type(layers[index]).__name__}: {found.fault.error}"
    with pytest.raises(ShapeError) as told:
        summary(layers, shapes[0])
    assert str(told.value) == sentence
    parameters = Twin(layers[:index], shapes[0]).parameters_by_layer() + [{}] * (len(layers) - index)
    with pytest.raises(ShapeError) as told:
        forward(layers, torch.zeros(1, *shapes[0]), parameters)
    assert str(told.value) == sentence
    # switched off, it does no harm
    mended = survey((*layers[:index], Off(layers[index]), *layers[index + 1 :]), shapes[0])
    assert mended.fault is None or mended.fault.index > index


def test_every_way_to_break_a_network_is_one():
    for shapes in ([(3, 5, 4)], [(2, 9, 9), (1, 3, 3), (2, 5, 7)], [(3, 2, 2), (12,)], [(4,), (4,), (7,)]):
        for layer, words in on_vectors(shapes) if len(shapes[-1]) == 1 else on_maps(shapes):
            with pytest.raises(ShapeError, match=words):
                layer.output_shape(*(shapes[at] for at in layer.sources(len(shapes) - 1)))


def test_skips_that_cannot_be_are_named():
    with pytest.raises(ShapeError, match="layer 1, Add: Add skips 1 layer, but 0 stand before it"):
        summary([Add(1)], (1, 2, 2))
    with pytest.raises(ShapeError, match="layer 2, Add: Add skips 2 layers, but 1 stands before it"):
        summary([Activation(), Add()], (1, 2, 2))
    with pytest.raises(ShapeError, match="Add takes two inputs: what the last layer made"):
        Add().output_shape((1, 2, 2))
    with pytest.raises(ShapeError, match="Add needs no parameters"):
        Add(1)(torch.zeros(1, 2), torch.zeros(1, 2), weight=torch.zeros(1))
    with pytest.raises(ShapeError, match="Add cannot add 3, which skipped 1 layer, to 2"):
        Add(1)(torch.zeros(1, 2), torch.zeros(1, 3))
    for back in (0, -1, 1.5, None):
        with pytest.raises(ShapeError, match="back must be a whole number, at least 1"):
            Add(back)


def test_random_networks_hold_what_these_tests_are_about():
    backs, kinds = Counter(), Counter()

    @settings(examples(300), derandomize=True, database=None)
    @given(networks())
    def collect(network):
        backs.update(layer.back for layer in network[0] if isinstance(layer, Add))
        kinds.update({type(layer) for layer in network[0]})

    collect()
    assert min(backs[1], backs[2], backs[3]) >= 3
    assert set(kinds) == {*LAYERS, Off}
    assert min(kinds.values()) >= 10


# --- windows in padding alone, found without a look at every window


@examples(200)
@given(windows())
def test_a_pool_finds_the_windows_without_cells(case):
    size, options = case
    arguments = size, options["kernel_size"], options["stride"], options["padding"], options["dilation"]
    try:
        counts = cells_per_window(*arguments)
    except ShapeError:
        with pytest.raises(ShapeError, match="does not fit"):
            pool_output_size(*arguments)
        return
    empty = [(axis, found.index(0)) for axis, found in zip(("rows", "columns"), counts) if 0 in found]
    if not empty:
        assert pool_output_size(*arguments) == (len(counts[0]), len(counts[1]))
        return
    with pytest.raises(ShapeError, match=f"at index {empty[0][1]} of the output {empty[0][0]} covers padding only"):
        pool_output_size(*arguments)


def test_a_pool_of_a_gigantic_map_is_surveyed_like_any_other():
    text = "transposed:1@1x1,s9999|transposed:1@1x1,s9999|max:2,p1|avg:9999,s1,d9999,same|adaptive_max:9999"
    found = survey(parse_network(text), (1, 32, 32))
    side = (31 * 9999 + 1 - 1) * 9999 + 1
    assert found.fault is None
    assert [row.output_shape[1] for row in found.rows[1:4]] == [side, side // 2 + 1, side // 2 + 1]


def test_fitting_skips_are_those_of_the_survey():
    layers, shape = parse_network("conv:3@3x3,same|relu|max:2|conv:3@3x3,same"), (3, 8, 8)
    shapes = [shape, *(row.output_shape for row in survey(layers, shape).rows)]
    assert fitting_skips(shapes) == [1]
    works = [survey([*layers, replace(Add(), back=back)], shape).fault is None for back in range(1, 5)]
    assert works == [True, False, False, False]

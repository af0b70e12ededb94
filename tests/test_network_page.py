"""The page Network: its row against torch's own pass, its layers opened, what cannot work, what is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cnnviz.images import SAMPLES, load_image
from cnnviz.layers import LAYERS, AdaptivePool2d, BatchNorm2d, Flatten, GlobalPool2d, Linear, Pool2d
from cnnviz.network import forward, summary
from cnnviz.network_json import to_json
from cnnviz.network_text import NOTHING, format_network, parse_network
from cnnviz.network_weights import draw_weights, weights_file
from cnnviz.prepared_networks import NETWORKS
from cnnviz.ui import PAGES, help, network
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.network_columns import columns_of
from cnnviz.ui.network_files import FILES
from cnnviz.ui.network_stages import is_dense, opened
from cnnviz.ui.network_view import pack
from cnnviz.ui.settings import NETWORK
from tests.test_pages import Lab

SETTINGS = {setting.name: setting for setting in NETWORK}
DEFAULTS = {setting.name: setting.parse(setting.default) for setting in NETWORK}


def unpack(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("<I", data[:4])
    told: dict[str, Any] = json.loads(data[4 : 4 + length])
    at = 4 + length + 768 * len(told["scales"])
    for column in told["columns"]:
        count, height, width = column["small"]
        levels = np.frombuffer(data, np.uint8, count * height * width, at)
        column["levels"] = levels.reshape(count, height, width)
        at += levels.size
    assert at == len(data)
    return told


class Network(Lab):
    script = PAGES / "network" / "network.py"

    def bring(self, name: str, data: bytes) -> Network:
        uploader = next(box for box in self.at.file_uploader if box.key == "brought")
        uploader.set_value((name, data, "application/octet-stream"))
        self.run()
        return self

    def part(self, key: str) -> bytes:
        return next(part for part in self.at.get("bidi_component") if part.key == key).proto.bytes

    @property
    def columns(self) -> list[dict[str, Any]]:
        return unpack(self.part("network"))["columns"]

    @property
    def dense(self) -> dict[str, Any]:
        data = self.part("dense")
        (length,) = struct.unpack("<I", data[:4])
        told: dict[str, Any] = json.loads(data[4 : 4 + length])
        raw = np.frombuffer(data, "<f4", offset=4 + length + 768 * len(told["scales"]))
        told["arrays"] = np.split(raw, np.cumsum(told["lengths"])[:-1])
        return told


def state(monkeypatch: pytest.MonkeyPatch, text: str, shape: tuple[int, int, int], **values: Any) -> network.Network:
    monkeypatch.setattr(network.st, "session_state", {})
    levels = np.random.default_rng(0).integers(0, 256, (1, *shape)).astype(np.float32) / np.float32(255)
    chosen = Chosen(torch.from_numpy(levels), "noise", None, 1)
    return network.run(DEFAULTS | {"net": parse_network(text)} | values, chosen)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_row_shows_what_torch_makes_of_the_picture(name: str) -> None:
    entry = NETWORKS[name]
    page = Network(net=entry.text, size=str(entry.side), color=entry.color, seed="3")
    mode = "RGB" if entry.color == "rgb" else "L"
    image = load_image(SAMPLES["chelsea"].path, mode=mode, size=(entry.side, entry.side))
    layers, shape = parse_network(entry.text), tuple(image.shape[1:])
    stages = forward(layers, image, draw_weights(layers, shape, "pytorch", 3))
    outputs = [stage.output[0] for stage in stages if stage.name != "padded"]
    assert len(page.columns) == len(layers) + 1 and page.errors == []
    for column, output in zip(page.columns, outputs):
        assert tuple(column["shape"]) == tuple(output.shape)
        assert (column["low"], column["high"]) == pytest.approx((float(output.min()), float(output.max())), abs=1e-6)
        cells = [i * len(output) // 256 for i in range(256)] if len(output) > 256 else slice(None)  # evenly
        maps = (output[:16] if output.ndim == 3 else output[cells][None, :, None]).numpy()
        step = -(-max(maps.shape[1:]) // 64) if output.ndim == 3 else 1
        assert step == 1, "the prepared ones are small"
        for plane, levels, (low, high) in zip(maps, column["levels"], column["spans"]):
            np.testing.assert_allclose(low + levels * (high - low) / 255, plane, atol=(high - low) / 500 + 1e-6)
        if output.ndim == 1 and len(output) <= 16:
            np.testing.assert_allclose(column["numbers"], output, atol=1e-7)
    total = summary(layers, shape)
    assert page.says(f"**{total.parameters:,} parameters**, **{total.macs:,} multiply-adds**") == 1


EVERY = (
    "conv:6@3x3,same,reflect|norm|leaky_relu,negative_slope=0.3|separable:8@3x3,p2,s2|gelu|transposed:4@3x3,s2,p1|max:3,s2,same|"
    "-relu|dropout:0.4|conv:4@2x2,d2,g2,same|add:2|avg:2,s1,p1|adaptive_l2:4x3|softmax|min:2|global_avg|softplus"
)


@pytest.mark.parametrize("index", range(17))
def test_a_layer_that_is_opened_shows_its_input_and_its_output(monkeypatch: pytest.MonkeyPatch, index: int) -> None:
    now = state(monkeypatch, EVERY, (3, 17, 14))
    assert len(now.outputs) == len(now.layers) + 1 == 18 and not is_dense(now, index)
    maps, layered = opened(now, index)
    assert maps[-1].name == str(index) and not maps[-1].hidden
    np.testing.assert_allclose(maps[-1].maps, now.outputs[index + 1][0], atol=1e-5)
    sources = now.layers[index].sources(index)
    names = ["input" if at == 0 else str(at - 1) for at in sources]
    assert [each.name for each in maps[: len(names)]] == names
    for each, at in zip(maps, sources):
        assert np.array_equal(each.maps, now.outputs[at][0])
        assert at == 0 or np.array_equal(each.how["values"], each.maps)
    assert (layered is not None) == (index in (0, 3, 5, 9))
    if isinstance(now.layers[index], BatchNorm2d):
        how = maps[-1].how
        again = maps[0].maps * np.float32(how["scale"])[:, None, None] + np.float32(how["shift"])[:, None, None]
        np.testing.assert_allclose(again, maps[-1].maps, atol=1e-5)


def test_flatten_linear_and_softmax_are_told_whole() -> None:
    page = Network(layer="3", seed="1")
    image = load_image(SAMPLES["chelsea"].path, mode="RGB", size=(32, 32))
    layers = DEFAULTS["net"]
    parameters = draw_weights(layers, (3, 32, 32), "pytorch", 1)
    outputs: list[Tensor] = [stage.output[0] for stage in forward(layers, image, parameters) if stage.name != "padded"]
    told = page.dense
    assert (told["kind"], told["maps"]) == ("flatten", [12, 16, 16])
    np.testing.assert_allclose(told["arrays"][0], outputs[3].flatten(), atol=1e-6)
    told = page.choose(layer=4, unit=7).dense
    assert (told["kind"], told["unit"], told["maps"], told["box"]) == ("linear", 7, [12, 16, 16], "unit")
    before, after, weight = told["arrays"]
    assert np.array_equal(weight, parameters[4]["weight"][7]) and told["bias"] == float(parameters[4]["bias"][7])
    assert before.astype(float) @ weight + told["bias"] == pytest.approx(after[7], abs=1e-5)
    told = page.choose(layer=5).dense
    logits, shares = told["arrays"]
    assert told["kind"] == "softmax" and shares.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), shares, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "index", "said", "button"),
    [
        ("conv:4@3|relu|linear:10|softmax", 2, "Linear takes a vector, not maps 4×30×30", "Put flatten before it"),
        ("flatten|linear:5,in=7", 1, "Linear expects 7 inputs but gets 3072", "Set in_features to 3072"),
        ("conv:4@3|max:2|conv:4@40|relu", 2, "kernel 40×40 does not fit the input 15×15", ""),
        ("conv:4@3,same|relu|max:2|add:3", 3, "cannot add 3×32×32", ""),
        ("conv:4@3,same|add:7", 1, "Add skips 7 layers, but 1 stands before it", ""),
        ("conv:4@3,g2", 0, "3", ""),
    ],
)
def test_an_error_stands_at_its_layer_and_the_layers_before_it_are_drawn(
    text: str, index: int, said: str, button: str
) -> None:
    page = Network(net=text)
    wrong = [at for at, column in enumerate(page.columns) if column["error"]]
    assert wrong == [index + 1] and said in page.columns[index + 1]["error"]
    assert all(len(column["levels"]) for column in page.columns[: index + 1])
    assert not any(len(column["levels"]) for column in page.columns[index + 1 :])
    assert page.columns[index + 1]["mend"] == button
    if button:
        page.choose(net=page.columns[index + 1]["mended"])
        assert not any(column["error"] for column in page.columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flatten|linear:9999", "This network has 30,726,927 parameters, 123 MB"),
        ("conv:999@9,same|conv:999@9,same", "parameters"),
        ("conv:256@3,same|conv:256@3,same|conv:256@3,same", "steps; up to 1,000,000,000"),
        ("max:512,s1,same|max:512,s1,same|max:512,s1,same|" * 3 + "relu", "steps; up to 1,000,000,000"),
        ("conv:1@1,p9000,s9000|relu|add:1", "cells together; up to 30,000,000"),
        ("l2:2500,p2400,s2500", "cells together; up to 30,000,000"),
    ],
)
def test_what_is_too_large_is_refused_with_the_figures_before_it_runs(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setattr(network, "forward", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(network, "draw_weights", lambda *_: pytest.fail("weights were drawn"))
    page = Network(net=text)
    assert len(page.errors) == 1 and said in page.errors[0]
    assert len(page.columns[0]["levels"]) == 3 and page.columns[1]["shape"], "the picture is there, and all shapes"


def test_an_address_that_is_no_network_says_so() -> None:
    page = Network(net="conv:4@3|nonsense")
    assert len(page.warnings) == 1 and page.warnings[0].startswith("net = ")
    page.choose(net="relu|max:2")
    assert len(page.columns) == 3
    page.choose(net="relu|max:x")
    assert page.says("cannot be read") == 1 and len(page.columns) == 3, "the last that could be read counts"


def test_nothing_is_a_network_too() -> None:
    page = Network(net="")
    assert page.press("prepared-nothing").says("Press + to put a layer in.") == 1
    assert len(page.columns) == 1
    assert page.widget("net").value == NOTHING and Network(net=NOTHING).says("Press + to put a layer in.") == 1
    page.press("prepared-lenet5")
    assert format_network(parse_network(NETWORKS["lenet5"].text)) == page.widget("net").value
    assert page.columns[0]["shape"] == [1, 32, 32], "the picture that it is made for"


def test_filters_may_be_put_into_the_first_convolution() -> None:
    page = Network(edits="1=only-green", net="conv:2@1|relu")
    image = load_image(SAMPLES["chelsea"].path, mode="RGB", size=(32, 32))[0]
    column = page.columns[1]
    assert column["spans"][1] == pytest.approx((float(image[1].min()), float(image[1].max())), abs=1e-6)
    page.choose(edits="0=no such")
    assert len(page.errors) == 1 and "Filter 0" in page.errors[0]


def test_a_menu_puts_filters_into_the_first_convolution_one_after_another() -> None:
    page = Network(net="conv:2@3|relu")
    for name in ("red-edges", "upright-edges"):
        page.widget("filter preset").select(name)
        page.run()
    assert page.widget("edits").value == "0=red-edges|1=upright-edges" and page.errors == []
    page.widget("filter preset").select("green-minus-magenta")
    page.run()
    assert page.widget("edits").value == "0=red-edges|1=green-minus-magenta", "the last gives its place"
    assert page.widget("filter preset").value is None, "and the menu is free again"


def test_what_each_layer_is_stands_beside_it() -> None:
    layers = "conv:2@3|norm|dropout:0.5|-relu|max:2|flatten|linear:3|softmax"
    said = []
    for index in range(8):
        said += [value for value in help.LAYER_TYPES.values() if Network(net=layers, layer=str(index)).says(value)]
    names = ("Conv2d", "BatchNorm2d", "Dropout", "Off", "Pool2d", "Flatten", "Linear", "softmax")
    assert said == [help.LAYER_TYPES[name] for name in names]


def test_there_is_a_sentence_for_each_type_of_layer() -> None:
    assert {layer.__name__ for layer in LAYERS} <= set(help.LAYER_TYPES)


def test_a_deep_layer_can_be_pinned_and_a_cell_of_a_vector_too() -> None:
    deep = "|".join(["conv:2@1"] * 12)
    page = Network(net=deep, layer="11", pin="11:3,4,1")
    assert page.warnings == []
    assert "**What map 1, row 3, column 4 sees of the picture**" in [text.value for text in page.at.markdown]
    page = Network(net="flatten|linear:6|relu", layer="2", pin="2:0,5")
    assert "**What output 5 sees of the picture**" in [text.value for text in page.at.markdown]


def test_a_transposed_convolution_in_groups_opens_too() -> None:
    page = Network(net="transposed:3@2x2,s2,g3|relu", layer="0")
    assert not page.at.exception and page.says("Together **") == 1


def test_huge_numbers_on_maps_that_travel_small(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "conv:1@1x1,nobias|" + "leaky_relu,negative_slope=1e6|" * 6 + "leaky_relu,negative_slope=300"
    now = state(monkeypatch, text, (3, 200, 200), seed=3)
    for column in unpack(pack(columns_of(now), box="net", opened=0, openBox="layer", scale="map"))["columns"]:
        assert np.isfinite(column["spans"]).all() and np.isfinite([column["low"], column["high"]]).all()


def test_l2_of_nothing_but_zeros_has_a_gradient() -> None:
    x = torch.zeros(1, 2, 4, 4, requires_grad=True)
    for pool in (Pool2d("l2"), GlobalPool2d("l2"), AdaptivePool2d("l2")):
        (gradient,) = torch.autograd.grad(pool(x).sum(), x)
        assert torch.equal(gradient, torch.zeros_like(x))
    page = Network(net="conv:8@3|relu|l2:2", layer="2")
    assert not page.says("nan")


def test_what_is_too_large_to_be_opened_says_so() -> None:
    page = Network(net="flatten|linear:3", size="300", layer="0")
    assert page.says("Its 270,000 inputs are too many") == 1
    page = Network(net="conv:32@3,same|relu", size="300", layer="1")
    assert page.says("too large to be opened here") == 1
    page = Network(net="|".join(["conv:1@1x999,same"] * 3), size="1x1000", layer="2")
    assert page.says("too many and too large") == 1


def test_another_network_keeps_the_picture_and_forgets_what_was_brought() -> None:
    page = Network(image="coffee", net="conv:2@1", init="kaiming_normal")
    layers = parse_network("conv:2@1")
    page.bring("w.safetensors", weights_file(layers, draw_weights(layers, (3, 32, 32), "pytorch", 5)))
    assert page.says("All tensors of your file are in place.") == 1
    page.press("prepared-lenet5")
    assert page.widget("image").value == "coffee" and page.widget("init").value == "kaiming_normal"
    assert not page.says("All tensors of your file are in place.") and page.says("drawn at random") == 1


def test_large_maps_travel_small_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    now = state(monkeypatch, "conv:40@3x3,same|relu", (3, 200, 150))
    told = unpack(pack(columns_of(now), box="net", opened=0, openBox="layer", scale="map"))
    assert [column["small"] for column in told["columns"]] == [[3, 50, 38], [16, 50, 38], [16, 50, 38]]
    assert told["columns"][1]["note"].endswith("40 maps")


def test_a_number_beyond_float32_is_said_and_the_layers_before_it_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    # 30 layers whose weights are all of size 1 grow until no float32 holds them
    text = "|".join(["conv:32@5x5,same"] * 30)
    now = state(monkeypatch, text, (3, 8, 8), init="normal")
    assert now.overflows is not None and 1 < len(now.outputs) < 31
    columns = columns_of(now)
    assert [at for at, column in enumerate(columns) if "grow beyond" in column.error] == [len(now.outputs)]
    assert [at for at, column in enumerate(columns) if column.maps is not None] == list(range(len(now.outputs)))
    assert all(bool(torch.isfinite(output).all()) for output in now.outputs)


def test_the_state_is_computed_once_for_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network.st, "session_state", {})
    chosen = Chosen(torch.rand(1, 3, 8, 8), "noise", None, 1)
    first = network.run(DEFAULTS, chosen)
    assert network.run({**DEFAULTS, "layer": 3, "pin": ("1", 2, 3)}, chosen) is first
    assert network.run({**DEFAULTS, "seed": 1}, chosen) is not first


def test_every_layer_is_a_view_of_its_own_or_the_stage_view(monkeypatch: pytest.MonkeyPatch) -> None:
    now = state(monkeypatch, NETWORKS["lenet5"].text, (1, 32, 32))
    dense = [index for index in range(len(now.layers)) if is_dense(now, index)]
    assert [type(now.layers[index]) for index in dense[:2]] == [Flatten, Linear]
    for index in set(range(len(now.layers))) - set(dense):
        assert opened(now, index)[0][-1].name == str(index)


# --- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_each_file_is_made_of_what_is_seen(kind: str) -> None:
    page = Network(net="conv:3@3|relu|flatten|linear:4", size="9", seed="5")
    page.at.session_state["take away"] = True
    page.at.session_state["file kind"] = kind
    page.run()
    assert page.errors == [] and len(page.at.get("download_button")) == 1
    name, _, language, _ = FILES[kind]
    assert page.at.get("download_button")[0].proto.label == name
    assert len(page.at.code) == (language is not None)


def test_weights_that_are_brought_take_their_places_and_what_does_not_fit_is_named() -> None:
    page = Network(net="conv:3@3|relu|flatten|linear:4", size="9")
    layers, shape = parse_network("conv:3@3|relu|flatten|linear:4"), (3, 9, 9)
    drawn_elsewhere = draw_weights(layers, shape, "kaiming_normal", 77)
    page.bring("mine.safetensors", weights_file(layers, drawn_elsewhere))
    image = load_image(SAMPLES["chelsea"].path, mode="RGB", size=(9, 9))
    output = forward(layers, image, drawn_elsewhere)[-1].output[0]
    np.testing.assert_allclose(page.columns[-1]["numbers"], output, atol=1e-6)
    assert page.says("All tensors of your file are in place.") == 1
    page.choose(net="conv:3@3|relu|flatten|linear:5")
    assert len(page.warnings) > 1 and any("3.weight is" in line.replace("\\", "") for line in page.warnings)
    page.bring("mine.safetensors", b"no tensors")
    assert len(page.errors) == 1
    page.press("draw again")
    assert page.warnings == []


def test_a_description_that_is_brought_becomes_the_network() -> None:
    page = Network()
    layers = parse_network("conv:2@3,s2|-relu|global_max")
    page.bring("net.json", to_json(layers, (1, 20, 30)).encode())
    assert parse_network(page.widget("net").value) == layers and page.columns[0]["shape"] == [1, 20, 30]
    for wrong in (b"{}", b"[", to_json(layers, (7, 20, 30)).encode()):
        page.bring("net.json", wrong)
        assert len(page.errors) == 1 and parse_network(page.widget("net").value) == layers

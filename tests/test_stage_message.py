"""The message from the server to the stage view, unpacked as the browser does it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz import figures
from cnnviz.layers import Activation, Conv2d, Pool2d
from cnnviz.network import forward
from cnnviz.ui.stage_view import StageMap, pack
from cnnviz.ui.stages import stage_maps
from tests.fuzzing import examples
from tests.test_stages import experiments

several = examples(100)


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The header with its arrays, the palettes by name, and the levels by stage; nothing may be left over.

    Of a stage that does not travel whole, "small" holds its maps in small.
    """

    def no_constant(word: str) -> None:
        raise AssertionError(f"{word} is not JSON: the browser would refuse the message")

    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length].decode(), parse_constant=no_constant)
    at = 4 + length

    def take(*shape: int) -> np.ndarray:
        nonlocal at
        taken = np.frombuffer(data, np.uint8, int(np.prod(shape)), at).reshape(shape)
        at += taken.size
        return taken

    palettes = {name: take(256, 3) for name in header["scales"]}
    for stage in header["stages"]:
        for name in stage["how"].keys() & {"weight", "values"}:
            shape = stage["how"][name]
            stage["how"][name] = take(4 * int(np.prod(shape))).view("<f4").reshape(shape).tolist()
    levels = {}
    for stage in header["stages"]:
        channels, *size = stage["shape"]
        if stage["sent"]:
            levels[stage["name"]] = take(len(stage["sent"]), *size)
        if stage["small"]:
            stage["small"]["levels"] = take(channels, stage["small"]["height"], stage["small"]["width"])
    assert at == len(data)
    return header, palettes, levels


def plain(how: Mapping[str, Any]) -> Any:
    """What JSON makes of it."""
    return json.loads(json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in how.items()}))


@several
@given(experiments(), st.text(), st.text(max_size=20))
def test_everything_arrives(shown: list[StageMap], notice: str, link_note: str) -> None:
    header, palettes, _ = unpack(pack(shown, notice=notice, link_note=link_note))
    assert (header["notice"], header["link_note"]) == (notice, link_note)
    assert header["scales"] == list(figures.SCALES)
    for name, palette in palettes.items():
        assert np.array_equal(palette, figures.palette(name))
    assert [stage["name"] for stage in header["stages"]] == [entry.name for entry in shown]
    for stage, entry in zip(header["stages"], shown):
        assert stage["title"] == entry.title
        assert stage["arrow"] == entry.arrow
        assert tuple(stage["shape"]) == entry.maps.shape
        assert (np.float32(stage["low"]), np.float32(stage["high"])) == (entry.maps.min(), entry.maps.max())
        assert tuple(stage["start"]) == entry.start
        assert tuple(stage["jump"]) == entry.jump
        assert stage["how"] == plain(entry.how)
        assert stage["scale"] in palettes


@several
@given(experiments())
def test_levels_stand_for_values_to_half_a_step(shown: list[StageMap]) -> None:
    header, _, levels = unpack(pack(shown))
    told = {stage["name"]: stage for stage in header["stages"]}
    assert set(levels) == {entry.name for entry in shown} - {"padded"}
    for entry in shown:
        if entry.name == "padded":
            continue  # the browser gathers it from the input
        sent = levels[entry.name].astype(float)
        if entry.name == "input":
            assert np.array_equal((sent / 255).astype(np.float32), entry.maps), "nothing of the picture is lost"
            continue
        lows, highs = np.array(told[entry.name]["ranges"])[:, :, None, None].transpose(1, 0, 2, 3)
        assert (lows.min(), highs.max()) == (told[entry.name]["low"], told[entry.name]["high"])
        step = (highs - lows) / 255
        rounding = 4 * np.spacing(np.maximum(abs(lows), abs(highs)).astype(np.float32))
        assert (np.abs(lows + sent * step - entry.maps) <= step * (0.5 + 1e-4) + rounding).all()


@pytest.mark.parametrize(
    ("channels", "size", "look"), [(64, (224, 224), "all"), (64, (224, 200), 7), (5, (300, 301), 0)]
)
def test_of_many_large_maps_the_one_looked_at_travels_whole(
    channels: int, size: tuple[int, int], look: int | str
) -> None:
    maps = np.random.default_rng(0).normal(size=(channels, *size)).astype(np.float32)
    stage = StageMap("0", "Maps", maps, {"op": "conv"})
    header, _, levels = unpack(pack([stage], {"0": look}))
    (told,) = header["stages"]
    assert told["sent"] == [look] * isinstance(look, int)
    ranges = np.array(told["ranges"])
    assert np.array_equal(ranges, np.stack([maps.min((1, 2)), maps.max((1, 2))], 1))
    if told["sent"]:
        low, high = ranges[look]
        assert np.abs(low + levels["0"][0] * (high - low) / 255 - maps[look]).max() <= (high - low) / 255 * 0.51
    small = told["small"]
    assert small["height"] * small["width"] * channels <= 512**2
    low, high = ranges[-1]
    step = small["step"]
    assert (small["height"], small["width"]) == tuple(-(-side // step) for side in size)
    for row, column in [(0, 0), (small["height"] - 1, small["width"] - 1), (small["height"] // 2, 1)]:
        rows, columns = (slice(at * step, (at + 1) * step) for at in (row, column))
        seen = low + small["levels"][-1, row, column] * (high - low) / 255
        assert seen == pytest.approx(maps[-1, rows, columns].mean(), abs=(high - low) / 255 * 0.51)


def test_few_or_small_maps_travel_whole() -> None:
    for shape in [(4, 400, 400), (64, 64, 64), (3, 600, 600)]:
        stage = StageMap("0", "Maps", np.ones(shape, np.float32), {"op": "conv"})
        (told,) = unpack(pack([stage], {"0": "all"}))[0]["stages"]
        assert told["sent"] == list(range(shape[0])) and told["small"] is None


@several
@given(experiments())
def test_colours_span_the_values(shown: list[StageMap]) -> None:
    for stage in unpack(pack(shown))[0]["stages"]:
        first, last = stage["colors"]
        assert first <= stage["low"] <= stage["high"] <= last
        if stage["name"] in ("input", "padded"):
            assert stage["scale"] == "gray"
            assert (min(first, 0), max(last, 1)) == (first, last), "a picture's colours do not depend on its brightest"
        elif stage["low"] < 0:
            assert (stage["scale"], first) == ("diverging", -last)
        else:
            assert stage["scale"] == "sequential"


def test_a_constant_far_from_the_pictures_range_widens_the_padded_scale() -> None:
    layers = [Conv2d(1, padding=1, padding_mode="constant", padding_value=-3.0)]
    parameters = [{"weight": torch.ones(1, 1, 3, 3), "bias": torch.zeros(1)}]
    shown = stage_maps(forward(layers, torch.zeros(1, 1, 4, 4), parameters), parameters)
    padded = unpack(pack(shown))[0]["stages"][1]
    assert padded["colors"] == [-3.0, 1.0]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_not_sent(wrong: float) -> None:
    maps = np.zeros((1, 2, 2), np.float32)
    maps[0, 1, 1] = wrong
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="JSON"):
        pack([StageMap("conv", "Convolution", maps, {"op": "conv"})])


def test_no_stage_at_all() -> None:
    header, palettes, levels = unpack(pack([], notice="This picture is damaged.", link_note=""))
    assert header["stages"] == []
    assert len(palettes) == len(figures.SCALES)
    assert levels == {}


def test_a_tweak_costs_little() -> None:
    layers = [Conv2d(1, padding="same"), Activation("relu"), Pool2d("max")]
    parameters = [{"weight": torch.ones(1, 1, 3, 3), "bias": torch.zeros(1)}, {}, {}]
    shown = stage_maps(forward(layers, torch.rand(1, 1, 300, 300).mul(255).round().div(255), parameters), parameters)
    assert len(pack(shown)) < 320_000

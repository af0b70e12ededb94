"""The page Volumes against torch.nn: the maps, the weights, what they cost, and what is said of what cannot work."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.filters import FILTERS
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernels import INITIALISATIONS
from cnnviz.ui import PAGES, volumes
from cnnviz.ui.limits import BUDGET
from cnnviz.ui.settings import VOLUMES
from cnnviz.ui.stage_view import pack
from tests.fuzzing import examples
from tests.option_space import naive_sides
from tests.pictures import picture
from tests.test_pages import Lab, size_formula
from tests.test_stage_message import unpack
from tests.torch_weights import drawn

SETTINGS = {setting.name: setting for setting in VOLUMES}
SIXTEENTHS = st.integers(-32, 32).map(lambda n: n / 16)  # their products are exact


class Volumes(Lab):
    script = PAGES / "explore" / "volumes.py"

    def __init__(self, **query: str) -> None:
        super().__init__(**{"size": "9", **query})

    @property
    def maps(self) -> dict[str, Any]:
        return {stage["name"]: stage for stage in self.header["stages"]}

    @property
    def table(self) -> list[tuple[str, int, str, int]]:
        """What layers cost: name, weights, how many that is, multiply-adds."""
        (text,) = [text.value for text in self.at.markdown if text.value.startswith("|")]
        rows = [[cell.strip(" *=") for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
        return [(name, whole(count), how, whole(macs)) for name, count, how, macs in rows]


def whole(text: str) -> int:
    return int(text.replace(",", ""))


# --- the maps and the weights are torch.nn's ---------------------------------------------------------


def convolved(x: Tensor, weight: Tensor, bias: Tensor, stride: Any, padding: Any) -> tuple[Tensor, Tensor] | None:
    """x with its padding, and what nn.Conv2d makes of it; None where it cannot."""
    sides = [naive_sides(x.shape[2 + a], weight.shape[2 + a], stride[a], 1, padding, a) for a in (0, 1)]
    padded = nn.ZeroPad2d((*sides[1], *sides[0]))(x)
    if any(padded.shape[a] < weight.shape[a] for a in (2, 3)):
        return None
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], tuple(weight.shape[2:]), stride)
    layer.load_state_dict({"weight": weight, "bias": bias})
    with torch.no_grad():
        return padded, layer(padded)


@st.composite
def states(draw: st.DrawFn) -> tuple[dict[str, Any], dict[int, np.ndarray], tuple[int, int, int], int]:
    """Settings as read, the weights of filters that were edited, a picture's shape, a seed for its noise."""
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    channels = draw(st.sampled_from([1, 3]))
    shape = channels, draw(st.integers(1, 9)), draw(st.integers(1, 9))
    cells = st.lists(SIXTEENTHS, min_size=channels * size[0] * size[1], max_size=channels * size[0] * size[1])
    edits = draw(
        st.dictionaries(st.integers(0, 20), cells.map(lambda w: np.array(w).reshape(channels, *size)), max_size=3)
    )
    rows = lambda plane: ";".join(",".join(map(str, row)) for row in plane.tolist())  # noqa: E731
    values = {name: setting.parse(setting.default) for name, setting in SETTINGS.items()} | {
        "filters": draw(st.integers(1, 20)), "kernel_size": size,
        "stride": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "padding": draw(st.sampled_from(["valid", "same", (1, 0), (2, 2)])), "bias": draw(SIXTEENTHS),
        "init": draw(st.sampled_from(INITIALISATIONS)), "seed": draw(st.integers(0, 9999)),
        "edits": {index: "/".join(map(rows, planes)) for index, planes in edits.items()},
        "filter": draw(st.integers(0, 63)), "patch": draw(st.sampled_from(["window", "window", "image"])),
    }  # fmt: skip
    return values, edits, shape, draw(st.integers(0, 999))


@examples(60)
@given(states())
def test_maps_weights_and_costs_are_torchs(state: Any) -> None:
    values, edits, shape, noise = state
    chosen, is_whole = picture(random.Random(noise), *shape), values["patch"] == "image"
    size, stride, padding = (shape[1:], (1, 1), "valid") if is_whole else (
        values["kernel_size"], values["stride"], values["padding"]
    )  # fmt: skip
    weight, bias = drawn(values["init"], values["filters"], shape[0], size, values["seed"])
    for index, planes in edits.items():
        if index < values["filters"] and not is_whole:
            weight[index], bias[index] = torch.from_numpy(planes), 0
    now = volumes.run(values, chosen)
    right = convolved(chosen.image, weight, bias + values["bias"], stride, padding)
    assert (now.error is None) == (right is not None)
    if right is None:
        assert now.notice and "does not fit" in str(now.error)
        return
    padded, maps = right
    assert [stage.name for stage in now.maps] == ["input", *["padded"] * (padded.shape != chosen.image.shape), "0"]
    torch.testing.assert_close(torch.from_numpy(now.maps[-1].maps)[None], maps)
    assert torch.equal(torch.from_numpy(now.maps[-2].maps)[None], padded)
    told = unpack(pack(now.maps, now.looks))[0]["stages"][-1]
    torch.testing.assert_close(torch.tensor(told["how"]["weight"]), weight, rtol=0, atol=0)
    torch.testing.assert_close(torch.tensor(told["how"]["bias"]), bias + values["bias"])
    assert (tuple(told["how"]["stride"]), told["how"]["groups"]) == (stride, 1)
    low, high = maps.aminmax()
    assert tuple(told["shape"]) == tuple(maps.shape[1:])
    assert (told["low"], told["high"]) == pytest.approx((float(low), float(high)), abs=1e-5)
    check_costs(volumes.counts(now), weight, stride, padded, maps, chosen.image)
    if is_whole:
        by_conv, by_linear = volumes.both_ways(now)
        assert np.array_equal(by_conv, now.maps[-1].maps.ravel())
        np.testing.assert_allclose(
            by_linear, as_linear(weight, bias + values["bias"], chosen.image), rtol=1e-4, atol=1e-5
        )


def as_linear(weight: Tensor, bias: Tensor, image: Tensor) -> np.ndarray:
    layer = nn.Linear(image.numel(), len(weight))
    layer.load_state_dict({"weight": weight.flatten(1), "bias": bias})
    with torch.no_grad():
        return layer(image.flatten()).numpy()


def check_costs(rows: Any, weight: Tensor, stride: Any, padded: Tensor, maps: Tensor, image: Tensor) -> None:
    """Numbers of weights, as torch has them, and multiply-adds, as its flop counter counts them."""
    (conv, conv_weights, conv_macs, conv_how), (dense, dense_weights, dense_macs, dense_how) = rows
    assert (conv, dense) == ("convolution", "fully connected")
    layer = nn.Conv2d(weight.shape[1], len(weight), tuple(weight.shape[2:]), stride, device="meta")
    linear = nn.Linear(image.numel(), maps.numel(), device="meta")
    assert conv_weights == sum(p.numel() for p in layer.parameters()) == product_of(conv_how)
    assert dense_weights == sum(p.numel() for p in linear.parameters()) == product_of(dense_how)
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        linear(torch.empty(1, image.numel(), device="meta"))
    assert 2 * dense_macs == flops.get_total_flops()
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        layer(padded.to("meta"))
    assert 2 * conv_macs == flops.get_total_flops()


def product_of(how: str) -> int:
    """8 · (3×3×3 + 1) as a number."""
    assert re.fullmatch(r"[\d×]+ · \([\d×]+ \+ 1\)", how)
    return eval(how.replace("×", "*").replace("·", "*"))


PARTS = [
    {"filters": "5", "padding": "same", "stride": "2"},
    {"filters": "64", "kernel_size": "1", "color": "gray", "bias": "-0.5"},
    {"filters": "1", "kernel_size": "3,1", "padding": "1,2", "init": "xavier_normal", "seed": "7"},
    {"patch": "image", "filters": "9", "size": "5x7"},
    {"patch": "image", "filters": "3", "size": "60", "color": "gray", "stride": "4"},
]


@pytest.mark.parametrize("query", PARTS, ids=str)
def test_the_page_says_the_numbers_of_its_maps(query: dict[str, str]) -> None:
    page = Volumes(edits="", **query)
    say = {"size": "9", **query}
    values = {name: setting.parse(say.get(name, setting.default)) for name, setting in SETTINGS.items()}
    height, width = volumes.picture_size(values)
    mode = "RGB" if values["color"] == "rgb" else "L"
    image = load_image(SAMPLES["astronaut"].path, mode=mode, size=(height, width))
    is_whole = values["patch"] == "image"
    size = (height, width) if is_whole else values["kernel_size"]
    make = drawn(values["init"], values["filters"], image.shape[1], size, values["seed"])
    stride, padding = ((1, 1), "valid") if is_whole else (values["stride"], values["padding"])
    right = convolved(image, make[0], make[1] + values["bias"], stride, padding)
    assert right
    padded, maps = right
    assert page.shapes["input"] == tuple(image.shape[1:]) and page.shapes["0"] == tuple(maps.shape[1:])
    assert max(height, width) <= 34 or not is_whole, "of a patch as large as the picture each weight can be seen"
    told = page.maps["0"]
    assert (told["low"], told["high"]) == pytest.approx((float(maps.min()), float(maps.max())), abs=1e-5)
    rows = [(name, weights, macs, how) for name, weights, how, macs in page.table]
    check_costs(rows, make[0], stride, padded, maps, image)
    assert len(page.at.dataframe) == is_whole
    if is_whole:
        told = page.at.dataframe[0].value
        np.testing.assert_allclose(told["conv2d"], maps.flatten(), atol=1e-5)
        np.testing.assert_allclose(told["Linear"], as_linear(*make, image), atol=1e-5)
        np.testing.assert_allclose(told["difference"], told["conv2d"] - told["Linear"], atol=1e-7)
        assert not [part for part in page.at.get("bidi_component") if part.key == "kernel_grid"], "nothing to edit"
    sides = [naive_sides(image.shape[2 + a], size[a], stride[a], 1, padding, a) for a in (0, 1)]
    for axis in (0, 1):
        formula = size_formula(image.shape[2 + axis], *sides[axis], 1, size[axis], stride[axis])
        assert formula in page.latex[0]


@pytest.mark.parametrize("name", ["filters", "seed", "filter"])
@pytest.mark.parametrize("text", ["inf", "-inf", "1e400", "nan", "3,5", "2.5", "-1"])
def test_what_is_no_whole_number_is_said_and_ignored(name: str, text: str) -> None:
    page = Volumes(**{name: text})
    assert [warning.split(" in the address")[0] for warning in page.warnings] == [f"{name} = `{text}`"]
    assert str(page.widget(name).value).removesuffix(".0") == SETTINGS[name].default


@pytest.mark.parametrize("text", ["[x](mailto:a@b.c)", "![i](data:a)", "**b**", "`x`", "www.example.com", "$a_b$"])
def test_what_a_stranger_wrote_is_text_in_an_error_too(text: str) -> None:
    page = Volumes(edits=f"0={text}")
    (error,) = page.at.error
    assert text in page.errors[0]
    assert not re.search(r"(?<!\\)[\[\]*`$!]", error.value) and "www." not in error.value and "a@b" not in error.value


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        # of 9×9 pixels 8·(3·9 + 1) = 224 against 8·49·(3·81 + 1) = 95,648
        ({}, "needs 427 times the weights."),
        # 8·(3·9 + 1) against 8·(27 + 1): one place for the window
        ({"size": "3"}, "needs just as many weights."),
        # 8·(3·25 + 1) = 608 against 8·4·(12 + 1) = 416
        ({"size": "2", "kernel_size": "5", "padding": "same"}, "needs 192 weights fewer: the window has more cells"),
        # 8·(3·9 + 1) = 224 against 8·4·(3·4·1 + 1) = 416: 1.857…
        ({"size": "4x1", "padding": "same"}, "needs 1.9 times the weights."),
        # 8·(3·14 + 1) = 344 against 8·(3·15 + 1) = 368
        ({"size": "15x1", "kernel_size": "14,1", "stride": "2"}, "needs 24 weights more."),
    ],
)
def test_the_sentence_compares_the_weights(query: dict[str, str], sentence: str) -> None:
    page = Volumes(edits="", **query)
    assert page.says(sentence) == 1


# --- the editor --------------------------------------------------------------------------------------


def test_the_editor_has_the_chosen_filter_and_presets_of_its_size() -> None:
    page = Volumes(edits="2=0.5,1;2,-3/0,0;1,1/4,5;6,7|5=only-green", kernel_size="2", filter="2")
    told = page.editor
    assert (told["kernel"], told["planes"]) == ("0.5,1;2,-3;0,0;1,1;4,5;6,7", ["red", "green", "blue"])
    assert (told["entry"], told["box"], told["isFixed"], told["about"]) == (2, "edits", True, "Filter 2: your own.")
    assert [name for name, *_ in told["library"]["kernels"]] == list(FILTERS)
    for name, family, look_for, rows in told["library"]["kernels"]:
        assert (family, look_for) == (FILTERS[name].family, FILTERS[name].look_for)
        assert rows == FILTERS[name].values(3, 2, 2).flatten(0, 1).tolist()
    page.choose(filter=5)
    assert page.editor["kernel"] == "0,0;0,0;1,0;0,0;0,0;0,0", "the cell before the middle of an even side"
    page.choose(filter=1)
    bias = drawn("pytorch", 8, 3, (2, 2), 0)[1][1]
    about = f"Filter 1, as it was drawn: pytorch, seed 0, with a bias of its own, {bias:.4g}."
    assert page.editor["about"] == about
    weight, _ = drawn("pytorch", 8, 3, (2, 2), 0)
    rows = [[float(cell) for cell in row.split(",")] for row in page.editor["kernel"].split(";")]
    assert np.array_equal(np.float32(rows), weight[1].flatten(0, 1).numpy())
    page.choose(edits="", color="gray")
    assert page.editor["planes"] == ["grey"] and len(page.editor["library"]["kernels"][0][3]) == 2


def test_an_edit_changes_its_own_map_alone() -> None:
    page = Volumes(edits="")
    before = page.maps["0"]
    page.choose(edits="3=kaiming_normal:7|99=no matter", filter=3)
    assert page.says("cannot be read") == 1, "there are no hundred filters"
    after = page.choose(edits="3=kaiming_normal:7|60=no matter").maps["0"]
    changed = [c for c, (one, other) in enumerate(zip(before["ranges"], after["ranges"])) if one != other]
    assert changed == [3]
    right, _ = drawn("kaiming_normal", 1, 3, (3, 3), 7)
    assert np.array_equal(np.float32(after["how"]["weight"][3]), right[0].numpy())
    assert (after["how"]["bias"][3], page.errors) == (0, []), "60 waits until there are as many filters"
    page.choose(filters=61)
    assert len(page.errors) == 1 and page.errors[0].startswith("Filter 60: There is no filter called")


def test_the_filter_beyond_the_last_is_the_last() -> None:
    page = Volumes(filters="5", filter="40")
    assert (page.editor["entry"], page.header["selects"]) == (4, {"0": ["filter", 4]})


# --- what cannot be read, and what cannot work ------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "edits": ("0=a|0=b", "Filter 0 is there twice"),
            "looks": ("0:al", "stages and what is shown of them"),
            "pin": ("0:1", "a stage, row, column and map"),
            "kernel_size": ("16", "1 to 15"),
            "stride": ("0", "1 to 64"),
            "padding": ("valid,same", "valid, same"),
            "seed": (-1, "0 to 9999"),
            "filter": (64, "0 to 63"),
        },
        {
            "edits": ("zero", "is not an edited filter"),
            "looks": ("input=stack", "stages and what is shown of them"),
            "pin": ("Conv:1,1", "a stage, row, column and map"),
        },
    ],
)
def test_what_cannot_be_read_is_said_under_its_knob_and_changes_nothing(wrong: dict[str, tuple[Any, str]]) -> None:
    page = Volumes()
    before = page.header
    page.choose(**{name: text for name, (text, _) in wrong.items()})
    problems = [caption for caption in page.captions if "cannot be read" in caption]
    assert len(problems) == len(wrong)
    for name, (_, said) in wrong.items():
        (problem,) = [one for one in problems if one.startswith(name.replace("_", " ").capitalize() + ": ")]
        assert said in problem
    for part in ("stages", "pin", "looks", "notice"):
        assert page.header[part] == before[part]
    assert page.errors == []


@pytest.mark.parametrize(
    ("wrong", "said", "right"),
    [
        ({"kernel_size": "11"}, "11×11 does not fit the input 9×9", {"padding": "same"}),
        ({"edits": "1=1,2;3,4"}, "Filter 1: This one is 2×2; the filters are 3×3", {"kernel_size": "2"}),
        ({"edits": "1=1,2,3/3,4,5"}, "2 planes; the picture has 3 channels", {"edits": "1=level-edges"}),
        ({"edits": "7=nothing"}, "There is no filter called", {"filters": 7}),
    ],
)
def test_what_cannot_work_is_said_and_the_last_picture_stays(wrong: Any, said: str, right: Any) -> None:
    page = Volumes()
    before = page.header
    page.choose(**wrong)
    assert len(page.errors) == 1 and said in page.errors[0]
    assert page.header["stages"] == before["stages"]
    assert page.header["notice"] and page.header["follow"] is None, "and the browser foretells nothing"
    assert page.latex == [] and not [text for text in page.at.markdown if text.value.startswith("|")]
    page.choose(**right)
    assert (page.errors, page.header["notice"]) == ([], "")
    assert page.header["follow"] and len(page.table) == 2


def test_edits_outlive_what_cannot_work_and_what_has_no_window() -> None:
    page = Volumes().choose(edits="1=only-blue", filter=1)
    for wrong, right in [({"kernel_size": "11"}, {"kernel_size": "3"}), ({"patch": "image"}, {"patch": "window"})]:
        page.choose(**wrong).run().choose(**right)
        assert (page.widget("edits").value, page.widget("filter").value) == ("1=only-blue", 1)
        assert page.maps["0"]["how"]["weight"][1] == FILTERS["only-blue"].values(3, 3, 3).tolist()


def test_more_than_can_be_paid_is_said() -> None:
    page = Volumes(filters="64", size="40", kernel_size="3")
    before = page.header["stages"]
    page.choose(kernel_size="15", size="1024", padding="same")
    cost = 64 * 3 * 15 * 15 * 1024 * 1024
    assert len(page.errors) == 1 and f"{cost:,}" in page.errors[0] and f"{BUDGET:,}" in page.errors[0]
    assert page.header["stages"] == before
    assert page.choose(stride="64").errors == []


@pytest.mark.parametrize("pin", ["0:1,1,0", "input:0,0", "padded:0,0", "a1:2,2", ""])
def test_a_first_visit_to_what_cannot_work(pin: str) -> None:
    page = Volumes(size="3", kernel_size="5", pin=pin, looks="0:7,input:stack")
    assert len(page.errors) == 1 and "5×5" in page.errors[0] and "3×3" in page.errors[0]
    assert list(page.shapes) == ["input"] and page.header["check"] is None
    assert page.choose(padding="same").errors == []


def test_a_patch_as_large_as_the_picture_needs_no_window() -> None:
    """What its window could not do is no matter; what its edits say neither."""
    page = Volumes(size="4", kernel_size="9", edits="0=no such", patch="image")
    assert page.errors == [] and page.shapes["0"] == (8, 1, 1)
    assert all(page.widget(name).disabled for name in ("kernel_size", "stride", "padding"))
    assert page.header["follow"] is None


# --- pins, looks, addresses --------------------------------------------------------------------------


def test_the_pinned_cell_of_each_map_is_checked() -> None:
    page = Volumes(edits="", padding="same", filters="6")
    image = load_image(SAMPLES["astronaut"].path, mode="RGB", size=9)
    right = convolved(image, *drawn("pytorch", 6, 3, (3, 3), 0), (1, 1), "same")
    assert right
    for channel, row, column in [(0, 0, 0), (5, 8, 8), (3, 4, 2)]:
        page.choose(pin=f"0:{row},{column},{channel}")
        assert page.header["pin"] == ["0", row, column, channel]
        check = page.header["check"]
        assert [check[part] for part in ("stage", "channel", "row", "column")] == ["0", channel, row, column]
        assert check["value"] == pytest.approx(float(right[1][0, channel, row, column]), abs=1e-5)
        assert check["agrees"] and check["sums"] == 1 and 0 <= check["delta"] <= check["tolerance"]
    for nowhere in ("0:9,0,0", "0:0,0,6", "input:1,1", "1:0,0"):
        page.choose(pin=nowhere)
        assert page.header["check"] is None, "no sum stands behind it, or it is not there"
    page.choose(pin="0:2,2")
    assert page.header["check"]["channel"] == 0


def test_what_is_shown() -> None:
    page = Volumes()
    assert page.header["looks"] == page.header["usual"] == {"input": "stack", "padded": "stack", "0": "all"}
    page.choose(looks="input:rgb,0:stack")
    assert page.header["looks"] == {"input": -1, "padded": "stack", "0": "stack"}
    page.choose(looks="0:7", filter=2)
    assert page.header["looks"]["0"] == 2, "one map that is shown is that of the filter chosen"


OFF_DEFAULT = {
    "image": "coffee", "size": "12x14", "fit": "stretch", "color": "gray", "filters": "5", "kernel_size": "2,3",
    "stride": "2,1", "padding": "1,2", "bias": "0.5", "init": "normal", "seed": "7", "edits": "4=1,2,3;4,5,6",
    "filter": "4", "looks": "input:0,0:stack", "pin": "0:3,4,2",
}  # fmt: skip


def test_an_address_reproduces_the_page() -> None:
    page = Volumes(**OFF_DEFAULT)
    assert page.warnings == page.errors == []
    assert {name: str(page.widget(name).value).removesuffix(".0") for name in OFF_DEFAULT} == OFF_DEFAULT
    assert page.header["address"] == OFF_DEFAULT | {"frame": None, "patch": None}
    assert set(OFF_DEFAULT) == SETTINGS.keys() - {"frame", "patch"}, "every setting of a window over a still picture"
    told = page.maps
    assert (told["padded"]["how"]["pads"], told["0"]["shape"]) == ([1, 1, 2, 2], [5, 7, 16])
    assert told["0"]["how"]["weight"][4] == [[[1, 2, 3], [4, 5, 6]]]
    assert page.header["pin"] == ["0", 3, 4, 2] and page.header["check"]["channel"] == 2
    by_hand = Volumes().choose(**{name: page.widget(name).value for name in OFF_DEFAULT})
    assert by_hand.header == page.header
    moving = Volumes(image="moving-dot", frame="3", patch="image", filters="2")
    assert moving.header["address"]["frame"] == "3" and moving.shapes["0"] == (2, 1, 1)


HOSTILE = ["", "nan", "-1", "1e9", "999", "<b>x</b>", "[x](//a.b)", "0:1", "0=", "|", "٣", "same", "1,1,1", "a" * 300]


@examples(6)
@given(
    st.dictionaries(
        st.sampled_from([name for name in SETTINGS if name != "size"]), st.sampled_from(HOSTILE), max_size=6
    )
)
def test_no_address_breaks_the_page(query: dict[str, str]) -> None:
    page = Volumes(**query)
    unread = set()
    for name, text in query.items():
        try:
            SETTINGS[name].parse(text)
        except ValueError:
            unread.add(name)
    assert {warning.split(" = ")[0] for warning in page.warnings} == unread
    page.choose(filters=2, edits="")
    assert page.errors == [] or "fit" in page.errors[0] or "cut" in page.errors[0]

"""The page Kinds against torch.nn: maps, differences, costs, examples; and a kind that nobody has heard of."""

from __future__ import annotations

import gc
import random
import re
import weakref
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
import streamlit
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.filters import FILTERS
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernels import INITIALISATIONS
from cnnviz.kind_plans import Plan, Step, plan
from cnnviz.kinds import KINDS, Kind, layers_of
from cnnviz.layers import Activation, Conv2d, ConvTranspose2d, Pool2d
from cnnviz.ui import PAGES, comparison, kind_stages, kind_timing, limits
from cnnviz.ui.kind_knobs import EXAMPLES
from cnnviz.ui.limits import BUDGET, CELLS
from cnnviz.ui.settings import KINDS_PAGE
from cnnviz.ui.stage_view import pack
from tests.fuzzing import examples
from tests.pictures import picture
from tests.test_kinds import twin
from tests.test_pages import Lab
from tests.test_stage_message import plain, unpack

SETTINGS = {setting.name: setting for setting in KINDS_PAGE}
DEFAULTS = {name: setting.parse(setting.default) for name, setting in SETTINGS.items()}


class Kinds(Lab):
    script = PAGES / "explore" / "kinds.py"

    def __init__(self, **query: str) -> None:
        super().__init__(**{"size": "12", **query})

    @property
    def maps(self) -> dict[str, Any]:
        return {stage["name"]: stage for stage in self.header["stages"]}

    @property
    def table(self) -> dict[str, list[str]]:
        """By title, what is said of each kind: output, parameters, multiply-adds, ms, span, cells that it reads."""
        (text,) = [text.value for text in self.at.markdown if text.value.startswith("|")]
        rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
        return {title: cells for title, *cells in rows}


# --- what torch makes of the settings ----------------------------------------------------------------


def weights_of(name: str, made: Plan) -> list[Tensor]:
    """The weights of each layer of a kind, by its definition."""
    share = made.channels // made.groups
    first = [k // (made.out_channels // made.groups) * share for k in range(made.out_channels)]
    return {
        "grouped": [torch.stack([made.weight[k, c : c + share] for k, c in enumerate(first)])],
        "depthwise": [made.depthwise],
        "separable": [made.depthwise, made.pointwise],
        "pointwise": [made.pointwise],
        "transposed": [made.weight.transpose(0, 1)],
        "stacked": [made.weight, *made.deeper],
        "sawtooth": [made.weight, *made.deeper],
    }.get(name, [made.weight])


def source_of(values: Mapping[str, Any], image: Tensor) -> Tensor:
    """The maps that all kinds get: those of a first layer of well-known filters, then of drawn ones."""
    if values["maps"] == "image":
        return image
    count, channels = int(values["maps"]), image.shape[1]
    layer = nn.Conv2d(channels, count, 3, padding=1, bias=False)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        for index, name in enumerate(kind_stages.FIRST_LAYER[channels]):
            if index < count:
                layer.weight[index] = FILTERS[name].values(channels, 3, 3)
        return layer(image)


def module_of(values: Mapping[str, Any], slot: str, x: Tensor) -> nn.Module:
    """The kind in a place, built from torch.nn."""
    channels, filters = x.shape[1], values["out_channels"]
    groups = max(g for g in range(1, values[f"groups_{slot}"] + 1) if channels % g == filters % g == 0)
    made = plan(
        values["kernel"], channels, filters, weights=values["weights"], method=values["init"], seed=values["seed"],
        stride=values[f"stride_{slot}"], dilation=values[f"dilation_{slot}"], groups=groups, padding=values["padding"],
    )  # fmt: skip
    module = twin(values[f"kind_{slot}"], made, x.shape[1:])
    for parameter, weight in zip(module.parameters(), weights_of(values[f"kind_{slot}"], made), strict=True):
        parameter.data.copy_(weight)
    return module


def output_of(module: nn.Module, x: Tensor) -> Tensor | None:
    """None where torch refuses."""
    try:
        with torch.no_grad():
            return module(x.double())[0]
    except RuntimeError:
        return None


def view_of(module: nn.Module, x: Tensor, period: tuple[int, int]) -> tuple[str, str]:
    """What a cell spans and reads, by the gradients of as many cells around the centre as see differently."""
    for parameter in module.parameters():
        parameter.data.fill_(1)  # nothing cancels
    x = torch.zeros_like(x, dtype=torch.float64, requires_grad=True)
    y = module(x)
    spans, counts = [], []
    for row, column in product(*(range(n // 2, n // 2 + p) for n, p in zip(y.shape[2:], period))):
        (gradient,) = torch.autograd.grad(y[0, :, row, column].sum(), x, retain_graph=True)
        cells = gradient[0].sum(0).nonzero()
        spans.append(tuple((cells.amax(0) - cells.amin(0) + 1).tolist()))
        counts.append(len(cells))
    least, most = ([which(sides) for sides in zip(*spans)] for which in (min, max))
    holes = f" of {most[0] * most[1]}" if max(counts) < most[0] * most[1] else ""
    span, reads = (
        " to ".join(dict.fromkeys(ends))
        for ends in (["×".join(map(str, side)) for side in (least, most)], [str(min(counts)), str(max(counts))])
    )
    return span, reads + holes


sides = st.integers(1, 3)
pairs = st.tuples(sides, sides)
kinds = st.sampled_from(list(KINDS))


@st.composite
def states(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, int, int], int]:
    """Settings as read, a picture's shape, a seed for its noise."""
    height, width = draw(pairs)
    cell = st.integers(-32, 32).map(lambda n: n / 16)
    row = st.lists(cell, min_size=width, max_size=width).map(tuple)
    values = DEFAULTS | {
        "maps": draw(st.sampled_from(["image", "4", "8"])), "out_channels": draw(st.integers(1, 8)),
        "kernel": draw(st.lists(row, min_size=height, max_size=height)),
        "weights": draw(st.sampled_from(["kernel", "random"])), "init": draw(st.sampled_from(INITIALISATIONS)),
        "seed": draw(st.integers(0, 9999)), "padding": draw(st.sampled_from(["same", "same", "valid", (1, 0)])),
        "kind_a": draw(kinds), "kind_b": draw(kinds), "kind_c": draw(st.one_of(st.just("none"), kinds)),
    }  # fmt: skip
    for slot in "abc":
        values |= {
            f"stride_{slot}": draw(pairs),
            f"dilation_{slot}": draw(pairs),
            f"groups_{slot}": draw(st.integers(1, 9)),
        }
    return values, (draw(st.sampled_from([1, 3])), draw(st.integers(1, 11)), draw(st.integers(1, 11))), draw(sides)


def forget() -> None:
    """Forget what was drawn outside of any session: all tests share one for that."""
    streamlit.session_state.pop("last drawn", None)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


@examples(40)
@given(states())
def test_maps_differences_and_costs_are_torchs(state: Any) -> None:
    forget()
    values, shape, noise = state
    chosen = picture(random.Random(noise), *shape)
    now = comparison.run(values, chosen)
    x = source_of(values, chosen.image)
    torch.testing.assert_close(torch.from_numpy(now.source[-1].maps), x[0])
    assert [branch.slot for branch in now.branches] == list("abc" if values["kind_c"] != "none" else "ab")
    told = {stage["name"]: stage for stage in unpack(pack(now.maps, now.usual))[0]["stages"]}
    assert list(told) == [entry.name for entry in now.maps] and len(told) == len(now.maps)
    right = {}
    for branch in now.branches:
        module = module_of(values, branch.slot, x)
        right[branch.slot] = output_of(module, x)
        assert (branch.error is None) == (right[branch.slot] is not None) == bool(branch.maps), branch.error
        if branch.maps:
            check_branch(branch, module, x, right[branch.slot], told)
    pairs = [(slot, right["a"], right[slot]) for slot in right if slot != "a"]
    alike = {
        slot: one for slot, first, one in pairs if first is not None and one is not None and first.shape == one.shape
    }
    assert [entry.name for entry in now.differences] == [f"difference-{slot}" for slot in alike]
    by_slot = {branch.slot: branch for branch in now.branches}
    for entry, (slot, one) in zip(now.differences, alike.items()):
        assert np.array_equal(entry.maps, by_slot[slot].maps[-1].maps - by_slot["a"].maps[-1].maps)
        size = max(1.0, float(right["a"].abs().max()), float(one.abs().max()))
        torch.testing.assert_close(torch.from_numpy(entry.maps).double(), one - right["a"], rtol=0, atol=1e-5 * size)
        assert entry.title == f"{slot.upper()} − A"
    check_places(now)


def check_branch(
    branch: comparison.Branch, module: nn.Module, x: Tensor, right: Tensor | None, told: Mapping[str, Any]
) -> None:
    assert right is not None and branch.cost
    size = max(1.0, float(right.abs().max()))
    last = branch.maps[-1]
    torch.testing.assert_close(torch.from_numpy(last.maps).double(), right, rtol=1e-4, atol=1e-5 * size)
    assert tuple(told[last.name]["shape"]) == tuple(right.shape)
    low, high = map(float, right.aminmax())
    assert (told[last.name]["low"], told[last.name]["high"]) == pytest.approx((low, high), abs=1e-4 * size)
    sums = [entry for entry in branch.maps if entry.how["op"] == "conv"]
    for entry, parameter in zip(sums, module.parameters(), strict=True):
        weight = (
            parameter.detach().transpose(0, 1).flip(2, 3) if branch.kind.name == "transposed" else parameter.detach()
        )
        assert np.array_equal(np.float32(told[entry.name]["how"]["weight"]), weight.float().numpy())
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        module(x.double())
    assert 2 * branch.cost.macs == flops.get_total_flops()
    assert branch.cost.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert branch.cost.output_shape == tuple(right.shape) and branch.milliseconds > 0


def check_places(now: comparison.Comparison) -> None:
    """Every stage that is shown has one place: its kind's row, its difference at the end of it."""
    shown = [entry.name for entry in now.maps if not entry.hidden]
    places = [name for name in now.places if not name.startswith("empty ")]
    assert sorted(places) == sorted(shown) and len(now.places) % now.columns == 0
    rows = {name: place // now.columns for place, name in enumerate(now.places)}
    for row, branch in enumerate(now.branches):
        own = [entry.name for entry in branch.maps if not entry.hidden]
        assert {rows[name] for name in own} <= {row}
        assert rows.get(f"difference-{branch.slot}", row) == row


# --- the page ----------------------------------------------------------------------------------------

SOME: list[dict[str, str]] = [
    {"kind_a": "plain", "kind_b": "strided", "kind_c": "dilated", "stride_b": "2,3", "dilation_c": "3"},
    {
        "kind_a": "grouped",
        "kind_b": "depthwise",
        "kind_c": "pointwise",
        "maps": "8",
        "out_channels": "8",
        "groups_a": "4",
    },
    {"kind_a": "transposed", "kind_b": "stacked", "kind_c": "sawtooth", "maps": "image", "out_channels": "2"},
    {
        "kind_a": "separable",
        "kind_b": "plain",
        "maps": "4",
        "weights": "kernel",
        "kernel": "1,2;3,4",
        "padding": "valid",
    },
]


@pytest.mark.parametrize("query", SOME, ids=lambda query: query["kind_b"])
def test_the_table_says_what_torch_counts(query: dict[str, str]) -> None:
    page = Kinds(size="14x15", **query)
    values = DEFAULTS | {name: SETTINGS[name].parse(text) for name, text in query.items()}
    x = source_of(values, load_image(SAMPLES["chelsea"].path, mode="RGB", size=(14, 15)))
    slots = [slot for slot in "abc" if values[f"kind_{slot}"] != "none"]
    assert list(page.table) == [f"{slot.upper()} {KINDS[values[f'kind_{slot}']].title}" for slot in slots]
    shapes = set()
    for slot, (output, parameters, macs, _, span, reads) in zip(slots, page.table.values()):
        module = module_of(values, slot, x)
        right = output_of(module, x)
        assert right is not None
        shapes.add(tuple(right.shape))
        last = next(stage for name, stage in reversed(page.maps.items()) if name.startswith(slot))
        assert output == "×".join(map(str, right.shape)) == "×".join(map(str, last["shape"]))
        assert last["low"] == pytest.approx(float(right.min()), abs=1e-4)
        with FlopCounterMode(display=False) as flops, torch.no_grad():
            module(x.double())
        assert int(macs.replace(",", "")) * 2 == flops.get_total_flops()
        assert int(parameters.replace(",", "")) == sum(parameter.numel() for parameter in module.parameters())
        if values[f"kind_{slot}"] != "depthwise":  # a cell of each map at once would see all channels
            period = values[f"stride_{slot}"] if values[f"kind_{slot}"] == "transposed" else (1, 1)
            assert (span, reads) == view_of(module, x, period)
    assert page.says("Maps of different sizes cannot be subtracted") == (len(shapes) > 1)
    assert page.errors == page.warnings == []


@pytest.mark.parametrize("size", ["11", "12"])
def test_the_view_behind_stamps_is_least_and_most_whatever_the_size(size: str) -> None:
    page = Kinds(size=size, kind_a="transposed", kind_b="transposed", stride_b="3", kind_c="plain")
    assert [cells[-2:] for cells in page.table.values()] == [["1×1 to 2×2", "1 to 4"], ["1×1", "1"], ["3×3", "9"]]


def test_groups_that_do_not_divide_are_said_and_fewer_are_shown() -> None:
    page = Kinds(kind_b="grouped", groups_b="5", maps="12", out_channels="8")
    assert page.says("5 groups of equal size cannot be made of 12 channels and 8 filters: shown are **4**.") == 1
    assert page.maps["b0"]["how"]["groups"] == 4 and np.shape(page.maps["b0"]["how"]["weight"])[1] == 3
    assert page.widget("groups_b").max == 12
    page.choose(maps="4")
    assert page.says("5 groups cannot be made of 4 channels: there are 4.") == 1
    assert page.maps["b0"]["how"]["groups"] == 4
    assert (page.widget("groups_b").value, page.widget("groups_b").max) == (4, 4), "no longer than there are channels"
    page.choose(out_channels=3)
    assert page.says("shown are **1**") == 1 and page.maps["b0"]["how"]["groups"] == 1


def test_groups_stay_while_the_number_of_channels_changes() -> None:
    page = Kinds(kind_b="grouped").choose(groups_b=2)
    for maps in ("8", "16", "4", "12"):
        page.choose(maps=maps)
        assert page.maps["b0"]["how"]["groups"] == page.widget("groups_b").value == 2
        assert page.header["address"]["groups_b"] == "2"


@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_groups_of_a_picture(color: str) -> None:
    page = Kinds(kind_b="grouped", maps="image", color=color, out_channels="6")
    assert page.maps["b0"]["how"]["groups"] == (3 if color == "rgb" else 1) == page.widget("groups_b").value
    assert page.run().errors == []


def test_a_kind_that_cannot_work_says_so_while_the_others_stand() -> None:
    page = Kinds(size="6", padding="valid", kind_b="stacked", kind_c="strided")
    assert len(page.errors) == 1 and "layer 2" in page.errors[0] and "2×2" in page.errors[0]
    assert list(page.table) == ["A Plain", "C Strided"]
    assert {name[0] for name in page.maps} == {"i", "m", "a", "c"}, "B has never worked"
    assert page.choose(dilation_b="1").errors != []
    page.choose(padding="same")
    assert page.errors == [] and len(page.table) == 3
    page.choose(padding="valid", kernel=";".join(["1"] * 7), size="7x6")
    assert len(page.errors) == 1 and list(page.table) == ["A Plain", "C Strided"], "7 rows fit once"
    page.choose(size="6x5")
    assert len(page.errors) == 3 and page.table == {} and page.header["notice"] == ""
    assert list(page.shapes) == ["input", "maps-padded", "maps"], "what was made of other maps does not go with these"
    assert page.choose(kernel="1").errors == []


def test_a_kind_that_cannot_work_leaves_its_last_maps_with_a_notice() -> None:
    page = Kinds(size="8", kind_b="transposed", kind_c="strided", stride_b="1", pin="b0:2,3,4")
    before, check = page.header, plain(page.header["check"])
    page.choose(kind_b="stacked", padding="valid").choose(dilation_b="4")
    (error,) = page.errors
    assert "layer 1" in error
    assert page.header["notice"].startswith("B: a setting below cannot work") and list(page.table) == [
        "A Plain",
        "C Strided",
    ]
    (was,) = (stage for stage in before["stages"] if stage["name"] == "b0")
    assert was["title"] == "B Transposed" and page.maps["b0"] | {"from": was["from"]} == was, (
        "at another place in the list"
    )
    assert plain(page.header["check"]) == check, "and its cells can still be taken apart"
    assert page.maps["a0"]["shape"] == [12, 6, 6], "the others go on"
    assert page.widget("dilation_b").value == "4" and page.says(KINDS["stacked"].about) == 1
    page.choose(dilation_b="1")
    assert page.errors == [] and page.header["notice"] == "" and page.maps["b2"]["title"] == "B Dilated ×3"
    page.choose(kernel="1,1,1,1,1,1,1,1,1")
    assert len(page.errors) == 3 and page.header["notice"].startswith("A and B and C: ")
    assert {"a0", "b2", "c0"} < set(page.maps) and page.table == {}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("maps", ["4", "8", "12", "16"])
def test_no_two_of_the_maps_are_alike_and_none_is_blank(maps: str, channels: int) -> None:
    (*_, last), x = kind_stages.source_stages(maps, picture(random.Random(1), channels, 9, 8).image)
    planes = torch.cat([x[0].flatten(1), -x[0].flatten(1)])
    assert len(x[0]) == int(maps) and np.array_equal(last.maps, x[0].numpy())
    assert (x[0].flatten(1).std(dim=1) > 0.01).all()
    different = torch.corrcoef(planes)[: len(x[0])] - torch.eye(len(x[0]), len(planes))
    assert different.max() < 0.995, "not even up to a factor"


def test_more_than_can_be_paid_is_said() -> None:
    page = Kinds(
        size="1024",
        maps="image",
        out_channels="64",
        kind_a="depthwise",
        kind_b="plain",
        kernel=";".join(["1,1,1,1,1"] * 5),
    )
    assert (
        len(page.errors) == 1 and f"{64 * 3 * 25 * 1024 * 1024:,}" in page.errors[0] and f"{BUDGET:,}" in page.errors[0]
    )
    assert list(page.table) == ["A Depthwise"]


class Made(TorchDispatchMode):
    """Notes how many cells each tensor has that torch makes."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.cells += [one.numel() for one in tree_leaves(made) if isinstance(one, Tensor)]
        return made


LARGE = [
    ({"kind_a": "transposed", "stride_a": "64"}, 12, 12 * (96 * 64) ** 2),
    ({"kind_a": "transposed", "stride_a": "64", "size": "1024", "maps": "image", "out_channels": "1"}, 3, 65536**2),
    ({"kind_a": "pointwise", "out_channels": "64", "size": "1024", "maps": "image"}, 3, 64 * 1024**2),
]


@pytest.mark.parametrize(("query", "channels", "output"), LARGE, ids=["stride", "stride of a large map", "filters"])
def test_maps_too_large_to_hold_are_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, query: dict[str, str], channels: int, output: int
) -> None:
    made, priced, run, price = Made(), [], comparison.run, comparison.cost

    def watched(*args: Any) -> comparison.Comparison:
        with made:
            return run(*args)

    monkeypatch.setattr(comparison, "run", watched)
    monkeypatch.setattr(comparison, "cost", lambda kind, *rest: priced.append(kind.name) or price(kind, *rest))
    page = Kinds(**{"size": "96", "kind_b": "depthwise", "weights": "kernel", **query})
    (error,) = page.errors
    cells = int(re.search(r"would have ([\d,]+) cells", error)[1].replace(",", ""))  # type: ignore[index]
    side, allowed = int(query.get("size", "96")), f"{CELLS:,}"
    more = (side * 64 + 2) ** 2 * channels if query["kind_a"] == "transposed" else 0  # with the zeros between
    below = cells - output - more
    source = 3 * side**2 + (3 * (side + 2) ** 2 + 12 * side**2 if channels == 12 else 0)
    assert below == source, "the picture, and where there are more channels its padded copy and the maps of it"
    assert allowed in error and "smaller" in error
    assert priced == ["depthwise"] and list(page.table) == ["B Depthwise"], "the others stand"
    assert max(made.cells) == channels * (side + 2) ** 2, "the largest that was made is the padded input of B"


def test_the_cells_of_all_places_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    query = {"kind_a": "pointwise", "kind_b": "transposed", "kind_c": "plain", "stride_b": "1"}
    now = comparison.run(DEFAULTS | query | {"stride_b": (1, 1)}, picture(random.Random(0), 3, 9, 8))
    assert len(now.differences) == 2
    held = sum(entry.maps.size for entry in now.maps)
    monkeypatch.setattr(limits, "CELLS", held)
    assert Kinds(size="9x8", **query).errors == []
    monkeypatch.setattr(limits, "CELLS", held - 1)
    page = Kinds(size="9x8", **query)
    assert len(page.errors) == 1 and f"{held:,} cells" in page.errors[0], "the last of them is one too many"
    assert list(page.table) == ["A Pointwise, 1×1", "B Transposed"]


@examples(40)
@given(states())
def test_the_cells_foretold_are_those_of_the_stages(state: Any) -> None:
    values, shape, noise = state
    now = comparison.run(values, picture(random.Random(noise), *shape))
    for branch in now.branches:
        if branch.plan and not branch.error:
            cells = limits.stage_cells(layers_of(branch.kind, branch.plan), branch.shape)
            assert cells == sum(entry.maps.size for entry in branch.maps), branch.kind.name


def test_numbers_beyond_float32() -> None:
    rows = ";".join(["1e6,1e6,1e6"] * 3)
    page = Kinds(kind_b="stacked", kernel=rows, weights="kernel", out_channels="1")
    assert page.errors == []
    chosen = picture(random.Random(0), 3, 9, 9)
    huge = comparison.run(DEFAULTS | {"kernel": [[3e38] * 3], "weights": "kernel", "kind_b": "depthwise"}, chosen)
    assert all("float32" in str(branch.error) and not branch.maps for branch in huge.branches)
    unpack(pack(huge.maps))


def test_what_cannot_be_read_is_said_and_changes_nothing() -> None:
    page = Kinds(kind_b="strided", kind_c="dilated")
    before = page.header
    wrong = {"kernel": "1,2;3", "stride_b": "0", "dilation_c": "x", "padding": "-1", "looks": "a0:every", "pin": "a0"}
    page.choose(**wrong, seed=-1, out_channels=65)
    problems = [caption for caption in page.captions if "cannot be read" in caption]
    assert len(problems) == len(wrong) + 2 and page.errors == []
    for name in (*wrong, "seed", "out_channels"):
        assert sum(problem.startswith(name.replace("_", " ").capitalize() + ": ") for problem in problems) == 1
    assert all(page.header[part] == before[part] for part in ("stages", "pin", "looks", "places"))


@pytest.mark.parametrize(
    ("query", "pin"),
    [
        ({}, "a0:3,4,7"),
        ({}, "b0:0,0,11"),
        ({}, "b1:11,11,2"),
        ({"kind_c": "stacked", "out_channels": "3"}, "c1:5,0,2"),
        ({"kind_c": "transposed", "out_channels": "3"}, "c0:23,7,1"),
        ({"kind_a": "grouped", "groups_a": "3"}, "a0:6,6,9"),
    ],
)
def test_the_pinned_cell_is_checked(query: dict[str, str], pin: str) -> None:
    page = Kinds(**query, pin=pin)
    name, place = pin.split(":")
    row, column, channel = map(int, place.split(","))
    check = page.header["check"]
    assert [check[part] for part in ("stage", "row", "column", "channel")] == [name, row, column, channel]
    assert check["agrees"] and check["sums"] == 1 and check["delta"] <= check["tolerance"]
    values = DEFAULTS | {key: SETTINGS[key].parse(text) for key, text in query.items()}
    now = comparison.run(
        values, comparison.Chosen(load_image(SAMPLES["chelsea"].path, mode="RGB", size=12), "", None, 1)
    )
    (entry,) = [entry for entry in now.maps if entry.name == name]
    assert check["value"] == pytest.approx(float(entry.maps[channel, row, column]), abs=1e-4)


def test_what_no_sum_stands_behind_is_not_checked() -> None:
    page = Kinds(kind_b="dilated", pin="difference-b:1,1,0")
    assert page.header["pin"] == ["difference-b", 1, 1, 0]
    for pin in ("difference-b:1,1,0", "maps:1,1,1", "input:0,0", "c0:0,0", "a0:12,0,0", "a0:0,0,12"):
        assert page.choose(pin=pin).header["check"] is None


# --- how long it takes -------------------------------------------------------------------------------


class Takes(Activation):
    """A layer that takes as many seconds of a clock as it is told next, and notes who is alive."""

    def __call__(self, x: Tensor, **parameters: Tensor) -> Tensor:
        CLOCK["now"] += CLOCK["takes"].pop(0)
        return x


CLOCK: dict[str, Any] = {"now": 0.0, "takes": []}


def test_the_shortest_round_of_all_visits_counts_and_no_visitors_weights_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kind_timing, "perf_counter", lambda: CLOCK["now"])
    kind_timing._record.cache_clear()
    kind = Kind("slow", "Slow", "Made up.", ("stride",), lambda made: (Step("", Takes("relu"), {"w": made.weight}),))
    weights = []

    def visit(*takes: float, stride: int = 1) -> float:
        CLOCK["takes"] = [take / 1000 for take in takes]
        made = plan([[1.0]], 1, 1, stride=stride)
        weights.append(weakref.ref(made.weight))
        shortest = kind_timing.milliseconds(kind, made, (1, 4, 4))
        assert CLOCK["takes"] == [], "as many rounds as that"
        return shortest

    assert visit(1, 50, 40, 70, 60, 80) == pytest.approx(40), "the first round counts for nothing, five follow"
    assert visit(90) == pytest.approx(40)
    assert visit(30) == pytest.approx(30), "a later visit finds a quieter moment"
    assert visit(9, 8, 7, 6, 5, 4, stride=2) == pytest.approx(4), "other sizes are measured for themselves"
    assert visit(299, 800, stride=3) == pytest.approx(800), "of a slow one, one round has to do"
    assert visit(900, stride=4) == pytest.approx(900), "of one that takes longer than a visit waits, the first"
    assert visit(stride=4) == pytest.approx(900), "which no later visit waits for again"
    for _ in range(kind_timing.ENOUGH - kind_timing.ROUNDS - 2):
        visit(35)
    assert visit() == pytest.approx(30), "by now it is known"
    gc.collect()
    assert not any(weight() is not None for weight in weights)
    kind_timing._record.cache_clear()


# --- what counts -------------------------------------------------------------------------------------


def test_it_is_said_what_of_the_kernel_and_the_drawing_counts() -> None:
    page = Kinds()
    shown = page.maps["a0"]["how"]["weight"]
    assert page.says("only the size counts, 3×3") == 1 and page.says("With weights of one kernel") == 0
    page.choose(kernel="sobel-x")
    assert page.maps["a0"]["how"]["weight"] == shown, "other numbers of the same size"
    page.choose(kernel="1,2;3,4;5,6")
    assert page.says("only the size counts, 3×2") == 1 and np.shape(page.maps["a0"]["how"]["weight"])[2:] == (3, 2)
    page.choose(weights="kernel")
    shown = page.maps["a0"]["how"]["weight"]
    assert page.says("only the size counts") == 0 and page.says("the seed alone") == 1
    assert page.choose(init="normal").maps["a0"]["how"]["weight"] == shown
    assert page.choose(seed=3).maps["a0"]["how"]["weight"] != shown
    page.choose(out_channels=1)
    shown = page.maps["a0"]["how"]["weight"]
    assert page.says("neither: a single filter") == 1
    assert page.choose(seed=4, init="uniform").maps["a0"]["how"]["weight"] == shown


def test_it_is_said_which_kinds_the_padding_does_not_concern() -> None:
    assert Kinds().says("It has no effect on") == 0
    page = Kinds(kind_a="pointwise", kind_c="transposed")
    assert page.says("It has no effect on A Pointwise, 1×1 and C Transposed.") == 1
    before = page.shapes
    after = page.choose(padding="valid").shapes
    changed = {name[0] for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed - {"d"} == {"b"}, "nor has it, but on the difference"


@pytest.mark.parametrize("pin", ["conv:3,4", "c0:3,4,0", "b0-spread:1,1"])
def test_a_pin_on_a_stage_that_is_not_there_is_said(pin: str) -> None:
    page = Kinds(pin=pin)
    name = pin.split(":")[0]
    assert page.says(f"No stage is called `{name}` now. There are input, maps, a0, b0, b1, difference-b.") == 1
    assert page.choose(pin="b1:3,4,0").says("No stage is called") == 0


def test_the_words_about_a_pin_give_an_example_that_is_there() -> None:
    page = Kinds(size="48")
    (example,) = re.findall(r"as in (\S+)\.", page.widget("pin").help)
    assert page.choose(pin=example).says("No stage is called") == 0
    assert page.says("No stage is called") == 0
    assert "Transposed" in page.choose(kind_a="transposed").widget("stride_a").help


# --- addresses and examples --------------------------------------------------------------------------

OFF_DEFAULT = {
    "image": "coffee", "size": "12x14", "fit": "stretch", "color": "gray", "maps": "8", "out_channels": "6",
    "kernel": "1,2;3,4", "weights": "kernel", "init": "normal", "seed": "7", "padding": "1,2", "kind_a": "strided",
    "stride_a": "1,2", "kind_b": "grouped", "groups_b": "2", "kind_c": "dilated", "dilation_c": "3,1",
    "looks": "a0:2,b0:2", "pin": "b0:3,4,2",
}  # fmt: skip


def test_an_address_reproduces_the_page() -> None:
    page = Kinds(**OFF_DEFAULT)
    assert page.warnings == page.errors == []
    assert {name: str(page.widget(name).value).removesuffix(".0") for name in OFF_DEFAULT} == OFF_DEFAULT
    told = {name: text for name, text in page.header["address"].items() if text is not None}
    assert told == OFF_DEFAULT
    assert page.maps["a0"]["how"]["stride"] == [1, 2] and page.maps["c0"]["how"]["dilation"] == [3, 1]
    assert page.header["looks"] == page.header["usual"] | {"a0": 2, "b0": 2}
    assert page.header["alike"] == ["a0", "b0", "c0"], "of different sizes, so that none is subtracted"
    first = {name: text for name, text in OFF_DEFAULT.items() if name.startswith("kind_")}
    by_hand = Kinds().choose(**first)  # then their own knobs can be set
    by_hand.choose(**{name: page.widget(name).value for name in OFF_DEFAULT})
    assert without_time(by_hand.header) == without_time(page.header)


def without_time(header: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in header.items() if name != "check"} | {"check": plain(header["check"] or {})}


def test_examples_set_the_page_and_their_links_reproduce_it() -> None:
    page = Kinds(**OFF_DEFAULT)
    for title, texts in EXAMPLES.items():
        page.press(f"example-{title}")
        assert page.errors == page.warnings == []
        assert {name: text for name, text in page.header["address"].items() if text is not None} == texts
        cold = Kinds(**{"size": SETTINGS["size"].default, **texts})
        assert cold.header == page.header, title
        shown = {branch: texts.get(f"kind_{branch}", SETTINGS[f"kind_{branch}"].default) for branch in "abc"}
        assert list(page.table) == [f"{s.upper()} {KINDS[kind].title}" for s, kind in shown.items() if kind != "none"]


def test_examples_show_what_they_are_for() -> None:
    dilation = Kinds(**{**EXAMPLES["Dilation"], "size": "24"})
    assert {"a0", "b0", "difference-b"} <= set(dilation.maps), "what dilation adds can be subtracted"
    gridding = Kinds(**EXAMPLES["Gridding"]).table
    (*_, a_span, a_reads), (*_, b_span, b_reads) = gridding.values()
    assert a_span == b_span and " of " in a_reads and " of " not in b_reads
    checkerboard = Kinds(**EXAMPLES["Checkerboard"])
    kernel = np.shape(checkerboard.maps["a0"]["how"]["weight"])[2]
    strides = [checkerboard.maps[f"{slot}0-spread"]["how"]["step"][0] for slot in "ab"]
    assert kernel % strides[0], "some cells get more stamps than others"
    assert kernel % strides[1] == 0, "and beside it, all get as many"


# --- one more kind is one more entry -----------------------------------------------------------------


def made_up(made: Plan) -> tuple[Step, ...]:
    """Stamps with a bias, then ReLU, then a pool, then as many maps as filters: nothing of the kinds that there are."""
    k, kernel = made.out_channels, (made.weight.shape[2], made.weight.shape[3])
    stamp = ConvTranspose2d(k, kernel, made.stride)
    mix = Conv2d(k, (1, 1), bias=True, padding="same")
    return (
        Step("stamps", stamp, {"weight": made.weight.transpose(0, 1), "bias": torch.arange(k) / 8}),
        Step("rectified", Activation("relu"), {}),
        Step("pooled", Pool2d("max", 2), {}),
        Step("mixed", mix, {"weight": made.deeper[0][:, :, :1, :1], "bias": torch.ones(k)}),
    )


def test_one_more_kind_is_one_more_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind("made-up", "Made up", "Look at nothing.", ("stride",), made_up)
    monkeypatch.setitem(KINDS, kind.name, kind)
    page = Kinds(kind_a="made-up", kind_b="made-up", stride_b="2", maps="4", out_channels="3", pin="b0:3,3,2")
    assert page.errors == page.warnings == []
    for slot in "abc":
        options = page.widget(f"kind_{slot}").options
        assert options == ["none"] * (slot == "c") + list(KINDS), "the menu offers it"
    assert page.widget("stride_a").value == page.widget("stride_b").value == "2"
    assert page.says("Look at nothing.") == 2
    assert list(page.table) == ["A Made up", "B Made up"] and "difference-b" in page.maps
    image = load_image(SAMPLES["chelsea"].path, mode="RGB", size=12)
    x = source_of(DEFAULTS | {"maps": "4"}, image)
    made = plan(DEFAULTS["kernel"], 4, 3, weights="random", seed=0, stride=2)
    layers = nn.ConvTranspose2d(4, 3, 3, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 3, 1)
    for layer, step in zip(layers, made_up(made)):
        layer.load_state_dict(dict(step.parameters))
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        outputs = [x := layer(x) for layer in layers]
    assert [name for name in page.maps if name.startswith("b")] == ["b0-spread", "b0", "b1", "b2", "b3"]
    for index, right in enumerate(outputs):
        told = page.maps[f"b{index}"]
        assert tuple(told["shape"]) == tuple(right.shape[1:])
        assert (told["low"], told["high"]) == pytest.approx((float(right.min()), float(right.max())), abs=1e-4)
    output, parameters, macs, *_ = page.table["B Made up"]
    assert output == "×".join(map(str, outputs[-1].shape[1:]))
    assert int(parameters.replace(",", "")) == sum(p.numel() for layer in layers for p in layer.parameters())
    assert int(macs.replace(",", "")) * 2 == flops.get_total_flops(), "what a pool compares is no multiply-add"
    assert page.header["check"]["value"] == pytest.approx(float(outputs[0][0, 2, 3, 3]), abs=1e-4)
    check = page.choose(pin="b3:3,3,2").header["check"]
    assert check["value"] == pytest.approx(float(outputs[3][0, 2, 3, 3]), abs=1e-4)
    for pin in ("b1:3,3,2", "b2:3,3,2"):
        assert page.choose(pin=pin).header["check"] is None, "a step without sums of its own is not worked out again"
    page.choose(kind_c="made-up", kind_a="plain")
    assert len(page.table) == 3

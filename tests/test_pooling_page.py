"""The page Activation and pooling: maps and counts against torch.nn, whole states from an address, plain refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from streamlit.testing.v1 import AppTest
from torch import Tensor

from cnnviz.activations import ACTIVATIONS
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernels import parse_kernel
from cnnviz.number_pictures import parse_numbers
from cnnviz.ui import PAGES, pooling
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.limits import OVERFLOW
from cnnviz.ui.settings import POOLING
from tests.test_pages import Lab
from tests.test_stage_message import unpack


class Page(Lab):
    """The page as a person has it who opened an address."""

    def __init__(self, **query: str) -> None:
        self.at = AppTest.from_file(PAGES / "explore" / "pooling.py", default_timeout=30)
        for name, text in query.items():
            self.at.query_params[name] = text
        self.run()

    @property
    def told(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        data = next(part for part in self.at.get("bidi_component") if part.key == "stages").proto.bytes
        header, _, levels = unpack(data)
        return header, levels

    @property
    def chart(self) -> dict[str, Any]:
        """What the activation's chart is told."""
        (part,) = [part for part in self.at.get("bidi_component") if part.key == "chart"]
        told: dict[str, Any] = json.loads(part.proto.json)
        return told

    @property
    def table(self) -> list[list[str]]:
        """What the shift changed: rows of cells."""
        lines = [m.value for m in self.at.markdown if m.value.startswith("| | cells changed")]
        return (
            [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in lines[0].split("\n")[2:]] if lines else []
        )


def image(name: str = "camera", size: int = 64) -> Tensor:
    return load_image(SAMPLES[name].path, mode="L", size=size)


def numbers(text: str = "mixed") -> Tensor:
    return torch.tensor(parse_numbers(text))[None, None]


def moved(x: Tensor, right: int, down: int = 0) -> Tensor:
    """Shifted, by padding with the edge and cutting off."""
    height, width = x.shape[2:]
    return F.pad(x, (right, 0, down, 0), mode="replicate")[..., :height, :width]


def summed(x: Tensor, kernel: str = "edge") -> Tensor:
    return F.conv2d(x, torch.tensor(parse_kernel(kernel), dtype=x.dtype)[None, None])


def whole_sums(x: Tensor, kernel: str = "edge") -> Tensor:
    """255 times these sums, of whole numbers alone, which a double holds exactly."""
    return summed((255 * x).round().double(), kernel)


def check_maps(page: Page, wanted: dict[str, Tensor]) -> None:
    header, levels = page.told
    stages = {stage["name"]: stage for stage in header["stages"]}
    for name, maps in wanted.items():
        stage, right = stages[name], maps[0].numpy()
        assert tuple(stage["shape"]) == right.shape, name
        scale = max(1.0, float(np.abs(right).max()))
        assert (stage["low"], stage["high"]) == pytest.approx((right.min(), right.max()), abs=1e-5 * scale), name
        is_gathered = stage["how"]["op"] == "pad" and "conv" in stages  # from the picture, by the browser
        assert (name in levels) != (stage["hidden"] or is_gathered)
        if name not in levels:
            continue
        (low, high), *_ = stage["ranges"]
        seen = low + levels[name].astype(float) * (high - low) / 255
        np.testing.assert_allclose(seen, right, atol=(high - low) / 255 + 1e-5 * scale, err_msg=name)


def won(x: Tensor, size: int, stride: int, kind: str = "max") -> Tensor:
    """1 where a cell wins, else 0."""
    _, indices = F.max_pool2d(x if kind == "max" else -x, size, stride, return_indices=True)
    mask = torch.zeros_like(x).flatten()
    mask[indices.flatten()] = 1
    return mask.reshape(x.shape)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1), (4, 3)])
def test_both_rows_are_what_torch_makes(size: int, stride: int) -> None:
    page = Page(pool_size=f"{size}", pool_stride=f"{stride}", shift="2", shift_down="1", kernel="emboss")
    x, other = image(), moved(image(), 2, 1)
    one, two = F.relu(summed(x, "emboss")), F.relu(summed(other, "emboss"))
    pooled, pooled_other = F.max_pool2d(one, size, stride), F.max_pool2d(two, size, stride)
    alone, alone_other = (
        F.relu(F.conv2d(i, torch.tensor(parse_kernel("emboss"))[None, None], stride=stride)) for i in (x, other)
    )
    check_maps(page, {
        "input": x, "conv": summed(x, "emboss"), "activation": one, "pool": pooled, "winners": won(one, size, stride),
        "shifted": other, "shifted-conv": summed(other, "emboss"), "shifted-activation": two,
        "shifted-pool": pooled_other, "pool-changes": pooled_other - pooled,
        "strided": alone, "shifted-strided": alone_other, "strided-changes": alone_other - alone,
    })  # fmt: skip
    # column c of the pool sees columns from c·stride of the picture on: clear of the edge from there on
    first_row, first_column = -(-1 // stride), -(-2 // stride)
    whole, whole_other = (F.relu(whole_sums(i, "emboss")) for i in (x, other))  # where nothing is rounded
    for row, (before, after) in zip(
        page.table,
        [
            tuple(F.max_pool2d(maps, size, stride) for maps in (whole, whole_other)),
            tuple(maps[..., ::stride, ::stride] for maps in (whole, whole_other)),
        ],
    ):
        before, after = before[..., first_row:, first_column:], after[..., first_row:, first_column:]
        count = int((after != before).sum())
        assert row[1] == f"{count:,} of {before.numel():,}"
        assert row[2] == f"{100 * (count / before.numel()):.1f} %"
        assert row[3] == f"{100 * float((after - before).abs().sum() / before.abs().sum()):.1f} %"


@pytest.mark.parametrize("kind", ["max", "avg", "min", "l2"])
@pytest.mark.parametrize("windows", ["global", "adaptive"])
def test_pools_that_are_told_their_output(kind: str, windows: str) -> None:
    page = Page(source="numbers", activation="tanh", pool=kind, pool_windows=windows, output_size="3,2", pin="pool:0,0")
    x, other = torch.tanh(numbers()), torch.tanh(moved(numbers(), 1))
    out = (1, 1) if windows == "global" else (3, 2)

    def pool(maps: Tensor) -> Tensor:
        if kind in ("max", "min"):
            sign = 1 if kind == "max" else -1
            return sign * F.adaptive_max_pool2d(sign * maps, out)
        if kind == "avg":
            return F.adaptive_avg_pool2d(maps, out)
        cells = [[(i * 8 // out[a], -(-(i + 1) * 8 // out[a])) for i in range(out[a])] for a in (0, 1)]
        rows = [[maps[0, 0, t:b, l:r].square().sum().sqrt() for l, r in cells[1]] for t, b in cells[0]]  # noqa: E741
        return torch.tensor(rows)[None, None]

    check_maps(
        page, {"activation": x, "pool": pool(x), "shifted-pool": pool(other), "pool-changes": pool(other) - pool(x)}
    )
    names = [stage["name"] for stage in page.header["stages"]]
    assert ("winners" in names) == (kind in ("max", "min"))
    assert "conv" not in names and "strided" not in names
    assert page.header["check"] is None, "no sum stands behind it"
    assert len(page.table) == 1 and page.table[0][1].endswith(" of 3" if windows == "adaptive" else " of 1")


def test_one_bright_dot_moves_within_its_window_unnoticed() -> None:
    page = Page(source="numbers", numbers="one-bright-dot", shift="1")
    assert [row[1] for row in page.table] == ["0 of 12", "1 of 12"]
    page.choose(shift=2)
    assert page.table[0][1] == "2 of 12", "now it has left the window"
    page.choose(shift=0)
    assert not page.table
    assert [stage["name"] for stage in page.header["stages"]] == ["input", "activation", "pool", "winners"]


def test_shares_that_died_and_that_lie_where_it_is_flat() -> None:
    page = Page(source="numbers")
    dead = (numbers() < 0).double().mean()
    assert page.says(f"**{100 * float(dead):.1f} % died**") == 1
    assert page.says("**0.0 % lie where the curve is nearly flat**") == 1
    page.choose(activation="relu6")
    assert (
        page.says(f"**{100 * float((numbers() >= 6).double().mean()):.1f} % lie where the curve is nearly flat**") == 1
    )
    page.choose(activation="softmax")
    assert not page.says("died")


@pytest.mark.parametrize("sample", ["digits", "colours", "camera", "gradient"])
def test_sums_that_cancel_have_not_died(sample: str) -> None:
    page = Page(image=sample)
    died = float((whole_sums(image(sample)) < 0).double().mean())
    assert page.says(f"**{100 * died:.1f} % died**") == 1
    told = page.chart
    assert told["shares"][0] == pytest.approx(died)
    assert sum(told["dead"]) == round(died * told["total"])


@pytest.mark.parametrize("sample", ["digits", "colours", "camera", "gradient"])
def test_the_lab_says_the_same_of_the_same_sums(sample: str) -> None:
    died = float((whole_sums(image(sample)) < 0).double().mean())
    lab = Lab(image=sample, size="64", padding="valid", pool="none")
    assert lab.says(f"{100 * died:.1f} % became 0") == 1


def test_winners_that_are_0_are_seen() -> None:
    page = Page(size="20")
    _, levels = page.told
    x = F.relu(summed(image(size=20)))
    mask = won(x, 2, 2)
    assert int(((x == 0) & (mask == 1)).sum()) > 0
    assert np.array_equal(levels["winners"] > 0, mask[0] > 0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"pool_size": "2", "pool_stride": "2"}, ""),
        ({"pool_size": "2", "pool_stride": "1,2"}, "Windows one below the other share 1 row: a cell may win"),
        (
            {"pool_size": "3", "pool_stride": "4,1", "pool": "l2"},
            "Windows side by side share 2 columns: a cell may cou",
        ),
        ({"pool_size": "8,3", "pool_stride": "1,2"}, "Windows side by side share 1 column: a cell may win"),
        ({"pool_size": "8", "pool_stride": "1"}, ""),
    ],
)
def test_what_neighbouring_windows_share(query: dict[str, str], words: str) -> None:
    page = Page(source="numbers", **query)
    assert page.says("Windows ") == bool(words)
    assert not words or page.says(words) == 1


@pytest.mark.parametrize(
    ("query", "counts", "words"),
    [
        ({}, ["12", "12"], "pool hears of all cells of its window. A stride alone keeps one"),
        ({}, ["12", "12"], "Cells that see what came in at the edge are not counted;"),
        ({"pool_size": "8"}, ["1", "12"], "not counted, but with max pooling 8×8 every cell does, so all of them are;"),
        ({"pool_size": "8", "pool_stride": "8"}, ["1", "1"], "Every cell sees what came in at the edge, so all are"),
        ({"pool_windows": "global"}, ["1"], "The fewer and the larger the windows"),
        ({"pool": "none"}, ["56"], "Without a pool, a shift puts another cell's value in each place."),
    ],
)
def test_what_is_said_of_a_shift(query: dict[str, str], counts: list[str], words: str) -> None:
    page = Page(source="numbers", **{"pool_stride": "2", "numbers": "ramp"} | query)
    assert [row[1].split(" of ")[1] for row in page.table] == counts
    assert page.says(words) == 1


def test_of_nothing_no_share_is_said() -> None:
    dot = ";".join(",".join("9" if (row, column) == (4, 0) else "0" for column in range(8)) for row in range(8))
    page = Page(source="numbers", numbers=dot, pool="none")
    assert page.table == [["no pooling", "1 of 56", "1.8 %", "all was 0"]]


def test_how_many_won() -> None:
    page = Page(pool_size="3", pool_stride="1")
    x = F.relu(summed(image()))
    _, indices = F.max_pool2d(x, 3, 1, return_indices=True)
    counts = indices.flatten().bincount()
    assert page.says(f"{indices.numel():,} windows, **{int((counts > 0).sum()):,} of {x.numel():,} cells won**") == 1
    assert page.says(f"One of them won {int(counts.max())} windows.") == 1
    assert page.says("Windows one below the other share 2 rows, side by side share 2 columns: a cell may win") == 1


# --- addresses ----------------------------------------------------------------------------------------


def test_an_address_reproduces_the_whole_page() -> None:
    query = {
        "image": "coffee", "size": "20x30", "fit": "stretch", "color": "rgb", "kernel": "1,0;0,-1", "bias": "0.5",
        "activation": "elu", "alpha": "2", "pool": "avg", "pool_windows": "window", "pool_size": "3,2",
        "pool_stride": "1,2", "pool_padding": "same", "shift": "3", "shift_down": "2", "looks": "input:0",
        "pin": "shifted-pool:4,5",
    }  # fmt: skip
    page = Page(**query)
    shapes = page.shapes
    assert shapes["input"] == shapes["shifted"] == (3, 20, 30)
    assert shapes["conv"] == (1, 19, 29)
    assert shapes["pool"] == shapes["pool-changes"] == (1, 19, 15)
    assert page.header["looks"] == {"input": 0}
    assert page.header["pin"] == ["shifted-pool", 4, 5]
    assert page.header["check"]["agrees"] and page.header["check"]["sums"] == 6
    said = {name: text for name, text in page.header["address"].items() if text is not None}
    assert said == {name: text for name, text in query.items() if name != "pool_windows"}
    for name, text in query.items():
        if name not in ("image", "pool_windows"):
            assert (
                f"{page.widget(name).value:g}" == text
                if name in ("bias", "alpha", "shift", "shift_down")
                else page.widget(name).value == text
            )


def test_numbers_travel_in_the_address() -> None:
    rows = ";".join(",".join(str(r - c) for c in range(8)) for r in range(8))
    page = Page(source="numbers", numbers=rows, activation="none")
    (stage, *_) = page.header["stages"]
    assert stage["how"]["op"] == "numbers"
    assert np.array_equal(np.array(stage["how"]["values"])[0], numbers(rows)[0, 0])


WRONG = {setting.name: "banana" for setting in POOLING} | {"shift": "9", "shift_down": "-1", "pin": "shifted-conv:1,1"}


@pytest.mark.parametrize("name", WRONG)
def test_every_text_that_cannot_be_read_is_said(name: str) -> None:
    source = {"source": "numbers"} if name == "numbers" else {}
    page = Page(**{"size": "20"} | source | {name: WRONG[name]})
    assert len(page.warnings) == 1 and page.warnings[0].startswith(f"{name} = `{WRONG[name]}`")
    assert not page.errors
    assert page.header["address"][name] is None


@pytest.mark.parametrize(
    ("name", "good", "text"),
    [
        ("pool_size", "3", "0"), ("pool_stride", "1", "a"), ("pool_padding", "1", "-1"), ("kernel", "log", "1,2;3"),
        ("size", "30", "1025"), ("pin", "conv:1,1", "conv:1"), ("looks", "input:0", "input"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_said_under_its_widget(name: str, good: str, text: str) -> None:
    page = Page(size="20").choose(**{name: good})
    before = page.header["stages"]
    page.choose(**{name: text})
    assert page.header["stages"] == before
    assert page.says("cannot be read") == 1


def test_own_numbers_that_cannot_be_read_keep_the_last() -> None:
    page = Page(source="numbers").choose(numbers="ramp")
    before = page.header["stages"]
    page.choose(numbers="1,2;3,4")
    assert page.header["stages"] == before
    assert page.says("2×2 numbers; 8×8 are needed") == 1


def test_a_window_that_does_not_fit_says_so_and_the_rest_is_shown() -> None:
    page = Page(size="8", pool_size="7")
    assert len(page.errors) == 1 and "7×7" in page.errors[0] and "6×6" in page.errors[0]
    names = [stage["name"] for stage in page.header["stages"]]
    assert "activation" in names and "pool" not in names
    page.choose(pool_size="3")
    assert not page.errors and page.shapes["pool"] == (1, 2, 2)


def test_a_window_that_no_longer_fits_keeps_the_last_picture() -> None:
    page = Page(size="8", pool_size="3")
    before = page.header["stages"]
    page.choose(pool_size="7")
    assert len(page.errors) == 1 and "7×7" in page.errors[0] and page.header["notice"]
    assert page.header["stages"] == before
    assert not page.table and not page.says("won")
    page.choose(activation="leaky_relu")
    page.choose(negative_slope=0.5)
    assert page.header["stages"] == before, "the chart alone follows, with the sums that are shown"
    assert (page.chart["name"], page.chart["parameters"]) == ("leaky_relu", {"negative_slope": 0.5})
    page.choose(pool_size="2")
    assert not page.errors and not page.header["notice"] and page.shapes["pool"] == (1, 3, 3)


def test_numbers_too_large_on_a_first_visit_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {})
    values = {setting.name: setting.parse(setting.default) for setting in POOLING}
    values |= {"source": "numbers", "numbers": ((3e38,) * 8,) * 8, "pool": "l2"}  # larger than a text may say
    now = pooling.run(values, Chosen(image(), "camera", "camera", 1))
    assert now.stale and now.notice == OVERFLOW and not now.comparisons()
    (stage,) = now.maps
    assert stage.how["op"] == "numbers" and np.array_equal(stage.maps, np.full((1, 8, 8), 3e38, np.float32))


def test_a_kernel_that_does_not_fit_keeps_the_last_picture() -> None:
    page = Page(size="8")
    before = page.header["stages"]
    page.choose(kernel=";".join([",".join("1" * 9)] * 9))
    assert len(page.errors) == 1 and "9×9" in page.errors[0] and page.header["notice"]
    assert page.header["stages"] == before
    page.choose(kernel="edge")
    assert not page.errors and not page.header["notice"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_runs(name: str) -> None:
    page = Page(size="16", activation="none" if name == "identity" else name)
    assert not page.errors and not page.warnings
    chart = [part for part in page.at.get("bidi_component") if part.key == "chart"]
    assert len(chart) == 1

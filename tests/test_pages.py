"""Every page runs; the Lab says what its settings do, for any settings, possible or not."""

from __future__ import annotations

import ast
import io
import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from cnnviz.activations import ACTIVATIONS
from cnnviz.functional import POOLS, conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernels import KERNELS, parse_kernel
from cnnviz.ui import PAGES, experiment
from cnnviz.ui import settings as ui_settings
from cnnviz.ui.controls import KEPT, Controls
from tests.fuzzing import examples
from tests.option_space import MODES, both, naive_sides
from tests.test_stage_message import unpack

SITE = PAGES.parent / "cnnviz" / "ui" / "site.py"
EVERY_PAGE = sorted(PAGES.rglob("*.py"))


# The menu with one page that opens first: what links to another page needs to know of it.
MENU = """
import streamlit as st

st.navigation([st.Page(path, default=path == {page!r}) for path in {pages!r}], position="hidden").run()
"""


def app_of(script: Path) -> AppTest:
    """A page as the app runs it; or the whole app, which opens with the Lab."""
    if script == SITE:
        return AppTest.from_file(script, default_timeout=30)
    pages = [str(page) for page in EVERY_PAGE]
    return AppTest.from_string(MENU.format(page=str(script), pages=pages), default_timeout=30)


def named(path: Path) -> str:
    return path.relative_to(PAGES).as_posix()


def listed() -> list[Path]:
    """The files that the menu names."""
    calls = [node for node in ast.walk(ast.parse(SITE.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    paths = [call.args[0] for call in calls if ast.unparse(call.func) == "st.Page"]
    return [eval(compile(ast.Expression(path), str(SITE), "eval"), {"PAGES": PAGES}) for path in paths]


def test_the_menu_lists_every_page_once() -> None:
    assert sorted(listed()) == EVERY_PAGE
    assert EVERY_PAGE, "there is something to show"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=named)
def test_pages_are_short_and_begin_with_what_they_are_for(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    assert ast.get_docstring(ast.parse(text))
    assert re.fullmatch(r"[a-z_]+", page.stem)


@pytest.mark.parametrize("script", [SITE, *EVERY_PAGE], ids=lambda path: path.name)
def test_every_page_runs_and_runs_again(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnviz.training_pool.Pool.warm", lambda pool: None)  # a process that takes seconds to start
    at = app_of(script).run()
    for _ in range(2):
        assert not at.exception
        assert not at.error
        assert not at.warning
        assert at.title, "a page says what it is"
        at.run()


# --- the Lab ----------------------------------------------------------------------------------------


class Lab:
    """A page as a person has it who opened an address: the Lab, or that of a subclass."""

    script = SITE

    def __init__(self, **query: str) -> None:
        self.at = app_of(self.script)
        for name, text in query.items():
            self.at.query_params[name] = text
        self.run()

    def run(self) -> Lab:
        for box in self.at.selectbox:  # AppTest does not know of options that a person adds
            if box.value is not None and box.value not in box.options:
                box.options.append(box.value)
        # Where parts run alone AppTest forgets the rest: here all of a page runs; tests/test_parts.py has its parts.
        with patch.object(Controls, "follow", lambda controls: None):
            self.at.run()
        assert not self.at.exception
        return self

    def choose(self, **texts: Any) -> Lab:
        """Set widgets, one run for all."""
        for name, value in texts.items():
            self.widget(name).set_value(value)
        return self.run()

    def widget(self, name: str) -> Any:
        kinds = ("selectbox", "text_input", "number_input", "pills", "segmented_control", "slider")
        return next(widget for kind in kinds for widget in getattr(self.at, kind) if widget.key == name)

    def upload(self, name: str, data: bytes) -> Lab:
        self.at.file_uploader[0].set_value((name, data, "application/octet-stream"))
        return self.run()

    def press(self, key: str) -> Lab:
        next(button for button in self.at.button if button.key == key).click()
        return self.run()

    @property
    def own(self) -> list[str]:
        """The names of the person's own pictures that are shown: one or none."""
        texts = [text.value for text in self.at.text]
        return [text.removeprefix("Your picture: ") for text in texts if text.startswith("Your picture: ")]

    @property
    def header(self) -> dict[str, Any]:
        """What the stage view was told."""
        data = next(part for part in self.at.get("bidi_component") if part.key == "stages").proto.bytes
        return unpack(data)[0]

    @property
    def editor(self) -> dict[str, Any]:
        """What the kernel editor was told."""
        part = next(part for part in self.at.get("bidi_component") if part.key == "kernel_grid")
        return json.loads(part.proto.json)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {stage["name"]: tuple(stage["shape"]) for stage in self.header["stages"]}

    @property
    def latex(self) -> list[str]:
        return [formula for said in self.captions for formula in re.findall(r"\$\$\n(.*?)\n\$\$", said, re.DOTALL)]

    @property
    def captions(self) -> list[str]:
        return [caption.value for caption in self.at.caption]

    def says(self, sentence: str) -> int:
        """In how many of the lines beside the knobs it stands."""
        return sum(sentence in caption for caption in self.captions)

    @property
    def errors(self) -> list[str]:
        """As a person reads them: what Markdown could mean something by is escaped."""
        return [re.sub(r"\\([^0-9A-Za-z\s])", r"\1", error.value).replace("\u2060", "") for error in self.at.error]

    @property
    def warnings(self) -> list[str]:
        return [line.strip() for warning in self.at.warning for line in warning.value.split("\n")]


def size_formula(n: int, before: int, after: int, d: int, k: int, s: int) -> str:
    pads = f"2 \\cdot {before}" if before == after else f"({before} + {after})"
    out = (n + before + after - d * (k - 1) - 1) // s + 1
    return rf"\left\lfloor \frac{{{n} + {pads} - {d} \cdot ({k} - 1) - 1}}{{{s}}} \right\rfloor + 1 = {out}"


def test_the_worked_example_is_what_a_first_visitor_sees() -> None:
    lab = Lab()
    assert lab.shapes == {
        "input": (1, 300, 300),
        "padded": (1, 302, 302),
        "conv": (1, 300, 300),
        "activation": (1, 300, 300),
        "pool": (1, 150, 150),
    }
    assert size_formula(300, 1, 1, 1, 3, 1) in lab.latex[0]
    assert lab.latex[1] == ACTIVATIONS["relu"].formula
    assert size_formula(300, 0, 0, 1, 2, 2) in lab.latex[2]
    assert lab.says("Padding adds **1** on every side.") == lab.says("Padding adds nothing.") == 1
    assert lab.says("10 weights with the bias") == lab.says("810,000 multiply-adds") == 1
    assert (lab.header["notice"], lab.header["link_note"]) == ("", "")


def test_widgets_move_the_formulas() -> None:
    lab = Lab(size="20")
    lab.choose(stride="2", padding="1,2", dilation="2", kernel="1,2,3;4,5,6")
    rows, columns = size_formula(20, 1, 1, 2, 2, 2), size_formula(20, 2, 2, 2, 3, 2)
    assert rows in lab.latex[0]
    assert columns in lab.latex[0]
    assert lab.shapes["conv"] == (1, 10, 10)
    assert lab.says("Padding adds **1** above, **1** below, **2** left, **2** right.")
    assert lab.says("The floor throws away: no window reaches the last row and column of the padded input.")
    assert lab.says("3×5 pixels"), "how far a dilated kernel of 2×3 reaches"
    lab.choose(activation="none", pool="none")
    assert list(lab.shapes) == ["input", "padded", "conv"]
    assert len(lab.latex) == 1
    lab.choose(pool="l2")  # then its window can be set
    lab.choose(activation="softplus", pool_size="3", pool_stride="1", pool_padding="valid")
    assert list(lab.shapes) == ["input", "padded", "conv", "activation", "pool"]
    assert lab.shapes["pool"] == (1, 8, 8)
    assert lab.latex[1] == ACTIVATIONS["softplus"].formula
    assert size_formula(10, 0, 0, 1, 3, 1) in lab.latex[2]


def test_same_says_on_which_side_the_odd_pixel_goes() -> None:
    lab = Lab(size="7x8", kernel="1,1;1,1", stride="1", pool="max", pool_size="3", pool_stride="2")
    assert lab.says("Padding adds **0** above, **1** below, **0** left, **1** right.") == 1
    assert lab.says("Padding adds **1** above, **1** below, **0** left, **1** right.") == 1, "and so for pooling"


@pytest.mark.parametrize(
    ("size", "stride", "thrown"),
    [  # by a 3×3 kernel: (10 - 3) mod 4 = 3, (10 - 3) mod 3 = 1, (12 - 3) mod 3 = 0
        ("10", "4", "3 rows and 3 columns"),
        ("10x9", "3", "row"),
        ("9x10", "3", "column"),
        ("8x12", "1,3", None),
    ],
)
def test_what_the_floor_throws_away(size: str, stride: str, thrown: str | None) -> None:
    lab = Lab(pool="none", padding="valid", size=size, stride=stride)
    assert lab.says("The floor throws away") == (thrown is not None)
    assert thrown is None or lab.says(f"no window reaches the last {thrown} of the input.") == 1


def test_the_parameters_of_an_activation_appear_with_it() -> None:
    lab = Lab(activation="leaky_relu", size="20")
    lab.choose(negative_slope=0.5)
    low = {stage["name"]: stage["low"] for stage in lab.header["stages"]}
    assert low["activation"] == pytest.approx(low["conv"] / 2)
    lab.choose(activation="gelu")
    assert lab.widget("approximate").options == ["none", "tanh"]
    lab.choose(activation="relu")
    assert all(box.key != "approximate" for box in lab.at.selectbox)


def test_a_menu_goes_on_offering_what_was_written_into_it() -> None:
    lab = Lab(size="20")
    for text in ("1,2", "2,1", "1,2", "no number", "3", "same"):
        lab.choose(padding=text)
    offered = lab.widget("padding").options
    assert {"1,2", "2,1", "3"} < set(offered) and "no number" not in offered and len(offered) == len(set(offered))
    for number in range(4, 40):
        lab.choose(padding=f"{number}")
    assert lab.widget("padding").options[-KEPT:] == [f"{number}" for number in range(39, 39 - KEPT, -1)]


@pytest.mark.parametrize(
    ("kernel", "bias"), [("0,0", 5), ("0,0", -5), ("1,1", -2), ("1,1", -1.99), ("1,1", 0.5), ("edge", -2.5)]
)
def test_what_the_activation_did_is_not_rounded_to_all_or_none(kernel: str, bias: float) -> None:
    lab = Lab(size="60", kernel=kernel, bias=f"{bias:g}", image="coffee")
    weight = torch.tensor(parse_kernel(kernel))[None, None]
    x = load_image(SAMPLES["coffee"].path, mode="L", size=60)
    sums = conv2d(x, weight, torch.tensor([float(bias)]), padding="same")
    silenced, total = int((sums < 0).sum()), sums.numel()
    (said,) = [caption for caption in lab.captions if caption.startswith("It changed")]
    share = said.removeprefix("It changed ").split(" of the cells")[0]
    if share == "all":
        assert silenced == total
    elif share == "none":
        assert silenced == 0
    elif share.endswith("%"):
        assert float(share[:-1]) == pytest.approx(100 * silenced / total, abs=0.051) and 0 < float(share[:-1]) < 100
    else:
        *but, number = share.split()
        assert (total - silenced if but else silenced) == int(number)


def test_the_pinned_cell_is_worked_out_again_by_the_server() -> None:
    lab = Lab(size="40", pin="pool:3,4", stride="2", color="rgb", kernel="kaiming_uniform:5x5:3")
    assert lab.header["pin"] == ["pool", 3, 4]
    assert lab.header["check"]["sums"] == 4 and 0 <= lab.header["check"]["delta"] < 1e-5
    before = lab.header["check"]["value"]
    lab.choose(bias=0.5)
    assert lab.header["check"]["value"] == pytest.approx(before + 0.5, abs=1e-5) or before == 0
    lab.choose(pin="conv:19,0")
    assert lab.header["check"]["stage"] == "conv" and lab.header["check"]["sums"] == 1
    lab.choose(pin="conv:20,0")
    assert lab.header["check"] is None and lab.header["pin"] == ["conv", 20, 0], "beyond the map, and kept"
    lab.choose(stride="1")
    assert lab.header["check"]["row"] == 20, "it is there again"
    lab.choose(pin="input:1,1")
    assert lab.header["check"] is None, "no sum stands behind a pixel"
    lab.choose(pin="conv:1")
    assert lab.header["pin"] == ["input", 1, 1] and lab.says("cannot be read")
    lab.choose(pin="")
    assert lab.header["pin"] is None


def test_color_shows_three_channels() -> None:
    lab = Lab(color="rgb", size="30", image="astronaut")
    assert lab.shapes["input"] == (3, 30, 30)
    assert lab.shapes["padded"] == (3, 32, 32)
    assert lab.shapes["conv"] == (1, 30, 30)
    assert lab.says("28 weights with the bias") == 1
    assert lab.choose(color="gray").shapes["input"] == (1, 30, 30)


# --- settings that cannot work ----------------------------------------------------------------------


def test_a_kernel_that_does_not_fit_names_all_sizes_and_keeps_the_picture() -> None:
    lab = Lab(size="5", padding="2")
    before = lab.header["stages"]
    lab.choose(kernel=";".join(["1,1,1,1,1,1,1"] * 7), dilation="2")
    assert len(lab.errors) == 1
    for size in ("7×7", "13×13", "9×9", "5×5"):
        assert size in lab.errors[0]
    assert lab.header["notice"]
    assert lab.header["stages"] == before
    lab.choose(dilation="1")
    assert lab.errors == []
    assert lab.header["notice"] == ""
    assert lab.shapes["conv"] == (1, 3, 3)


def test_a_kernel_that_does_not_fit_on_a_first_visit() -> None:
    lab = Lab(size="3", padding="valid", kernel="log")
    assert len(lab.errors) == 1
    assert "5×5" in lab.errors[0]
    assert "3×3" in lab.errors[0]
    assert lab.choose(padding="same").errors == []


def test_too_little_to_reflect_is_said() -> None:
    lab = Lab(size="4", padding="4", padding_mode="reflect")
    assert len(lab.errors) == 1
    assert "at least 5" in lab.errors[0]
    assert "4×4" in lab.errors[0]
    assert lab.choose(padding_mode="circular").errors == []


def test_a_pool_that_does_not_fit_names_all_sizes_and_the_rest_is_shown() -> None:
    lab = Lab(size="6", pool_size="7", pool_padding="valid")
    assert len(lab.errors) == 1
    assert "7×7" in lab.errors[0]
    assert "6×6" in lab.errors[0]
    assert list(lab.shapes) == ["input", "padded", "conv", "activation"]


def test_a_pool_with_a_window_in_the_padding_alone_says_which() -> None:
    lab = Lab(size="6", pool_size="2", pool_padding="3")
    assert len(lab.errors) == 1
    for part in ("2×2", "6×6", "3", "padding only"):
        assert part in lab.errors[0]


def test_numbers_beyond_float32_keep_the_last_picture() -> None:
    lab = Lab(size="8", activation="elu")
    before = lab.header["stages"]
    lab.choose(kernel="1000000", bias=1e6, alpha=1e6)
    assert lab.errors == []
    lab.choose(kernel="edge", bias=0.0, alpha=1.0)
    assert lab.header["stages"] == before


def test_text_that_cannot_be_read_keeps_the_last_value() -> None:
    lab = Lab(size="20").choose(stride="3")
    before = lab.header["stages"]
    lab.choose(stride="banana")
    assert lab.header["stages"] == before
    said = [caption for caption in lab.captions if "banana" in caption]
    assert len(said) == 1
    assert "1 to 64" in said[0]
    lab.choose(kernel="1,2;3")
    assert any("row 1 has 2 cells" in caption for caption in lab.captions)
    assert lab.header["stages"] == before


@pytest.mark.parametrize("text", ["[x](//a.b)", "![](//a.b/c)", "**b**,1", "$x$", ":red[x]", "<b>x</b>", "a]b`c"])
def test_what_a_person_types_is_shown_as_text_and_not_as_markdown(text: str) -> None:
    lab = Lab(size="20").choose(kernel=text)
    said = [caption for caption in lab.captions if "cannot be read" in caption]
    assert len(said) == 1
    assert said[0].startswith("Kernel: `"), "and in no directive, which a bracket of it could end"
    unescaped = re.sub(r"\\.", "", said[0])
    outside = re.sub(r"`[^`]*`", "", unescaped)
    assert text not in outside
    assert not re.search(r"[\[\]<>*$!]", outside), "nothing of it is left to be marked up"


# --- addresses --------------------------------------------------------------------------------------


def test_an_address_reproduces_the_screen() -> None:
    query = {
        "image": "coffee", "size": "20x30", "fit": "stretch", "color": "rgb", "kernel": "1,0;0,-1", "bias": "0.5",
        "stride": "2,1", "padding": "1,2", "padding_mode": "constant", "padding_value": "-1", "dilation": "2",
        "activation": "elu", "alpha": "2", "pool": "avg", "pool_size": "3,2", "pool_stride": "1",
        "pool_padding": "same",
    }  # fmt: skip
    lab = Lab(**query)
    assert lab.warnings == []
    shown = {name: str(lab.widget(name).value) for name in query}
    assert {name: float(text) for name, text in query.items() if name in ("bias", "alpha", "padding_value")} == {
        name: float(shown[name]) for name in ("bias", "alpha", "padding_value")
    }
    for name in query.keys() - {"bias", "alpha", "padding_value"}:
        assert shown[name] == query[name], name
    told = {stage["name"]: stage["how"] for stage in lab.header["stages"]}
    assert told["padded"] == {"op": "pad", "pads": [1, 1, 2, 2], "mode": "constant", "value": -1.0}
    assert told["conv"]["weight"] == [[[[1, 0], [0, -1]]] * 3]
    assert (told["conv"]["bias"], told["conv"]["stride"], told["conv"]["dilation"]) == ([0.5], [2, 1], [2, 2])
    assert (told["activation"]["name"], told["activation"]["parameters"]) == ("elu", {"alpha": 2.0})
    assert (told["pool"]["kind"], told["pool"]["kernel_size"], told["pool"]["stride"]) == ("avg", [3, 2], [1, 1])
    # as set by hand
    by_hand = Lab().choose(activation="elu", padding_mode="constant")  # then their parameters can be set
    by_hand.choose(**{name: lab.widget(name).value for name in query})
    assert by_hand.header == lab.header


def test_what_an_address_says_wrongly_is_named_and_the_rest_is_kept() -> None:
    lab = Lab(image="nobody", stride="0", size="20", kernel="[x](//a.b)", pool="mean", bias="nan", utm_source="x")
    assert len(lab.warnings) == 5
    for name in ("image", "stride", "kernel", "pool", "bias"):
        assert sum(warning.startswith(f"{name} = `") for warning in lab.warnings) == 1
    assert lab.shapes["input"] == (1, 20, 20)
    assert lab.widget("kernel").value == "edge"
    assert lab.widget("stride").value == "1"
    assert lab.choose(stride="2").shapes["conv"] == (1, 10, 10)


def test_frames() -> None:
    lab = Lab(image="moving-dot", frame="3", size="40")
    assert lab.widget("frame").value == 3
    last = Lab(image="moving-dot", frame="999", size="40")
    assert last.shapes["input"] == (1, 40, 40)
    assert Lab(image="camera", frame="7", size="40").shapes["input"] == (1, 40, 40)


texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from([
        "", " ", "nan", "inf", "-1", "0", "1", "64", "65", "1e999", "1e6", "-1e6", "1_0", " 2 ", "2,", "1,1,1", "٣",
        "1024", "1x1024", "same", "SAME", "valid", "reflect", "circular", "softmax", "all", "edge", "gabor", "1;2;3",
        "1e6,-1e6", "9" * 5000, "<b>", "`", "0.0005", "1e-30", "max", "l2", "rgb", "moving-dot", "keep", "999",
    ]),
)  # fmt: skip
hostile = st.dictionaries(st.sampled_from([setting.name for setting in ui_settings.LAB]), texts, max_size=8)


@examples(12)
@given(hostile)
@example({"size": "1", "pool_padding": "64", "padding": "64", "padding_mode": "circular"})
@example({"kernel": "1e6", "activation": "elu", "alpha": "-1e6", "bias": "1e6", "size": "3"})
@example({"frame": "20", "image": "moving-dot", "size": "10"})
@example({"bias": "1_0", "padding_value": " 7 ", "size": "10"})
@example({"bias": "٣", "stride": "٣", "size": "٣٠"})
def test_no_address_breaks_the_page(query: dict[str, str]) -> None:
    lab = Lab(**query)
    unread = {setting.name for setting in ui_settings.LAB if setting.name in query and refuses(setting, query)}
    assert {warning.split(" = ")[0] for warning in lab.warnings} == unread
    lab.run()
    lab.choose(kernel="sobel-x")


def refuses(setting: ui_settings.Setting, query: dict[str, str]) -> bool:
    try:
        setting.parse(query[setting.name])
    except ValueError:
        return True
    return False


possible = st.fixed_dictionaries(
    {"size": st.sampled_from(["1", "7", "20", "13x24", "40x9"])},
    optional={
        "image": st.sampled_from(list(SAMPLES)),
        "fit": st.sampled_from(["crop", "keep", "stretch"]),
        "color": st.sampled_from(["gray", "rgb"]),
        "kernel": st.sampled_from([*KERNELS, "1", "1,2,3,4", "1;2", "0.5,-.5;1/9,1e-2"]),
        "bias": st.sampled_from(["0", "-0.5", "1e6"]),
        "stride": st.sampled_from(["1", "2", "3,1", "64"]),
        "padding": st.sampled_from(["valid", "same", "0", "1,2", "3"]),
        "padding_mode": st.sampled_from(MODES),
        "padding_value": st.sampled_from(["0", "0.5", "-3"]),
        "dilation": st.sampled_from(["1", "2", "1,3"]),
        "activation": st.sampled_from(["none", *[name for name in ACTIVATIONS if name != "identity"]]),
        "over": st.sampled_from(["channels", "all"]),
        "pool": st.sampled_from(["none", *POOLS]),
        "pool_size": st.sampled_from(["1", "2", "3,2", "64"]),
        "pool_stride": st.sampled_from(["1", "2", "5"]),
        "pool_padding": st.sampled_from(["valid", "same", "1"]),
    },
)


@examples(15)
@given(possible)
def test_whatever_is_set_the_numbers_beside_the_knobs_are_those_of_the_picture(query: dict[str, str]) -> None:
    lab = Lab(**query)
    assert lab.warnings == []
    setting = {s.name: s.parse(query.get(s.name, s.default)) for s in ui_settings.LAB}
    shapes = lab.shapes
    if lab.header["notice"]:
        assert lab.errors, "what cannot work is said where it is set"
        return
    windows = {
        "conv": ("input", both_sides(setting["kernel"]), setting["stride"], setting["padding"], setting["dilation"]),
        "pool": (list(shapes)[-2], setting["pool_size"], setting["pool_stride"], setting["pool_padding"], (1, 1)),
    }
    formulas = [formula for formula in lab.latex if "text{out}" in formula]
    shown = [name for name in windows if name in shapes]
    assert len(formulas) == len(shown)
    for name, formula in zip(shown, formulas):
        origin, k, s, p, d = windows[name]
        for axis in (0, 1):
            n, out = shapes[origin][1 + axis], shapes[name][1 + axis]
            before, after = naive_sides(n, k[axis], s[axis], d[axis], p, axis)
            assert size_formula(n, before, after, d[axis], k[axis], s[axis]) in formula
            assert f"+ 1 = {out}" in formula
            dropped = (n + before + after - d[axis] * (k[axis] - 1) - 1) % s[axis]
            noun = "row" if axis == 0 else "column"
            said = f"{dropped} {noun}s" if dropped > 1 else f"last {noun}" if axis == 0 else noun
            assert dropped == 0 or any("floor" in caption and said in caption for caption in lab.captions)


def both_sides(rows: Any) -> tuple[int, int]:
    return both((len(rows), len(rows[0])))


# --- a person's own picture -------------------------------------------------------------------------


def picture(color: str = "red", size: tuple[int, int] = (80, 60)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_upload_stays_while_settings_change_until_a_sample_is_picked() -> None:
    lab = Lab(size="32", color="rgb").upload("red.png", picture())
    reds = {"low": 0.0, "high": 1.0}
    for tweak in ({"stride": "2"}, {"kernel": "box"}, {"size": "20x30"}, {"fit": "keep"}, {"activation": "tanh"}):
        lab.choose(**tweak)
        first = lab.header["stages"][0]
        assert {end: first[end] for end in reds} == reds
        assert lab.header["link_note"], "a link does not carry it, and says so"
    assert lab.shapes["input"] == (3, 20, 27), "kept in its shape of 80×60"
    lab.choose(image="impulse")
    assert lab.header["link_note"] == ""
    assert lab.shapes["input"] == (3, 20, 20)


def test_an_uploaded_sample_is_the_sample() -> None:
    own = Lab(size="50").upload("mine.jpg", SAMPLES["camera"].path.read_bytes()).header
    sample = Lab(size="50").header
    assert own["stages"] == sample["stages"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"%PDF-1.7",
        picture()[:60],
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"\xff\xd8\xff\xe0" + b"x" * 99,
    ],
    ids=["empty", "text", "pdf", "truncated", "hollow", "torn"],
)
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes) -> None:
    lab = Lab(size="32")
    before = lab.header["stages"]
    lab.upload("x.png", data)
    assert len(lab.errors) == 1
    assert lab.errors[0].endswith(".")
    assert lab.header["stages"] == before, "the last good picture stays"
    lab.choose(stride="2")
    assert lab.shapes["conv"] == (1, 16, 16), "and follows the knobs"
    lab.upload("y.png", picture())
    assert lab.errors == []
    assert lab.header["notice"] == ""


def test_after_a_damaged_upload_the_good_one_still_follows_the_settings() -> None:
    lab = Lab(size="32").upload("red.png", picture()).upload("bad.png", picture()[:60])
    assert (lab.own, len(lab.errors)) == (["red.png"], 1)
    lab.choose(size="64", color="rgb")
    assert lab.shapes["input"] == (3, 64, 64)
    assert len(lab.errors) == 1
    assert lab.own == ["red.png"]


def test_a_damaged_upload_brings_nothing_back_that_was_put_away() -> None:
    lab = Lab(image="coffee", size="16").upload("red.png", picture()).press("back_to_sample")
    coffee = Lab(image="coffee", size="16").header["stages"]
    assert (lab.own, lab.header["stages"]) == ([], coffee)
    lab.upload("bad.png", b"no picture")
    assert (lab.own, lab.header["stages"]) == ([], coffee)
    assert len(lab.errors) == 1


def test_ones_own_picture_waits_while_a_sample_is_shown() -> None:
    lab = Lab(size="16").upload("red.png", picture())
    red = lab.header["stages"]
    lab.choose(image="rings")
    assert lab.own == []
    lab.press("back_to_own")
    assert (lab.own, lab.header["stages"]) == (["red.png"], red)


def test_the_sample_under_ones_own_picture_is_chosen_by_pressing_it_again() -> None:
    lab = Lab(image="coffee", size="16").upload("red.png", picture())
    lab.choose(image=None)  # what pressing a chosen button does
    assert (lab.own, lab.header["stages"]) == ([], Lab(image="coffee", size="16").header["stages"])


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.png", "x`]()y.png", "../../a.png", "\u202eb.png", "a" * 300 + ".png"]
)
def test_a_hostile_file_name(name: str) -> None:
    lab = Lab(size="16").upload(name, picture())
    assert lab.errors == []
    texts = [*lab.captions, *[text.value for text in lab.at.markdown], json.dumps(lab.header)]
    assert not any(name in text for text in texts)


def test_what_did_not_change_is_not_computed_again() -> None:
    with patch("cnnviz.ui.experiment.forward", wraps=experiment.forward) as forward:
        lab = Lab(size="16", stride="nonsense")  # said of an address: the page runs twice
        before = lab.header, lab.captions
        lab.run()
        assert (lab.header, lab.captions) == before
        assert forward.call_count == 1
        lab.choose(bias=0.5)
        assert forward.call_count == 2
        lab.choose(image="rings")
        assert forward.call_count == 3


# --- what a person takes home -----------------------------------------------------------------------


def test_the_code_beside_the_picture_is_made_when_it_is_opened() -> None:
    lab = Lab(size="12", image="rings")
    assert not lab.at.code
    lab.at.session_state["code"] = True
    lab.run()
    (block,) = lab.at.code
    assert 'Image.open("rings.png")' in block.value

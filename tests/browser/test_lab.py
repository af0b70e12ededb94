"""The Lab in Chromium: its address, its picture, its pictures' files, its errors, its layout."""

from __future__ import annotations

import io
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Locator, expect

from cnnviz import figures
from cnnviz.activations import ACTIVATIONS
from cnnviz.images import SAMPLES
from tests.browser import expected
from tests.browser.conftest import OpenLab
from tests.browser.lab_page import PATIENCE, Lab, eventually

WORKED_EXAMPLE = {
    "input": "1x300x300", "padded": "1x302x302", "conv": "1x300x300", "activation": "1x300x300", "pool": "1x150x150",
}  # fmt: skip
EVERYTHING = {
    "image": "coffee", "size": "90x120", "fit": "stretch", "color": "rgb", "kernel": "1,0;-0.5,2;0.25,-3",
    "bias": "0.5", "stride": "2,1", "padding": "2,3", "padding_mode": "constant", "padding_value": "-0.75",
    "dilation": "2,3", "activation": "leaky_relu", "negative_slope": "0.2", "pool": "avg", "pool_size": "3,2",
    "pool_stride": "2,3", "pool_padding": "1,0",
}  # fmt: skip


def picture(seed: int, side: int = 60) -> bytes:
    """A PNG that no other seed gives."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 6), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found
    return dict(found)


def warnings(lab: Lab) -> str:
    return "\n".join(lab.page.get_by_test_id("stAlert").all_inner_texts())


# --- the address ----------------------------------------------------------------------------------


def test_the_page_opens_on_the_worked_example(lab: Lab) -> None:
    lab.open()
    lab.wait_shapes(WORKED_EXAMPLE)
    assert lab.page.locator(".kernel-grid").get_attribute("data-kernel") == "edge"
    assert lab.shown("padding") == "same" and lab.shown("activation") == "relu" and lab.shown("pool") == "max"
    assert lab.query() == {}, "defaults stay out of the address"
    assert warnings(lab) == ""


def test_a_cold_link_with_every_parameter(lab: Lab) -> None:
    lab.open(**EVERYTHING)
    lab.wait_shapes(expected.shapes(**EVERYTHING))
    for name in EVERYTHING.keys() - {"image", "color"}:
        assert lab.shown(name) == EVERYTHING[name], name
    for group in ("image", "color"):
        chosen = lab.page.locator(f".st-key-{group} [aria-checked=true]")
        assert chosen.inner_text().strip() == EVERYTHING[group], group
    assert lab.kernel() == [[1, 0], [-0.5, 2], [0.25, -3]]
    lab.settled()
    lab.wait_query(**EVERYTHING)
    assert warnings(lab) == ""


def test_widgets_write_the_address_and_the_address_gives_the_same_screen(lab: Lab, new_lab: OpenLab) -> None:
    lab.open(size="24")
    changes = {
        "stride": "2", "padding": "1,2", "padding_mode": "reflect", "dilation": "2", "bias": "-0.25",
        "activation": "elu", "alpha": "0.5", "pool": "l2", "pool_size": "3", "pool_stride": "1", "pool_padding": "1",
        "fit": "stretch", "size": "30x40", "kernel": "sobel-x",
    }  # fmt: skip
    for name, text in changes.items():
        lab.fill(name, text)
    lab.pill("color", "rgb")
    lab.pill("image", "chelsea")
    lab.write(0, 0, "1.5")
    lab.idle()
    said = changes | {"color": "rgb", "image": "chelsea", "kernel": "1.5,0,1;-2,0,2;-1,0,1"}
    lab.wait_query(**said)
    lab.wait_shapes(expected.shapes(**said))

    other = new_lab()
    other.page.goto(lab.page.url)
    other.page.wait_for_selector("[data-drawn]")
    other.wait_shapes(lab.shapes())
    eventually(lambda: other.pixels() == lab.pixels(), other.page)
    assert {name: other.shown(name) for name in changes} == {name: lab.shown(name) for name in changes}


def test_numbers_out_of_range_are_refused_in_words_and_change_nothing(lab: Lab) -> None:
    lab.open(size="32", bias="0.5", kernel="1")
    before = lab.pixels()
    for name, text in {"bias": "1e7", "kernel": "0x10"}.items():
        kept = lab.shown(name)
        lab.fill(name, text)
        eventually(lambda: "cannot be read" in lab.page.locator(f".st-key-problem-{name}").inner_text(), lab.page)  # noqa: B023
        eventually(lambda: lab.pixels() == before, lab.page)
        lab.fill(name, kept)
        expect(lab.page.locator(f".st-key-problem-{name}")).to_have_count(0)
    assert lab.pixels() == before


def test_enter_on_what_stands_there_changes_nothing(lab: Lab) -> None:
    settings = {"stride": "3,2", "size": "50", "pool_padding": "0,1"}
    lab.open(**settings)
    for name, text in settings.items():
        lab.widget(name).click()
        lab.page.keyboard.press("Enter")
        lab.idle()
        assert lab.shown(name) == text
        lab.fill(name, text)
        assert lab.shown(name) == text
    lab.wait_query(**settings)


def test_defaults_drop_out_of_the_address(lab: Lab) -> None:
    lab.open(stride="2", size="64", bias="1", color="rgb", pool="none")
    for name, text in {"stride": "1", "size": "300", "bias": "0", "pool": "max"}.items():
        lab.fill(name, text)
    lab.pill("color", "gray")
    lab.wait_query()
    lab.wait_shapes(WORKED_EXAMPLE)


UNREADABLE = {
    "stride": "abc",
    "kernel": "1,2;3",
    "color": "purple",
    "bias": "NaN",
    "size": "99999",
    "activation": "constructor",
    "image": "<script>alert(1)</script>",
    "padding": "∞" * 5000,
    "dilation": "１２３４５",
    "pool": "__proto__",
    "pool_size": "0",
    "pool_stride": "-1",
    "padding_value": "1e999",
    "frame": "x",
    "fit": "[click](javascript:alert(1))",
}


def test_what_cannot_be_read_is_said_and_ignored(lab: Lab) -> None:
    lab.open(**UNREADABLE)
    lab.wait_shapes(WORKED_EXAMPLE)
    said = [line for line in warnings(lab).splitlines() if " = " in line]
    for name in UNREADABLE:
        assert sum(line.startswith(f"{name} = ") for line in said) == 1, name
    assert len(said) == len(UNREADABLE), "a line each"
    body = lab.page.inner_text("body")
    assert "Traceback" not in body and "Error" not in body
    assert lab.page.locator("a[href^=javascript]").count() == 0
    assert lab.kernel() == [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    for name, default in {"stride": "1", "size": "300", "bias": "0", "activation": "relu", "kernel": "edge"}.items():
        assert lab.shown(name) == default, name
    lab.wait_query()  # what Copy link copies makes sense


@pytest.mark.parametrize(
    "settings",
    [
        {"bias": "inf", "padding_value": "nan", "negative_slope": "nan", "activation": "leaky_relu"},
        {"padding": "\u202e\x00\ufffd", "image": "../../etc/passwd", "size": "10x", "kernel": "9" * 6000},
        {"stride": "", "kernel": "", "image": "", "size": "", "bias": ""},
        {"activation": "softplus", "beta": "0", "threshold": "x"},
    ],
    ids=["not-finite", "strange-and-huge", "empty", "zero"],
)
def test_any_address_gives_a_picture(lab: Lab, settings: dict[str, str]) -> None:
    given = {"size": "24"} | settings
    lab.open(urlencode(given, errors="surrogatepass"))
    side = 24 if given["size"] == "24" else 300
    assert next(iter(lab.shapes().items())) == ("input", f"1x{side}x{side}")
    body = lab.page.inner_text("body")
    assert "Traceback" not in body and "Error" not in body
    good = {"activation"} & settings.keys()
    for name in settings.keys() - good:
        assert f"{name} = " in warnings(lab), name


def test_ten_tweaks_are_one_step_of_history(another: Lab) -> None:
    lab = another.open(size="48", stride="2")
    page = lab.page
    opened = (lab.query(), lab.shapes(), lab.pixels())
    before = page.evaluate("history.length")
    lab.cell(1, 1).click()
    for _ in range(5):
        page.keyboard.press("PageUp")
        lab.idle()
    for name, text in {"bias": "1", "padding": "valid", "stride": "1", "pool_size": "3", "dilation": "2"}.items():
        lab.fill(name, text)
    lab.wait_query(
        size="48", padding="valid", pool_size="3", dilation="2", bias="1", kernel="-1,-1,-1;-1,8.5,-1;-1,-1,-1"
    )
    assert page.evaluate("history.length") <= before + 1
    left = (lab.query(), lab.shapes(), lab.pixels())

    def shows(state: tuple[Any, ...]) -> None:
        eventually(lambda: lab.query() == state[0], page)
        lab.wait_shapes(state[1])
        eventually(lambda: lab.pixels() == state[2], page)

    page.go_back()
    shows(opened)
    expect(lab.widget("stride")).to_have_value("2")
    expect(lab.widget("bias")).to_have_value("0")
    expect(lab.widget("kernel")).to_have_value("edge")
    assert lab.kernel()[1][1] == 8
    page.go_forward()
    shows(left)
    expect(lab.widget("stride")).to_have_value("1")
    expect(lab.widget("bias")).to_have_value("1")
    eventually(lambda: lab.kernel()[1][1] == 8.5, page)


def test_a_menu_takes_text_as_it_is_written(lab: Lab) -> None:
    lab.open(size="40", stride="2", activation="silu")
    box, keyboard = lab.widget("stride"), lab.page.keyboard
    box.click()
    box.press("End")
    keyboard.type(",1")  # Streamlit's own would search for ",1"
    assert lab.shown("stride") == "2,1"
    keyboard.press("Enter")
    lab.wait_query(size="40", stride="2,1", activation="silu")
    box.press("Home")
    keyboard.type("1")
    keyboard.press("Delete")
    keyboard.press("Tab")  # goes on, and what was written counts
    lab.wait_query(size="40", stride="1,1", activation="silu")
    assert not box.evaluate("box => box === document.activeElement")
    box.press("ControlOrMeta+a")
    keyboard.type("1,3")
    lab.page.mouse.click(700, 20)
    lab.wait_query(size="40", stride="1,3", activation="silu")
    lab.idle()  # an answer closes the list
    box.click()
    lab.page.get_by_role("option", name="4", exact=True).hover()
    lab.page.mouse.click(700, 20)  # pointed at, but neither chosen nor written
    lab.idle()
    assert lab.shown("stride") == "1,3"
    for text, goes_on in (("2", "Tab"), ("3", "Tab"), ("4", "click"), ("1,3", "click")):  # faster than the server
        box.press("ControlOrMeta+a")
        keyboard.type(text)
        keyboard.press("Tab") if goes_on == "Tab" else lab.page.mouse.click(700, 20)
        lab.page.wait_for_timeout(10)
    lab.wait_query(size="40", stride="1,3", activation="silu")
    lab.idle()
    box.press("ControlOrMeta+a")
    keyboard.type("1,")
    lab.page.get_by_role("option", name="1,3", exact=True).click()  # chosen, and what was written is forgotten
    keyboard.press("Tab")
    lab.idle()
    assert lab.shown("stride") == "1,3"
    box.fill("1,3,")  # as a paste or a spelling aid gives it: all at once
    assert lab.shown("stride") == "1,3,"
    box.press("ControlOrMeta+a")
    keyboard.type("4")
    keyboard.press("Escape")
    keyboard.press("Tab")
    lab.idle()
    assert lab.shown("stride") == "1,3" and lab.query()["stride"] == "1,3"


@pytest.mark.parametrize("enters", ["by a click", "by keys"])
def test_what_is_written_into_a_menu_at_first_takes_the_place_of_its_text(lab: Lab, enters: str) -> None:
    lab.open(size="40")
    box = lab.widget("padding")
    box.click() if enters == "by a click" else box.focus()
    lab.page.keyboard.type("valid")
    lab.page.keyboard.press("Enter")
    lab.wait_query(size="40", padding="valid")


# --- one's own picture ----------------------------------------------------------------------------


def test_an_own_picture_outlives_back_from_another_page_and_a_reload(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "own.png"
    Image.effect_noise((30, 20), 90).save(file)
    settings = {"size": "24", "bias": "0.5"}

    def shows_own() -> bool:
        return lab.shapes().get("input") == "1x24x24" and lab.pixels() == own

    lab.open(size="24")
    sample = lab.pixels()
    lab.page.locator(".st-key-upload input[type=file]").set_input_files(file)
    eventually(lambda: lab.pixels() != sample, lab.page)
    lab.idle()
    lab.fill("bias", "0.5")
    own = lab.pixels()
    lab.page.get_by_test_id("stTopNavSection").first.click()
    lab.page.get_by_test_id("stTopNavDropdownLink").filter(has_text="Volumes").click()
    lab.page.wait_for_selector("[data-stage='0'][data-shape]")
    lab.idle()
    lab.page.go_back()
    eventually(shows_own, lab.page)
    lab.wait_query(**settings)
    lab.page.reload()
    eventually(shows_own, lab.page)
    lab.open(**settings)
    assert lab.pixels()["input"] == sample["input"], "an address that is opened has no own picture"


def test_why_a_file_is_refused_stands_under_its_name(lab: Lab, tmp_path: Path) -> None:
    """By the browser, because it is too large; by the server, because there is no room for it."""
    lab.open(size="12")
    large, small = tmp_path / "large.png", tmp_path / "small.png"
    large.write_bytes(bytes(21 << 20))
    small.write_bytes(b"no picture")
    said = lab.page.get_by_test_id("stFileChip").get_by_role("alert")
    lab.page.locator(".st-key-upload input[type=file]").set_input_files(large)
    expect(said).to_have_text("Error: File must be 20.0MB or smaller.")
    lab.page.route("**/_stcore/upload_file/**", lambda route: route.fulfill(status=413))
    lab.page.locator(".st-key-upload input[type=file]").set_input_files(small)
    expect(said.filter(has_text="No room")).to_have_count(1)
    lab.page.unroute("**/_stcore/upload_file/**")
    chip = box(lab.page.get_by_test_id("stFileChip").first)
    at = box(said.first)
    assert at["width"] > 100 and at["height"] > 10, "it is seen"
    assert chip["y"] < at["y"] and at["y"] + at["height"] <= chip["y"] + chip["height"]
    assert at["x"] >= chip["x"] and at["x"] + at["width"] <= chip["x"] + chip["width"]


def upload(lab: Lab, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "image/png", "buffer": data}
    lab.page.locator(".st-key-upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]


def test_an_upload_stays_while_the_rest_changes(lab: Lab, allow: Callable[..., None]) -> None:
    allow("clipboard-read", "clipboard-write")
    lab.open(size="12")
    page = lab.page
    sample = lab.pixels()
    own = picture(1)
    upload(lab, "mine.png", own)
    eventually(lambda: lab.pixels()["input"] != sample["input"], page)
    lab.idle()
    mine = lab.pixels()["input"]
    lab.wait_shapes(expected.shapes(own, size="12"))
    lab.write(1, 1, "5")
    lab.wait_kernel("-1,-1,-1;-1,5,-1;-1,-1,-1")
    lab.fill("stride", "2")
    lab.wait_shapes(expected.shapes(own, size="12", stride="2"))
    assert lab.pixels()["input"] == mine
    check_readings(lab, "input", expected.stages(own, size="12")["input"])

    page.locator(".sv-link").click()
    expect(page.locator(".sv-copied")).to_contain_text("your own picture")
    assert page.evaluate("navigator.clipboard.readText()") == page.url

    lab.pill("image", "rings")
    lab.wait_query(size="12", image="rings", stride="2", kernel="-1,-1,-1;-1,5,-1;-1,-1,-1")
    check_readings(lab, "input", expected.stages(size="12", image="rings")["input"])
    page.locator(".sv-link").click()
    expect(page.locator(".sv-copied")).to_have_text("Link copied.")


def test_knobs_write_the_address_under_any_number_of_uploads(another: Lab) -> None:
    lab = another.open(size="12")
    for count, color in enumerate((None, "rgb", "gray", "rgb", None, "gray")):
        before = lab.pixels()["input"]
        upload(lab, f"mine-{count}.png", picture(count))
        eventually(lambda before=before: lab.pixels()["input"] != before, lab.page)
        lab.idle()
        if color:
            lab.pill("color", color)
            lab.wait_query(size="12", **({"color": "rgb"} if color == "rgb" else {}))


def test_a_strangers_text_is_shown_as_text(lab: Lab) -> None:
    lab.open(size="12")
    links = ["][c](https://e.example)", "a](https://e.example)![i](https://e.example/a.png)", "www.e.example"]
    for name, texts in {"kernel": links, "size": links[:1], "padding": links[1:2]}.items():
        for text in texts:
            lab.fill(name, text)
            expect(lab.page.locator(f".st-key-problem-{name}")).to_contain_text("cannot be read")
    upload(lab, "www.e.example a@e.example [x](https://e.example).png", picture(4))
    eventually(lambda: "Your picture: www.e.example" in lab.page.inner_text("body"), lab.page)
    assert lab.page.locator("a[href*='e.example'], img[src*='e.example']").count() == 0


def test_a_text_that_calls_itself_a_picture(lab: Lab) -> None:
    lab.open(size="12")
    upload(lab, "mine.png", picture(2))
    check_readings(lab, "input", expected.stages(picture(2), size="12")["input"])
    lab.idle()
    before = lab.pixels()
    lab.page.locator(".st-key-upload input[type=file]").set_input_files(
        {"name": "poem.png", "mimeType": "image/png", "buffer": b"Roses are red, this is no PNG."}
    )
    eventually(lambda: "text, not a picture" in warnings(lab), lab.page)
    lab.idle()
    assert lab.pixels() == before, "the last picture stays"
    assert "Traceback" not in lab.page.inner_text("body")
    upload(lab, "other.png", picture(3))
    check_readings(lab, "input", expected.stages(picture(3), size="12")["input"])
    assert warnings(lab) == ""


def test_a_picture_dropped_anywhere_on_the_page_or_pasted(lab: Lab, tmp_path: Path) -> None:
    lab.open(size="12")
    places = [".st-key-upload [data-testid=stFileUploaderDropzone]", "[data-stage=conv][data-shape]", ".kernel-grid"]
    for seed, place in enumerate(places, 4):  # each replaces the one before
        own = picture(seed)
        path = tmp_path / f"mine-{seed}.png"
        path.write_bytes(own)
        lab.drop(path, lab.page.locator(place))
        check_readings(lab, "input", expected.stages(own, size="12")["input"])
        assert lab.page.url.startswith(lab.server), "the browser did not open the picture itself"
    for seed in (7, 8):
        own = picture(seed)
        lab.paste_file("mine.png", own)
        check_readings(lab, "input", expected.stages(own, size="12")["input"])


def test_a_photograph_from_the_camera(lab: Lab, allow: Callable[..., None]) -> None:
    allow("camera")
    lab.open(size="12", image="impulse")
    page = lab.page
    sample = lab.pixels()["input"]
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("document.querySelector('video')?.currentTime > 0")
    page.get_by_role("button", name="Take photo").click()
    eventually(lambda: "Your picture: from the camera" in page.inner_text("body"), page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    lab.idle()
    assert lab.pixels()["input"] != sample
    photograph = lab.pixels()["input"]
    lab.fill("stride", "2")
    assert lab.pixels()["input"] == photograph
    page.get_by_role("button", name="Back to the sample").click()
    eventually(lambda: lab.pixels()["input"] == sample, page)
    page.get_by_role("button", name="Back to your own picture").click()
    eventually(lambda: lab.pixels()["input"] == photograph, page)


def test_a_frame_of_a_moving_picture(lab: Lab) -> None:
    lab.open(image="moving-dot", size="12")
    first = lab.pixels()
    slider = lab.page.locator(".st-key-frame input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    lab.wait_query(image="moving-dot", size="12", frame="2")
    check_readings(lab, "input", expected.stages(image="moving-dot", size="12", frame="2")["input"])
    assert lab.pixels()["input"] != first["input"]


# --- settings that cannot work --------------------------------------------------------------------


def test_a_setting_that_cannot_work_names_the_sizes_and_can_be_mended(lab: Lab) -> None:
    a_link_to_a_setting_that_cannot_work_can_be_mended(lab)
    before = (lab.shapes(), lab.pixels())
    lab.fill("kernel", ";".join("1" * 15))
    eventually(lambda: "15" in warnings(lab) and "9" in warnings(lab), lab.page)
    assert (lab.shapes(), lab.pixels()) == before, "the last picture that could stays"
    expect(lab.page.locator(".sv-notice")).to_be_visible()
    assert "Traceback" not in lab.page.inner_text("body")
    lab.fill("padding", "same")
    eventually(lambda: warnings(lab) == "", lab.page)
    expect(lab.page.locator(".sv-notice")).to_be_hidden()
    lab.wait_shapes({"input": "1x9x9", "padded": "1x23x9", "conv": "1x9x9", "activation": "1x9x9", "pool": "1x5x5"})
    lab.fill("padding", "valid")
    eventually(lambda: warnings(lab) != "", lab.page)
    lab.fill("kernel", "edge")
    lab.wait_shapes(before[0])
    eventually(lambda: lab.pixels() == before[1], lab.page)
    assert warnings(lab) == ""


def a_link_to_a_setting_that_cannot_work_can_be_mended(lab: Lab) -> None:
    lab.page.goto(f"{lab.server}/?size=9&padding=valid&kernel={quote(';'.join(['1,1'] * 12))}")
    eventually(lambda: "12" in warnings(lab) and "9" in warnings(lab), lab.page)
    lab.idle()
    assert "Traceback" not in lab.page.inner_text("body")
    lab.fill("kernel", "edge")
    lab.wait_shapes(expected.shapes(size="9", padding="valid"))
    assert warnings(lab) == ""


def test_a_pool_that_cannot_work_leaves_the_rest(lab: Lab) -> None:
    lab.open(size="9", pool_size="20", pool_padding="valid")
    eventually(lambda: "20" in warnings(lab) and "9" in warnings(lab), lab.page)
    assert list(lab.shapes()) == ["input", "padded", "conv", "activation"]
    lab.fill("pool_size", "3")
    lab.wait_shapes(expected.shapes(size="9", pool_size="3", pool_padding="valid"))
    assert warnings(lab) == ""


# --- the stages -----------------------------------------------------------------------------------


KNOBS = {"input": "image", "padded": "padding", "conv": "kernel", "activation": "activation", "pool": "pool"}


def knobs_stand_under_their_stages(lab: Lab) -> None:
    for stage in lab.shapes():
        column = lab.page.locator("[data-testid=stColumn]", has=lab.page.locator(f".st-key-{KNOBS[stage]}"))
        over, under = box(lab.stage(stage)), box(column.first)
        assert abs(over["x"] - under["x"]) < 2 and abs(over["width"] - under["width"]) < 2, stage


def test_stages_that_are_off_vanish_and_come_back_in_order_over_their_knobs(lab: Lab) -> None:
    settings = {"size": "40", "padding": "valid", "activation": "none", "pool": "none"}
    lab.open(**settings)
    assert list(lab.shapes()) == ["input", "conv"]
    for name, text in {"pool": "max", "padding": "same", "activation": "tanh"}.items():
        lab.fill(name, text)
        settings[name] = text
        lab.wait_shapes(expected.shapes(**settings))
    assert list(lab.shapes()) == ["input", "padded", "conv", "activation", "pool"]
    lefts = [box(lab.stage(name))["x"] for name in lab.shapes()]
    assert lefts == sorted(lefts)
    knobs_stand_under_their_stages(lab)
    lab.fill("activation", "none")
    lab.fill("padding", "valid")
    lab.wait_shapes(expected.shapes(size="40", padding="valid", activation="none"))
    knobs_stand_under_their_stages(lab)
    lab.fill("pool", "none")
    lab.wait_shapes(expected.shapes(size="40", padding="valid", activation="none", pool="none"))


def test_each_stage_is_a_plotly_heatmap_that_stays_where_it_is(lab: Lab) -> None:
    lab.open(size="50x60", stride="2")
    lab.settled()
    before = lab.shapes()
    maps = expected.stages(size="50x60", stride="2")
    for name in before:
        assert lab.figure(name, "figure.data[0].type") == "heatmap"
        z = np.array(lab.figure(name, "figure.data[0].z.map((row) => [...row])"))
        step = float(maps[name].max() - maps[name].min()) / 255
        np.testing.assert_allclose(z, maps[name][0].numpy(), atol=0.51 * step + 1e-6)
    lab.page.evaluate("window.nodes = [...document.querySelectorAll('[data-stage], .sv-figure, .sv-cells, .plotly')]")
    pixels, drawn = lab.pixels(), lab.drawn()
    lab.write(1, 1, "3")
    lab.wait_redraw(drawn)
    lab.wait_kernel("-1,-1,-1;-1,3,-1;-1,-1,-1")
    assert lab.pixels()["conv"] != pixels["conv"] and lab.pixels()["input"] == pixels["input"]
    lab.settled()
    same = "window.nodes.length > 15 && window.nodes.every((node) => node.isConnected)"
    assert lab.page.evaluate(same), "no node was made anew"
    after = expected.stages(size="50x60", stride="2", kernel="-1,-1,-1;-1,3,-1;-1,-1,-1")["conv"][0]
    z = np.array(lab.figure("conv", "figure.data[0].z.map((row) => [...row])"))
    np.testing.assert_allclose(z, after.numpy(), atol=0.51 * float(after.max() - after.min()) / 255 + 1e-6)


def test_buttons_wheel_and_keys_zoom_all_stages(lab: Lab) -> None:
    lab.open(size="100")
    lab.settled()
    buttons_zoom_and_are_the_pages_own(lab)
    zoom_is_shared_and_survives_a_tweak(lab)
    a_tweak_keeps_the_zoom_by_keys_and_double_click_shows_all(lab)


def buttons_zoom_and_are_the_pages_own(lab: Lab) -> None:
    lab.page.mouse.move(*centre_of(lab, "conv"))
    nothing = lab.page.locator(".modebar-btn, .modebar a")
    assert nothing.count() == 0, "nothing lies over the pictures or offers to send them away"
    whole = lab.pixels()
    lab.page.get_by_role("button", name="Zoom in").click()
    lab.settled()
    assert lab.figure("input", "figure._fullLayout.xaxis.range") == [24.75, 74.75], "around cell 50"
    assert lab.figure("pool", "figure._fullLayout.xaxis.range") == [12.125, 37.125]
    lab.page.get_by_role("button", name="Zoom out").click()
    lab.settled()
    eventually(lambda: lab.pixels() == whole, lab.page)
    expect(lab.page.get_by_role("button", name="Show all")).to_be_hidden()


def zoom_is_shared_and_survives_a_tweak(lab: Lab) -> None:
    page = lab.page
    reset = page.get_by_role("button", name="Show all")
    expect(reset).to_be_hidden()
    whole = lab.pixels()
    at = box(lab.stage("conv").locator(".sv-cells"))
    page.mouse.move(at["x"] + at["width"] / 4, at["y"] + at["height"] / 4)
    page.mouse.wheel(0, -300)
    expect(reset).to_be_visible()
    eventually(lambda: all(lab.pixels()[name] != whole[name] for name in whole), page)
    lab.settled()
    ranges = {name: lab.figure(name, "figure._fullLayout.xaxis.range") for name in whole}
    spans = {name: ends[1] - ends[0] for name, ends in ranges.items()}
    assert spans["conv"] < 95
    assert spans["input"] == pytest.approx(spans["conv"]) and spans["pool"] == pytest.approx(spans["conv"] / 2)
    assert ranges["padded"][0] == pytest.approx(ranges["input"][0] + 1), "the same place of the picture"

    lab.write(1, 1, "7")
    lab.wait_kernel("-1,-1,-1;-1,7,-1;-1,-1,-1")
    lab.fill("bias", "0.5")
    lab.settled()
    expect(reset).to_be_visible()
    assert {name: lab.figure(name, "figure._fullLayout.xaxis.range") for name in whole} == ranges

    reset.click()
    expect(reset).to_be_hidden()
    lab.settled()
    assert lab.figure("conv", "figure._fullLayout.xaxis.range") == [-0.5, 99.5]
    eventually(lambda: lab.pixels()["input"] == whole["input"], page)


def a_tweak_keeps_the_zoom_by_keys_and_double_click_shows_all(lab: Lab) -> None:
    reset = lab.page.get_by_role("button", name="Show all")
    lab.plot("conv").focus()
    lab.page.keyboard.press("+")
    expect(reset).to_be_visible()
    lab.fill("stride", "2")
    expect(reset).to_be_visible()
    lab.settled()
    at = box(lab.stage("input").locator(".sv-cells"))
    lab.page.mouse.dblclick(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    expect(reset).to_be_hidden()
    lab.plot("input").focus()
    lab.page.keyboard.press("+")
    expect(reset).to_be_visible()
    lab.page.keyboard.press("0")
    expect(reset).to_be_hidden()


def centre_of(lab: Lab, stage: str) -> tuple[float, float]:
    at = box(lab.stage(stage).locator(".sv-cells"))
    return at["x"] + at["width"] / 2, at["y"] + at["height"] / 2


def test_the_wheel_is_the_pages_where_it_scrolls_until_a_picture_is_clicked(lab: Lab) -> None:
    page = lab.page
    page.set_viewport_size({"width": 1280, "height": 600})
    lab.open(size="100")
    lab.settled()
    reset = page.get_by_role("button", name="Show all")
    top = lambda: page.locator("[data-testid=stMain]").evaluate("main => main.scrollTop")  # noqa: E731
    page.mouse.move(*centre_of(lab, "conv"))
    page.mouse.wheel(0, 60)
    eventually(lambda: top() > 0, page)
    expect(reset).to_be_hidden()
    page.mouse.click(*centre_of(lab, "conv"))
    page.mouse.wheel(0, -300)
    expect(reset).to_be_visible()


def test_the_stages_stay_in_sight_in_small(lab: Lab) -> None:
    page = lab.page
    page.set_viewport_size({"width": 390, "height": 844})
    lab.open(size="60")
    strip = page.get_by_role("button", name="Back to the stages")
    expect(strip).to_be_hidden()
    page.locator(".kernel-grid").scroll_into_view_if_needed()
    page.mouse.move(200, 600)
    page.mouse.wheel(0, 400)
    expect(strip).to_be_visible()
    assert strip.locator("figcaption").all_inner_texts() == ["Input", "Padded", "Convolution", "Activation", "Pooling"]
    pictures = lambda: strip.locator("canvas").evaluate_all("all => all.map((c) => c.toDataURL())")  # noqa: E731
    page.mouse.move(388, 600)  # a weight that is pointed at lights what it touches
    before = pictures()
    lab.write(1, 1, "3")
    page.mouse.move(388, 600)
    eventually(lambda: [a != b for a, b in zip(pictures(), before)] == [False, False, True, True, True], page)
    cell = box(lab.cell(0, 0))
    assert cell["y"] > box(strip)["y"] + box(strip)["height"], "what is typed into is not under it"
    strip.click()
    expect(strip).to_be_hidden()


# --- reading cells --------------------------------------------------------------------------------

READING = re.compile(r"(.+), row (\d+), column (\d+): (.+)")


def numbers_of(text: str) -> tuple[str, int, int, list[float]]:
    match = READING.fullmatch(text)
    assert match, text
    values = [float(value.replace("−", "-")) for value in match[4].split(", ")]
    return match[1], int(match[2]), int(match[3]), values


def agrees(shown: float, value: float) -> bool:
    """To four digits, three where it is written with an exponent; the map is float32, the readout is not."""
    digits = 5e-4 if 1e-3 <= abs(value) < 1e5 else 5e-3
    return abs(shown - value) <= 1.02 * digits * abs(value) + 4e-6


def check_readings(lab: Lab, stage: str, maps: torch.Tensor) -> None:
    """Every cell of a stage is read as the library computed it."""

    def check() -> None:
        texts = lab.readings(stage)
        assert (len(texts), len(texts[0])) == tuple(maps.shape[1:])
        for row, line in enumerate(texts):
            for column, text in enumerate(line):
                _, at_row, at_column, shown = numbers_of(text)
                values = maps[:, row, column].tolist()
                assert (at_row, at_column, len(shown)) == (row, column, len(values)), text
                assert all(map(agrees, shown, values)), f"{stage}: {text}, but the library says {values}"

    eventually(check, lab.page)


BASE = {"size": "9x11", "image": "coffee", "fit": "stretch"}
READ = {
    "rgb-stride-dilation-replicate": {
        "color": "rgb", "kernel": "1,-2,0.5;0,3,-1", "stride": "2,1", "dilation": "1,2", "padding": "2",
        "padding_mode": "replicate", "activation": "elu", "alpha": "0.7",
    },
    "zeros-same": {"kernel": "1,2;3,4", "bias": "0.1", "pool": "l2", "pool_size": "3", "pool_stride": "2"},
    "constant": {
        "padding": "2,1", "padding_mode": "constant", "padding_value": "-0.3", "activation": "tanh", "pool": "min",
    },
    "reflect": {"padding": "3,4", "padding_mode": "reflect", "activation": "sigmoid", "pool": "avg", "pool_size": "3"},
    "circular": {"padding": "9,3", "padding_mode": "circular", "activation": "gelu", "pool_padding": "1"},
    "valid": {"padding": "valid", "activation": "gelu", "approximate": "tanh", "pool": "avg", "pool_padding": "1"},
    "same-stride-3-softplus": {
        "kernel": "log", "stride": "3,2", "pool_stride": "3,1", "activation": "softplus", "beta": "2", "threshold": "1",
        "pool_size": "1,4", "color": "rgb",
    },
}  # fmt: skip


@pytest.mark.parametrize("settings", READ.values(), ids=READ.keys())
def test_the_readout_of_every_cell_is_what_the_library_computes(lab: Lab, settings: dict[str, str]) -> None:
    lab.open(**BASE, **settings)
    stages = expected.stages(**BASE, **settings)
    assert warnings(lab) == ""
    assert list(lab.shapes()) == list(stages)
    for name, maps in stages.items():
        check_readings(lab, name, maps)


def test_the_readout_knows_every_activation(lab: Lab) -> None:
    settings = {**BASE, "kernel": "6,-9;8,-1", "bias": "-1"}  # from below -6 to above 6
    lab.open(**settings)
    for name in [*(ACTIVATIONS.keys() - {"identity", "softmax"}), "softmax"]:
        lab.fill("activation", name)
        check_readings(lab, "activation", expected.stages(**settings, activation=name)["activation"])
    lab.fill("over", "all")
    check_readings(lab, "activation", expected.stages(**settings, activation="softmax", over="all")["activation"])


def test_the_readout_follows_the_pointer_and_the_keys(lab: Lab) -> None:
    settings = {"size": "12x10", "image": "chelsea", "fit": "stretch"}
    lab.open(**settings)
    lab.settled()
    rng = random.Random(0)
    titles = {
        "input": "Input",
        "padded": "Padded",
        "conv": "Convolution",
        "activation": "Activation",
        "pool": "Pooling",
    }
    for name, maps in expected.stages(**settings).items():
        at = box(lab.stage(name).locator(".sv-cells"))
        _, height, width = maps.shape
        for _ in range(3):
            row, column = rng.randrange(height), rng.randrange(width)
            across, down = (column + 0.5) / width, (row + 0.5) / height
            lab.page.mouse.move(at["x"] + across * at["width"], at["y"] + down * at["height"])
            eventually(lambda: f"row {row}, column {column}:" in lab.readout(), lab.page)  # noqa: B023
            title, _, _, values = numbers_of(lab.readout())
            assert title == titles[name] and agrees(values[0], float(maps[0, row, column]))
        lab.page.mouse.move(0, 0)
        lab.plot(name).focus()
        for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
            _, row, column, _ = numbers_of(lab.readout())
            lab.page.keyboard.press(key)
            title, after_row, after_column, values = numbers_of(lab.readout())
            assert title == titles[name] and abs(after_row - row) + abs(after_column - column) <= 1
            assert agrees(values[0], float(maps[0, after_row, after_column]))
    lab.write(1, 1, "2")
    lab.wait_kernel("-1,-1,-1;-1,2,-1;-1,-1,-1")
    _, row, column, values = numbers_of(lab.readout())
    maps = expected.stages(**settings, kernel="-1,-1,-1;-1,2,-1;-1,-1,-1")["pool"]
    assert agrees(values[0], float(maps[0, row, column])), "a tweak renews the cell that is read"


# --- by keyboard alone ----------------------------------------------------------------------------


def test_by_keyboard_alone(lab: Lab) -> None:
    lab.open(size="40")
    page = lab.page

    def tab_to(selector: str) -> None:
        for _ in range(150):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    tab_to(".st-key-stride input")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    lab.wait_shapes(expected.shapes(size="40", stride="2"))
    tab_to(".kg-cell[data-row='0'][data-col='0']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("-1/2")
    page.keyboard.press("Enter")
    lab.wait_query(size="40", stride="2", kernel="-1,-1,-1;-1,-0.5,-1;-1,-1,-1")
    tab_to(".st-key-pool_stride input")
    page.keyboard.press("Control+a")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    lab.wait_shapes(expected.shapes(size="40", stride="2", pool_stride="3"))


# --- how it lies on the screen --------------------------------------------------------------------


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    apart_x = one["x"] + one["width"] <= other["x"] + 0.5 or other["x"] + other["width"] <= one["x"] + 0.5
    apart_y = one["y"] + one["height"] <= other["y"] + 0.5 or other["y"] + other["height"] <= one["y"] + 0.5
    return not (apart_x or apart_y)


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desk", "phone"])
def test_layout(lab: Lab, size: tuple[int, int]) -> None:
    lab.page.set_viewport_size({"width": size[0], "height": size[1]})
    schemes = SCHEMES if size[0] == 1440 else SCHEMES[::-1]
    lab.page.emulate_media(color_scheme=schemes[0])
    lab.open()
    for scheme in schemes:
        lab.page.emulate_media(color_scheme=scheme)
        lab.idle()
        lab.settled()
        check_layout(lab, *size, scheme)


def check_layout(lab: Lab, width: int, height: int, scheme: Literal["light", "dark"]) -> None:
    page = lab.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    main = page.locator("[data-testid=stMain]").evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert main[0] <= main[1], "nothing sticks out sideways"
    boxes = {name: box(lab.stage(name)) for name in lab.shapes()}
    for name, one in boxes.items():
        assert one["x"] >= 0 and one["x"] + one["width"] <= width and one["width"] > 100 and one["height"] > 100, name
        assert not [other for other in boxes if other != name and overlap(one, boxes[other])], name
    for name in ("size", "fit", "padding", "stride", "dilation", "bias", "kernel", "activation", "pool", "pool_size"):
        widget = lab.widget(name)
        expect(widget).to_be_visible()
        one = box(widget)
        assert one["x"] >= 0 and one["x"] + one["width"] <= width, name
    grid = box(page.locator(".kernel-grid"))
    assert grid["x"] >= 0 and grid["x"] + grid["width"] <= width
    if width == 1440:
        for one in (*boxes.values(), grid):
            assert one["y"] >= 0 and one["y"] + one["height"] <= height, "on the first screen"
    lit = sum(page.evaluate(
        "getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    ))  # fmt: skip
    assert (lit > 384) == (scheme == "light")
    ink = sum(page.evaluate(
        "getComputedStyle(document.querySelector('.stage-view')).color.match(/\\d+/g).slice(0, 3).map(Number)"
    ))  # fmt: skip
    assert (ink < 384) == (scheme == "light"), "the stages' words are read on their ground"


# --- what is taken home ---------------------------------------------------------------------------

TAKEN = {"size": "30x40", "image": "coffee", "kernel": "sobel-x", "stride": "2", "activation": "none", "pool": "avg"}


def download(lab: Lab, label: str, folder: Path) -> Path:
    with lab.page.expect_download() as waiting:
        lab.page.locator(".st-key-save").get_by_role("button", name=label, exact=True).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_downloads(lab: Lab, tmp_path: Path) -> None:
    lab.open(**TAKEN)
    stages = expected.stages(**TAKEN)
    lab.page.locator(".st-key-save summary").click()
    csv = download(lab, "CSV", tmp_path)
    assert csv.name == "conv.csv"
    np.testing.assert_array_equal(np.loadtxt(csv, delimiter=",", dtype=np.float32), stages["conv"][0].numpy())

    npz = np.load(download(lab, "NPZ", tmp_path))
    assert sorted(npz) == sorted(stages)
    for name, maps in stages.items():
        np.testing.assert_array_equal(npz[name], maps.numpy())

    lab.pill("saved_stage", "Pooling")
    png = download(lab, "PNG", tmp_path)
    assert png.name == "pool.png"
    with Image.open(png) as image:
        assert image.size == tuple(reversed(stages["pool"].shape[1:]))
        colours = np.asarray(image.convert("RGB"), dtype=int)
    reach = float(stages["pool"].abs().max())
    values = stages["pool"][0].numpy()
    np.testing.assert_array_equal(colours, figures.colored(values, figures.ColorRange("diverging", -reach, reach)))

    lab.fill("stride", "1")
    csv = download(lab, "CSV", tmp_path)
    now = expected.stages(**TAKEN | {"stride": "1"})["pool"][0].numpy()
    np.testing.assert_array_equal(np.loadtxt(csv, delimiter=",", dtype=np.float32), now)


CODED = [
    {"size": "60", "padding": "1,2", "padding_mode": "reflect", "activation": "elu", "alpha": "0.5", "bias": "0.1"},
    {"image": "chelsea", "size": "50x70", "color": "rgb", "kernel": "gaussian", "stride": "2", "pool": "avg"},
]


@pytest.mark.parametrize("settings", CODED)
def test_the_code_gives_the_same_numbers(
    lab: Lab, settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.open(**settings)
    lab.page.locator(".st-key-code summary").click()
    code = lab.page.locator(".st-key-code [data-testid=stCode] code")
    expect(code).to_be_visible(timeout=PATIENCE)
    shutil.copy(SAMPLES[settings.get("image", "camera")].path, tmp_path)
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(code.inner_text(), space)
    for name, maps in expected.stages(**settings).items():
        torch.testing.assert_close(space[name][0], maps, rtol=1e-5, atol=1e-6)


def test_a_box_takes_no_text_that_the_page_could_not_send(lab: Lab, allow: Callable[..., None]) -> None:
    allow("clipboard-read", "clipboard-write")
    lab.open(size="14", kernel="sobel-x")
    box = lab.widget("kernel")
    told, kernel = lab.page.url, box.input_value()
    said = "That text has 3,000,000 characters: a box takes 20,000."
    box.evaluate("box => box.addEventListener('invalid', () => (window.said = box.validationMessage))")
    for _ in range(2):
        lab.page.evaluate("navigator.clipboard.writeText('1,2;'.repeat(750_000))")
        box.select_text()
        lab.page.keyboard.press("Control+V")
        lab.page.wait_for_function("said => window.said === said", arg=said)
        assert box.input_value() == kernel, "what stood there stays"
        lab.page.evaluate("delete window.said; navigator.clipboard.writeText('1,2;3,4')")
    box.select_text()
    lab.page.keyboard.press("Control+V")
    expect(box).to_have_value("1,2;3,4")
    assert box.evaluate("box => box.validity.valid")
    lab.page.keyboard.press("Enter")
    lab.wait_query(size="14", kernel="1,2;3,4")
    assert lab.page.url != told

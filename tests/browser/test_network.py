"""The page Network as a person has it: building by mouse, keys and forms, opening layers, links, a phone, the dark."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from cnnviz.network import survey
from cnnviz.network_text import parse_network
from cnnviz.prepared_networks import NETWORKS
from tests.browser.lab_page import Lab, eventually
from tests.browser.test_foretelling import Mute
from tests.browser.test_volumes import STICKS_OUT

LESSON = NETWORKS["lesson"].text
PHONE: Any = {"width": 390, "height": 844}


class Builder(Lab):
    """The row of layers, and what can be done to it."""

    path = "network"
    parts = (".network-view[data-drawn]", ".st-key-net input:not([value=''])")

    def column(self, index: int | str) -> Locator:
        return self.page.locator(f".nv-column[data-stage='{index}']")

    def head(self, index: int | str) -> Locator:
        return self.column(index).locator(".nv-head")

    def row(self) -> list[tuple[str, str]]:
        """Each column's index and shape, from the picture on."""
        script = "columns => columns.map(({ dataset }) => [dataset.stage, dataset.shape])"
        return [tuple(pair) for pair in self.page.locator(".nv-column").evaluate_all(script)]

    def edges(self) -> str:
        """What the lines between the maps look like."""
        return self.page.locator("canvas.nv-edges").evaluate("canvas => canvas.toDataURL()")

    def add(self, before: int, word: str) -> None:
        """Choose a layer from the plus that stands before the layer of this index."""
        self.page.locator(".nv-add").nth(before).select_option(label=word)

    def wait_net(self, text: str) -> None:
        """Wait until box, address and row say the same network, and the server has nothing to add."""
        layers = parse_network(text)
        eventually(lambda: parse_network(self.shown("net")) == layers, self.page)
        self.idle()
        assert parse_network(self.shown("net")) == parse_network(self.query().get("net", LESSON)) == layers
        shape = tuple(int(side) for side in self.row()[0][1].split("x"))
        shapes = ["x".join(map(str, row.output_shape)) for row in survey(layers, shape).rows]
        shapes += [""] * (len(layers) - len(shapes))
        assert self.row()[1:] == [(str(index), shape) for index, shape in enumerate(shapes)]


@pytest.fixture
def builder(shared_page: Page, lab: Lab) -> Builder:
    return Builder(lab.page, lab.server)


def test_a_network_is_built_by_mouse_and_every_step_can_be_undone(builder: Builder) -> None:
    builder.open(net="relu", size="12", image="coffee")
    steps = ["relu"]

    def step(text: str) -> None:
        builder.wait_net(text)
        steps.append(text)

    builder.add(0, "conv")
    step("conv:8@3x3,same|relu")
    expect(builder.column(0)).to_have_class("nv-column open")  # what was put in is opened, its settings beside it
    builder.page.locator(".nv-form input[name=out_channels]").fill("5")
    step("conv:5@3x3,same|relu")
    builder.page.locator(".nv-form select[name=padding_mode]").select_option("reflect")
    step("conv:5@3x3,same,reflect|relu")
    builder.head(1).hover()
    builder.column(1).get_by_role("button", name="Duplicate (D)").click()
    step("conv:5@3x3,same,reflect|relu|relu")
    builder.add(3, "max")
    step("conv:5@3x3,same,reflect|relu|relu|max:2")
    builder.head(0).hover()
    builder.column(0).get_by_role("button", name="Switch off or on (O)").click()
    step("-conv:5@3x3,same,reflect|relu|relu|max:2")
    builder.head(1).hover()
    builder.column(1).get_by_role("button", name="Delete (Delete)").click()
    step("-conv:5@3x3,same,reflect|relu|max:2")
    drag(builder, 2, 0)
    step("max:2|-conv:5@3x3,same,reflect|relu")
    for text in steps[-2::-1]:
        builder.press("↶ Undo")
        builder.wait_net(text)
    expect(builder.page.get_by_role("button", name="↶ Undo")).to_be_disabled()
    builder.press("↷ Redo")
    builder.wait_net(steps[1])


def drag(builder: Builder, index: int, before: int) -> None:
    """Take a layer by its head and let it go left of another."""
    start, end = builder.head(index).bounding_box(), builder.head(before).bounding_box()
    assert start and end
    y = start["y"] + 8
    builder.page.mouse.move(start["x"] + start["width"] / 2, y)
    builder.page.mouse.down()
    builder.page.mouse.move(start["x"] - 30, y, steps=3)
    builder.page.mouse.move(end["x"] - 6, y, steps=5)
    expect(builder.page.locator(".nv-marker")).to_be_visible()
    builder.page.mouse.up()


def test_a_network_is_built_by_keys(builder: Builder) -> None:
    builder.open(net="conv:4@3x3|relu|max:2", size="12")
    builder.head(0).focus()
    keys = builder.page.keyboard
    keys.press("ArrowRight")
    expect(builder.head(1)).to_be_focused()
    keys.press("Alt+ArrowRight")
    builder.wait_net("conv:4@3x3|max:2|relu")
    expect(builder.head(2)).to_be_focused()
    keys.press("o")
    builder.wait_net("conv:4@3x3|max:2|-relu")
    keys.press("d")
    builder.wait_net("conv:4@3x3|max:2|-relu|-relu")
    keys.press("Delete")
    builder.wait_net("conv:4@3x3|max:2|-relu")
    builder.head(1).focus()
    keys.press("Enter")
    expect(builder.head(1)).to_have_attribute("aria-pressed", "true")
    builder.idle()
    assert builder.query()["layer"] == "1"
    keys.press("Control+z")
    builder.wait_net("conv:4@3x3|max:2|-relu|-relu")
    keys.press("Control+Shift+Z")
    builder.wait_net("conv:4@3x3|max:2|-relu")


def test_a_skip_still_adds_what_it_added_when_layers_come_and_go(builder: Builder) -> None:
    builder.open(net="conv:3@3x3,same|relu|conv:3@3x3,same|add:2|relu", size="12")
    builder.add(2, "dropout")
    builder.wait_net("conv:3@3x3,same|relu|dropout:0.5|conv:3@3x3,same|add:3|relu")
    builder.add(0, "norm")
    builder.wait_net("norm|conv:3@3x3,same|relu|dropout:0.5|conv:3@3x3,same|add:3|relu")
    builder.head(2).focus()
    builder.page.keyboard.press("Delete")
    builder.wait_net("norm|conv:3@3x3,same|dropout:0.5|conv:3@3x3,same|add:2|relu")


def test_a_fault_stands_at_its_layer_and_is_mended_there(builder: Builder) -> None:
    builder.open(net="conv:4@3x3|flatten|linear:10,in=12|softmax", size="8")
    error = builder.column(2).locator(".nv-error")
    expect(error).to_contain_text("144")
    assert [index for index, shape in builder.row() if shape] == ["input", "0", "1"]
    error.get_by_role("button", name="144").click()
    expect(error).to_be_hidden()
    builder.wait_net("conv:4@3x3|flatten|linear:10,in=144|softmax")


def test_what_is_written_is_read_and_what_cannot_be_read_is_said(builder: Builder) -> None:
    builder.open(net="relu", size="12")
    builder.fill("net", "conv:2@3|max:2")
    builder.wait_net("conv:2@3x3|max:2")
    builder.fill("net", "conv:2@3|<b>wave</b>:2")
    expect(builder.page.get_by_text("Layer 2", exact=False).first).to_be_visible()
    assert builder.page.locator("b:text('wave')").count() == 0
    assert [shape for _, shape in builder.row()] == ["3x12x12", "2x10x10", "2x5x5"], "the last good network stays"


def test_each_layer_opens_in_the_view_that_fits_it(builder: Builder) -> None:
    builder.open()
    builder.column(1).locator(".nv-maps").click(position={"x": 40, "y": 8})  # the second map
    lens = builder.page.locator("[data-lens]")
    expect(lens).to_have_attribute("data-stage", "1")  # the cell that ReLU made, not the one that it took
    expect(lens).to_have_attribute("data-channel", "1")
    assert builder.shapes()["1"] == "12x32x32"
    builder.column(3).locator(".nv-maps").click()
    grid = builder.page.locator(".dense-view canvas").first
    grid.wait_for()
    box = grid.bounding_box()
    assert box
    builder.page.mouse.move(box["x"] + 1, box["y"] + 1)
    note = builder.page.locator(".dense-view > .dv-note")
    expect(note).to_contain_text("place 0 · 256 + 0 · 16 + 0 = 0 of 3072")
    builder.column(4).locator(".nv-maps").click(position={"x": 30, "y": 70})  # the fourth output's number
    expect(note).to_contain_text("Output 3: Σ of 3072 products")
    builder.page.locator(".dv-table tbody tr").nth(7).click()
    expect(note).to_contain_text("Output 7")
    builder.idle()
    assert builder.query() == {"layer": "4", "unit": "7", "pin": builder.shown("pin")}
    builder.column(5).locator(".nv-maps").click()
    expect(builder.page.locator(".dv-table thead")).to_contain_text("logit")
    shares = builder.page.locator(".dv-share").all_inner_texts()
    assert len(shares) == 10 and sum(map(float, shares)) == pytest.approx(1, abs=5e-3)


def test_a_cold_link_opens_the_same_layer_and_edges_light_up(builder: Builder) -> None:
    builder.open(
        net="conv:4@3x3,g2|relu|conv:2@1", image="coffee", size="10x12", color="gray", layer="2", pin="2:3,4,1"
    )
    assert builder.row() == [("input", "1x10x12"), ("0", ""), ("1", ""), ("2", "")]
    builder.open(net="conv:4@3x3|relu|conv:2@1", image="coffee", size="10x12", color="gray", layer="2", pin="2:3,4,1")
    assert builder.row() == [("input", "1x10x12"), ("0", "4x8x10"), ("1", "4x8x10"), ("2", "2x8x10")]
    lens = builder.page.locator("[data-lens]")
    assert lens.evaluate("({ dataset: d }) => [d.stage, d.row, d.col, d.channel]") == ["2", "3", "4", "1"]
    faint = builder.edges()
    builder.column(2).locator(".nv-maps").hover(position={"x": 8, "y": 8})
    lit = builder.edges()
    assert lit != faint
    builder.column(2).locator(".nv-maps").hover(position={"x": 8, "y": 80})
    assert builder.edges() not in (lit, faint), "another map reads by other edges"
    builder.page.mouse.move(4, 4)
    eventually(lambda: builder.edges() == faint, builder.page)


def test_a_form_keeps_what_is_set_while_the_server_thinks(another: Lab) -> None:
    builder = Builder(another.page, another.server)
    line = Mute(builder)
    builder.open(net="conv:4@3x3,same|flatten|linear:3", size="12")
    line.hold()
    form = builder.page.locator(".nv-form")
    form.locator("input[name=bias]").uncheck()
    form.locator("select[name=padding_mode]").select_option("reflect")
    builder.page.wait_for_timeout(300)
    expect(form.locator("input[name=bias]")).not_to_be_checked()
    builder.add(0, "max")  # what is put in has its own settings at once
    expect(form.locator("input[name=stride]")).to_have_value("2")
    expect(form.locator("input[name=out_channels]")).to_have_count(0)
    line.release()
    builder.wait_net("max:2|conv:4@3x3,same,reflect,nobias|flatten|linear:3")
    builder.head(3).click()
    form.locator("input[name=in_features]").fill("144")
    builder.wait_net("max:2|conv:4@3x3,same,reflect,nobias|flatten|linear:3,in=144")


def test_a_form_never_holds_what_a_deleted_layer_was(another: Lab) -> None:
    builder = Builder(another.page, another.server)
    line = Mute(builder)
    builder.open(net="conv:4@5x5,same|conv:8@3x3,same|relu", size="12")
    form = builder.page.locator(".nv-form")
    form.locator("input[name=out_channels]").focus()
    line.hold()
    builder.column(0).get_by_role("button", name="Delete (Delete)").click()
    expect(builder.head(0)).to_have_attribute("title", "conv:8@3x3,same")  # foretold
    now = form.locator("input").evaluate_all("inputs => inputs.map(({ name, value }) => [name, value])")
    assert ["kernel_size", "5"] not in now and ["out_channels", "4"] not in now
    line.release()
    builder.wait_net("conv:8@3x3,same|relu")
    expect(form.locator("input[name=out_channels]")).to_have_value("8")


def test_what_the_server_refuses_is_no_step_of_undo(builder: Builder) -> None:
    builder.open(net="dropout:0.5|relu", size="12")
    builder.add(2, "norm")
    builder.wait_net("dropout:0.5|relu|norm")
    builder.head(0).click()
    builder.page.locator(".nv-form input[name=p]").fill("7")
    expect(builder.page.get_by_text("cannot be read").first).to_be_visible()
    expect(builder.head(0)).to_have_attribute("title", "dropout:0.5")
    builder.press("↶ Undo")
    builder.wait_net("dropout:0.5|relu")


def test_the_layer_that_is_open_stays_open_when_one_before_it_goes(builder: Builder) -> None:
    builder.open(net="relu|conv:2@3x3|max:2", size="12", layer="2")
    builder.head(0).focus()
    builder.page.keyboard.press("Delete")
    builder.wait_net("conv:2@3x3|max:2")
    expect(builder.column(1)).to_have_class("nv-column open")
    assert builder.query()["layer"] == "1"


def test_places_of_a_vector_are_reached_by_keys(builder: Builder) -> None:
    builder.open(layer="3")
    cells = builder.page.locator(".dense-view canvas").first
    cells.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        cells.press(key)
    note = builder.page.locator(".dense-view > .dv-note")
    expect(note).to_contain_text("channel 0, row 1, column 1 → place 0 · 256 + 1 · 16 + 1 = 17 of 3072")


def test_a_prepared_network_brings_its_picture_and_nothing_takes_all_away(builder: Builder) -> None:
    builder.open()
    builder.press("LeNet-5")
    builder.wait_net(NETWORKS["lenet5"].text)
    assert builder.row()[0] == ("input", "1x32x32")
    builder.press("Nothing")
    eventually(lambda: builder.row() == [("input", "1x32x32")], builder.page)
    builder.idle()
    builder.add(0, "conv")
    builder.wait_net("conv:8@3x3,same")


@pytest.mark.parametrize("layer", [0, 3, 4])
def test_on_a_phone_and_in_the_dark_nothing_sticks_out(builder: Builder, layer: int) -> None:
    builder.page.set_viewport_size(PHONE)
    builder.page.emulate_media(color_scheme="dark")
    builder.open(layer=layer)
    assert builder.page.evaluate(STICKS_OUT) == []

"""The page Inside as a person has it: drawing by mouse and keys, pixels, layers, links, Back, a phone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab_page import Lab, eventually
from tests.browser.test_volumes import STICKS_OUT

PHONE: Any = {"width": 390, "height": 844}
TWO = [(0.3, 0.3), (0.4, 0.18), (0.6, 0.18), (0.68, 0.35), (0.5, 0.58), (0.3, 0.82), (0.72, 0.82)]


class Inside(Lab):
    path = "inside"
    parts = (".drawing-pad[data-drawn]", ".network-view[data-drawn]", ".answer-bars")

    @property
    def sheet(self) -> Locator:
        return self.page.locator(".dp-sheet")

    def draw(self, points: list[tuple[float, float]]) -> None:
        """Draw a line, in shares of the sheet's side; the hand is lifted at its end."""
        self.page.evaluate("() => document.fonts.ready.then(() => null)")  # the sheet may still move a little
        box = self.sheet.bounding_box()
        assert box
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()

    def says(self) -> str:
        return self.page.locator(".answer-bars .ab-said th").first.inner_text().removesuffix(" ✓")

    def pixel(self, picture: int, row: int, col: int, side: int = 8) -> None:
        """Click a pixel of one of the pictures under "why"."""
        plot = self.page.locator(".st-key-why .pr-plot").nth(picture)
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box
        plot.click(position={"x": (col + 0.5) * box["width"] / side, "y": (row + 0.5) * box["height"] / side})


@pytest.fixture
def inside(shared_page: Page, lab: Lab) -> Inside:
    return Inside(lab.page, lab.server)


def test_a_drawing_is_answered_while_the_hand_moves_and_afterwards(inside: Inside) -> None:
    inside.open(view="perturb")
    before = inside.says()
    assert before == "7"
    inside.draw(TWO)
    eventually(lambda: inside.says() == "2", inside.page)
    inside.idle()
    expect(inside.page.locator(".st-key-steps .pr-figure")).to_have_count(4)
    assert "picture" not in inside.query(), "a link does not carry it"
    inside.page.locator(".dp-button", has_text="Undo").click()
    eventually(lambda: inside.says() == before, inside.page)
    inside.idle()
    assert inside.page.locator(".st-key-steps").count() == 0
    inside.draw(TWO)
    eventually(lambda: inside.says() == "2", inside.page)
    inside.idle()
    inside.page.locator(".st-key-thumbnails button").first.click()  # the one that stands in the box already
    eventually(lambda: inside.says() == before, inside.page)
    expect(inside.page.locator(".dp-sheet.empty")).to_have_count(1)


def test_a_drawing_by_keys(inside: Inside) -> None:
    inside.open(view="perturb", example="2")
    inside.sheet.focus()
    for _ in range(8):
        inside.page.keyboard.press("ArrowUp")
    inside.page.keyboard.press("Space")
    for _ in range(16):
        inside.page.keyboard.press("ArrowDown")
    inside.page.keyboard.press("Space")
    eventually(lambda: inside.says() == "1", inside.page)
    inside.idle()
    inside.page.keyboard.press("Delete")
    expect(inside.page.locator(".dp-sheet.empty")).to_have_count(1)
    inside.idle()


def test_a_pixel_gives_sentences_and_the_address_keeps_it(inside: Inside) -> None:
    inside.open()
    inside.pixel(2, 1, 5)
    eventually(lambda: inside.query().get("pixel") == "1,5", inside.page)
    inside.idle()
    sentences = inside.page.locator(".st-key-sentences")
    expect(sentences).to_contain_text("Row 1, column 5, and 7")
    expect(sentences).to_contain_text("Covering rows 0 to 2 and columns 4 to 6")
    numbers = inside.page.locator(".st-key-why .pr-value").all_inner_texts()
    sayings = ["(its slope is {})", "part in it is {}.", "as the map is shown, this is {}.", "it falls, {}."]
    for number, said in zip(numbers[1:], sayings, strict=True):
        expect(sentences).to_contain_text(said.format(number))
    inside.page.locator(".st-key-why .pr-plot").nth(1).press("ArrowDown")
    eventually(lambda: inside.query().get("pixel") == "2,5", inside.page)
    inside.idle()
    expect(sentences).to_contain_text("Row 2, column 5")
    inside.page.reload()
    expect(sentences).to_contain_text("Row 2, column 5")
    inside.idle()
    inside.page.go_back()
    inside.idle()
    assert inside.query() == {}


def test_a_layer_and_a_map_are_chosen_in_the_row(inside: Inside) -> None:
    inside.open(view="filters")
    inside.idle()  # the row moves while what stands above it is drawn
    inside.page.locator(".nv-column[data-stage='3'] .nv-maps").click(position={"x": 12, "y": 45})
    eventually(lambda: inside.query().get("layer") == "3", inside.page)
    eventually(lambda: inside.query().get("unit") == "2", inside.page)
    inside.idle()
    expect(inside.page.get_by_text("What map 2 of layer 4")).to_be_visible()
    for hidden in (".nv-tools", ".nv-bar", ".nv-add"):
        expect(inside.page.locator(hidden).first).not_to_be_visible()
    inside.page.locator(".nv-head").nth(2).press("Delete")
    inside.idle()
    assert inside.page.locator(".nv-column").count() == 11, "it cannot be changed"


def test_a_whole_number_is_one_in_the_address(inside: Inside) -> None:
    inside.open(network="shapes-lesson")
    inside.page.get_by_text("One it gets wrong").click()
    eventually(lambda: "example" in inside.query(), inside.page)
    inside.idle()
    said = inside.query()["example"]
    assert said.isdecimal() and inside.page.locator(".st-key-example input").input_value() == said
    inside.page.reload()
    expect(inside.page.locator(".st-key-example input")).to_have_value(said)
    inside.idle()
    assert inside.query()["example"] == said


def test_a_picture_in_colour_stands_above_its_channels(inside: Inside) -> None:
    inside.open(network="shapes")
    canvas = inside.page.locator(".nv-column[data-stage='input'] canvas")
    pixels = canvas.evaluate("""(canvas) => {
        const { width, height } = canvas, pen = canvas.getContext("2d");
        return [1, 3, 5, 7].map((i) => [...pen.getImageData(width >> 1, (height * i) >> 3, 1, 1).data]);
    }""")
    picture, red, green, blue = (pixel[:3] for pixel in pixels)
    assert max(red) == red[0] and max(green) == green[1] and max(blue) == blue[2]
    assert picture == pytest.approx([red[0], green[1], blue[2]], abs=40) and picture not in (red, green, blue)


def test_a_link_shows_the_same_step(inside: Inside) -> None:
    told = {"network": "shapes", "view": "fool", "epsilon": "0.2", "aim": "towards", "class": "star", "example": "4"}
    inside.open(**told)
    assert inside.query() == told
    expect(inside.page.locator(".st-key-fooled .pr-figure")).to_have_count(3)
    expect(inside.page.get_by_text("so that the loss of star falls")).to_be_visible()


@pytest.mark.parametrize("view", ["why", "fool"])
def test_nothing_sticks_out_on_a_phone(inside: Inside, view: str) -> None:
    inside.page.set_viewport_size(PHONE)
    inside.open(view=view, network="shapes", noise="0.1")
    assert inside.page.evaluate(STICKS_OUT) == []

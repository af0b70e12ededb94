"""The page Train in a browser: it moves while it learns, is stopped and looked back at; the address says all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab_page import Lab, eventually
from tests.browser.test_network import PHONE
from tests.browser.test_volumes import STICKS_OUT

NET = "conv:3@3x3|relu|max:2|flatten|linear:10"
BEGUN = 120_000  # ms: a worker has to load torch, and gets the processor when nobody else wants it
FILTERS = "() => [...document.querySelectorAll('.tv-filter canvas')].map((filter) => filter.toDataURL())"


class Train(Lab):
    path = "train"
    parts = (".network-view[data-drawn]", ".st-key-layers input:not([value=''])")

    def press(self, key: str) -> None:
        self.page.locator(f".st-key-{key} button").first.click()

    @property
    def progress(self) -> Locator:
        return self.page.locator("[data-testid=stProgress]")

    def wait_progress(self, text: str) -> None:
        expect(self.progress).to_contain_text(re.compile(text), timeout=BEGUN)

    def filters(self) -> list[str]:
        """What the filters look like."""
        return self.page.evaluate(FILTERS)

    def shares(self) -> str:
        """What the last layer of the row looks like."""
        return self.page.locator(".nv-column canvas").last.evaluate("canvas => canvas.toDataURL()")


@pytest.fixture
def train(shared_page: Page, lab: Lab) -> Train:
    return Train(lab.page, lab.server)


def test_it_moves_while_it_learns_and_is_replayed(train: Train) -> None:
    page = train.page
    train.open(layers=NET, epochs="200", batch="10")
    untrained = train.shares()
    train.press("train")
    train.wait_progress("Step [1-9]")
    expect(page.locator(".training-view[data-drawn]")).to_be_visible()
    first = train.filters()
    eventually(lambda: train.filters() != first and train.shares() != untrained, page)
    train.press("pause")
    train.wait_progress("paused")
    train.idle()
    stands = train.progress.inner_text()
    train.press("one-step")
    eventually(lambda: train.progress.inner_text() != stands, page)
    number = lambda text: int(re.search(r"Step ([\d,]+)", text)[1].replace(",", ""))  # type: ignore[index]  # noqa: E731
    train.idle()
    assert number(train.progress.inner_text()) == number(stands) + 1
    page.locator(".tv-filter").nth(1).click(position={"x": 3, "y": 3})
    eventually(lambda: train.shown("watched") == "0:weight:9", page)
    train.idle()
    page.locator(".nv-form input").first.fill("4")
    page.locator(".nv-form input").first.press("Enter")
    eventually(lambda: train.query()["layers"] == NET.replace("conv:3", "conv:4").replace("3x3", "3"), page)
    page.locator(".st-key-of_another button").click()
    eventually(lambda: train.query() == {"layers": NET, "epochs": "200", "batch": "10", "watched": "0:weight:9"}, page)
    train.idle()
    train.press("go-on")
    train.wait_progress("left")
    train.press("stop")
    train.wait_progress("stopped")
    expect(page.locator(".confusion td[title]")).to_have_count(100)
    train.idle()
    last, shares = train.filters(), train.shares()
    slider = page.locator(".tv-slider")
    slider.focus()
    slider.press("Home")
    assert train.filters() != last, "the browser shows it by itself"
    eventually(lambda: train.shares() != shares, page)  # and the server's row follows
    assert train.shown("at") == "0"
    eventually(lambda: train.shares() == untrained, page)
    slider.press("End")
    eventually(lambda: train.filters() == last and train.shares() == shares, page)
    page.locator(".tv-play").click()
    eventually(lambda: train.filters() != last, page)
    eventually(lambda: train.filters() == last and "Replay" in page.locator(".tv-play").inner_text(), page)


def test_another_page_of_the_same_visit_does_not_end_a_training(train: Train) -> None:
    train.open(layers=NET, epochs="200", batch="10")
    train.press("train")
    train.wait_progress("Step [1-9]")
    train.page.get_by_test_id("stTopNavSection").last.click()
    train.page.get_by_test_id("stTopNavDropdownLink").filter(has_text="Network").click()
    train.page.wait_for_selector(".st-key-net input")
    train.page.get_by_test_id("stTopNavSection").last.click()
    train.page.get_by_test_id("stTopNavDropdownLink").filter(has_text="Train").click()
    train.page.wait_for_selector(".st-key-layers input")
    train.wait_progress("Step [1-9]")
    train.press("pause")
    train.press("stop")  # at once: no press is lost
    train.wait_progress("stopped")


def test_a_page_loaded_anew_goes_on_with_its_training(train: Train) -> None:
    train.open(layers=NET, epochs="200", batch="10")
    train.press("train")
    train.wait_progress("Step [1-9]")
    train.page.reload()
    train.page.wait_for_selector(".st-key-layers input")
    train.wait_progress("Step [1-9]")
    train.press("pause")
    train.press("stop")
    train.wait_progress("stopped")


def test_a_mistake_is_looked_into_and_back_finds_the_settings(train: Train) -> None:
    page = train.page
    train.open(layers=NET, epochs="1", batch="64", seed="3")
    train.press("train")
    train.wait_progress("done")
    mistake = page.locator("[class*=st-key-mistake-] img").first
    mistake.scroll_into_view_if_needed(timeout=BEGUN)
    train.idle()
    box = mistake.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # its link lies over it
    page.wait_for_selector(".drawing-pad[data-drawn]")
    train.wait_query(network="mine")
    expect(page.get_by_text("The one that you trained")).to_be_visible()
    train.idle()
    page.go_back()
    eventually(lambda: (train.shown("seed"), train.shown("epochs")) == ("3", "1"), page)
    train.wait_query(layers=NET, epochs="1", batch="64", seed="3")
    train.wait_progress("done")  # the page was loaded anew, and has its training


def test_a_network_is_taken_along_and_the_phone_shows_it(train: Train) -> None:
    page = train.page
    page.goto(f"{train.server}/network?net=conv:4@3x3|relu|flatten|linear:7")
    page.get_by_role("link", name="Train it").click()
    page.wait_for_selector(".st-key-layers input")
    train.wait_query(data="shapes", layers="conv:4@3x3|relu|flatten|linear:7")
    page.locator(".st-key-mends button").first.click()
    train.wait_query(data="shapes", layers="conv:4@3x3|relu|flatten|linear:10")
    train.idle()
    for size in (PHONE, {"width": 1440, "height": 900}):
        page.set_viewport_size(size)
        train.idle()
        assert page.evaluate(STICKS_OUT) == []

"""The task One kernel as a person has it: kernel, surface and picture go together, a replay, a phone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernel_learning import KernelLearning
from cnnviz.kernel_loss import kernel_loss
from cnnviz.kernels import KERNELS, initialise
from tests.browser.lab_page import Lab, eventually
from tests.browser.test_volumes import STICKS_OUT

GRID = """of => [...document.querySelectorAll(`[data-grid="${of}"] td`)].map((cell) => Number(cell.dataset.value))"""
# The views of the page are modules: what they hold is read from what they show.
PICTURE = """of => {
  const canvas = document.querySelector(`[data-panel="${of}"] canvas`);
  return canvas.toDataURL() + canvas.getAttribute("aria-label");
}"""


class Lesson(Lab):
    path = "train"
    parts = (".descent-view[data-drawn]", ".st-key-moment input:not([value=''])")

    def look(self, frame: int) -> None:
        """Draw the slider to a keyframe, as a hand does."""
        script = (
            "(slider, frame) => { slider.value = frame; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
        )
        self.page.locator(".rp-slider").evaluate(script, frame)

    def grid(self, of: str) -> np.ndarray:
        return np.array(self.page.evaluate(GRID, of))

    def spot(self) -> list[float]:
        """Where the path stands on the surface, across and down."""
        return self.page.locator(".de-svg").evaluate("svg => [Number(svg.dataset.across), Number(svg.dataset.down)]")

    def picture(self, of: str) -> str:
        return self.page.evaluate(PICTURE, of)

    def read(self, row: int, column: int, side: int) -> list[float]:
        """What the line under the pictures says of a cell in each of them."""
        canvas = self.page.locator("[data-panel='input'] canvas")
        box = canvas.bounding_box()
        assert box
        canvas.hover(position={"x": (column + 0.5) * box["width"] / side, "y": (row + 0.5) * box["height"] / side})
        text = self.page.locator(".de-pictures + .de-note").inner_text()
        place, values = text.split(": ")
        assert place == f"row {row}, column {column}"
        return [float(part.rsplit(" ", 1)[1].replace("−", "-")) for part in values.split(" · ")]


@pytest.fixture
def lesson(lab: Lab) -> Lesson:
    return Lesson(lab.page, lab.server)


def test_kernel_surface_and_picture_go_together(lesson: Lesson) -> None:
    x, kernel = load_image(SAMPLES["camera"].path, size=32), torch.tensor(KERNELS["emboss"].values)
    y = conv2d(x, kernel[None, None], padding="same")
    loss = kernel_loss(x, y, 3)
    learning = KernelLearning(loss, start=initialise("uniform", (1, 1, 3, 3), 0)[0, 0])
    learning.run(2000)
    lesson.open(task="kernel", kernel="emboss", size="32", plane="1,5", moment="end")
    assert lesson.grid("learned") == pytest.approx(np.array(KERNELS["emboss"].values).flatten(), abs=1e-3)
    first = lesson.picture("made")
    for frame in (0, 9, 30):
        lesson.look(frame)
        weights, number = learning.path[frame], learning.numbers[frame]
        assert lesson.grid("learned") == pytest.approx(weights.numpy(), abs=1e-5)
        spot = (weights - loss.optimum)[[1, 5]].tolist()
        eventually(lambda spot=spot: lesson.spot() == pytest.approx(spot, abs=1e-4), lesson.page)
        made = conv2d(x.double(), weights.reshape(1, 1, 3, 3), padding="same")[0, 0]
        cell = [float(maps[11, 20]) for maps in (x[0, 0], y[0, 0], made, made - y[0, 0])]
        assert lesson.read(11, 20, 32) == pytest.approx(cell, rel=2e-3, abs=1e-4)
        assert lesson.picture("made") != first
        expect(lesson.page.locator(".rp-where")).to_have_text(f"after step {number} of {learning.number}")
    eventually(lambda: lesson.query().get("moment") == f"{learning.numbers[30]}", lesson.page)
    lesson.idle()
    lesson.page.locator("[data-grid='learned'] td").nth(5).click()
    expect(lesson.page.locator(".de-arithmetic figcaption")).to_contain_text("row 1, column 2")
    assert lesson.page.locator(".de-steps th").all_inner_texts() == [
        "weight now", "gradient", "velocity", "step", "new weight",
    ]  # fmt: skip
    now = lesson.page.locator(".de-steps .de-number").first.inner_text().replace("−", "-")
    assert float(now) == pytest.approx(float(learning.path[30, 5]), rel=1e-4), "the one that was clicked"
    expect(lesson.page.locator(".rp-next")).to_have_text(f"{learning.numbers[31] - learning.numbers[30]} steps ›")
    lesson.idle()
    assert lesson.query() == {
        "task": "kernel", "kernel": "emboss", "size": "32", "plane": "1,5", "weight": "5",
        "moment": f"{learning.numbers[30]}",
    }  # fmt: skip
    assert lesson.grid("learned") == pytest.approx(learning.path[30].numpy(), abs=1e-5)


def test_the_replay_goes_from_the_start_to_the_end(lesson: Lesson) -> None:
    lesson.open(task="kernel", size="24", method="conjugate", moment="3")
    play, where = lesson.page.locator(".rp-play"), lesson.page.locator(".rp-where")
    expect(where).to_have_text(re.compile("after step 3 of "))
    lesson.page.locator(".rp-next").click()
    expect(where).to_have_text(re.compile("after step 4 of "))
    lesson.page.locator(".rp-slider").press("End")
    last = where.inner_text()
    play.click()
    expect(play).to_have_attribute("aria-label", "Pause")
    expect(play).to_have_attribute("aria-label", "Replay")
    expect(where).to_have_text(last)
    assert lesson.page.locator(".descent-view").get_attribute("data-frame") != "0"
    eventually(lambda: "moment" not in lesson.query(), lesson.page)  # the end is what is shown without
    expect(lesson.page.locator(".rp-ticks span").last).to_have_text(last.split()[-1])


def test_a_picture_is_recovered_on_a_phone_in_the_dark(lesson: Lesson) -> None:
    page = lesson.page
    phone: Any = {"width": 390, "height": 844}
    page.set_viewport_size(phone)
    page.emulate_media(color_scheme="dark")
    for settings in (
        {"moment": "end", "aim": "recover", "kernel": "gaussian", "rounds": "60"},
        {"moment": "end", "aim": "undo", "kernel": "sharpen"},
    ):
        lesson.open(task="kernel", size="48", **settings)
        ends = lesson.picture("made")
        lesson.look(2)
        assert lesson.picture("made") != ends
        assert page.evaluate(STICKS_OUT) == []
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
        for part in page.locator(".descent-view figure:visible, .rp-bar").all():
            place = part.bounding_box()
            assert place and place["x"] >= 0 and place["x"] + place["width"] <= 390
        lesson.idle()

"""Activation and pooling in Chromium: exact values of its stages, the lens on numbers, the chart, links, a phone."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from cnnviz.activations import ACTIVATIONS
from cnnviz.ui import pooling
from cnnviz.ui.activation_chart import chart
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.components import ROUTE
from cnnviz.ui.settings import POOLING
from cnnviz.ui.stage_view import StageMap, pack
from tests.browser.lab_page import Lab, eventually
from tests.browser.lens_view import drive

VALUES = """async ([route, message]) => {
  const module = (name) => import(`${route}/${name}.js`);
  const [{ unpack }, { value }] = await Promise.all(["stage_message", "stage_values"].map(module));
  const { stages } = unpack(Uint8Array.from(atob(message), (c) => c.charCodeAt(0)));
  return stages.map(({ shape: [channels, height, width] }, i) => {
    const at = (n) => value(stages, i, Math.floor(n / (height * width)), Math.floor(n / width) % height, n % width);
    return Array.from({ length: channels * height * width }, (_, n) => at(n));
  });
}"""
# The chart alone, and what it draws: the curve's points in the values that its axes stand for.
CHART = """async ([route, data]) => {
  const { default: activationChart } = await import(`${route}/activation_chart.js`);
  const parentElement = document.createElement("div");
  parentElement.style.width = "340px";
  document.body.replaceChildren(parentElement);
  await activationChart({ data, parentElement });
  const root = parentElement.querySelector(".ac-svg");
  const drawn = (selector) => root.querySelector(selector).getAttribute("d") ?? "";
  const points = (selector) => drawn(selector).slice(1).split("L").map((pair) => pair.split(" ").map(Number));
  return {
    hidden: root.hasAttribute("hidden"), words: parentElement.innerText, label: root.getAttribute("aria-label"),
    curve: points(".ac-curve"), slope: points(".ac-slope"), dead: drawn(".ac-dead").match(/v-[\\d.]+/g)?.length ?? 0,
    isHeld: !root.querySelector(".ac-handle").hasAttribute("hidden"),
  };
}"""
DEFAULTS = {setting.name: setting.parse(setting.default) for setting in POOLING}


def state(monkeypatch: pytest.MonkeyPatch, seed: int = 0, channels: int = 1, **values: Any) -> pooling.Pooling:
    monkeypatch.setattr("streamlit.session_state", {})  # outside of any session there is one for all tests
    levels = np.random.default_rng(seed).integers(0, 256, (1, channels, 13, 12)).astype(np.float32) / np.float32(255)
    return pooling.run(DEFAULTS | values, Chosen(torch.from_numpy(levels), "noise", None, 1))


def message(maps: list[StageMap]) -> str:
    places = {stage.name: stage.title for stage in maps if not stage.hidden}
    header = {"places": list(places), "titles": places, "follow": None, "ignored": {}, "address": {}, "pin": None}
    return base64.b64encode(pack(maps, **header, check=None, columns=5, notice="", link_note="")).decode()


@pytest.mark.parametrize(
    "values",
    [
        {"shift": 2, "shift_down": 1, "pool_size": (3, 2), "pool_stride": (2, 1), "pool_padding": "same"},
        {"pool": "min", "activation": "tanh", "pool_windows": "adaptive", "output_size": (4, 3), "shift": 3},
        {"pool": "l2", "activation": "leaky_relu", "pool_windows": "global", "shift_down": 2},
        {"source": "numbers", "activation": "elu", "pool_size": (3, 3), "pool_stride": (1, 1), "shift": 8},
        {"source": "numbers", "activation": "none", "pool": "avg"},
    ],
)
def test_every_cell_is_exact(bare: Page, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]) -> None:
    now = state(monkeypatch, channels=3, **values)
    got = bare.evaluate(VALUES, [ROUTE, message(now.maps)])
    for stage, found in zip(now.maps, got):
        scale = max(1.0, float(np.abs(stage.maps).max()))
        right = stage.maps
        np.testing.assert_allclose(np.reshape(found, right.shape), right, atol=1e-5 * scale, err_msg=stage.name)


def test_the_lens_explains_numbers_without_a_convolution(bare: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    now = state(monkeypatch, source="numbers", activation="none", pool_size=(2, 2))
    numbers = now.maps[0].maps[0]
    cells = [("pool", 1, 2), ("input", 2, 4), ("winners", 1, 2), ("winners", 0, 4), ("winners", 0, 5)]
    first, pool, cell, *winners = drive(bare, message(now.maps), [("point", *cell) for cell in cells])
    assert first.cell == ("pool", 2, 2)
    assert pool.value == numbers[2:4, 4:6].max() and pool.lit["input"] == ([2, 3], [4, 5])
    assert cell.value == 8 and cell.lit["pool"] == ([1], [2])
    assert [winner.value for winner in winners] == [1, 1, 0], "the first of four zeros won too"
    assert [winner.lit["pool"] for winner in winners] == [([0], [1]), ([0], [2]), ([0], [2])], "in whose windows"


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "sigmoid", "softplus", "gelu", "hardswish"])
def test_the_chart_draws_the_function(bare: Page, name: str) -> None:
    entry = ACTIVATIONS[name]
    parameters = {key: parameter.default for key, parameter in entry.parameters.items()}
    before = 2 * torch.randn(500, generator=torch.Generator().manual_seed(3))
    told = chart(name, parameters, before)
    got = bare.evaluate(CHART, [ROUTE, told])
    x, y = torch.tensor(told["x"]), np.array(told["y"])
    assert y == pytest.approx(entry.function(x.double(), **parameters).numpy(), rel=1e-6, abs=1e-6)
    xs, ys = np.array(got["curve"]).T
    low, high = min(*told["span"], *told["slope"], 0), max(*told["span"], *told["slope"], 0)
    assert xs == pytest.approx(
        36 + (np.array(told["x"]) - told["x"][0]) / (told["x"][-1] - told["x"][0]) * 228, abs=0.006
    )
    assert ys == pytest.approx(176 - (y - low) / (high - low) * 168, abs=0.006)
    _, slopes = np.array(got["slope"]).T
    assert slopes == pytest.approx(176 - (np.array(told["slope"]) - low) / (high - low) * 168, abs=0.006)
    assert got["dead"] == sum(count > 0 for count in told["dead"])
    assert f"{100 * told['shares'][0]:.1f} % died" in got["label"]
    assert got["isHeld"] == (name in ("leaky_relu", "softplus"))


def test_softmax_says_why_it_has_no_curve(bare: Page) -> None:
    got = bare.evaluate(CHART, [ROUTE, chart("softmax", {"over": "all"}, torch.zeros(3))])
    assert got["hidden"] and "no curve" in got["words"]


# --- in the app -----------------------------------------------------------------------------------------


def opened(lab: Lab, query: str) -> Lab:
    lab.page.goto(f"{lab.server}/pooling?{query}")
    lab.page.wait_for_selector("[data-drawn]")
    lab.page.wait_for_selector(".ac-curve[d]", state="attached")
    lab.idle()
    return lab


def test_a_journey_with_numbers(lab: Lab) -> None:
    opened(lab, "source=numbers&activation=leaky_relu&negative_slope=0.2&shift=2")
    lab.cell(3, 5).hover()
    lens = lab.page.locator("[data-lens]")
    expect(lens).to_have_attribute("data-row", "3")
    assert lab.stage("input").get_attribute("data-lit-cols") == "5", "a number lights its cell"

    lab.write(0, 0, "9.5")
    eventually(lambda: lab.query().get("numbers", "").startswith("9.5,1,-2,4"), lab.page)
    lab.idle()
    lab.plot("pool").press("Control+Home")
    assert lens.get_attribute("data-value") == "9.5"

    handle = lab.page.locator(".ac-handle")
    handle.scroll_into_view_if_needed()
    drawn = lab.page.locator(".ac-curve").get_attribute("d")
    box = handle.bounding_box()
    assert box
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 12, steps=3)
    lab.page.mouse.up()
    eventually(lambda: float(lab.query().get("negative_slope", 0)) > 0.22, lab.page)
    lab.idle()
    slope = float(lab.query()["negative_slope"])
    assert float(lab.shown("negative_slope")) == slope, "the box, the link and the curve say the same"
    assert float(handle.get_attribute("aria-valuenow") or 0) == slope
    assert lab.page.locator(".ac-curve").get_attribute("d") != drawn
    handle.press("ArrowUp")
    eventually(lambda: float(lab.query()["negative_slope"]) == pytest.approx(min(1, slope + 0.05)), lab.page)

    lab.page.emulate_media(color_scheme="dark")
    lab.page.set_viewport_size({"width": 390, "height": 844})
    eventually(lambda: lab.page.evaluate("document.documentElement.scrollWidth") <= 390, lab.page)
    for selector in (".ac-svg", ".kg-cell >> nth=7", "[data-stage=strided-changes][data-shape]"):
        place = lab.page.locator(selector).bounding_box()
        assert place and place["x"] >= 0 and place["x"] + place["width"] <= 390, selector


def test_keys_a_pin_and_a_link(lab: Lab) -> None:
    opened(lab, "size=24&pool_stride=1&shift=2&activation=tanh")
    lab.plot("shifted-pool").press("Control+Home")
    lab.page.keyboard.press("Enter")
    eventually(lambda: lab.query().get("pin") == "shifted-pool:0,0", lab.page)
    expect(lab.page.locator(".ln-check")).to_contain_text("✓")
    lit = {name: lab.stage(name).get_attribute("data-lit-rows") for name in ("shifted", "input", "pool-changes")}
    assert lit == {"shifted": "0,1,2,3", "input": "0,1,2,3", "pool-changes": "0"}
    shapes, pixels = lab.shapes(), lab.pixels()
    assert "shifted-conv" not in shapes, "there for the arithmetic alone"
    opened(lab, lab.page.url.split("?")[1])
    assert (lab.shapes(), lab.pixels()) == (shapes, pixels)

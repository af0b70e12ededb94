"""The pages Volumes and Kinds as a person has them: links, edits, tiles, blocks that turn, examples."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from cnnviz.filters import FILTERS, bank, parse_edits
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.ui.kind_knobs import EXAMPLES
from cnnviz.ui.settings import KINDS_PAGE, VOLUMES
from tests.browser.lab_page import Lab, eventually

SMALL = {"size": "12", "filters": "5"}
SIZE = re.compile(rb'"small": \{"height": (\d+), "width": (\d+)')
# What is wider than its place: the page, buttons, menus; and what stands out of the window.
STICKS_OUT = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  const isWide = main.scrollWidth > main.clientWidth || document.documentElement.scrollWidth > innerWidth;
  const found = isWide ? ["the page"] : [];
  for (const node of main.querySelectorAll("button, select, output, .sv-stage, .kernel-grid, .lens")) {
    const { left, right, width } = node.getBoundingClientRect();
    if (width === 0 || node.closest("[hidden], .stFileUploader, .nv-scroll, dialog")) continue;
    const isCut = node.tagName === "BUTTON" && node.scrollWidth > node.clientWidth + 1;
    if (isCut || left < -1 || right > innerWidth + 1) found.push(node.outerHTML.slice(0, 200));
  }
  return found;
}"""


@pytest.fixture
def volumes(lab: Lab) -> Lab:
    lab.path = "volumes"
    return lab


@pytest.fixture
def kinds(lab: Lab) -> Lab:
    lab.path = "kinds"
    return lab


def lens(lab: Lab) -> dict[str, str]:
    return lab.page.locator("[data-lens]").evaluate("node => ({ ...node.dataset })")


def look(lab: Lab, stage: str) -> str | None:
    return lab.plot(stage).get_attribute("data-look")


def choose(lab: Lab, stage: str, shown: str) -> None:
    """What is shown of a stage, by its menu or its buttons."""
    menu = lab.stage(stage).locator(".sv-channels select")
    if menu.count():
        menu.select_option(shown)
    else:
        names = {
            "all": "all maps side by side",
            "stack": "all maps as a block with depth: drag to turn it",
            "-1": "RGB",
        }
        lab.stage(stage).get_by_role("button", name=names.get(shown, shown), exact=True).click()
    lab.idle()


def maps(edits: str, **settings: Any) -> torch.Tensor:
    """What the page Volumes makes of 12×12 pixels."""
    image = load_image(SAMPLES["astronaut"].path, mode="RGB", size=12)
    weight, bias = bank(5, 3, (3, 3), "pytorch", settings.get("seed", 0), parse_edits(edits))
    return conv2d(image, weight, bias)[0]


def test_a_cold_link_and_an_edit_of_one_plane_of_one_filter(volumes: Lab) -> None:
    query = SMALL | {"edits": "", "filter": "3", "looks": "input:0,0:4", "pin": "0:2,3,4", "seed": "2"}
    volumes.open(**query)
    assert volumes.query() == query
    assert volumes.shapes() == {"input": "3x12x12", "0": "5x10x10"}
    assert (look(volumes, "input"), look(volumes, "0")) == ("0", "3"), "one map that is shown is the chosen filter's"
    before = maps("", seed=2)
    assert float(lens(volumes)["value"]) == pytest.approx(float(before[4, 2, 3]), abs=1e-5)
    expect(volumes.page.locator(".ln-check")).to_contain_text("✓")
    rows = volumes.kernel()
    assert torch.equal(torch.tensor(rows), bank(5, 3, (3, 3), "pytorch", 2, {})[0][3].flatten(0, 1))
    volumes.write(2 * 3 + 1, 1, "0.5")  # the middle of the blue plane
    expect(volumes.widget("edits")).to_have_value(re.compile(r",0\.5,"))
    volumes.idle()
    edits = volumes.query()["edits"]
    rows[7][1] = 0.5
    assert parse_edits(edits).keys() == {3} and volumes.kernel() == rows
    after = maps(edits, seed=2)
    assert [not torch.equal(one, other) for one, other in zip(before, after)] == [False, False, False, True, False]
    volumes.fill("pin", "0:2,3,3")
    assert float(lens(volumes)["value"]) == pytest.approx(float(after[3, 2, 3]), abs=1e-5)
    volumes.press("Undo")
    volumes.idle()
    assert torch.equal(torch.tensor(volumes.kernel()), bank(5, 3, (3, 3), "pytorch", 2, {})[0][3].flatten(0, 1))
    volumes.press("As it was drawn")
    volumes.idle()
    assert volumes.query() == query | {"pin": "0:2,3,3"}


def test_a_tile_that_is_clicked_chooses_its_filter_and_is_pinned(volumes: Lab) -> None:
    volumes.open(**SMALL, padding="same")
    assert look(volumes, "0") == "all" and look(volumes, "input") == look(volumes, "padded") == "stack"
    area = volumes.plot("0").locator("canvas.sv-cells").bounding_box()
    assert area
    chosen = set()
    for x, y in ((0.3, 0.15), (0.7, 0.2), (0.3, 0.8)):
        volumes.page.mouse.click(area["x"] + x * area["width"], area["y"] + y * area["height"])
        volumes.idle()
        said, cell = volumes.query(), lens(volumes)
        assert said["pin"] == f"0:{cell['row']},{cell['col']},{cell['channel']}"
        assert said.get("filter", "0") == cell["channel"]
        chosen.add(int(cell["channel"]))
        weight = FILTERS[
            ["red-edges", "upright-edges", "level-edges", "green-minus-magenta", "yellow-minus-blue"][
                int(cell["channel"])
            ]
        ]
        assert torch.allclose(torch.tensor(volumes.kernel()), weight.values(3, 3, 3).flatten(0, 1))
    assert len(chosen) == 3
    # what is shown, by menu and buttons, is in the address, and a cold link shows it
    choose(volumes, "0", "stack")
    choose(volumes, "input", "all")
    choose(volumes, "padded", "-1")
    query = volumes.query()
    assert set(query["looks"].split(",")) == {"input:all", "padded:rgb", "0:stack"}
    turn_and_say_nothing(volumes, "0")
    volumes.open(**query)
    assert volumes.query() == query
    assert [look(volumes, name) for name in ("input", "padded", "0")] == ["all", "-1", "stack"]


def turn_and_say_nothing(lab: Lab, stage: str) -> None:
    """A drag turns a stack; it pins nothing, and the server does not hear of it."""
    lab.idle()
    spoken, before, query = lab.page.evaluate("testLine.spokenAt"), lab.pixels(), lab.query()
    area = lab.plot(stage).bounding_box()
    assert area
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + 60, y + 25, steps=4)
    lab.page.mouse.up()
    lab.page.wait_for_timeout(300)
    after = lab.pixels()
    assert [name for name in after if after[name] != before[name]] == [stage]
    assert (lab.page.evaluate("testLine.spokenAt"), lab.query()) == (spoken, query)


def test_by_keyboard_alone(volumes: Lab) -> None:
    volumes.open(**SMALL)
    volumes.plot("0").focus()
    for key in ("Control+End", "ArrowUp", "Enter"):
        volumes.page.keyboard.press(key)
    volumes.idle()
    assert volumes.query()["pin"] == "0:8,9,0"
    menu = volumes.stage("0").locator("select")
    menu.focus()
    volumes.page.keyboard.press("ArrowUp")
    volumes.idle()
    assert look(volumes, "0") == "4" and volumes.query()["looks"] == "0:4" and volumes.query()["filter"] == "4"
    volumes.stage("input").get_by_role("button", name="green").press("Enter")
    volumes.idle()
    assert look(volumes, "input") == "1"


def test_many_large_maps_travel_small(volumes: Lab) -> None:
    frames: list[bytes] = []
    session = volumes.page.context.new_cdp_session(volumes.page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda event: frames.append(payload(event["response"])))
    volumes.open(size="224", filters="64", edits="")
    frames.clear()
    volumes.fill("seed", "1")
    eventually(lambda: any(SIZE.search(data) for data in frames), volumes.page)
    session.detach()
    assert volumes.shapes()["0"] == "64x222x222"
    assert sum(map(len, frames)) < 2_000_000
    (small,) = {found.groups() for data in frames for found in SIZE.finditer(data)}
    assert 64 * int(small[0]) * int(small[1]) <= 512**2


def payload(response: dict[str, Any]) -> bytes:
    return base64.b64decode(response["payloadData"]) if response["opcode"] == 2 else response["payloadData"].encode()


@pytest.mark.parametrize("path", ["volumes", "kinds"])
def test_on_a_phone_and_in_the_dark_nothing_sticks_out(lab: Lab, path: str) -> None:
    lab.path = path
    lab.page.set_viewport_size({"width": 390, "height": 844})
    lab.page.emulate_media(color_scheme="dark")
    lab.open(size="24", **({"kind_b": "grouped"} if path == "kinds" else {}))
    assert lab.page.evaluate(STICKS_OUT) == []
    lab.page.set_viewport_size({"width": 1440, "height": 900})
    lab.idle()
    assert lab.page.evaluate(STICKS_OUT) == []
    ink, ground = lab.page.evaluate("""() => [getComputedStyle(document.querySelector(".stage-view")).color,
      getComputedStyle(document.querySelector(".stApp")).backgroundColor]""")
    light = lambda colour: sum(map(int, re.findall(r"\d+", colour)[:3]))  # noqa: E731
    assert light(ground) < 200 < 500 < light(ink)


# --- Kinds -------------------------------------------------------------------------------------------


def test_a_cold_link_and_outputs_that_show_the_same_map(kinds: Lab) -> None:
    query = {
        "size": "16", "kind_a": "grouped", "groups_a": "2", "kind_c": "transposed", "looks": "a0:2,b1:2,c0:2",
        "pin": "c0:7,3,1", "out_channels": "6",
    }  # fmt: skip
    kinds.open(**query)
    assert kinds.query() == query
    shapes = kinds.shapes()
    assert {"a0": "6x16x16", "b1": "6x16x16", "c0": "6x32x32", "difference-b": "6x16x16"}.items() <= shapes.items()
    assert [look(kinds, name) for name in ("a0", "b1", "c0")] == ["2", "2", "2"] and look(
        kinds, "difference-b"
    ) == "all"
    choose(kinds, "b1", "5")
    assert [look(kinds, name) for name in ("a0", "b1", "c0", "difference-b")] == ["5"] * 4
    assert set(kinds.query()["looks"].split(",")) == {"a0:5", "b1:5", "c0:5", "difference-b:5"}
    kinds.plot("difference-b").click()
    kinds.idle()
    cell = lens(kinds)
    assert kinds.query()["pin"] == f"difference-b:{cell['row']},{cell['col']},5", "a difference can be pinned"


def test_an_example_brings_all_its_settings_into_the_address(kinds: Lab) -> None:
    kinds.open(size="16", kind_a="grouped", groups_a="2", out_channels="6", seed="3")
    for title, texts in EXAMPLES.items():
        kinds.page.locator(f".st-key-example-{title} button").click()
        kinds.idle()
        kinds.wait_query(**texts)
    kinds.fill("seed", "7")
    kinds.wait_query(**EXAMPLES["Checkerboard"], seed="7")


def test_from_page_to_page_nothing_is_taken_along(volumes: Lab) -> None:
    volumes.open(size="20", filters="3", kernel_size="5", pin="0:2,3,1", looks="0:stack", filter="1")
    for name, settings in (("Kinds of convolution", KINDS_PAGE), ("Volumes", VOLUMES), ("Lab", None)):
        volumes.page.get_by_test_id("stTopNavSection").first.click()
        volumes.page.get_by_role("menuitem", name=name).click()
        volumes.page.wait_for_selector(
            f"[data-stage='{'a0' if settings is KINDS_PAGE else 'conv' if settings is None else '0'}']"
        )
        volumes.idle()
        eventually(lambda: volumes.query() == {}, volumes.page)
        assert not volumes.page.get_by_role("alert").filter(visible=True).count()
        for setting in settings or ():
            box = volumes.widget(setting.name)
            if setting.name in ("size", "pin", "looks", "edits", "kernel_size", "seed", "out_channels") and box.count():
                expect(box).to_have_value(setting.default)
    assert volumes.shapes()["input"] == "1x300x300"

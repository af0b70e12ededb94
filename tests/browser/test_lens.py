"""The lens in the Lab: which cell it explains, its pin, its check, the sliding window, keys, words, and its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocket, WebSocketRoute, expect

from cnnviz.layers import Pool2d
from cnnviz.receptive_fields import reads
from tests.browser import expected
from tests.browser.conftest import OpenLab
from tests.browser.lab_page import Lab, eventually
from tests.browser.test_foretelling import Mute
from tests.browser.test_lab import SCHEMES, box, overlap, warnings

PHONE: Any = {"width": 390, "height": 844}
LARGE = "normal:11x11:3"
DOUBLE = 500  # ms: clicks that are further apart are no double click
AWAY = (4, 4)  # on no stage

# From now on, keep every cell that the lens explains.
RECORD = """() => {
  const lens = document.querySelector('[data-lens]');
  window.places = [];
  window.placesSeen?.disconnect();
  window.placesSeen = new MutationObserver(() => {
    const { stage, row, col } = lens.dataset;
    window.places.push([stage, Number(row), Number(col)]);
  });
  window.placesSeen.observe(lens, { attributeFilter: ['data-stage', 'data-row', 'data-col'] });
}"""
# What a cell's centre shows, by stage: rows of [r, g, b, a].
CENTRES = """() => Object.fromEntries([...document.querySelectorAll('[data-stage][data-shape]')].map((stage) => {
  const canvas = stage.querySelector('canvas.sv-cells');
  const [, height, width] = stage.dataset.shape.split('x').map(Number);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const pixel = (row, column) => {
    const [y, x] = [(row + 0.5) / height * canvas.height, (column + 0.5) / width * canvas.width].map(Math.floor);
    const at = 4 * (y * canvas.width + x);
    return [...data.slice(at, at + 4)];
  };
  const cells = Array.from({ length: height }, (_, r) => Array.from({ length: width }, (_, c) => pixel(r, c)));
  return [stage.dataset.stage, cells];
}))"""
COVER = """() => {
  const sample = document.body.appendChild(document.createElement('i'));
  const view = document.querySelector('.stage-view');
  sample.style.color = getComputedStyle(view).getPropertyValue('--st-secondary-background-color');
  const color = getComputedStyle(sample).color.match(/\\d+/g).map(Number);
  sample.remove();
  return [...color, 255];
}"""
# What a stage shows at a share of its width and of its height.
PIXEL = """([stage, across, down]) => {
  const canvas = document.querySelector(`[data-stage=${stage}][data-shape] canvas.sv-cells`);
  return [...canvas.getContext('2d').getImageData(across * canvas.width, down * canvas.height, 1, 1).data];
}"""
# The cell under a point of the screen, by the axes that Plotly shows.
UNDER = """([stage, x, y]) => {
  const section = document.querySelector(`[data-stage=${stage}][data-shape]`);
  const { left, top, width, height } = section.querySelector('.sv-cells').getBoundingClientRect();
  const { xaxis, yaxis } = section.querySelector('.sv-figure')._fullLayout;
  const along = ([from, to], share) => Math.round(from + share * (to - from));
  return [along([...yaxis.range].reverse(), (y - top) / height), along(xaxis.range, (x - left) / width)];
}"""
TERMS = "lens => [...lens.querySelectorAll('[data-product]')].map(({dataset: d}) => [+d.x, +d.w, +d.product])"


def lens(lab: Lab) -> dict[str, str]:
    return lab.page.locator("[data-lens]").evaluate("lens => ({...lens.dataset})")


def place(lab: Lab) -> tuple[str, int, int]:
    """The cell that is explained."""
    return place_in(lens(lab))


def place_in(said: dict[str, str]) -> tuple[str, int, int]:
    return said["stage"], int(said["row"]), int(said["col"])


def terms(lab: Lab) -> np.ndarray:
    """Each pixel, weight and product that is shown."""
    return np.array(lab.page.locator("[data-lens]").evaluate(TERMS))


def spot(lab: Lab, stage: str, row: int, column: int) -> tuple[float, float]:
    """Where a cell's centre is on the screen while all of the map is shown."""
    _, height, width = map(int, lab.shapes()[stage].split("x"))
    at = box(lab.stage(stage).locator(".sv-cells"))
    return at["x"] + (column + 0.5) / width * at["width"], at["y"] + (row + 0.5) / height * at["height"]


def hover(lab: Lab, stage: str, row: int, column: int) -> None:
    lab.page.mouse.move(*spot(lab, stage, row, column))


def click(lab: Lab, stage: str, row: int, column: int) -> None:
    lab.page.mouse.click(*spot(lab, stage, row, column))


def apart(lab: Lab) -> None:
    """Wait until the next click cannot be the second half of a double click."""
    lab.page.wait_for_timeout(DOUBLE)


def explains(lab: Lab, stage: str, row: int, column: int, value: float | None = None) -> None:
    """Wait until the lens explains this cell and gives it this value."""

    def check() -> None:
        now = lens(lab)
        assert place_in(now) == (stage, row, column)
        assert value is None or float(now["value"]) == pytest.approx(value, rel=1e-5, abs=1e-5)

    eventually(check, lab.page)


def explains_as(lab: Lab, settings: dict[str, str], stage: str, row: int, column: int) -> None:
    """The same, with the value that the library computes."""
    explains(lab, stage, row, column, float(expected.stages(**settings)[stage][0, row, column]))


def record(lab: Lab) -> None:
    lab.page.evaluate(RECORD)


def recorded(lab: Lab) -> list[tuple[str, int, int]]:
    return [tuple(cell) for cell in lab.page.evaluate("window.places")]


def tool(lab: Lab, label: str) -> Any:
    return lab.page.locator(".ln-tools").get_by_role("button", name=re.compile(label))


# --- the server is not asked ----------------------------------------------------------------------


@pytest.fixture
def frames(shared_page: Page) -> Iterator[list[str]]:
    """Whatever goes over the page's websockets, either way: "sent" or "received" for each frame."""
    seen: list[str] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", lambda _: seen.append("sent"))
        socket.on("framereceived", lambda _: seen.append("received"))

    shared_page.on("websocket", opened)
    yield seen
    shared_page.remove_listener("websocket", opened)


def do_everything_but_pin(lab: Lab, stages: list[str]) -> None:
    """Whatever there is to do with the lens; where a cell is pinned, what a pin makes a difference to."""
    page = lab.page
    for stage in stages:
        _, height, width = map(int, lab.shapes()[stage].split("x"))
        for row, column in ((0, 0), (height // 2, 1), (height - 1, width - 1)):
            hover(lab, stage, row, column)
    page.mouse.move(*AWAY)
    for selector in (".ln-kernel-grid i", ".ln-patch-grid i", ".ln-product-grid i", ".kg-cell"):
        page.locator(selector).nth(4).hover()
    page.mouse.move(*AWAY)
    for stage in stages:
        lab.plot(stage).focus()
        for key in (
            "ArrowDown", "ArrowRight", "Shift+ArrowUp", "Home", "End", "Control+Home", "Control+End", "+", "-", "0",
            ".", ",", " ", " ", "Escape",
        ):  # fmt: skip
            page.keyboard.press(key)
    record(lab)
    tool(lab, "^Slide").click()
    eventually(lambda: len(recorded(lab)) > 3, page)
    page.get_by_role("slider", name="Speed").fill("30")
    tool(lab, "^Pause").click()
    tool(lab, "^One step").click()
    page.get_by_role("slider", name="How far").fill("50")
    tool(lab, "^To the first").click()
    page.get_by_role("combobox", name="What fills in").select_option("pool")
    tool(lab, "^End the slide").click()
    if lab.shown("pin"):
        return
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    tool(lab, "^The arithmetic").click()
    page.get_by_role("dialog").get_by_role("button", name="text").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    products = page.locator(".ln-product .ln-body")
    products.focus()
    products.press("ArrowRight")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("checkbox", name="shared scale").click()
    lab.stage("input").get_by_role("button", name="green").click()


def test_nothing_but_a_pin_asks_the_server(lab: Lab, frames: list[str]) -> None:
    lab.open(size="12", color="rgb")
    lab.settled()
    assert {"sent", "received"} <= set(frames), "the page itself came this way"
    frames.clear()
    do_everything_but_pin(lab, list(lab.shapes()))
    lab.settled()
    lab.page.wait_for_timeout(300)
    assert frames == []
    click(lab, "conv", 3, 4)
    lab.wait_query(size="12", color="rgb", pin="conv:3,4")
    lab.idle()
    assert {"sent", "received"} == set(frames)
    frames.clear()
    do_everything_but_pin(lab, ["input", "conv"])
    lab.settled()
    lab.page.wait_for_timeout(300)
    assert frames == [], "nor with a pin"


# --- which cell -----------------------------------------------------------------------------------


def test_the_cell_under_the_pointer_is_explained(lab: Lab) -> None:
    settings = {
        "image": "coffee", "size": "14x18", "fit": "stretch", "kernel": "1,-2,0.5;0,3,-1",
        "bias": "0.25", "stride": "2,1", "dilation": "1,2", "pool": "avg", "pool_size": "3", "pool_stride": "2",
    }  # fmt: skip
    lab.open(**settings)
    explains_every_stage(lab, settings)
    lab.pill("color", "rgb")
    settings["color"] = "rgb"
    explains_every_stage(lab, settings)
    image = expected.stages(**settings)["input"]
    for channel, label in enumerate(("red", "green", "blue")):
        lab.stage("input").get_by_role("button", name=label).click()
        hover(lab, "input", 5, 7)
        explains(lab, "input", 5, 7, float(image[channel, 5, 7]))
        assert lens(lab)["channel"] == f"{channel}"


def explains_every_stage(lab: Lab, settings: dict[str, str]) -> None:
    maps = expected.stages(**settings)
    assert list(maps) == list(lab.shapes()) == ["input", "padded", "conv", "activation", "pool"]
    for name, one in maps.items():
        _, height, width = one.shape
        for row, column in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
            hover(lab, name, row, column)
            explains(lab, name, row, column, float(one[0, row, column]))
            if name != "conv":
                continue
            x = maps["padded"][:, 2 * row : 2 * row + 2, column : column + 5 : 2].flatten(1)
            found = terms(lab).reshape(len(x), 6, 3)
            np.testing.assert_allclose(found[..., 0], x.numpy(), atol=1e-6)
            np.testing.assert_allclose(found[..., 1], [[1, -2, 0.5, 0, 3, -1]] * len(x))
            np.testing.assert_allclose(found[..., 2], found[..., 0] * found[..., 1], rtol=1e-9)
            assert found[..., 2].sum() + 0.25 == pytest.approx(float(one[0, row, column]), abs=1e-5)
            lit = lab.stage("padded").evaluate("({dataset: d}) => [d.litRows, d.litCols]")
            assert lit == [f"{2 * row},{2 * row + 1}", f"{column},{column + 2},{column + 4}"]


def under(lab: Lab, stage: str, point: tuple[float, float]) -> tuple[str, int, int]:
    row, column = lab.page.evaluate(UNDER, [stage, *point])
    return stage, row, column


def share_of(lab: Lab, stage: str, across: float, down: float) -> tuple[float, float]:
    """A point of a stage, by its shares of the width and the height."""
    at = box(lab.stage(stage).locator(".sv-cells"))
    return at["x"] + across * at["width"], at["y"] + down * at["height"]


def test_the_cell_under_the_pointer_is_explained_when_zoomed(lab: Lab) -> None:
    settings = {"size": "60", "image": "chelsea"}
    lab.open(**settings)
    lab.settled()
    a_resting_pointer_is_followed_when_the_picture_moves_under_it(lab)
    page = lab.page
    maps = expected.stages(**settings)
    ways: dict[str, Callable[[], None]] = {
        "wheel": lambda: page.mouse.wheel(0, -300),
        "key": lambda: page.keyboard.press("+"),
    }
    for way, zoom in ways.items():
        point = spot(lab, "conv", 14, 41)
        lab.plot("conv").focus()
        page.mouse.move(*point)
        for _ in range(2):
            drawn = lab.drawn()
            zoom()
            lab.wait_redraw(drawn)
        lab.settled()
        assert lab.figure("conv", "figure._fullLayout.xaxis.range[1] - figure._fullLayout.xaxis.range[0]") < 55, way
        assert under(lab, "conv", point) == ("conv", 14, 41), "the zoom goes to the pointer"
        explains(lab, "conv", 14, 41, float(maps["conv"][0, 14, 41]))
        for name, one in maps.items():
            for across, down in ((0.12, 0.93), (0.81, 0.33)):
                page.mouse.move(*share_of(lab, name, across, down))
                _, row, column = under(lab, name, share_of(lab, name, across, down))
                unzoomed = int(down * one.shape[1]), int(across * one.shape[2])
                assert (row, column) != unzoomed, "or the zoom proves nothing"
                explains(lab, name, row, column, float(one[0, row, column]))
        lab.plot("conv").focus()
        page.keyboard.press("0")


def a_resting_pointer_is_followed_when_the_picture_moves_under_it(lab: Lab) -> None:
    page = lab.page
    everything = page.get_by_role("button", name="Show all")
    for way in ("wheel", "double click"):
        hover(lab, "conv", 14, 14)
        lab.plot("conv").focus()
        page.keyboard.press("+")
        page.keyboard.press("+")
        point = spot(lab, "conv", 52, 47)
        page.mouse.move(*point)
        lab.settled()
        before = under(lab, "conv", point)
        explains(lab, *before)
        if way == "double click":
            page.mouse.dblclick(*point)
        while way == "wheel" and everything.is_visible():
            page.mouse.wheel(0, 300)
            page.wait_for_timeout(60)
        expect(everything).to_be_hidden()
        lab.settled()
        assert under(lab, "conv", point) == ("conv", 52, 47) != before
        explains(lab, "conv", 52, 47)


def test_pointing_at_a_weight_lights_all_that_it_touches_and_moves_nothing(lab: Lab) -> None:
    lab.open(size="12", pin="conv:3,4")
    page = lab.page
    lit = lambda name: lab.stage(name).evaluate("({dataset: d}) => [d.litRows, d.litCols]")  # noqa: E731
    listed = lambda first, last: ",".join(map(str, range(first, last + 1)))  # noqa: E731
    alone = {name: lit(name) for name in lab.shapes()}
    assert alone["conv"] == ["3", "4"] and alone["input"] == ["2,3,4", "3,4,5"] and alone["pool"] == ["1", "2"]
    top = lambda: box(page.locator(".st-key-knobs"))["y"]  # noqa: E731
    top_alone = top()
    page.locator(".ln-product-grid i").first.hover()
    assert top() == top_alone
    for grid in (".ln-kernel-grid i", ".kg-cell"):
        page.locator(grid).nth(2).hover()  # row 0, column 2: it meets padding in the first row and the last column
        assert lit("conv") == [listed(1, 11), listed(0, 10)], grid
        assert lit("input") == [listed(0, 10), listed(1, 11)], grid
        assert lit("pool") == [listed(0, 5), listed(0, 5)], grid
        assert place(lab) == ("conv", 3, 4)
        assert top() == top_alone, grid
        page.mouse.move(*AWAY)
        eventually(lambda: {name: lit(name) for name in alone} == alone, page)
    # A weight that a tweak takes away is not pointed at any more.
    lab.widget("kernel").focus()
    lab.cell(2, 2).hover()
    assert lit("conv") == [listed(0, 10), listed(0, 10)]
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1,2;3,4")
    page.keyboard.press("Enter")
    expect(lab.cell(2, 2)).to_have_count(0)
    lab.idle()
    page.mouse.move(*AWAY)
    eventually(lambda: lit("conv") == ["3", "4"], page)


# --- the pin --------------------------------------------------------------------------------------


def test_a_click_pins(lab: Lab) -> None:
    lab.open(size="12")
    lab.settled()
    page = lab.page

    def is_pinned(stage: str, row: int, column: int) -> None:
        text = f"{stage}:{row},{column}"
        lab.wait_query(size="12", pin=text)
        lab.idle()
        assert lab.shown("pin") == text
        for other in ("pool", "input"):
            hover(lab, other, 1, 2)
            explains(lab, other, 1, 2)
        page.mouse.move(*AWAY)
        explains_as(lab, {"size": "12"}, stage, row, column)
        expect(tool(lab, "^Keep this cell")).to_have_text("Unpin")

    assert place(lab) == ("conv", 6, 6), "the middle, before anything was pointed at"
    click(lab, "conv", 2, 3)
    is_pinned("conv", 2, 3)
    click(lab, "activation", 10, 0)
    is_pinned("activation", 10, 0)
    click(lab, "input", 11, 11)
    is_pinned("input", 11, 11)

    axis = box(lab.stage("conv").locator(".sv-plot"))
    page.mouse.click(axis["x"] + 6, axis["y"] + axis["height"] / 2)
    lab.idle()
    is_pinned("input", 11, 11)

    tool(lab, "^Keep this cell").click()
    lab.wait_query(size="12")
    expect(lab.widget("pin")).to_have_value("")
    expect(tool(lab, "^Keep this cell")).to_have_text("Pin")

    lab.plot("pool").focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Enter")
    is_pinned("pool", 0, 0)
    lab.plot("pool").focus()
    page.keyboard.press("ArrowDown")
    explains(lab, "pool", 1, 0)
    page.keyboard.press("Enter")  # another cell: the pin goes there
    is_pinned("pool", 1, 0)
    lab.plot("pool").focus()
    page.keyboard.press("Enter")
    lab.wait_query(size="12")
    expect(lab.widget("pin")).to_have_value("")

    lab.fill("pin", " conv : 7 , 8 ")
    explains_as(lab, {"size": "12"}, "conv", 7, 8)
    assert warnings(lab) == ""


def test_a_pin_typed_after_a_double_click_counts_and_two_fast_clicks_end_at_the_second(lab: Lab) -> None:
    lab.open(size="12")
    lab.settled()
    lab.page.mouse.dblclick(*spot(lab, "conv", 5, 5))
    lab.idle()
    lab.fill("pin", "conv:3,4")
    lab.wait_query(size="12", pin="conv:3,4")
    lab.page.mouse.move(*AWAY)
    explains(lab, "conv", 3, 4)
    first, second = spot(lab, "conv", 2, 3), spot(lab, "conv", 8, 9)
    lab.page.mouse.click(*first)
    lab.page.mouse.click(*second)
    lab.wait_query(size="12", pin="conv:8,9")
    lab.page.mouse.move(*AWAY)
    explains(lab, "conv", 8, 9)
    lab.idle()
    assert lab.shown("pin") == "conv:8,9"


def test_a_pin_typed_once_the_pointer_has_left_counts(lab: Lab) -> None:
    lab.open(size="12")
    lab.settled()
    hover(lab, "conv", 5, 5)
    explains(lab, "conv", 5, 5)
    lab.page.mouse.move(*AWAY)
    lab.idle()
    assert place(lab) == ("conv", 5, 5), "the last cell stays"
    lab.fill("pin", "conv:3,4")
    explains(lab, "conv", 3, 4)


def test_a_pin_survives_every_tweak_and_the_link_shows_the_same_lens(lab: Lab, another: Lab) -> None:
    settings = {"image": "chelsea", "size": "14", "color": "rgb"}
    lab.open(**settings)
    lab.settled()
    click(lab, "conv", 3, 4)
    lab.page.mouse.move(*AWAY)
    explains_as(lab, settings, "conv", 3, 4)
    for name, text in {"padding": "valid", "stride": "2", "kernel": "sobel-x", "bias": "0.5"}.items():
        before = lens(lab)["value"]
        lab.fill(name, text)
        settings[name] = text
        explains_as(lab, settings, "conv", 3, 4)
        assert lens(lab)["value"] != before, "or the tweak proves nothing"
        assert lab.shown("pin") == "conv:3,4"
    click(lab, "activation", 1, 0)
    lab.page.mouse.move(*AWAY)
    lab.fill("activation", "tanh")
    settings["activation"] = "tanh"
    explains_as(lab, settings, "activation", 1, 0)
    lab.wait_query(**settings, pin="activation:1,0")

    other = another
    other.page.goto(lab.page.url)
    other.page.wait_for_selector("[data-drawn]")
    other.idle()
    assert lens(other) == lens(lab)
    np.testing.assert_array_equal(terms(other), terms(lab))
    assert other.readout() == lab.readout()
    assert other.shown("pin") == "activation:1,0"

    # Back and Forward bring pin and lens.
    other.settled()
    click(other, "pool", 0, 1)
    other.page.mouse.move(*AWAY)
    other.wait_query(**settings, pin="pool:0,1")
    other.idle()
    other.page.go_back()
    other.wait_query(**settings, pin="activation:1,0")
    explains_as(other, settings, "activation", 1, 0)
    expect(other.widget("pin")).to_have_value("activation:1,0")
    other.idle()
    other.page.go_forward()
    other.wait_query(**settings, pin="pool:0,1")
    explains_as(other, settings, "pool", 0, 1)
    expect(other.widget("pin")).to_have_value("pool:0,1")


def test_a_click_that_is_over_after_the_pointer_has_left_does_not_hold_the_lens(lab: Lab) -> None:
    lab.open(size="14", pin="conv:3,4")
    lab.settled()
    x, y = spot(lab, "pool", 0, 1)
    quick = """(plot, [clientX, clientY]) => {
      const where = { clientX, clientY, button: 0, bubbles: true };
      const send = (type, to) => to.dispatchEvent(new PointerEvent(type, where));
      const cover = document.body.appendChild(document.createElement("div")); // as Plotly lays one over for a drag
      cover.className = "dragcover";
      for (const type of ["pointerover", "pointerdown"]) send(type, plot);
      send("pointerover", cover);
      send("pointerup", cover);
      cover.remove();
      send("pointerover", document.body);
    }"""
    lab.stage("pool").locator(".sv-plot").evaluate(quick, [x, y])
    explains(lab, "pool", 0, 1)
    lab.wait_query(size="14", pin="pool:0,1")
    lab.idle()
    lab.page.go_back()
    explains(lab, "conv", 3, 4)


def test_back_before_the_server_has_heard_of_a_pin_brings_the_one_before(another: Lab) -> None:
    lab, unheard = another, []

    def connect(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        # A server that is busy takes up only the last of several words.
        browser.on_message(lambda word: unheard.append(word) if unheard else server.send(word))

    lab.page.route_web_socket("**/_stcore/stream*", connect)
    lab.open(size="14", pin="conv:3,4")
    lab.settled()
    explains(lab, "conv", 3, 4)
    unheard.append("from now on")
    click(lab, "conv", 7, 2)
    lab.page.mouse.move(*AWAY)
    lab.wait_query(size="14", pin="conv:7,2")
    explains(lab, "conv", 7, 2)
    eventually(lambda: len(unheard) > 1, lab.page)
    unheard.clear()
    lab.page.go_back()
    lab.wait_query(size="14", pin="conv:3,4")
    explains(lab, "conv", 3, 4)
    expect(lab.widget("pin")).to_have_value("conv:3,4")


def test_a_double_click_and_a_drag_leave_the_pin_as_it_was(lab: Lab) -> None:
    page = lab.page
    lab.open(size="60", pin="conv:20,30")
    lab.settled()
    everything = page.get_by_role("button", name="Show all")

    def drag(*way: tuple[float, float]) -> None:
        x, y = share_of(lab, "conv", 0.7, 0.6)
        page.mouse.move(x, y)
        page.mouse.down()
        for dx, dy in way:
            page.mouse.move(x + dx, y + dy, steps=4)
        page.mouse.up()
        lab.settled()
        lab.idle()

    for pin in ("conv:20,30", ""):
        said = {"size": "60"} | ({"pin": pin} if pin else {})
        if not pin:
            tool(lab, "^Keep this cell").click()
        lab.wait_query(**said)
        lab.plot("conv").focus()
        page.keyboard.press("+")
        expect(everything).to_be_visible()
        lab.settled()
        before = lab.figure("conv", "figure._fullLayout.xaxis.range")
        drag((-50, -30))
        eventually(lambda: lab.figure("conv", "figure._fullLayout.xaxis.range") != before, page)  # noqa: B023
        assert lab.query() == said, "a drag moves the picture"
        page.mouse.dblclick(*share_of(lab, "conv", 0.3, 0.4))
        expect(everything).to_be_hidden()
        lab.idle()
        apart(lab)
        lab.idle()
        assert lab.query() == said
        assert lab.shown("pin") == pin
        page.mouse.move(*AWAY)
        if pin:
            explains(lab, "conv", 20, 30)
        expect(tool(lab, "^Keep this cell")).to_have_text("Unpin" if pin else "Pin")
    lab.plot("conv").focus()
    page.keyboard.press("+")
    lab.settled()
    drag((60, 0), (0, 0))
    assert lab.query() == said, "a drag that comes back is a drag"


def test_a_pin_that_a_tweak_takes_away_comes_back_with_it(lab: Lab) -> None:
    lab.open(size="12", pin="conv:9,8")
    missing = "is not there now"
    assert missing not in lab.readout()
    lab.fill("stride", "2")
    lab.wait_query(size="12", pin="conv:9,8", stride="2")
    eventually(lambda: missing in lab.readout() and "convolution, row 9, column 8," in lab.readout(), lab.page)
    explains_as(lab, {"size": "12", "stride": "2"}, "conv", 5, 5)  # the nearest there is
    lab.fill("stride", "1")
    explains_as(lab, {"size": "12"}, "conv", 9, 8)
    assert missing not in lab.readout()
    expect(tool(lab, "^Keep this cell")).to_have_text("Unpin")

    lab.fill("pin", "pool:3,4")
    explains_as(lab, {"size": "12"}, "pool", 3, 4)
    lab.fill("pool", "none")
    lab.wait_query(size="12", pin="pool:3,4", pool="none")
    eventually(lambda: missing in lab.readout() and "pooling, row 3, column 4," in lab.readout(), lab.page)
    assert place(lab)[0] in lab.shapes()
    assert warnings(lab) == ""
    lab.fill("pool", "avg")
    explains_as(lab, {"size": "12", "pool": "avg"}, "pool", 3, 4)
    assert missing not in lab.readout()


def test_a_pin_that_makes_no_sense_is_said_and_ignored(lab: Lab) -> None:
    for text in ("<script>alert(1)</script>", "conv:1,1" + "1" * 6000):
        lab.open(size="12", pin=text)
        said = warnings(lab)
        assert f"pin = {text[:40]}" in said and "in the address was ignored" in said, text
        assert len(said) < 300
        lab.wait_query(size="12")
        assert lab.shown("pin") == ""
        assert place(lab) == ("conv", 6, 6)
        hover(lab, "conv", 3, 4)
        explains_as(lab, {"size": "12"}, "conv", 3, 4)
        body = lab.page.inner_text("body")
        assert "Traceback" not in body and "Error" not in body
    click(lab, "conv", 3, 4)
    lab.wait_query(size="12", pin="conv:3,4")
    eventually(lambda: warnings(lab) == "", lab.page)
    problem = lab.page.locator(".st-key-problem-pin")
    for text in ("conv:-1,2", "conv:1", "lens:1,1"):
        lab.fill("pin", text)
        expect(problem).to_contain_text(f"{text} cannot be read")
        lab.page.mouse.move(*AWAY)
        explains(lab, "conv", 3, 4)  # the last that could be read
    click(lab, "conv", 5, 6)
    lab.wait_query(size="12", pin="conv:5,6")
    expect(problem).to_have_count(0)


# --- the badge ------------------------------------------------------------------------------------


def badge_value(lab: Lab) -> float:
    """What the server found, by the badge's tooltip."""
    title = lab.page.locator(".ln-check").get_attribute("title") or ""
    found = re.search(r": (-?[\d.]+(?:e-?\d+)?)\. ", title)
    assert found, title
    return float(found[1])


def is_right(lab: Lab, settings: dict[str, str], stage: str, row: int, column: int) -> None:
    """The badge is shown in the panel of what makes the cell, agrees, and is about this very cell."""
    badge = lab.page.locator(".ln-check")
    panel = {"conv": "product"}.get(stage, stage)
    value = float(expected.stages(**settings)[stage][0, row, column])

    def check() -> None:
        assert lab.page.locator(f".ln-{panel} .ln-check").is_visible()
        found = re.fullmatch(r"✓ max \|Δ\| (0|\de-\d+)", badge.inner_text())
        assert found and float(found[1]) < 1e-5, badge.inner_text()
        assert badge_value(lab) == pytest.approx(value, rel=1e-5, abs=1e-5)

    eventually(check, lab.page)


def test_the_badge_stands_by_the_pinned_cell(lab: Lab) -> None:
    settings = {"size": "12", "kernel": "log", "color": "rgb", "activation": "tanh", "pool": "avg"}
    lab.open(**settings, pin="conv:3,4")
    badge = lab.page.locator(".ln-check")
    is_right(lab, settings, "conv", 3, 4)
    hover(lab, "conv", 3, 5)
    expect(badge).to_be_hidden()
    hover(lab, "conv", 3, 4)
    expect(badge).to_be_visible()
    hover(lab, "activation", 3, 4)
    expect(badge).to_be_hidden()
    lab.page.mouse.move(*AWAY)
    expect(badge).to_be_visible()
    before = badge_value(lab)
    lab.fill("kernel", "1,2;3,4")
    settings["kernel"] = "1,2;3,4"
    is_right(lab, settings, "conv", 3, 4)
    assert badge_value(lab) != before
    click(lab, "activation", 5, 6)
    lab.page.mouse.move(*AWAY)
    is_right(lab, settings, "activation", 5, 6)
    lab.fill("activation", "gelu")
    settings["activation"] = "gelu"
    is_right(lab, settings, "activation", 5, 6)
    click(lab, "pool", 2, 1)
    lab.page.mouse.move(*AWAY)
    is_right(lab, settings, "pool", 2, 1)
    for stage in ("input", "padded"):
        lab.fill("pin", f"{stage}:3,4")
        explains(lab, stage, 3, 4)
        expect(badge).to_be_hidden()


def test_the_badge_waits_for_the_server(another: Lab) -> None:
    lab = another
    line = Mute(lab)
    settings = {"size": "12"}
    lab.open(**settings, pin="conv:3,4")
    badge = lab.page.locator(".ln-check")
    is_right(lab, settings, "conv", 3, 4)
    line.hold()
    lab.type("kernel", "1,2;3,4")
    settings["kernel"] = "1,2;3,4"
    explains_as(lab, settings, "conv", 3, 4)
    expect(badge).to_be_hidden()  # what it says is about the kernel before
    line.release()
    lab.idle()
    is_right(lab, settings, "conv", 3, 4)
    line.hold()
    click(lab, "pool", 1, 2)
    lab.page.mouse.move(*AWAY)
    explains_as(lab, settings, "pool", 1, 2)
    expect(badge).to_be_hidden()
    line.release()
    lab.idle()
    is_right(lab, settings, "pool", 1, 2)
    explains_as(lab, settings, "pool", 1, 2)

    # An answer that is older than a pin does not take it back.
    line.hold()
    click(lab, "activation", 2, 2)
    apart(lab)
    click(lab, "conv", 8, 9)
    lab.page.mouse.move(*AWAY)
    explains(lab, "conv", 8, 9)
    record(lab)
    line.release()
    lab.wait_query(**settings, pin="conv:8,9")
    lab.idle()
    is_right(lab, settings, "conv", 8, 9)
    assert set(recorded(lab)) == {("conv", 8, 9)}


# --- the slide ------------------------------------------------------------------------------------

SLIDE = {"size": "12", "pool_size": "3"}


def computed(settings: dict[str, str], stage: str, at: int) -> dict[str, np.ndarray]:
    """By stage, which cells are known once the window over `stage` has been at its cells 0 to `at`."""
    maps = expected.stages(**settings)
    known = {name: np.ones(one.shape[1:], bool) for name, one in maps.items()}
    order = list(maps)
    _, height, width = maps[stage].shape
    known[stage] = np.arange(height * width).reshape(height, width) <= at
    for name in order[order.index(stage) + 1 :]:
        before = known[order[order.index(name) - 1]]
        if name == "activation":
            known[name] = before
            continue
        say = expected.DEFAULTS | settings
        pool = Pool2d(say["pool"], expected.numbers(say["pool_size"]), expected.numbers(say["pool_stride"]), "same")
        rows, columns = known[name].shape
        for row in range(rows):
            for column in range(columns):
                window = reads([pool], (1, *before.shape), row, column)
                known[name][row, column] = before[np.ix_(*window)].all()
    return known


def centres(lab: Lab) -> dict[str, np.ndarray]:
    return {name: np.array(cells) for name, cells in lab.page.evaluate(CENTRES).items()}


def is_covered(
    lab: Lab, settings: dict[str, str], stage: str, at: int, whole: dict[str, np.ndarray], cover: list[int]
) -> None:
    """What is not computed yet has the ground's colour, all else is shown as ever."""
    now = centres(lab)
    assert now.keys() == whole.keys()
    for name, known in computed(settings, stage, at).items():
        hidden = (now[name] == cover).all(axis=2)
        np.testing.assert_array_equal(hidden, ~known, err_msg=f"{name} at {at} of {stage}")
        np.testing.assert_array_equal(now[name][known], whole[name][known], err_msg=f"{name} at {at} of {stage}")


def test_the_output_fills_in_as_the_window_slides(lab: Lab) -> None:
    lab.open(**SLIDE, pin="conv:3,4")
    page = lab.page
    whole, pixels, cover = centres(lab), lab.pixels(), page.evaluate(COVER)
    assert not any((cells == cover).all(axis=2).any() for cells in whole.values()), "the ground is told from all cells"
    scrub = page.get_by_role("slider", name="How far")
    during = page.locator(".ln-during")
    expect(during).to_be_hidden()

    def is_at(at: int, stage: str = "conv") -> None:
        width = int(lab.shapes()[stage].split("x")[2])
        explains_as(lab, SLIDE, stage, at // width, at % width)
        assert scrub.input_value() == f"{at}"
        is_covered(lab, SLIDE, stage, at, whole, cover)

    # Steps, by the button and by keys, from the pin on.
    tool(lab, "^One step").click()
    expect(during).to_be_visible()
    is_at(3 * 12 + 5)
    tool(lab, "^One step").click()
    is_at(3 * 12 + 6)
    lab.plot("conv").focus()
    page.keyboard.press(".")
    is_at(3 * 12 + 7)
    for _ in range(9):
        page.keyboard.press(",")
    is_at(2 * 12 + 10)
    # Anywhere, also at the ends of rows.
    for at in (0, 10, 11, 12, 26, 40, 59, 77, 130, 142, 143):
        scrub.fill(f"{at}")
        is_at(at)
    assert lab.pixels() == pixels, "the end shows all of the map"
    page.keyboard.press("Tab")
    lab.plot("conv").focus()
    page.keyboard.press(".")
    is_at(143)
    tool(lab, "^To the first").click()
    is_at(0)
    lab.plot("conv").focus()
    page.keyboard.press(",")
    is_at(0)
    page.keyboard.press("Escape")
    expect(during).to_be_hidden()
    assert lab.pixels() == pixels
    explains(lab, "conv", 3, 4)  # the pin again
    tool(lab, "^One step").click()
    assert lab.pixels() != pixels
    tool(lab, "^End the slide").click()
    expect(during).to_be_hidden()
    assert lab.pixels() == pixels

    # A pool slides by itself.
    click(lab, "pool", 1, 2)
    page.mouse.move(*AWAY)
    lab.wait_query(**SLIDE, pin="pool:1,2")
    lab.idle()
    tool(lab, "^One step").click()
    is_at(1 * 6 + 3, "pool")
    scrub.fill("20")
    is_at(20, "pool")
    lab.plot("pool").focus()
    page.keyboard.press("Escape")
    assert lab.pixels() == pixels

    # What fills in may be chosen. A pin on a stage that does not slide begins where its sum or its pool is.
    lab.fill("pin", "activation:3,4")
    tool(lab, "^One step").click()
    is_at(3 * 12 + 5)
    page.get_by_role("combobox", name="What fills in").select_option(label="Pooling")
    is_at(0, "pool")
    tool(lab, "^One step").click()
    is_at(1, "pool")
    lab.plot("pool").focus()
    page.keyboard.press("Escape")
    assert lab.pixels() == pixels
    lab.fill("pin", "pool:1,2")

    # A zoomed map is covered at the same cells.
    page.get_by_role("button", name="Zoom in").click()
    tool(lab, "^One step").click()
    lab.settled()
    at = 1 * 6 + 3
    known = computed(SLIDE, "pool", at)["pool"]
    seen = set()
    for down, across in ((y / 8, x / 8) for y in range(1, 8) for x in range(1, 8)):
        _, row, column = under(lab, "pool", share_of(lab, "pool", across, down))
        is_hidden = page.evaluate(PIXEL, ["pool", across, down]) == cover
        assert is_hidden != known[row, column], (row, column)
        seen.add((row, column))
    assert 4 < len(seen) < known.size and {known[cell] for cell in seen} == {True, False}


def rises(places: Iterable[Sequence[Any]], stage: str, width: int) -> list[int]:
    """The cells of a slide, which are all of one stage and each further than the one before."""
    assert {name for name, _, _ in places} == {stage}, places
    order = [row * width + column for _, row, column in places]
    assert order == sorted(order), places
    return order


def test_the_window_slides_from_the_pin_on_whatever_is_pointed_at(lab: Lab) -> None:
    lab.open(**SLIDE, pin="conv:3,4")
    page = lab.page
    whole, pixels, cover = centres(lab), lab.pixels(), page.evaluate(COVER)
    plot = lab.plot("conv")
    plot.focus()
    record(lab)
    page.keyboard.press(" ")
    expect(tool(lab, "^Pause")).to_be_visible()
    for row in range(5):
        hover(lab, "pool", row, row)
        hover(lab, "input", row, 2 * row)
    eventually(lambda: len(set(recorded(lab))) > 4, page)
    page.mouse.move(*AWAY)
    page.keyboard.press(" ")
    expect(tool(lab, "^Slide")).to_be_visible()
    order = rises(recorded(lab), "conv", 12)
    assert order[0] == 3 * 12 + 4
    _, row, column = place(lab)
    assert row * 12 + column == order[-1] < 143
    is_covered(lab, SLIDE, "conv", order[-1], whole, cover)
    hover(lab, "conv", 9, 9)  # while it stands still, what is pointed at is explained
    explains_as(lab, SLIDE, "conv", 9, 9)
    is_covered(lab, SLIDE, "conv", order[-1], whole, cover)
    page.mouse.move(*AWAY)
    explains(lab, "conv", row, column)

    # On from there to the end, which shows all; then from the beginning.
    record(lab)
    page.get_by_role("slider", name="Speed").fill("100")
    tool(lab, "^Slide").click()
    eventually(lambda: place(lab) == ("conv", 11, 11), page)
    expect(tool(lab, "^Slide")).to_be_visible()
    assert rises(recorded(lab), "conv", 12)[0] == order[-1]
    assert lab.pixels() == pixels
    record(lab)
    page.get_by_role("slider", name="Speed").fill("20")
    tool(lab, "^Slide").click()
    eventually(lambda: len(set(recorded(lab))) > 1, page)
    tool(lab, "^Pause").click()
    assert rises([cell for cell in recorded(lab) if cell != ("conv", 11, 11)], "conv", 12)[0] == 0
    tool(lab, "^End the slide").click()

    # A pinned pool cell: the pool's window.
    lab.fill("pin", "pool:1,2")
    explains(lab, "pool", 1, 2)
    record(lab)
    tool(lab, "^Slide").click()
    eventually(lambda: len(set(recorded(lab))) > 2, page)
    tool(lab, "^Pause").click()
    order = rises(recorded(lab), "pool", 6)
    assert order[0] == 8
    is_covered(lab, SLIDE, "pool", order[-1], whole, cover)


def test_a_tweak_does_not_stop_the_slide(lab: Lab) -> None:
    lab.open(**SLIDE, pin="conv:3,4")
    page = lab.page
    cover = page.evaluate(COVER)
    scrub = page.get_by_role("slider", name="How far")
    tool(lab, "^Slide").click()
    for settings, width in ((SLIDE | {"bias": "0.5"}, 12), (SLIDE | {"bias": "0.5", "stride": "2"}, 6)):
        name, text = list(settings.items())[-1]
        lab.fill(name, text)
        expect(tool(lab, "^Pause")).to_be_visible()
        scrub.fill("0")
        record(lab)
        eventually(lambda: len(set(recorded(lab))) > 2, page)
        assert all(max(row, column) < width for _, row, column in recorded(lab))
        rises(recorded(lab), "conv", width)
    tool(lab, "^Pause").click()
    at = place(lab)
    explains_as(lab, settings, *at)
    now = centres(lab)
    tool(lab, "^End the slide").click()
    whole = centres(lab)
    assert any((now[name] != whole[name]).any() for name in whole)
    for name, known in computed(settings, "conv", at[1] * 6 + at[2]).items():
        np.testing.assert_array_equal((now[name] == cover).all(axis=2), ~known)

    # Where the map becomes smaller than the slide had come: its end.
    lab.fill("stride", "1")
    tool(lab, "^One step").click()
    scrub.fill("100")
    lab.fill("stride", "2")
    expect(page.locator(".ln-during")).to_be_visible()
    explains_as(lab, settings, "conv", 5, 5)
    assert (scrub.input_value(), scrub.get_attribute("max")) == ("35", "35")
    tool(lab, "^End the slide").click()

    # Where the stage that slides is switched off: no slide.
    lab.fill("pin", "pool:0,1")
    tool(lab, "^Slide").click()
    expect(tool(lab, "^Pause")).to_be_visible()
    lab.fill("pool", "none")
    expect(page.locator(".ln-during")).to_be_hidden()
    expect(tool(lab, "^Slide")).to_be_visible()
    assert not any((cells == cover).all(axis=2).any() for cells in centres(lab).values())


# A clock of our own: the page's animation frames come when they are called, each 1/60 s after the one before. As in a
# browser, what happens within a frame happens a little later than the time that the frame's callbacks are told.
FRAMES = """() => {
  const LATE = 5;
  let [now, last, waiting] = [performance.now(), 0, new Map()];
  performance.now = () => now + LATE;
  window.requestAnimationFrame = (callback) => (waiting.set(++last, callback), last);
  window.cancelAnimationFrame = (id) => waiting.delete(id);
  const run = () => {
    const due = waiting;
    waiting = new Map();
    for (const callback of due.values()) callback(now);
  };
  window.runFrames = (count) => {
    const { dataset } = document.querySelector('[data-lens]');
    return Array.from({ length: count }, () => {
      run();
      now += 1000 / 60;
      return [dataset.stage, Number(dataset.row), Number(dataset.col)];
    });
  };
}"""


def test_the_slide_begins_where_it_is_and_whoever_wants_less_motion_sees_two_pictures_a_second(another: Lab) -> None:
    lab = another
    lab.page.emulate_media(reduced_motion="reduce")
    lab.open(size="24", pin="conv:3,4")
    lab.settled()
    lab.page.evaluate(FRAMES)
    seen: list[list[int]] = []
    wishes: list[Literal["reduce", "no-preference"]] = ["reduce", "no-preference"]
    for wish in wishes:
        lab.page.emulate_media(reduced_motion=wish)
        tool(lab, "^Slide").click()
        lab.page.get_by_role("slider", name="Speed").fill("40")
        assert lab.page.evaluate("runFrames(1)") == [["conv", 3, 4]]
        seen.append(rises(lab.page.evaluate("runFrames(240)"), "conv", 24))  # four seconds
        tool(lab, "^End the slide").click()
    calm, lively = (len(set(places)) for places in seen)
    assert 3 <= calm <= 8 + 1, "also the place where it begins"
    assert lively > 60
    assert seen[0][-1] >= 0.8 * seen[1][-1], "it comes as far, in larger steps"


# --- keys and ears --------------------------------------------------------------------------------


def test_each_key_does_what_the_list_says(lab: Lab) -> None:
    settings = {"size": "13x17", "fit": "stretch", "stride": "2,1", "pool_stride": "3,2", "pool_size": "3"}
    lab.open(**settings)
    page = lab.page
    maps = expected.stages(**settings)
    done: set[str] = set()

    def press(listed: str, key: str, row: int, column: int) -> None:
        """Press a key that the list names, which leads to a cell, and hear of it."""
        page.keyboard.press(key)
        explains(lab, name, row, column, float(maps[name][0, row, column]))
        assert page.locator(".ln-live").inner_text().startswith(f"row {row}, column {column}: ")
        done.add(listed)

    # As far as the window that reads the map moves; the last map's own window, which nothing reads.
    strides = {"input": (2, 1), "padded": (2, 1), "conv": (3, 2), "activation": (3, 2), "pool": (3, 2)}
    for name, one in maps.items():
        _, height, width = one.shape
        lab.plot(name).focus()
        press("Home, End", "Control+Home", 0, 0)
        press("← ↑ → ↓", "ArrowUp", 0, 0)
        press("← ↑ → ↓", "ArrowLeft", 0, 0)
        press("← ↑ → ↓", "ArrowRight", 0, 1)
        press("← ↑ → ↓", "ArrowDown", 1, 1)
        press("← ↑ → ↓", "ArrowLeft", 1, 0)
        press("← ↑ → ↓", "ArrowUp", 0, 0)
        down, across = (min(step, size - 1) for step, size in zip(strides[name], (height, width)))
        press("Shift + arrow", "Shift+ArrowDown", down, 0)
        press("Shift + arrow", "Shift+ArrowRight", down, across)
        press("Home, End", "End", down, width - 1)
        press("Home, End", "Home", down, 0)
        press("Home, End", "Control+End", height - 1, width - 1)
        press("Shift + arrow", "Shift+ArrowUp", height - 1 - down, width - 1)
        press("Shift + arrow", "Shift+ArrowLeft", height - 1 - down, width - 1 - across)
        press("Shift + arrow", "Shift+ArrowDown", height - 1, width - 1 - across)
        press("Shift + arrow", "Shift+ArrowRight", height - 1, width - 1)
        press("← ↑ → ↓", "ArrowDown", height - 1, width - 1)
        press("← ↑ → ↓", "ArrowRight", height - 1, width - 1)
        press("← ↑ → ↓", "ArrowUp", height - 2, width - 1)

    lab.plot("conv").focus()
    everything = page.get_by_role("button", name="Show all")
    page.keyboard.press("+")
    expect(everything).to_be_visible()
    page.keyboard.press("-")
    expect(everything).to_be_hidden()
    page.keyboard.press("+")
    page.keyboard.press("0")
    expect(everything).to_be_hidden()
    done.add("+ − 0")
    name = "conv"
    page.keyboard.press("Control+Home")
    press(". and ,", ".", 0, 1)
    press(". and ,", ".", 0, 2)
    press(". and ,", ",", 0, 1)
    during = page.locator(".ln-during")
    expect(during).to_be_visible()
    page.keyboard.press("Escape")
    expect(during).to_be_hidden()
    done.add("Escape")
    page.keyboard.press(" ")
    expect(tool(lab, "^Pause")).to_be_visible()
    page.keyboard.press(" ")
    expect(tool(lab, "^Slide")).to_be_visible()
    expect(during).to_be_visible()
    done.add("Space")

    page.keyboard.press("]")  # here nothing is a stack; see test_volumes
    done.add("[ ] { }")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    done.add("?")
    listed = dialog.locator("dt").all_inner_texts()
    page.keyboard.press("Escape")  # of the dialog, not of the slide
    expect(dialog).to_have_count(0)
    expect(during).to_be_visible()
    assert lab.plot("conv").evaluate("plot => plot === document.activeElement")
    page.keyboard.press("Escape")
    expect(during).to_be_hidden()
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    _, row, column = place(lab)
    lab.wait_query(**settings, pin=f"conv:{row},{column}")
    lab.idle()
    lab.plot("conv").focus()
    page.keyboard.press("Enter")
    lab.wait_query(**settings)
    done.add("Enter")
    assert done == set(listed) and len(listed) == len(done), "each key of the list was tried"


def test_a_screen_reader_hears_of_keys_not_of_the_pointer(lab: Lab) -> None:
    settings = {"size": "12", "bias": "0.5"}
    lab.open(**settings)
    page = lab.page
    maps = expected.stages(**settings)
    live = page.locator(".ln-live")
    assert live.get_attribute("aria-live") == "polite"
    assert live.inner_text() == ""

    def heard(pattern: str) -> list[float]:
        found = re.fullmatch(pattern.replace("N", r"(−?[\d.]+(?:e[+−]\d+)?)"), live.inner_text())
        assert found, live.inner_text()
        return [float(number.replace("−", "-")) for number in found.groups()]

    lab.plot("conv").focus()
    page.keyboard.press("Control+Home")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    sum_, value = heard("row 3, column 4: sum N from 9 terms, with bias 0.5: N")
    assert value == pytest.approx(float(maps["conv"][0, 3, 4]), rel=1e-3)
    assert sum_ == pytest.approx(float(maps["conv"][0, 3, 4]) - 0.5, rel=1e-3)
    before = live.inner_text()
    hover(lab, "conv", 7, 8)
    explains(lab, "conv", 7, 8)
    hover(lab, "pool", 1, 1)
    explains(lab, "pool", 1, 1)
    page.mouse.move(*AWAY)
    assert live.inner_text() == before
    assert page.locator(".sv-readout").get_attribute("aria-live") == "off", "or it would be said as well"
    lab.fill("bias", "0")
    lab.plot("conv").focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowRight")
    assert heard("row 0, column 1: sum N from 9 terms") == [pytest.approx(float(maps["conv"][0, 0, 1]) - 0.5, rel=1e-3)]
    lab.plot("activation").focus()
    page.keyboard.press("Home")
    x, value = heard("row 0, column 0: relu of N is N")
    assert value == max(x, 0)
    lab.plot("pool").focus()
    page.keyboard.press("Control+End")
    assert heard(r"row 5, column 5: max of 4 = N(?: \(\d of them equal\))?") == [
        pytest.approx(float(maps["pool"][0, 5, 5]) - 0.5, rel=1e-3)
    ]
    lab.plot("input").focus()
    page.keyboard.press("Control+Home")
    assert heard("row 0, column 0: N") == [pytest.approx(float(maps["input"][0, 0, 0]), rel=1e-3)]


def test_tab_reaches_every_part_and_the_products_are_read_one_by_one(lab: Lab) -> None:
    lab.open(size="12", pin="conv:0,4")
    page = lab.page
    describe = """() => {
      const { activeElement: node } = document;
      const stage = node.closest('[data-stage][data-shape]')?.dataset.stage;
      return node.matches('.sv-plot') ? `plot ${stage}`
        : node.matches('.ln-product .ln-body') ? 'products' : node.getAttribute('aria-label') ?? node.textContent;
    }"""
    lab.plot("input").focus()
    reached, lost = [page.evaluate(describe)], False
    while reached[-1] != "products":
        assert len(reached) < 40, reached
        page.keyboard.press("Tab")
        reached.append(page.evaluate(describe))
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')") or ""
        if focused.startswith("One step"):
            during = page.locator(".ln-during")
            page.keyboard.press("Enter")
            expect(during).to_be_visible()
            explains(lab, "conv", 0, 5)
            tool(lab, "^End the slide").focus()
            page.keyboard.press("Enter")
            expect(during).to_be_hidden()
            kept = "({ activeElement: n }) => n.closest('.stage-view') !== null && n.getClientRects().length > 0"
            lost |= not page.evaluate(f"({kept})(document)")
            tool(lab, "^One step").focus()
    plots = [name for name in reached if name.startswith("plot ")]
    assert plots == [f"plot {name}" for name in ("input", "padded", "conv", "activation", "pool")]
    for label in ("Slide the window", "One step", "Keep this cell", "The arithmetic", "The keys", "Zoom in"):
        assert any(name.startswith(label) for name in reached), label
    assert not lost, "whoever ends the slide by keyboard keeps a place on the page"

    padded = expected.stages(size="12")["padded"][0]
    note = page.locator(".ln-note")
    weights = [-1, -1, -1, -1, 8, -1, -1, -1, -1]
    whole = note.inner_text()
    assert "9 terms" in whole and "padding (zeros)" in whole

    def reads_term(key: str, n: int) -> None:
        page.keyboard.press(key)
        row, column = divmod(n, 3)
        x = float(padded[row, 4 + column])
        assert page.locator(".ln-live").inner_text() == note.inner_text(), "it is heard as well"
        text = note.inner_text().replace("−", "-")
        found = re.search(r"row (-?\d+), column (-?\d+).*: (\S+) × (\S+) = (\S+)$", text)
        assert found, text
        assert (int(found[1]), int(found[2])) == (row - 1, column + 3), "of the input"
        assert ("padding (zeros)" in text) == (row == 0)
        assert float(found[3]) == pytest.approx(x, abs=1e-6)
        assert float(found[4]) == weights[n]
        assert float(found[5]) == pytest.approx(x * weights[n], abs=1e-5)
        for grid in ("patch", "kernel", "product"):
            ringed = page.locator(f".ln-{grid}-grid i").evaluate_all("all => all.map((i) => i.matches('.on'))")
            assert ringed == [at == n for at in range(9)], grid

    for key, n in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowDown", 4), ("ArrowDown", 7), ("ArrowLeft", 6)):
        reads_term(key, n)
    reads_term("ArrowUp", 3)
    for n in range(4, 9):
        reads_term("ArrowRight", n)
    reads_term("ArrowRight", 8)
    page.keyboard.press("Tab")
    expect(page.locator(".ln-grid i.on")).to_have_count(0)
    assert note.inner_text() == whole
    assert place(lab) == ("conv", 0, 4), "all the while"


# --- to take away ---------------------------------------------------------------------------------

NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


def arrays_of(latex: str) -> list[list[float]]:
    """The numbers of each array in LaTeX."""
    found = re.findall(r"\\left\[\\begin\{array\}\{r+\}\n(.*?)\n\\end\{array\}\\right\]", latex, re.DOTALL)
    plain = lambda text: re.sub(r"\s*\\cdot 10\^\{(-?\d+)\}", r"e\1", text)  # noqa: E731
    return [[float(number) for number in re.split(r"&|\\\\", plain(text))] for text in found]


def last_number(text: str, pattern: str) -> float:
    found = re.search(pattern.replace("N", f"({NUMBER})"), text, re.MULTILINE)
    assert found, text
    return float(found[1])


def test_the_arithmetic_is_taken_away(lab: Lab, allow: Callable[..., None], tmp_path: Path) -> None:
    allow("clipboard-read", "clipboard-write")
    settings = {"image": "coffee", "size": "12", "kernel": "1,-2;0.5,3", "bias": "-0.25"}
    lab.open(**settings, pin="activation:3,4")
    takes_away(lab, settings, tmp_path)
    lab.pill("color", "rgb")
    takes_away(lab, settings | {"color": "rgb"}, tmp_path)


def takes_away(lab: Lab, settings: dict[str, str], folder: Path) -> None:
    page = lab.page
    maps = expected.stages(**settings)
    x = maps["padded"][:, 3:5, 4:6].flatten(1).double().numpy()
    w = np.array([[1, -2, 0.5, 3]] * len(x))
    value = (x * w).sum() - 0.25
    pooled = maps["activation"][0, 2:4, 4:6]

    tool(lab, "^The arithmetic").click()
    dialog = page.get_by_role("dialog")
    assert "Activation, row 3, column 4" in dialog.inner_text()
    area = dialog.locator("textarea")
    tab = lambda name: dialog.get_by_role("button", name=name, exact=True)  # noqa: E731
    status = dialog.locator("[role=status]")
    for name, ending in (("LaTeX", "tex"), ("text", "txt")):
        tab(name).click()
        assert tab(name).get_attribute("aria-pressed") == "true"
        other = "text" if name == "LaTeX" else "LaTeX"
        assert tab(other).get_attribute("aria-pressed") == "false"
        text = area.input_value()
        if name == "LaTeX":
            found = np.array(arrays_of(text)).reshape(len(x), 3, 4)
            assert text.count("{") == text.count("}") and text.count("\\left[") == text.count("\\right]")
            assert text.count("\\begin{align*}") == text.count("\\end{align*}") == 1
            assert last_number(text, r"^y_\{3,4\} = .* = N \\\\$") == pytest.approx(value, rel=1e-7)
            assert last_number(text, r"^a_\{3,4\} = .*&= N \\\\$") == pytest.approx(max(value, 0), rel=1e-7)
            assert last_number(text, r"^p_\{1,2\} = \\max.*&= N$") == pytest.approx(float(pooled.max()), rel=1e-5)
        else:
            rows = [re.findall(NUMBER, line) for line in text.splitlines() if re.search(r"\d {2,}", line)]
            found = np.array(rows, float).reshape(len(x), 2, 3, 2).transpose(0, 2, 1, 3).reshape(len(x), 3, 4)
            assert last_number(text, r" \+ bias -0\.25 = N$") == pytest.approx(value, rel=1e-7)
            assert last_number(text, r"^relu\(.*\) = N$") == pytest.approx(max(value, 0), rel=1e-7)
            assert last_number(text, r"max of .* = N$") == pytest.approx(float(pooled.max()), rel=1e-5)
        for part, shown in enumerate((x, w, x * w)):
            np.testing.assert_allclose(found[:, part], shown, rtol=1e-7, atol=1e-12)
        page.evaluate("navigator.clipboard.writeText('nothing')")
        tab("Copy").click()
        expect(status).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == text
        with page.expect_download() as waiting:
            dialog.get_by_role("button", name="Save as a file").click()
        assert waiting.value.suggested_filename == f"activation-3-4.{ending}"
        saved = folder / ending
        waiting.value.save_as(saved)
        assert saved.read_text(encoding="utf-8") == text
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert tool(lab, "^The arithmetic").evaluate("button => button === document.activeElement")


# --- where it lies --------------------------------------------------------------------------------

# Every part of the lens that is seen, by name; and what sticks out of what it lies in.
PARTS = """() => {
  const boxOf = (node) => {
    const { x, y, width, height } = node.getBoundingClientRect();
    return { x, y, width, height };
  };
  const textOf = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return boxOf(range);
  };
  const isSeen = (node) => node.getClientRects().length > 0;
  const seen = (selector) => [...document.querySelectorAll(selector)].filter(isSeen);
  const parts = {};
  const all = '.sv-row, .sv-readout, .ln-tools button, .ln-tools input, .ln-rate, .sv-bar > .sv-button, .sv-switch, '
    + '.ln-panel, .ln-note, .ln-result, .st-key-knobs';
  seen(all).forEach((node, i) => (parts[`${i} ${node.className} ${node.title ?? ''}`] = boxOf(node)));
  const inner = [];
  const inside = (name, one, other) => inner.push([name, one, other]);
  for (const panel of seen('.ln-panel')) {
    for (const node of [...panel.querySelectorAll('h4, .ln-grid, .ln-curve')].filter(isSeen)) {
      inside(`${node.getAttribute('class') ?? node.textContent} in ${panel.className}`, boxOf(node), boxOf(panel));
    }
  }
  for (const cell of seen('.ln-grid i').filter((cell) => cell.textContent)) {
    inside(`${cell.textContent} in its cell`, textOf(cell), boxOf(cell));
  }
  for (const note of seen('.ln-note, .ln-result')) inside(note.textContent, textOf(note), boxOf(note));
  const grids = seen('.ln-body').map((body) => [...body.querySelectorAll('.ln-grid')].map(boxOf));
  return { parts, inner, grids };
}"""
# The contrast of each number with the colour of its cell, as WCAG defines it.
CONTRAST = """() => {
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll('.ln-grid i')].filter((cell) => cell.textContent).map((cell) => {
    const { color, backgroundColor } = getComputedStyle(cell);
    const [one, other] = [light(color), light(backgroundColor)].sort();
    return [(other + 0.05) / (one + 0.05), `${color} on ${backgroundColor}`];
  });
}"""


def sticks_out(one: dict[str, float], other: dict[str, float], by: float = 0.6) -> bool:
    return (
        one["x"] < other["x"] - by
        or one["x"] + one["width"] > other["x"] + other["width"] + by
        or one["y"] < other["y"] - by
        or one["y"] + one["height"] > other["y"] + other["height"] + by
    )


def lies_well(lab: Lab, what: str) -> None:
    page = lab.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what
    main = page.locator("[data-testid=stMain]").evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert main[0] <= main[1], f"{what}: nothing sticks out sideways"
    found = page.evaluate(PARTS)
    parts = list(found["parts"].items())
    assert len(parts) > 18
    for i, (name, one) in enumerate(parts):
        for other_name, other in parts[i + 1 :]:
            assert not overlap(one, other), f"{what}: {name} and {other_name} overlap"
        assert one["x"] >= 0 and one["x"] + one["width"] <= page.viewport_size["width"], f"{what}: {name}"  # type: ignore[index]
    out = [name for name, one, other in found["inner"] if sticks_out(one, other)]
    assert not out, f"{what}: {out}"
    for grids in found["grids"]:
        assert not any(overlap(one, other) for i, one in enumerate(grids) for other in grids[i + 1 :]), what


def every_part_has_its_place(lab: Lab, device: str) -> None:
    """Of each colour and kernel, both in both schemes. One is reached from another, as by a person."""
    lab.open(size="24", pin="pool:3,4")
    tool(lab, "^One step").click()  # its tools are shown as well
    terms_shown = lab.page.locator(".ln-product-grid i")
    heights: dict[str, set[float]] = {"gray": set(), "rgb": set()}
    for color, kernel, count, scheme in (
        ("gray", "edge", 9, SCHEMES[0]), ("rgb", "edge", 27, SCHEMES[1]),
        ("rgb", LARGE, 363, SCHEMES[0]), ("gray", LARGE, 121, SCHEMES[1]),
    ):  # fmt: skip
        if lab.shown("kernel") != kernel:
            lab.fill("kernel", kernel)
        lab.pill("color", color)
        expect(terms_shown).to_have_count(count)
        lab.page.emulate_media(color_scheme=scheme)
        lab.idle()
        tool(lab, "^One step").click()
        lies_well(lab, f"{device} {color} {kernel} {scheme}")
        for at in ("input", "conv", "pool"):
            hover(lab, at, 0, 0) if device == "desk" else None
            heights[color].add(box(lab.page.locator("[data-lens]"))["height"])
    if device == "desk":
        assert [len(each) for each in heights.values()] == [1, 1], "neither a kernel nor a cell moves the knobs away"


def test_every_part_has_its_place_on_a_desk(lab: Lab) -> None:
    every_part_has_its_place(lab, "desk")


def test_on_a_phone_every_part_has_its_place_and_a_finger_explains_and_pins(new_lab: OpenLab) -> None:
    lab = new_lab(has_touch=True, is_mobile=True, viewport=PHONE)
    every_part_has_its_place(lab, "phone")
    settings = {"size": "24", "kernel": LARGE}
    tool(lab, "^End the slide").click()
    lab.settled()
    for stage, row, column in (("input", 2, 9), ("conv", 3, 4), ("pool", 5, 1)):
        lab.stage(stage).scroll_into_view_if_needed()
        apart(lab)
        lab.page.touchscreen.tap(*spot(lab, stage, row, column))
        explains_as(lab, settings, stage, row, column)
        lab.wait_query(**settings, pin=f"{stage}:{row},{column}")
        lab.idle()
        assert lab.shown("pin") == f"{stage}:{row},{column}"
        explains(lab, stage, row, column)


def test_the_numbers_can_be_read_on_their_colours(lab: Lab) -> None:
    lab.open(size="24", image="gradient", color="rgb")
    for scheme in SCHEMES:
        lab.page.emulate_media(color_scheme=scheme)
        lab.idle()
        for column in (1, 5, 9, 13, 16, 19, 22):  # from black to white
            hover(lab, "conv", 12, column)
            explains(lab, "conv", 12, column)
            found = lab.page.evaluate(CONTRAST)
            assert len(found) == 3 * 27 + 4
            poor = {colors for ratio, colors in found if ratio < 3}
            assert not poor, scheme

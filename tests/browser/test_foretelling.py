"""A tweak is on the screen before the server has answered, and stays what it was when it has."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import WebSocketRoute, expect

from tests.browser import expected
from tests.browser.lab_page import Lab, eventually
from tests.browser.test_lab import check_readings


class Mute:
    """The line to the server, on which its words can be held back."""

    def __init__(self, lab: Lab) -> None:
        self._page = lab.page
        self._held: list[Callable[[], None]] | None = None
        lab.page.route_web_socket("**/_stcore/stream*", self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def heard(message: str | bytes) -> None:
            if self._held is None:
                browser.send(message)
            else:
                self._held.append(lambda: browser.send(message))

        browser.on_message(server.send)
        server.on_message(heard)

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        """Let what was held through, once there is something."""
        eventually(lambda: bool(self._held), self._page)
        held, self._held = self._held or [], None
        for say in held:
            say()


BASE = {"size": "12x15", "image": "coffee", "fit": "stretch", "color": "rgb"}
TWEAKS = {
    "kernel": "1,2;3,4;5,-6", "bias": "0.5", "stride": "2,1", "dilation": "1,3", "padding": "3,2",
    "padding_mode": "reflect", "activation": "tanh", "pool": "avg", "pool_size": "3", "pool_stride": "1,2",
    "pool_padding": "1",
}  # fmt: skip


def test_every_knob_is_followed_before_the_server_answers(another: Lab) -> None:
    lab = another
    line = Mute(lab)
    lab.open(**BASE)
    settings = dict(BASE)
    for name, text in TWEAKS.items():
        settings[name] = text
        line.hold()
        lab.type(name, text)
        stages = expected.stages(**settings)
        lab.wait_shapes(expected.shapes(**settings))
        check_readings(lab, list(stages)[-1], stages["pool"])
        foretold = lab.pixels()
        line.release()
        lab.idle()
        lab.wait_query(**settings)
        assert lab.shapes() == expected.shapes(**settings)
        assert lab.pixels().keys() == foretold.keys()
        check_readings(lab, "pool", stages["pool"])


def test_a_stage_that_goes_goes_at_once(another: Lab) -> None:
    lab = another
    line = Mute(lab)
    lab.open(**BASE)
    settings = dict(BASE)
    for name, texts in {"padding": ("valid", "same"), "activation": ("none", "elu"), "pool": ("none", "l2")}.items():
        for text in texts:
            settings[name] = text
            line.hold()
            lab.type(name, text)
            lab.wait_shapes(expected.shapes(**settings))
            line.release()
            lab.idle()
            lab.wait_shapes(expected.shapes(**settings))


def test_by_the_mouse_too(another: Lab) -> None:
    lab = another
    line = Mute(lab)
    lab.open(**BASE)
    line.hold()
    lab.page.locator(".st-key-stride").get_by_role("button", name="Open").click()
    lab.page.get_by_role("option", name="3", exact=True).click()
    lab.wait_shapes(expected.shapes(**BASE, stride="3"))
    lab.press("One row more")
    lab.wait_shapes(expected.shapes(**BASE, stride="3", kernel="-1,-1,-1;-1,8,-1;-1,-1,-1;0,0,0"))
    line.release()
    lab.idle()
    lab.wait_query(**BASE, stride="3", kernel="-1,-1,-1;-1,8,-1;-1,-1,-1;0,0,0")
    lab.wait_shapes(expected.shapes(**BASE, stride="3", kernel="-1,-1,-1;-1,8,-1;-1,-1,-1;0,0,0"))


def test_half_written_text_and_what_is_given_up_change_nothing(another: Lab) -> None:
    lab = another
    lab.open(**BASE)
    shapes, pixels = lab.shapes(), lab.pixels()
    box = lab.widget("stride")
    box.press("ControlOrMeta+a")
    box.press_sequentially("2,1")
    lab.page.wait_for_timeout(100)
    assert lab.shapes() == shapes
    box.press("Escape")
    box.press("Tab")
    lab.page.wait_for_timeout(200)
    assert lab.shown("stride") == "1"
    assert (lab.shapes(), lab.pixels()) == (shapes, pixels)


def test_what_the_server_never_hears_of_is_taken_back(another: Lab) -> None:
    lab = another
    lab.open(**BASE)
    pixels = lab.pixels()
    detail = "{ detail: { rows: [[1, 2], [3, 4]] } }"
    lab.page.evaluate(f"document.dispatchEvent(new CustomEvent('cnnviz-kernel', {detail}))")
    eventually(lambda: lab.pixels()["conv"] != pixels["conv"], lab.page)
    eventually(lambda: lab.pixels() == pixels, lab.page)


def test_two_tweaks_before_the_server_answers_both_stay_in_the_address(another: Lab) -> None:
    lab = another
    line = Mute(lab)
    lab.open(size="64")
    line.hold()
    lab.write(0, 0, "5")
    lab.page.wait_for_timeout(50)
    lab.widget("bias").press("ArrowUp")
    lab.page.wait_for_timeout(300)
    line.release()
    lab.wait_query(size="64", kernel="5,-1,-1;-1,8,-1;-1,-1,-1", bias="0.1")
    lab.page.go_back()
    lab.wait_query(size="64")
    lab.idle()
    lab.page.wait_for_timeout(400)  # longer than the address rests before it is mended
    lab.wait_query(size="64")
    eventually(lambda: (lab.shown("bias"), lab.shown("kernel")) == ("0", "edge"), lab.page)
    lab.page.go_forward()
    lab.wait_query(size="64", kernel="5,-1,-1;-1,8,-1;-1,-1,-1", bias="0.1")


def test_back_while_an_answer_is_on_its_way_does_not_stop_the_page(another: Lab) -> None:
    lab = another
    line = Mute(lab)
    lab.open(size="64")
    lab.widget("bias").press("ArrowUp")
    lab.wait_query(size="64", bias="0.1")
    lab.idle()
    line.hold()
    lab.widget("bias").press("ArrowUp")
    lab.page.wait_for_timeout(500)
    lab.page.go_back()
    lab.page.wait_for_timeout(500)
    line.release()
    eventually(lambda: lab.shown("bias") == "0", lab.page)
    lab.idle()
    lab.fill("bias", "0.3")
    lab.wait_query(size="64", bias="0.3")
    expect(lab.page.locator("[data-test-script-state=notRunning]")).to_be_attached()

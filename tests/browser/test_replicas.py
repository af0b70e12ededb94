"""A page whose replica is killed: it comes back at the other one, by itself, and stands where it stood."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SCREEN
from tests.browser.lab_page import PATIENCE, Lab, eventually
from tests.deploy_servers import Front, Replica, replicas_behind_nginx

SOONER = 15.0  # seconds; far more than it takes


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Front, dict[str, Replica]]]:
    """nginx, and by their names the replicas behind it."""
    with replicas_behind_nginx() as both:
        yield both


class Lesson(Lab):
    """The Lab behind nginx."""

    def __init__(self, browser: Browser, it: Front, replicas: dict[str, Replica]) -> None:
        self.context = browser.new_context(viewport=SCREEN)
        super().__init__(self.context.new_page(), f"http://{it.address}")
        self.page.set_default_timeout(PATIENCE)
        self.replicas = replicas

    def replica(self) -> str:
        """Where the page is, as the browser's cookie says."""
        (cookie,) = (one for one in self.context.cookies() if one.get("name") == "cnnviz_replica")
        return cookie["value"]

    def kill_replica(self) -> str:
        """Kill the one that the page is at, and say where it should come back."""
        here = self.replica()
        self.replicas[here].end(signal.SIGKILL)
        return {"a": "b", "b": "a"}[here]


@pytest.fixture
def lesson(started: tuple[Front, dict[str, Replica]], browser: Browser) -> Iterator[Lesson]:
    it, replicas = started
    for replica in replicas.values():
        if not replica.is_running():
            replica.start()
    for replica in replicas.values():
        replica.wait()
    lesson = Lesson(browser, it, replicas)
    yield lesson
    lesson.context.close()


def test_a_page_comes_back_by_itself_with_its_settings(lesson: Lesson) -> None:
    lesson.open(kernel="sharpen", stride="2")
    lesson.fill("bias", "0.25")
    there = lesson.kill_replica()
    lost = time.monotonic()
    eventually(lambda: lesson.replica() == there, lesson.page)
    connected = time.monotonic() - lost
    lesson.fill("dilation", "2")
    answered = time.monotonic() - lost
    print(
        f"connected to the other replica after {connected:.2f} s, and the next change answered after {answered:.2f} s"
    )
    assert answered < SOONER
    wanted = {"kernel": "sharpen", "stride": "2", "bias": "0.25", "dilation": "2"}
    lesson.wait_query(**wanted)
    came_back = lesson.pixels()
    lesson.open(**wanted)
    eventually(lambda: lesson.pixels() == came_back, lesson.page)


def test_a_page_that_comes_back_says_what_was_lost_and_does_what_was_asked_last(lesson: Lesson, tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    Image.new("L", (40, 30), 200).save(path)
    lesson.open()
    lesson.page.locator(".st-key-upload input[type=file]").set_input_files(path)
    lesson.page.get_by_text("Your picture: own").wait_for()
    lesson.idle()
    lesson.replicas[lesson.replica()].send(signal.SIGSTOP)
    lesson.type("bias", "1")  # which it does not answer any more
    there = lesson.kill_replica()
    eventually(lambda: lesson.replica() == there, lesson.page)
    expect(lesson.page.get_by_role("alert").filter(has_text="picture")).to_be_visible(timeout=4000)
    lesson.idle()
    expect(lesson.page.get_by_text("Your picture: own")).to_have_count(0)
    lesson.wait_query(bias="1")

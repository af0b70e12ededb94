"""One server and one Chromium for all browser tests, and a fresh page for each."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.chromium import launch_options
from tests.browser.lab_page import PATIENCE, Lab

ROOT = Path(__file__).parents[2]

OpenLab = Callable[..., Lab]
SCREEN: Any = {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running cnnviz."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path_factory.mktemp("server") / "log.txt").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "cnnviz", "--port", str(port)], cwd=ROOT, stdout=log, stderr=log)
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < give_up, "the server did not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = launch_options()
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a test pattern
        browser = playwright.chromium.launch(**options | {"args": [*options["args"], *camera]})
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """The context that most tests share, so that the browser fetches our files once."""
    context = browser.new_context(viewport=SCREEN, color_scheme="light")
    yield context
    context.close()


@pytest.fixture(scope="session")
def shared_page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def bare(server: str, shared_page: Page) -> Page:
    """A page of the server that is not the app: only our modules run in it."""
    shared_page.goto(f"{server}/_stcore/health")
    return shared_page


@pytest.fixture
def watched(context: BrowserContext, server: str) -> Iterator[Callable[[BrowserContext], None]]:
    """Watch contexts: during the test no script error may happen in them, and no request leave the machine."""
    errors: list[str] = []
    requests: list[str] = []
    on_error = lambda error: errors.append(str(error.error))  # noqa: E731
    on_request = lambda request: requests.append(request.url)  # noqa: E731

    def watch(context: BrowserContext) -> None:
        context.on("weberror", on_error)
        context.on("request", on_request)

    watch(context)
    yield watch
    context.remove_listener("weberror", on_error)
    context.remove_listener("request", on_request)
    assert not errors, errors
    remote = [url for url in requests if urlsplit(url).netloc not in ("", urlsplit(server).netloc)]
    assert not remote, remote


@pytest.fixture
def new_lab(browser: Browser, server: str, watched: Callable[[BrowserContext], None]) -> Iterator[OpenLab]:
    """Make a Lab in a browser context of its own: `new_lab(viewport=…, color_scheme=…)`."""
    contexts: list[BrowserContext] = []

    def new(**options: Any) -> Lab:
        context = browser.new_context(**{"viewport": SCREEN, **options})
        contexts.append(context)
        watched(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        return Lab(page, server)

    yield new
    for context in contexts:
        context.close()


@pytest.fixture
def another(context: BrowserContext, server: str, watched: Callable[[BrowserContext], None]) -> Iterator[Lab]:
    """A Lab on a page of its own, in the context that the tests share: its files are there already."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield Lab(page, server)
    page.close()


@pytest.fixture
def allow(context: BrowserContext) -> Iterator[Callable[..., None]]:
    """Grant permissions to the context that the tests share: `allow("camera")`."""
    yield lambda *permissions: context.grant_permissions(permissions)
    context.clear_permissions()


@pytest.fixture
def lab(shared_page: Page, server: str, watched: Callable[[BrowserContext], None]) -> Iterator[Lab]:
    """A Lab at 1440×900, not opened yet: the tests take turns on one page, each load is a new visit."""
    shared_page.set_default_timeout(PATIENCE)
    yield Lab(shared_page, server)
    shared_page.mouse.up()
    for key in ("Shift", "Alt", "Control"):
        shared_page.keyboard.up(key)
    shared_page.mouse.move(0, 0)
    shared_page.set_viewport_size(SCREEN)
    shared_page.emulate_media(color_scheme="light")
    shared_page.goto("about:blank")

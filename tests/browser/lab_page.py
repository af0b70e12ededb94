"""The Lab as a person at the browser has it: open it, turn its knobs, read what it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Error, Locator, Page, expect

PATIENCE = 20_000  # ms; long, because nothing here measures speed
QUIET = 80  # ms; longer than the moment between a key and what it makes the page say

KERNEL_ROWS = """() => [...document.querySelectorAll('.kg-row')].map((row) =>
  [...row.querySelectorAll('input')].map((cell) => Number(cell.dataset.value)))"""
# What is on the screen, at the screen's own resolution.
PIXELS = """() => Object.fromEntries([...document.querySelectorAll('[data-stage][data-shape]')].map((stage) =>
  [stage.dataset.stage, stage.querySelector('canvas.sv-cells').toDataURL()]))"""
# Every cell's reading, walked by arrow keys from the top left: rows of lists of texts.
READINGS = """([stage, height, width]) => {
  const section = document.querySelector(`[data-stage="${stage}"]`);
  const plot = section.querySelector('.sv-plot');
  const readout = document.querySelector('.sv-readout');
  const press = (key) => plot.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  plot.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', ctrlKey: true, bubbles: true, cancelable: true }));
  const texts = [];
  for (let row = 0; row < height; row++) {
    press('Home');
    texts.push([readout.textContent]);
    for (let i = 1; i < width; i++) {
      press('ArrowRight');
      texts[row].push(readout.textContent);
    }
    press('ArrowDown');
  }
  return texts;
}"""
# Before a page's own scripts: notes whether what the page said last to the server is still unanswered, and when a word
# went either way.
WATCH_LINE = """(() => {
  if (window.testLine) return;
  const line = (window.testLine = { isWaiting: false, spokenAt: 0 });
  const heard = new WeakSet();
  const { send } = WebSocket.prototype;
  const speak = (isWaiting) => Object.assign(line, { isWaiting, spokenAt: Date.now() });
  WebSocket.prototype.send = function (data) {
    if (!heard.has(this)) this.addEventListener("message", () => speak(false));
    heard.add(this);
    speak(true);
    return send.call(this, data);
  };
})()"""
# Resolves once no script runs, no answer is awaited, and no word has been said for `quiet` ms from now on.
IDLE = """([quiet, patience]) => new Promise((resolve, reject) => {
  const start = Date.now();
  let busyAt = start;
  const look = () => {
    const now = Date.now();
    const { isWaiting, spokenAt } = window.testLine;
    if (isWaiting || !document.querySelector('[data-test-script-state="notRunning"]')) busyAt = now;
    if (now - Math.max(busyAt, spokenAt) >= quiet) return resolve();
    if (now - start > patience) return reject(new Error("the scripts do not come to rest"));
    setTimeout(look, 5);
  };
  look();
})"""
WATCH_DRAWN = """stage => {
  const view = document.querySelector('[data-drawn]');
  const canvas = view.querySelector(`[data-stage="${stage}"] .sv-cells`);
  window.seen = [];
  new MutationObserver(() => window.seen.push(canvas.toDataURL())).observe(view, { attributeFilter: ['data-drawn'] });
}"""


def eventually(check: Callable[[], Any], page: Page) -> None:
    """Wait until `check` is true or raises nothing; then what it raised last stands."""
    give_up = time.monotonic() + PATIENCE / 1000
    while True:
        late = time.monotonic() > give_up
        try:
            if check() is not False:
                return
            assert not late, "what the test waits for did not come"
        except (AssertionError, Error):
            if late:
                raise
        page.wait_for_timeout(20)


class Lab:
    """A page of the site: the Lab, unless its path is another's."""

    path = ""
    parts: tuple[str, ...] = ("[data-drawn]", ".kernel-grid .kg-cell")  # what stands there once it is drawn

    def __init__(self, page: Page, server: str) -> None:
        self.page = page
        self.server = server
        page.add_init_script(WATCH_LINE)

    def open(self, query: str = "", **settings: Any) -> Lab:
        """Go to the page with these settings in its address, and wait until it is drawn and at rest."""
        query = query or urlencode(settings)
        self.page.goto(f"{self.server}/{self.path}{'?' if query else ''}{query}")
        for part in self.parts:
            self.page.wait_for_selector(part)
        self.idle()
        return self

    def idle(self) -> None:
        """Wait until no script runs and the server has answered all that the page said."""
        self.page.evaluate(IDLE, [QUIET, PATIENCE])

    def settled(self) -> None:
        """Wait until Plotly shows what the canvases show."""
        script = "() => (({drawn, settled}) => drawn === settled)(document.querySelector('[data-drawn]').dataset)"
        self.page.wait_for_function(script)

    # --- the stages ---------------------------------------------------------------------------

    def drawn(self) -> str:
        return self.page.locator("[data-drawn]").get_attribute("data-drawn") or ""

    def wait_redraw(self, before: str) -> None:
        expect(self.page.locator("[data-drawn]")).not_to_have_attribute("data-drawn", before, timeout=PATIENCE)

    def shapes(self) -> dict[str, str]:
        script = "stages => Object.fromEntries(stages.map((s) => [s.dataset.stage, s.dataset.shape]))"
        return self.page.locator("[data-stage][data-shape]").evaluate_all(script)

    def wait_shapes(self, expected: dict[str, str]) -> None:
        def check() -> None:
            assert list(self.shapes().items()) == list(expected.items())  # the order too

        eventually(check, self.page)

    def pixels(self) -> dict[str, str]:
        """What the canvas of each stage shows, as text to compare."""
        return self.page.evaluate(PIXELS)

    def stage(self, name: str) -> Locator:
        return self.page.locator(f"[data-stage='{name}'][data-shape]")

    def plot(self, name: str) -> Locator:
        return self.stage(name).locator(".sv-plot")

    def readout(self) -> str:
        return self.page.locator(".sv-readout").inner_text()

    def readings(self, stage: str) -> list[list[str]]:
        """The readout of every cell of a stage."""
        _, height, width = self.shapes()[stage].split("x")
        return self.page.evaluate(READINGS, [stage, int(height), int(width)])

    def figure(self, stage: str, expression: str) -> Any:
        """Ask the Plotly figure of a stage."""
        return self.stage(stage).locator(".sv-figure").evaluate(f"figure => {expression}")

    def record(self, stage: str) -> None:
        """From now on, keep every picture of a stage that is shown."""
        self.page.evaluate(WATCH_DRAWN, stage)

    def recorded(self) -> int:
        """How many different ones there were."""
        return len(set(self.page.evaluate("window.seen")))

    # --- the controls -------------------------------------------------------------------------

    def widget(self, name: str) -> Locator:
        return self.page.locator(f".st-key-{name} input").first

    def shown(self, name: str) -> str:
        return self.widget(name).input_value()

    def fill(self, name: str, text: str) -> None:
        """Write into a widget and wait for the redraw."""
        self.type(name, text)
        self.idle()

    def type(self, name: str, text: str) -> None:
        """Replace what a widget holds. To a menu, text that comes at once may look like letters added to it."""
        box = self.widget(name)
        is_menu = box.get_attribute("role") == "combobox"
        box.press("ControlOrMeta+a")
        box.press_sequentially(text) if is_menu else self.page.keyboard.insert_text(text)
        box.press("Enter")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def pill(self, group: str, name: str) -> None:
        """Press one of a group's buttons, such as a sample's."""
        self.page.locator(f".st-key-{group}").get_by_role("radio", name=name, exact=True).click()
        self.idle()

    # --- the kernel ---------------------------------------------------------------------------

    def cell(self, row: int, column: int) -> Locator:
        return self.page.locator(f"input.kg-cell[data-row='{row}'][data-col='{column}']")

    def kernel(self) -> list[list[float]]:
        return self.page.evaluate(KERNEL_ROWS)

    def wait_kernel(self, text: str) -> None:
        """Wait until the server's kernel is this, by its text box."""
        expect(self.widget("kernel")).to_have_value(text, timeout=PATIENCE)
        self.idle()

    def write(self, row: int, column: int, text: str) -> None:
        self.cell(row, column).click()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    # --- the address --------------------------------------------------------------------------

    def query(self) -> dict[str, str]:
        return {name: texts[0] for name, texts in parse_qs(urlsplit(self.page.url).query, True).items()}

    def wait_query(self, **expected: str) -> None:
        def check() -> None:
            assert self.query() == expected

        eventually(check, self.page)

    # --- files --------------------------------------------------------------------------------

    def drop(self, path: Path, place: Locator) -> None:
        """Drag a file from the system over the page and let it go there."""
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box
        at = {"x": box["x"] + box["width"] / 3, "y": box["y"] + box["height"] / 3}
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        session = self.page.context.new_cdp_session(self.page)
        for step in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": step, **at, "data": data})
        session.detach()

    def paste_file(self, name: str, data: bytes) -> None:
        script = """([name, bytes]) => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
          document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
        }"""
        self.page.evaluate(script, [name, list(data)])

    def paste_text(self, text: str) -> None:
        script = """text => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', text);
          document.activeElement.dispatchEvent(
            new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
        }"""
        self.page.evaluate(script, text)

"""The lens in real Chromium at 300×300: from the hover to its picture, the slide's frames, what it leaves behind.

A hover counts from the time of the pointer's event, which waits for the next frame itself, to the end of that frame's
work: a task posted in its animation callback runs when it has been painted. (To the frame after it, too: that is how
bench/tweak.py counts.) The page itself takes its share of that: the same is measured while the lens hears nothing, and
every hover counts then. While hovering and playing every websocket message is counted, there should be none. Playing
lasts ten seconds; the heap is taken after a garbage collection before and after it, and after another ten seconds.

    python bench/lens.py [--hovers 200] [--json out.json]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from pathlib import Path

from playwright.sync_api import CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import open_page, report, server
from tests.browser.chromium import launch_options

PORT = 8614
SECONDS = 10
KERNELS = {"3×3": "edge", "11×11": "kaiming_uniform:11x11:1"}
STAGES = ("input", "padded", "conv", "activation", "pool")

WATCH = """() => {
  window.hovers = [];
  window.isDeaf = false;
  const lens = document.querySelector("[data-lens]");
  addEventListener("pointermove", (event) => {
    if (window.isDeaf) event.stopPropagation();
    const before = JSON.stringify(lens.dataset);
    const at = event.timeStamp;
    requestAnimationFrame(() => {
      const isNew = JSON.stringify(lens.dataset) !== before; // the lens's own listener has run by then
      const { port1, port2 } = new MessageChannel();
      let painted;
      port1.onmessage = () => (painted = performance.now() - at);
      port2.postMessage(null);
      requestAnimationFrame(() => (isNew || window.isDeaf) && window.hovers.push([painted, performance.now() - at]));
    });
  }, { capture: true });
}"""
FRAMES = """() => {
  const lens = document.querySelector("[data-lens]");
  window.pictures = 0;
  let last = "";
  const look = () => {
    const now = `${lens.dataset.row} ${lens.dataset.col}`;
    if (now !== last) window.pictures += 1;
    last = now;
    window.looking = requestAnimationFrame(look);
  };
  look();
}"""


def hover(page: Page, count: int, is_deaf: bool) -> list[tuple[float, float]]:
    """Milliseconds from each of many hovers until it is painted, and to the next frame; without the lens, if deaf."""
    rng = random.Random(0)
    boxes = [page.locator(f"[data-stage={name}][data-shape] .sv-cells").bounding_box() for name in STAGES]
    page.evaluate("isDeaf => { window.hovers = []; window.isDeaf = isDeaf; }", is_deaf)
    for _ in range(count):
        box = rng.choice(boxes)
        assert box
        page.mouse.move(box["x"] + rng.random() * box["width"], box["y"] + rng.random() * box["height"])
        page.wait_for_timeout(40)
    return page.evaluate("window.hovers")


def heap(session: CDPSession) -> tuple[float, int]:
    """JavaScript's heap in MB and the number of DOM nodes, after a garbage collection."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"] / 1e6, int(metrics["Nodes"])


def play(page: Page) -> float:
    """Pictures a second of the sliding window."""
    page.evaluate(FRAMES)
    started = page.evaluate("performance.now()")
    page.wait_for_timeout(SECONDS * 1000)
    pictures, now = page.evaluate("[window.pictures, performance.now()]")
    page.evaluate("cancelAnimationFrame(window.looking)")
    return 1000 * pictures / (now - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hovers", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result: dict[str, float | int] = {}
    ours = [sys.executable, "-m", "cnnviz", "--port", str(PORT)]
    with server(ours, PORT), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        for name, kernel in KERNELS.items():
            page, *_ = open_page(browser, PORT, "[data-drawn]", f"?kernel={kernel}")
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            session.send("Network.enable")
            messages = [0]
            for event in ("Network.webSocketFrameSent", "Network.webSocketFrameReceived"):
                session.on(event, lambda _: messages.__setitem__(0, messages[0] + 1))  # noqa: B023
            page.evaluate(WATCH)
            for what, is_deaf in (("hover", False), ("hover without the lens", True)):
                times = hover(page, options.hovers, is_deaf)
                for label, some in zip(("painted", "the next frame"), zip(*times)):
                    result[f"{name}: {what} to {label}, p50, ms"] = round(statistics.median(some), 1)
                    result[f"{name}: {what} to {label}, p95, ms"] = round(statistics.quantiles(some, n=20)[-1], 1)
                result[f"{name}: {what}, counted"] = len(times)
            page.mouse.move(0, 0)
            page.get_by_role("button", name="Slide the window").click()
            page.get_by_role("slider", name="Speed").fill("84")  # about 4000 cells a second: 22 s for the whole map
            page.wait_for_timeout(500)
            before, nodes = heap(session)
            result[f"{name}: playing, pictures a second"] = round(play(page), 1)
            after, nodes_after = heap(session)
            result[f"{name}: heap before, MB"] = round(before, 2)
            result[f"{name}: heap after, MB"] = round(after, 2)
            play(page)
            result[f"{name}: heap after another {SECONDS} s, MB"] = round(heap(session)[0], 2)
            result[f"{name}: DOM nodes more after {SECONDS} s"] = nodes_after - nodes
            result[f"{name}: websocket messages meanwhile"] = messages[0]
            page.context.close()
        browser.close()
    report(result, options.json)


if __name__ == "__main__":
    main()

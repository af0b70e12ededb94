"""How long from a key press to the new pictures on the screen, in real Chromium, in one run:

our default page, an empty Streamlit app under plain `streamlit run`, and the naive page. A tweak counts
from the key press to two animation frames after the page shows its result; no value is ever repeated.
Of our page: a kernel cell, the bias, a knob that is a menu (padding, from Enter on), and one that only the server can
follow (the frame of a moving picture). Also bytes per tweak, the cold load of both pages, how soon the server is
ready, and a 12-megapixel photograph from the drop to the screen.

    python bench/tweak.py [--rounds 40] [--json out.json]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from cnnviz.images import SAMPLES
from tests.browser.chromium import launch_options
from tests.browser.lab_page import Lab

SAMPLE_FRAMES = 16  # of the sample moving-dot
ROOT = Path(__file__).parents[1]

# Armed before the key press (or the drop): the time of its event, then of the page's answer plus two frames.
WATCH = """([selector, attribute]) => {
  const root = document.querySelector(selector);
  const before = attribute ? root.getAttribute(attribute) : root.textContent;
  window.tweak = null;
  let start = null;
  for (const kind of ["keydown", "drop"]) {
    addEventListener(kind, (event) => { start ??= event.timeStamp; }, { once: true, capture: true });
  }
  const observer = new MutationObserver(() => {
    const now = document.querySelector(selector);
    if (!now || (attribute ? now.getAttribute(attribute) : now.textContent) === before) return;
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.tweak = performance.now() - start; }));
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
# Plotly swaps the picture of its heatmap last; st.plotly_chart mounts a new node for it.
NAIVE = """() => {
  const address = (node) => node.getAttribute("href") || node.getAttribute("xlink:href");
  const pictures = () => [...document.querySelectorAll(".hm image, .im image")].map(address);
  const before = pictures();
  window.tweak = null;
  let start = null;
  addEventListener("keydown", (event) => { start ??= event.timeStamp; }, { once: true, capture: true });
  const look = () => {
    const now = pictures();
    if (now.length === 4 && [1, 2, 3].every((i) => now[i] !== before[i])) {
      requestAnimationFrame(() => requestAnimationFrame(() => { window.tweak = performance.now() - start; }));
    } else requestAnimationFrame(look);
  };
  look();
}"""


@contextmanager
def server(command: list[str], port: int) -> Iterator[float]:
    """Run a server; yield the seconds until it was ready."""
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.perf_counter() - started > 60:
                    raise RuntimeError(f"{command} did not start") from None
                time.sleep(0.02)
        yield time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def plain(script: str, port: int) -> list[str]:
    """Plain `streamlit run`, with Streamlit's defaults rather than ours."""
    # Our .streamlit/config.toml lies in the working directory and would speed the yardstick up: undo it.
    defaults = [
        "--runner.postScriptGC=true",
        "--runner.fastReruns=true",
        "--server.fileWatcherType=auto",
        "--server.enableWebsocketCompression=false",
    ]
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        f"bench/{script}.py",
        f"--server.port={port}",
        "--server.headless=true",
        *defaults,
    ]


def open_page(browser: Browser, port: int, ready: str, query: str = "") -> tuple[Page, float, int]:
    """A cold load: the page, the seconds until `ready` is there, and the bytes that came."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    received = [0]
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.loadingFinished", lambda event: received.__setitem__(0, received[0] + event["encodedDataLength"])
    )
    session.on(
        "Network.webSocketFrameReceived", lambda event: received.__setitem__(0, received[0] + frame_bytes(event))
    )
    started = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}/{query}")
    page.wait_for_selector(ready, state="attached")
    seconds = time.perf_counter() - started
    page.wait_for_timeout(2500)
    page.received = received  # type: ignore[attr-defined]
    return page, seconds, received[0]


def frame_bytes(event: dict) -> int:
    payload = event["response"]["payloadData"]
    return len(payload) * 3 // 4 if event["response"]["opcode"] == 2 else len(payload)


def tweak(page: Page, key: str, watch: str, argument: object = None) -> float:
    page.evaluate(watch, argument)
    page.keyboard.press(key)
    page.wait_for_function("window.tweak !== null")
    took = page.evaluate("window.tweak")
    page.wait_for_timeout(250)
    return took


def phone_photograph() -> bytes:
    """A JPEG of 12 megapixels with the grain of a real one: several megabytes."""
    rng = np.random.default_rng(0)
    with Image.open(SAMPLES["coffee"].path) as small:
        large = np.asarray(small.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = rng.integers(-14, 15, large.shape, dtype=np.int16)
    buffer = io.BytesIO()
    Image.fromarray((large + grain).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def drop(page: Page, path: Path) -> float:
    """Seconds from the drop of a file on the stages until its picture is painted."""
    page.evaluate(WATCH, ["[data-drawn]", "data-drawn"])
    Lab(page, "").drop(path, page.locator("[data-stage=conv][data-shape]"))
    page.wait_for_function("window.tweak !== null")
    return float(page.evaluate("window.tweak")) / 1000


def report(result: Mapping[str, object], path: Path | None) -> None:
    """Print what was measured, and write it to a file where one is named."""
    width = max(map(len, result))
    for name, value in result.items():
        print(f"{name:<{width}}  {value}")
    if path:
        path.write_text(json.dumps(result, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ours = [sys.executable, "-m", "cnnviz", "--port", "8611"]
    drawn = ["[data-drawn]", "data-drawn"]
    times: dict[str, list[float]] = {
        "empty": [],
        "kernel cell": [],
        "bias": [],
        "padding": [],
        "frame": [],
        "naive": [],
    }
    with (
        server(plain("empty", 8612), 8612),
        server(plain("naive", 8613), 8613),
        server(ours, 8611) as ready,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(**launch_options())
        cold: dict[str, list[float]] = {"empty": [], "ours": []}
        for _ in range(5):
            for name, port, selector in (("empty", 8612, "[data-testid=stMarkdown] p"), ("ours", 8611, "[data-drawn]")):
                page, seconds, cold_bytes = open_page(browser, port, selector)
                cold[name].append(seconds)
                page.context.close()
        empty, *_ = open_page(browser, 8612, "[data-testid=stMarkdown] p")
        naive, *_ = open_page(browser, 8613, ".hm image, .im image")
        lab, _, cold_bytes = open_page(browser, 8611, "[data-drawn]")
        moving, *_ = open_page(browser, 8611, "[data-drawn]", "?image=moving-dot")
        empty.focus("input[type=range]")
        naive.focus("input[type=range]")
        before = lab.received[0]  # type: ignore[attr-defined]
        for i in range(options.rounds):
            times["empty"].append(tweak(empty, "ArrowRight", WATCH, ["[data-testid=stMarkdown] p", None]))
            lab.focus(".kernel-grid [data-row='1'][data-col='1']")
            times["kernel cell"].append(tweak(lab, "PageUp", WATCH, drawn))
            lab.focus(".st-key-bias input")
            times["bias"].append(tweak(lab, "ArrowUp", WATCH, drawn))
            lab.locator(".st-key-padding input").press("ControlOrMeta+a")
            lab.keyboard.type(str(i + 2))
            times["padding"].append(tweak(lab, "Enter", WATCH, drawn))
            if i < SAMPLE_FRAMES - 1:
                moving.focus(".st-key-frame input[type=range]")
                times["frame"].append(tweak(moving, "ArrowRight", WATCH, drawn))
            if i % 4 == 0:
                times["naive"].append(tweak(naive, "ArrowRight", NAIVE))
        per_tweak = (lab.received[0] - before) / (3 * options.rounds)  # type: ignore[attr-defined]
        photograph = phone_photograph()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "photograph.jpg"
            path.write_bytes(photograph)
            photographs = [drop(open_page(browser, 8611, "[data-drawn]")[0], path) for _ in range(3)]
        browser.close()

    median = {name: statistics.median(values[2:]) for name, values in times.items()}
    result = {
        **{f"{name}: tweak to painted, ms": round(value, 1) for name, value in median.items()},
        **{
            f"{name} / empty": round(median[name] / median["empty"], 2)
            for name in ("kernel cell", "bias", "padding", "frame", "naive")
        },
        "kB per tweak": round(per_tweak / 1000, 1),
        "cold load, MB": round(cold_bytes / 1e6, 2),
        "cold load / empty": round(statistics.median(cold["ours"]) / statistics.median(cold["empty"]), 2),
        "ready, s": round(ready, 2),
        f"12 MP JPEG ({len(photograph) / 1e6:.1f} MB), drop to painted, s": round(statistics.median(photographs), 2),
    }
    report(result, options.json)


if __name__ == "__main__":
    main()

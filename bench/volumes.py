"""How long 64 filters on a colour picture of 224×224 take from a key press to the screen, against the Lab's default
tweak in the same run, and what travels for it.

Two tweaks of Volumes: a cell of the filter that is edited, and the seed, which draws all filters anew and which only
the server can follow. Beside them: the pixels that the maps side by side are drawn with, for each pixel that they are
seen in.

    python bench/volumes.py [--rounds 20] [--json out.json]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import WATCH, open_page, report, server, tweak
from tests.browser.chromium import launch_options

PORT = 8614
QUERY = "volumes?filters=64&size=224&padding=same"
DRAWN = ["[data-drawn]", "data-drawn"]
SHARPNESS = """() => {
  const canvas = document.querySelector('[data-stage="0"] .sv-cells'), seen = canvas.getBoundingClientRect();
  return (canvas.width * canvas.height) / (seen.width * seen.height * devicePixelRatio ** 2);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    times: dict[str, list[float]] = {"Lab, kernel cell": [], "Volumes, kernel cell": [], "Volumes, seed": []}
    sent: dict[str, list[int]] = {name: [] for name in times}
    with server([sys.executable, "-m", "cnnviz", "--port", str(PORT)], PORT), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        lab, *_ = open_page(browser, PORT, "[data-drawn]")
        volumes, *_ = open_page(browser, PORT, "[data-drawn]", QUERY)
        for _ in range(options.rounds):
            for name, page, focus, key in (
                ("Lab, kernel cell", lab, ".kernel-grid [data-row='1'][data-col='1']", "PageUp"),
                ("Volumes, kernel cell", volumes, ".kernel-grid [data-row='1'][data-col='1']", "PageUp"),
                ("Volumes, seed", volumes, ".st-key-seed input", "ArrowUp"),
            ):
                page.focus(focus)
                before = page.received[0]  # type: ignore[attr-defined]
                times[name].append(tweak(page, key, WATCH, DRAWN))
                page.wait_for_timeout(400)
                sent[name].append(page.received[0] - before)  # type: ignore[attr-defined]
        sharpness = volumes.evaluate(SHARPNESS)
        browser.close()
    median = {name: statistics.median(values[2:]) for name, values in times.items()}
    lab_median = median["Lab, kernel cell"]
    result = {
        **{f"{name}: tweak to painted, ms": round(value, 1) for name, value in median.items()},
        **{f"{name} / Lab": round(value / lab_median, 2) for name, value in median.items() if "Volumes" in name},
        **{f"{name}: kB": round(statistics.median(values[2:]) / 1000) for name, values in sent.items()},
        "pixels drawn / seen": round(sharpness, 2),
    }
    report(result, options.json)


if __name__ == "__main__":
    main()

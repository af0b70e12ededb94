"""How long a tweak of a network takes from key press to screen, against the Lab's default tweak in the same run.

Of LeNet-5 on 32×32 and Tiny VGG on 64×64: the number of filters of a layer, from its form, and the seed, which draws
all weights anew.

    python bench/network.py [--rounds 20] [--json out.json]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import WATCH, open_page, report, server, tweak
from cnnviz.prepared_networks import NETWORKS
from tests.browser.chromium import launch_options

PORT = 8615
DRAWN = ["[data-drawn]", "data-drawn"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    times: dict[str, list[float]] = {}
    sent: dict[str, list[int]] = {}
    with server([sys.executable, "-m", "cnnviz", "--port", str(PORT)], PORT), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        pages = {"Lab": open_page(browser, PORT, "[data-drawn]")[0]}
        for name in ("lenet5", "tiny-vgg"):
            entry = NETWORKS[name]
            query = f"network?net={quote(entry.text)}&size={entry.side}&color={entry.color}"
            pages[entry.title] = open_page(browser, PORT, "[data-drawn]", query)[0]
        for _ in range(options.rounds):
            for name, page in pages.items():
                knobs = (
                    {"kernel cell": (".kernel-grid [data-row='1'][data-col='1']", "PageUp")}
                    if name == "Lab"
                    else {
                        "filters": (".nv-form [name=out_channels]", "ArrowUp"),
                        "seed": (".st-key-seed input", "ArrowUp"),
                    }
                )
                for knob, (focus, key) in knobs.items():
                    page.focus(focus)
                    before = page.received[0]  # type: ignore[attr-defined]
                    times.setdefault(f"{name}, {knob}", []).append(tweak(page, key, WATCH, DRAWN))
                    page.wait_for_timeout(400)
                    sent.setdefault(f"{name}, {knob}", []).append(page.received[0] - before)  # type: ignore[attr-defined]
        browser.close()
    median = {name: statistics.median(values[2:]) for name, values in times.items()}
    lab = median["Lab, kernel cell"]
    result = {
        **{f"{name}: tweak to painted, ms": round(value, 1) for name, value in median.items()},
        **{f"{name} / Lab": round(value / lab, 2) for name, value in median.items() if not name.startswith("Lab")},
        **{f"{name}: kB": round(statistics.median(values[2:]) / 1000) for name, values in sent.items()},
    }
    report(result, options.json)


if __name__ == "__main__":
    main()

"""How long a tweak of the Lab takes while two others train, against the same tweak on an idle server, in one run.

A tweak that the browser can show by itself (a kernel cell), and one that only the server can answer (the frame of a
moving picture). Idle and busy rounds take turns, since the machine itself is now slower, now faster. The two who train
have their pages open: on one machine with the server, which is worse than the classroom that it stands for.

    python bench/trainings.py [--rounds 4] [--json out.json]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import WATCH, open_page, report, server, tweak
from tests.browser.chromium import launch_options

PORT = 8617
DRAWN = ["[data-drawn]", "data-drawn"]
TWEAKS = 8  # of each kind in a round
LONG = "train?data=shapes&epochs=100"
# By name: what has the focus, and the key, idle and busy; the frames are few, so they go there and back.
KNOBS = {
    "kernel cell": (".kernel-grid [data-row='1'][data-col='1']", ("PageUp", "PageUp")),
    "frame": (".st-key-frame input[type=range]", ("ArrowRight", "ArrowLeft")),
}


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def steps(page: Page) -> str:
    return page.locator("[data-testid=stProgress]").inner_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    times: dict[str, list[float]] = {}
    with server([sys.executable, "-m", "cnnviz", "--port", str(PORT)], PORT), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        labs = {
            "kernel cell": open_page(browser, PORT, "[data-drawn]")[0],
            "frame": open_page(browser, PORT, "[data-drawn]", "?image=moving-dot")[0],
        }
        learners = [open_page(browser, PORT, "[data-drawn]", LONG)[0] for _ in range(2)]
        for page in learners:
            press(page, "train")
        for page in learners:
            page.wait_for_selector("[data-testid=stProgress] >> text=/^Step [1-9]/", timeout=120_000)
            press(page, "pause")
            page.wait_for_selector("[data-testid=stProgress] >> text=paused")
        labs["frame"].focus(KNOBS["frame"][0])
        for key in KNOBS["frame"][1]:  # so that all frames were read once, before any is timed
            for _ in range(TWEAKS):
                tweak(labs["frame"], key, WATCH, DRAWN)
        for _ in range(options.rounds):
            for state in ("idle", "two trainings"):
                before = [steps(page) for page in learners]
                for page in learners if state != "idle" else ():
                    press(page, "go-on")
                    page.wait_for_selector("[data-testid=stProgress] >> text=left", timeout=60_000)
                for knob, (focus, keys) in KNOBS.items():
                    labs[knob].focus(focus)
                    for _ in range(TWEAKS):
                        took = tweak(labs[knob], keys[state != "idle"], WATCH, DRAWN)
                        times.setdefault(f"{knob}, {state}", []).append(took)
                for page in learners if state != "idle" else ():
                    press(page, "pause")
                    page.wait_for_selector("[data-testid=stProgress] >> text=paused", timeout=60_000)
                moved = [steps(page) != was for page, was in zip(learners, before)]
                assert moved == [state != "idle"] * 2, "a training did not go on, or did not stand still"
        browser.close()
    median = {name: statistics.median(values) for name, values in times.items()}
    result: dict[str, float] = {f"{name}: tweak to painted, ms": round(ms, 1) for name, ms in median.items()}
    for knob in KNOBS:
        result[f"{knob}: busy / idle"] = round(median[f"{knob}, two trainings"] / median[f"{knob}, idle"], 2)
    report(result, options.json)


if __name__ == "__main__":
    main()

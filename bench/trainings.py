"""How long a tweak of the Lab takes while two networks are trained, against the same tweak beside none, in one run.

A tweak that the browser can show by itself (a kernel cell), and one that only the server can answer (the frame of a
moving picture). The trainings are those of the page Train, of the suggested shapes, carried out by the same pool of
workers; those who look at them are on other machines, so no page of theirs is open here. Rounds beside them and beside
none take turns, since the machine itself is now slower, now faster. Bar: 1.5.

    python bench/trainings.py [--rounds 4] [--json out.json]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import WATCH, open_page, report, server, tweak
from cnnviz.beginnings import BEGINNINGS
from cnnviz.network_text import parse_network
from cnnviz.training_pool import Pool
from cnnviz.training_run import Order
from tests.browser.chromium import launch_options

PORT = 8617
DRAWN = ["[data-drawn]", "data-drawn"]
TWEAKS = 8  # of each kind in a round
BAR = 1.5
STATES = ("beside none", "beside two trainings")
# By name: what has the focus, and the key in each state; the frames are few, so they go there and back.
KNOBS = {
    "kernel cell": (".kernel-grid [data-row='1'][data-col='1']", ("PageUp", "PageUp")),
    "frame": (".st-key-frame input[type=range]", ("ArrowRight", "ArrowLeft")),
}


def wait(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end, "a training did not begin, or did not stand still"
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    begun = BEGINNINGS["shapes"]
    order = Order(parse_network(begun.text), "shapes", replace(begun.recipe, epochs=100), (0, "weight", 0))
    times: dict[str, list[float]] = {}
    pool = Pool(size=2)
    with server([sys.executable, "-m", "cnnviz", "--port", str(PORT)], PORT), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        labs = {
            "kernel cell": open_page(browser, PORT, "[data-drawn]")[0],
            "frame": open_page(browser, PORT, "[data-drawn]", "?image=moving-dot")[0],
        }
        labs["frame"].focus(KNOBS["frame"][0])
        for key in KNOBS["frame"][1]:  # so that all frames were read once, before any is timed
            for _ in range(TWEAKS):
                tweak(labs["frame"], key, WATCH, DRAWN)
        jobs = [pool.submit(replace(order, is_paused=True)) for _ in range(2)]
        wait(lambda: all(job.news is not None and job.news.number > 0 for job in jobs))
        for _ in range(options.rounds):
            for side, state in enumerate(STATES):
                for job in jobs:
                    pool.say(job, "go on" if side else "pause")
                wait(lambda side=side: {job.state for job in jobs} == {("paused", "running")[side]})  # type: ignore[misc]
                before = [job.news.number for job in jobs if job.news]
                for knob, (focus, keys) in KNOBS.items():
                    labs[knob].focus(focus)
                    for _ in range(TWEAKS):
                        took = tweak(labs[knob], keys[side], WATCH, DRAWN)
                        times.setdefault(f"{knob}, {state}", []).append(took)
                moved = [job.news.number > was for job, was in zip(jobs, before) if job.news]
                assert moved == [bool(side)] * 2, "a training did not go on, or did not stand still"
        browser.close()
    pool.close()
    median = {name: statistics.median(values) for name, values in times.items()}
    result: dict[str, float] = {f"{name}: tweak to painted, ms": round(ms, 1) for name, ms in median.items()}
    for knob in KNOBS:
        ratio = median[f"{knob}, {STATES[1]}"] / median[f"{knob}, {STATES[0]}"]
        result |= {f"{knob}: beside two trainings / beside none": round(ratio, 2), f"{knob}: bar kept": ratio <= BAR}
    report(result, options.json)


if __name__ == "__main__":
    main()

"""A classroom on one server: thirty people who open the Lab and tweak it, over Streamlit's own protocol, no browser.

Five parts, in one run:

1. at a stated rate: how long from the moment a tweak is due until its picture has come, and until the page is whole;
2. as fast as it goes: tweaks a second when nobody waits between them;
3. cold loads: all that a browser asks for at its first visit (recorded once from Chromium), by everybody within 10 s;
4. the naive page (`px.imshow` in `st.plotly_chart`, plain `streamlit run`) at the rate of part 1;
5. the naive page and an empty Streamlit app as fast as they go: what the machine of this run can do.

Each answer is compared with what its visitor set: nobody may see another's state. Bars: p95 60 ms at one tweak a
second, no error, 70 tweaks a second, the naive page 10 times as slow; cold loads of at most 5 MB whose first run takes
1.5 s at p95.

    python bench/classroom.py [--users 30] [--seconds 30] [--rate 1] [--json out.json]
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import plain, report, server
from bench.visitor import Run, Visitor, VisitorError

OURS, NAIVE, EMPTY = 8621, 8622, 8623
COLD_WINDOW = 10.0  # seconds in which all first visits begin
Tweak = tuple[str, str | float]
Choose = Callable[[random.Random], Tweak]


def lab_tweak(rng: random.Random) -> Tweak:
    """One of the Lab's settings, at a value that hardly ever came before."""
    rows = ";".join(",".join(f"{rng.uniform(-2, 2):.3f}" for _ in range(3)) for _ in range(3))
    tweaks: tuple[Tweak, ...] = (
        ("kernel", rows),
        ("kernel", rows),
        ("bias", round(rng.uniform(-1, 1), 4)),
        ("padding", rng.choice(("valid", "same", "0", "1", "2", "1,2", f"{rng.randint(3, 9)}"))),
        ("stride", rng.choice(("1", "2", "2,1"))),
        ("dilation", rng.choice(("1", "2", "1,2"))),
        ("activation", rng.choice(("relu", "tanh", "sigmoid", "leaky_relu"))),
        ("pool_size", rng.choice(("2", "3", "2,3"))),
    )
    return rng.choice(tweaks)


def slider_tweak(rng: random.Random) -> Tweak:
    """The naive page has one slider, and so has the empty one."""
    return "value", float(rng.randint(0, 10_000))


@dataclass
class Tally:
    """What all visitors together saw."""

    pictures: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    size: int = 0
    seconds: float = 0.0  # from when all had opened the page until the last answer

    @property
    def pace(self) -> float:
        """Answers a second."""
        return len(self.finished) / self.seconds

    def add(self, run: Run) -> None:
        self.pictures.append(run.picture)
        self.finished.append(run.finished)
        self.size += run.size


def percentile(values: list[float], share: float) -> float:
    """The value that such a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def told(values: list[float]) -> str:
    """Percentiles in milliseconds."""
    return " / ".join(f"{1000 * percentile(values, share):.0f}" for share in (0.5, 0.95, 0.99))


def is_own(visitor: Visitor, run: Run) -> bool:
    """Whether the page shows what this visitor set, and no other's setting."""
    said = {name: text for name, text in run.header.get("address", {}).items() if text is not None}
    return not run.header or all(said.get(name, text) == text for name, text in visitor.query.items())


async def tweak_often(
    visitor: Visitor, choose: Choose, rng: random.Random, tally: Tally, end: float, pause: float
) -> None:
    """Tweak at a rate, beginning anywhere in the first interval; without a pause, one after another."""
    due = time.perf_counter() + rng.uniform(0, pause)
    while due < end:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        name, value = choose(rng)
        while not visitor.differs(name, value):  # a browser tells of changes alone
            name, value = choose(rng)
        try:
            run = await visitor.tweak(name, value, due)
        except VisitorError as error:
            tally.errors.append(str(error))
            return
        tally.add(run)
        if not is_own(visitor, run):
            tally.errors.append(f"{visitor.query} was answered by {run.header['address']}")
        due = due + pause if pause else time.perf_counter()


async def lesson(
    port: int, users: int, seconds: float, rate: float, choose: Choose, seed: int, kind: type[Visitor] = Visitor
) -> Tally:
    """All visitors open the page, then tweak for so many seconds; rate 0: as fast as it goes."""
    tally = Tally()
    visitors = [kind(f"127.0.0.1:{port}") for _ in range(users)]
    for visitor in visitors:
        await visitor.open()
    began = time.perf_counter()
    end = began + seconds
    pause = 1 / rate if rate else 0.0
    await asyncio.gather(
        *(tweak_often(v, choose, random.Random(f"{seed} {i}"), tally, end, pause) for i, v in enumerate(visitors))
    )
    tally.seconds = time.perf_counter() - began
    for visitor in visitors:
        await visitor.close()
    return tally


def first_visit(port: int) -> list[str]:
    """The addresses that a browser asks for at its first visit, in its order."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import launch_options

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("[data-drawn]")
        page.wait_for_timeout(2500)
        browser.close()
    parts = [urlsplit(url) for url in asked if url.startswith("http")]
    return [part.path + (f"?{part.query}" if part.query else "") for part in parts]


def fetch(port: int, paths: list[str]) -> int:
    """Get all of them over one connection; the bytes that came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    size = 0
    for path in paths:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        size += len(answer.read())
        if answer.status >= 400 and "/static/" in path:
            raise VisitorError(f"{path}: {answer.status}")
    connection.close()
    return size


async def cold_load(port: int, paths: list[str], after: float, tally: Tally) -> None:
    """One first visit: files, then the page's first run; nothing is cached."""
    await asyncio.sleep(after)
    visitor = Visitor(f"127.0.0.1:{port}")
    try:
        size = await asyncio.to_thread(fetch, port, paths)
        run = await visitor.open()
        run.size += size
        tally.add(run)
    except (VisitorError, OSError, http.client.HTTPException) as error:
        tally.errors.append(repr(error))
    await visitor.close()


async def cold_loads(port: int, users: int, paths: list[str]) -> Tally:
    """First visits of all within COLD_WINDOW."""
    tally = Tally()
    await asyncio.gather(*(cold_load(port, paths, i * COLD_WINDOW / users, tally) for i in range(users)))
    return tally


def server_process(port: int) -> psutil.Process:
    """The process that listens on a port."""
    found = [c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.status == "LISTEN"]
    return psutil.Process(found[0])


@contextmanager
def watched(port: int) -> Iterator[dict[str, float]]:
    """Meanwhile: the server's share of one core, and its largest resident memory, in MB."""
    process, found, over = server_process(port), {"cpu": 0.0, "memory": 0.0}, threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            found["memory"] = max(found["memory"], process.memory_info().rss / 1e6)

    thread = threading.Thread(target=look)
    thread.start()
    began, spent = time.perf_counter(), sum(process.cpu_times()[:2])
    yield found
    found["cpu"] = (sum(process.cpu_times()[:2]) - spent) / (time.perf_counter() - began)
    over.set()
    thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=1.0, help="tweaks a second of each")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    users, seconds, rate = options.users, options.seconds, options.rate
    result: dict[str, object] = {}
    with server([sys.executable, "-m", "cnnviz", "--port", str(OURS)], OURS):
        paths = first_visit(OURS)
        with watched(OURS) as spent:
            ours = asyncio.run(lesson(OURS, users, seconds, rate, lab_tweak, seed=1))
        result[f"{users} users, {rate:g} a second: picture, p50 / p95 / p99 ms"] = told(ours.pictures)
        result["… whole page, p50 / p95 / p99 ms"] = told(ours.finished)
        result["… tweaks, errors"] = f"{len(ours.finished)}, {len(ours.errors)} {ours.errors[:2] or ''}"
        result["… kB a tweak"] = round(ours.size / max(1, len(ours.finished)) / 1000)
        result["… server: share of a core, MB"] = f"{spent['cpu']:.2f}, {spent['memory']:.0f}"
        with watched(OURS) as spent:
            full = asyncio.run(lesson(OURS, users, seconds, 0.0, lab_tweak, seed=2))
        result["as fast as it goes: tweaks a second"] = round(full.pace, 1)
        result["… whole page, p50 / p95 / p99 ms "] = told(full.finished)
        result["… errors"] = f"{len(full.errors)} {full.errors[:2] or ''}"
        result["… server: share of a core, MB "] = f"{spent['cpu']:.2f}, {spent['memory']:.0f}"
        cold = asyncio.run(cold_loads(OURS, users, paths))
        result[f"{users} cold loads in {COLD_WINDOW:.0f} s: served, errors"] = (
            f"{len(cold.finished)}, {len(cold.errors)} {cold.errors[:2] or ''}"
        )
        result["… MB each"] = round(cold.size / max(1, len(cold.finished)) / 1e6, 2)
        result["… first run, p50 / p95 / p99 ms"] = told(cold.finished)
    with server(plain("naive", NAIVE), NAIVE):
        naive = asyncio.run(lesson(NAIVE, users, min(seconds, 15.0), rate, slider_tweak, seed=3))
        result["naive page: p50 / p95 / p99 ms"] = told(naive.finished)
        result["… tweaks, errors "] = f"{len(naive.finished)}, {len(naive.errors)} {naive.errors[:2] or ''}"
    result["naive / ours at p95"] = round(percentile(naive.finished, 0.95) / percentile(ours.finished, 0.95), 1)
    for script, port in (("naive", NAIVE), ("empty", EMPTY)):
        with server(plain(script, port), port):
            most = asyncio.run(lesson(port, users, min(seconds, 15.0), 0.0, slider_tweak, seed=4))
        result[f"{script} page as fast as it goes: tweaks a second"] = round(most.pace, 1)
        result[f"ours / {script}"] = round(full.pace / most.pace, 1)
    report(result, options.json)


if __name__ == "__main__":
    main()

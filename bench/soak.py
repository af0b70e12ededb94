"""Thirty people for twenty minutes: does the server grow, and does it give back what it took?

Each tweaks the Lab about once a second, brings a photograph now and then, and sometimes closes the page and opens it
anew. Bars: 30,000 tweaks without an error; the server's resident memory grows by less than 3 % after minute 5, and
falls back to within 10 % of the start once all pages are closed and forgotten.

    python bench/soak.py [--users 30] [--minutes 20] [--rate 0.9] [--json out.json]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.classroom import Tally, lab_tweak, server_process, told
from bench.tweak import report, server
from bench.visitor import Visitor, VisitorError
from cnnviz.images import SAMPLES

PORT = 8624
UPLOAD, LEAVE = 1 / 60, 1 / 120  # of all that a person does
SETTLED = 300.0  # seconds after which memory is not to grow
FORGOTTEN = 150.0  # seconds after the last page was closed
EVERY = 2.0  # seconds between looks at the memory


def photographs(count: int) -> list[bytes]:
    """JPEGs of several megapixels, none like another."""
    rng, made = np.random.default_rng(0), []
    for i in range(count):
        with Image.open(SAMPLES["coffee"].path) as small:
            large = np.asarray(small.convert("RGB").resize((1600 + 200 * i, 1200 + 150 * i)), dtype=np.int16)
        grain = rng.integers(-9, 10, large.shape, dtype=np.int16)
        buffer = io.BytesIO()
        Image.fromarray((large + grain).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
        made.append(buffer.getvalue())
    return made


async def person(
    number: int, pictures: list[bytes], end: float, pause: float, tally: Tally, uploads: list[int]
) -> None:
    """One person, from the beginning to the end."""
    rng = random.Random(number)
    address = f"127.0.0.1:{PORT}"
    visitor = Visitor(address)
    due = time.perf_counter() + rng.uniform(0, pause)
    try:
        await visitor.open()
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            luck = rng.random()
            if luck < LEAVE:
                await visitor.close()
                visitor = Visitor(address)
                await visitor.open()
            elif luck < LEAVE + UPLOAD:
                uploads.append(len((await visitor.upload("photo.jpg", rng.choice(pictures))).alerts))
            else:
                name, value = lab_tweak(rng)
                while not visitor.differs(name, value):
                    name, value = lab_tweak(rng)
                tally.add(await visitor.tweak(name, value, due))
            due += pause
    except VisitorError as error:
        tally.errors.append(str(error))
    await visitor.close()


async def memory_of(process: psutil.Process, found: list[tuple[float, float]]) -> None:
    """The resident memory again and again: seconds since the beginning, MB."""
    began = time.perf_counter()
    while True:
        found.append((time.perf_counter() - began, process.memory_info().rss / 1e6))
        await asyncio.sleep(EVERY)


async def soak(users: int, seconds: float, rate: float, process: psutil.Process) -> dict[str, object]:
    """Run it, and say what was found."""
    async with Visitor(f"127.0.0.1:{PORT}") as first:  # what the first visitor alone pays for
        await first.open()
        await first.tweak("bias", 0.5)
    await asyncio.sleep(5)
    start = process.memory_info().rss / 1e6
    tally, uploads, seen = Tally(), list[int](), list[tuple[float, float]]()
    pictures = photographs(4)
    watching = asyncio.create_task(memory_of(process, seen))
    end = time.perf_counter() + seconds
    await asyncio.gather(*(person(i, pictures, end, 1 / rate, tally, uploads) for i in range(users)))
    last = seen[-1][0]
    await asyncio.sleep(FORGOTTEN)
    watching.cancel()
    after = process.memory_info().rss / 1e6

    def mean(since: float, until: float) -> float:
        return statistics.mean([mb for at, mb in seen if since <= at < until] or [float("nan")])

    settled = min(SETTLED, seconds / 4)
    early, late = mean(settled, settled + 60), mean(last - 60, last)
    return {
        "tweaks, errors": f"{len(tally.finished)}, {len(tally.errors)} {tally.errors[:2] or ''}",
        "photographs brought, refused": f"{len(uploads)}, {sum(map(bool, uploads))}",
        "whole page, p50 / p95 / p99 ms": told(tally.finished),
        "memory at the start, MB": round(start),
        "memory by the minute, MB": " ".join(f"{mean(60 * i, 60 * i + 60):.0f}" for i in range(round(seconds / 60))),
        f"growth after minute {settled / 60:.2g}, %": round(100 * (late / early - 1), 2),
        "memory after all have left, MB": round(after),
        "… against the start, %": round(100 * (after / start - 1), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=0.9, help="what each does in a second")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with server([sys.executable, "-m", "cnnviz", "--port", str(PORT)], PORT):
        result = asyncio.run(soak(options.users, 60 * options.minutes, options.rate, server_process(PORT)))
    report(result, options.json)


if __name__ == "__main__":
    main()

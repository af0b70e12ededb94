"""Hostile input by the hundred thousand: pictures, other files, addresses, messages; exits with 1 on any failure.

Each case is made from its number and the seed alone, so `--start` with a number that failed makes it again. Files are
read in a process of their own, whose end is a failure as well as a wrong answer. A case may take LIMIT seconds each
time that it is read: of computing or of the time that passed, whichever is less, for the machine may be busy. Memory
is measured after a warm-up and at the end; for the server after sessions that have gone were forgotten.

    python bench/fuzz.py [--images 100000] [--files 20000] [--urls 20000] [--messages 2000] [--seed 0] [--start 0]
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import heapq
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.visitor import VisitorError
from cnnviz.heaps import give_back
from tests.hostile_addresses import Address, hostile_address
from tests.hostile_files import hostile_file, try_file
from tests.hostile_images import hostile_image, try_image
from tests.hostile_server import HostileServer
from tests.hostile_visitor import try_address, try_messages

LIMIT: Final = 2.0  # seconds
HANG: Final = 60  # seconds after which a process is ended
WARM: Final = 2000  # files, after which memory is measured for the first time
WARM_VISITS: Final = 300
FORGOTTEN: Final = 125  # seconds after which Streamlit forgets a session that has gone
GROWTH: Final = 1.1
SLACK: Final = 60.0  # megabytes: what the allocator keeps of the largest pictures


@dataclass
class Report:
    """What came of some cases: how many there were, the slowest, the failures, megabytes at first and at last."""

    name: str
    tried: int = 0
    slowest: list[tuple[float, int]] = field(default_factory=list)
    failures: list[tuple[int, str]] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, number: int, seconds: float, failure: str = "") -> None:
        """Count a case."""
        self.tried += 1
        heapq.heappush(self.slowest, (seconds, number))
        self.slowest = heapq.nlargest(5, self.slowest)
        heapq.heapify(self.slowest)
        if failure or seconds > LIMIT:
            self.failures.append((number, failure or f"took {seconds:.1f} s"))
            print(f"  {self.name} {number}: {self.failures[-1][1]}", flush=True)
        if self.tried % 5000 == 0:
            print(self, flush=True)

    def end(self, memory: float) -> None:
        """Measure memory for the last time."""
        self.memory.append(memory)
        if self.memory[-1] > self.memory[0] * GROWTH + SLACK:
            self.failures.append((-1, f"grew from {self.memory[0]:.0f} to {self.memory[-1]:.0f} MB"))

    def __str__(self) -> str:
        slowest = ", ".join(f"{seconds:.2f} s ({number})" for seconds, number in sorted(self.slowest, reverse=True)[:3])
        memory = (
            " → ".join(f"{megabytes:.0f}" for megabytes in (self.memory[0], self.memory[-1])) if self.memory else "?"
        )
        return f"{self.name}: {self.tried:,} tried, {len(self.failures)} failed; slowest {slowest}; memory {memory} MB"


def _image(number: int, seed: int) -> tuple[Callable[[], object], int]:
    image = hostile_image(number, seed)
    return lambda: try_image(image), len(image.asks)


def _file(number: int, seed: int) -> tuple[Callable[[], object], int]:
    file = hostile_file(number, seed)
    return lambda: try_file(file), 1


_MAKERS: Final = {"images": _image, "files": _file}


def _read(name: str, numbers: range, seed: int, pipe: Connection) -> None:
    """In a process of its own: say each number before it is tried, then how it went."""
    for number in numbers:
        faulthandler.dump_traceback_later(HANG, exit=True)
        case, answers = _MAKERS[name](number, seed)
        pipe.send(number)
        failure, began, computed = "", time.perf_counter(), time.process_time()
        try:
            case()
        except Exception:
            failure = traceback.format_exc(limit=-4)
        seconds = min(time.perf_counter() - began, time.process_time() - computed)
        give_back()  # as the server does when a page was left
        pipe.send((seconds / answers, failure, _memory()))
    pipe.close()


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def read_files(name: str, numbers: range, seed: int) -> Report:
    """Try files in processes of their own: another one for what comes after a case that has ended one."""
    report, spawn = Report(name), multiprocessing.get_context("spawn")
    while numbers:
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_read, args=(name, numbers, seed, theirs))
        process.start()
        theirs.close()
        number, memory = numbers.start, 0.0
        report.memory.clear()
        try:
            for index in range(len(numbers)):
                number = ours.recv()
                seconds, failure, memory = ours.recv()
                report.add(number, seconds, failure)
                if index == min(WARM, len(numbers) - 1):
                    report.memory.append(memory)
            process.join()
            break
        except EOFError:
            process.join()
            report.add(number, 0.0, f"ended the process, with {process.exitcode}")
            numbers = range(number + 1, numbers.stop)
    report.end(memory)
    return report


async def visit(
    name: str, numbers: range, once: Callable[[HostileServer, int], Awaitable[float]], at_rest: bool
) -> Report:
    """Try a server.

    Args:
        at_rest: whether memory is measured when the sessions that have gone are forgotten.
    """

    async def rested() -> float:
        if at_rest:
            await asyncio.sleep(FORGOTTEN)
        await try_address(server, Address("", "", "sound"))
        return server.memory()

    report = Report(name)
    with HostileServer() as server:
        for index, number in enumerate(numbers):
            try:
                report.add(number, await once(server, number))
            except VisitorError as error:
                report.add(number, 0.0, str(error))
            if index == min(WARM_VISITS, len(numbers) - 1):
                report.memory.append(await rested())
        report.end(await rested())
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in {
        "images": 100_000,
        "files": 20_000,
        "urls": 20_000,
        "messages": 2000,
        "seed": 0,
        "start": 0,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    options = parser.parse_args()

    def numbers(count: int) -> range:
        return range(options.start, options.start + count)

    async def address(server: HostileServer, number: int) -> float:
        return await try_address(server, hostile_address(number, options.seed), twice=number % 4 == 0)

    async def messages(server: HostileServer, number: int) -> float:
        return await try_messages(server, number, options.seed)

    reports = [
        read_files(name, numbers(getattr(options, name)), options.seed) for name in _MAKERS if getattr(options, name)
    ]
    for name, once in {"urls": address, "messages": messages}.items():
        if count := getattr(options, name):
            reports.append(asyncio.run(visit(name, numbers(count), once, at_rest=count > WARM_VISITS)))
    for report in reports:
        print(report)
    sys.exit(any(report.failures for report in reports))


if __name__ == "__main__":
    main()

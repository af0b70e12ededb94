"""The classroom of bench/classroom.py before nginx with two replicas, as deploy/ has them: what the second core brings.

One Python process runs one thread at a time, so it leaves most of a second core unused. Everything is on one machine,
nginx and the load generator too. Bars as there: p95 60 ms at one tweak a second, 70 tweaks a second.

    python bench/replicas.py [--users 30] [--seconds 20] [--json out.json]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.classroom import lab_tweak, lesson, told, watched
from bench.tweak import report
from tests.deploy_guests import Guest
from tests.deploy_servers import replicas_behind_nginx


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result: dict[str, object] = {}
    with replicas_behind_nginx() as (front, replicas):
        for replica in replicas.values():
            replica.wait()
        for rate, name in ((1.0, "a tweak a second each"), (0.0, "as fast as it goes")):
            with watched(replicas["a"].port) as a, watched(replicas["b"].port) as b:
                tally = asyncio.run(lesson(front.port, options.users, options.seconds, rate, lab_tweak, 1, Guest))
            result[f"{name}: picture, p50 / p95 / p99 ms"] = told(tally.pictures)
            result[f"{name}: whole page, p50 / p95 / p99 ms"] = told(tally.finished)
            result[f"{name}: tweaks, errors"] = f"{len(tally.finished)}, {len(tally.errors)} {tally.errors[:2] or ''}"
            result[f"{name}: tweaks a second"] = round(tally.pace, 1)
            result[f"{name}: each one's share of a core"] = f"{a['cpu']:.2f}, {b['cpu']:.2f}"
            result[f"{name}: MB of both"] = round(a["memory"] + b["memory"])
    report(result, options.json)


if __name__ == "__main__":
    main()

"""How long the trainings that the page /train suggests take on one thread, and how well their networks then answer.

The pictures are drawn within the time. Bars: digits 97 % held out within 30 s, shapes 95 % within 120 s. Each is run
twice, and both have to come to the same weights, bit for bit.

    python bench/learning.py [--once] [--json out.json]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.tweak import report
from cnnviz.beginnings import BEGINNINGS
from cnnviz.datasets import DATASETS
from cnnviz.network_text import parse_network
from cnnviz.network_weights import weights_file
from cnnviz.training import Training

BARS = {"digits": (0.97, 30.0), "shapes": (0.95, 120.0)}


def run(name: str, good: float) -> tuple[dict[str, float], bytes]:
    """One training to its end: when it was good enough for the first time (measured after each epoch), and the end."""
    start, busy, reached = time.perf_counter(), time.process_time(), float("nan")
    DATASETS[name].cache_clear()  # type: ignore[attr-defined]
    training = Training(parse_network(BEGINNINGS[name].text), DATASETS[name](), BEGINNINGS[name].recipe)
    for step in range(1, training.steps + 1):
        training.step()
        if step % training.steps_an_epoch == 0:
            accuracy = training.measure()[1].accuracy
            if accuracy >= good and reached != reached:
                reached = time.perf_counter() - start
    found = {
        "held-out accuracy": round(accuracy, 4),
        "seconds": round(time.perf_counter() - start, 1),
        "of them computing": round(time.process_time() - busy, 1),
        "seconds to the bar": round(reached, 1),
    }
    return found, weights_file(training.layers, training.parameters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, float] = {}
    for name, (good, seconds) in BARS.items():
        found, weights = run(name, good)
        result |= {f"{name}: {what}": number for what, number in found.items()}
        result[f"{name}: bar kept"] = found["held-out accuracy"] >= good and found["seconds"] <= seconds
        if not options.once:
            result[f"{name}: the same again"] = run(name, good)[1] == weights
    report(result, options.json)


if __name__ == "__main__":
    main()

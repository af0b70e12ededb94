"""What is counted for a host to watch. Nothing of what people do, but how often and how long."""

from __future__ import annotations

from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

Rejected = Literal["picture", "file", "setting", "size", "training", "page", "message"]

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PAGES: Final = Gauge("cnnviz_pages", "Pages that are open.", registry=REGISTRY)
RUNS: Final = Histogram(
    "cnnviz_run_seconds",
    "From a page's wish to run until its script has finished, its turn waited for.",
    buckets=(0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REGISTRY,
)
WAITS: Final = Histogram(
    "cnnviz_turn_wait_seconds",
    "How long a page waited for its turn to run.",
    buckets=(0.001, 0.01, 0.03, 0.1, 0.3, 1, 3),
    registry=REGISTRY,
)
_REJECTED: Final = Counter(
    "cnnviz_rejected",
    "What people brought or asked for that was refused, with a sentence.",
    ["kind"],
    registry=REGISTRY,
)


def rejected(kind: Rejected) -> None:
    """Count something that was refused."""
    _REJECTED.labels(kind).inc()

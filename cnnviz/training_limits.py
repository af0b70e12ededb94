"""When a training has to end though nobody says so, and when the process that carried it out has to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cnnviz.training_job import Job, Worker
from cnnviz.training_run import SECONDS

PAUSED: Final = "It stood still for two minutes while others waited, so it was ended here."
SLOW: Final = "It took too long and was ended here."


@dataclass(frozen=True)
class Limits:
    """All in seconds.

    grace: that a page may be away: a reload, a lost connection. pause: that a training may stand still while others
    wait. most: that it may be under way; it ends itself after SECONDS. stubborn: for a worker to leave what it was told
    to stop. idle: that a worker without an order is kept.
    """

    grace: float = 10.0
    pause: float = 120.0
    most: float = SECONDS + 60.0
    stubborn: float = 3.0
    idle: float = 120.0

    def is_forsaken(self, job: Job, now: float) -> bool:
        """Whether nobody has wanted a job for too long."""
        return now - job.seen > self.grace

    def why_end(self, worker: Worker, now: float, *, others_wait: bool) -> str:
        """Why a worker's job has to end, a sentence for a person; empty if it may go on."""
        job = worker.job
        if job is None:
            return ""
        if job.state == "paused":
            return PAUSED if others_wait and now - job.since > self.pause else ""
        return SLOW if now - max(worker.since, job.since) > self.most else ""

    def is_stubborn(self, worker: Worker, now: float) -> bool:
        """Whether a worker has not left what it was told to stop."""
        return worker.told_to_stop is not None and now - worker.told_to_stop > self.stubborn

    def is_idle(self, worker: Worker, now: float) -> bool:
        """Whether a worker has had nothing to do for too long."""
        return worker.job is None and worker.told_to_stop is None and now - worker.since > self.idle

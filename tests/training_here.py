"""A pool whose trainings run in the test's own process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from cnnviz.training_job import Job
from cnnviz.training_pool import Pool
from cnnviz.training_run import Command, Order, Run


class PoolHere(Pool):
    """A training that begins runs at once, to its end if it is not paused."""

    def __init__(self) -> None:
        super().__init__(size=0)
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.submitted: list[Job] = []

    def submit(self, order: Order, is_wanted: Callable[[], bool] = lambda: True) -> Job:
        job = Job(order, is_wanted)
        self.submitted.append(job)
        thread = threading.Thread(target=lambda: Run(order, job.hear).whole(self.said), daemon=True)
        thread.start()
        if order.is_paused:
            while not (job.news and job.news.number == 1):
                job.wait(job.version, 1)
        else:
            thread.join()
        return job

    def say(self, job: Job, command: Command) -> None:
        self.said.put(command)

    def warm(self) -> None:
        """No process is started here."""

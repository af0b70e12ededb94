"""A few worker processes train what many people want: a queue, limits, and an end for what nobody waits for any more.

A worker is a process of `training_worker`, started when there is a first order, used again, and ended when it had
nothing to do for a while. It is no child of `multiprocessing`, which would run the page's script again: while a page
runs, Streamlit says that the page's script is the main one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from cnnviz.hosting import HOSTING
from cnnviz.training_job import Job, Worker
from cnnviz.training_limits import Limits
from cnnviz.training_news import Command, Order, Watched

SIZE: Final = max(1, min(HOSTING.trainings, os.cpu_count() or 1))  # trainings at once
WAITING: Final = HOSTING.trainings_waiting  # orders that may wait
TRIES: Final = 2  # to begin a job, where a worker dies before
BUSY: Final = "So many wait already that there is no place in the queue. Try again in a few minutes."
DIED: Final = (
    "The process that trained has ended, perhaps for want of memory. What was learned until then, if anything, is here."
)


class Pool:
    """A queue of jobs, and up to `size` workers.

    A thread tends them while there is anything to tend.
    """

    def __init__(self, size: int = SIZE, limits: Limits | None = None) -> None:
        self._size, self._limits = size, limits or Limits()
        self._waiting: list[Job] = []
        self._workers: list[Worker] = []
        self._news = threading.Condition(threading.RLock())
        self._tender: threading.Thread | None = None

    def submit(self, order: Order, is_wanted: Callable[[], bool] = lambda: True) -> Job:
        """Queue an order.

        Args:
            is_wanted: asked again and again: whether there is still a page that waits for it.
        Returns:
            the job; it is over already, with its problem, if too many wait.
        """
        job = Job(order, is_wanted)
        with self._news:
            if len(self._waiting) >= WAITING:
                job.end(BUSY)
                return job
            self._waiting.append(job)
            self._wake()
        return job

    def warm(self) -> None:
        """Start a worker, if there is none, for an order that is likely to come."""
        with self._news:
            if not self._workers:
                self._hire()
            self._wake()

    def place(self, job: Job) -> int | None:
        """How many come before it in the queue; None: it is not there, since it begins, has begun, or is over."""
        with self._news:
            return self._waiting.index(job) if job in self._waiting and not self._has_room() else None

    def watch(self, job: Job, weight: Watched) -> None:
        """Have another weight's arithmetic told from the next step on."""
        if weight != job.watched:
            job.watched = weight
            self.say(job, weight)

    def say(self, job: Job, command: Command) -> None:
        """Pass a command on to a job that has begun."""
        with self._news:
            for worker in self._workers:
                if worker.job is job:
                    worker.say(command)

    def drop(self, job: Job) -> None:
        """Nobody wants this job any more."""
        with self._news:
            self._end(job)
            self._wake()

    def jobs(self) -> list[Job]:
        """Those that have begun, then those that wait."""
        with self._news:
            return [worker.job for worker in self._workers if worker.job] + self._waiting

    def processes(self) -> list[int]:
        """The workers that live."""
        with self._news:
            return [worker.pid for worker in self._workers if worker.is_alive]

    def close(self) -> None:
        """End all workers."""
        with self._news:
            for job in self.jobs():
                self.drop(job)
            for worker in self._workers:
                worker.kill()

    def _left(self, worker: Worker) -> None:
        """A worker has no job any more, or lives no more."""
        with self._news:
            job = worker.job
            if job and job.state == "waiting" and job.tries < TRIES:  # the worker was dead before it could begin
                self._waiting.insert(0, job)
            elif job:
                job.end("" if job.state == "over" else DIED)
            worker.job, worker.since, worker.told_to_stop = None, time.monotonic(), None
            self._wake()

    def _wake(self) -> None:
        self._news.notify_all()
        if self._tender is None:
            self._tender = threading.Thread(target=self._tend, name="trainings", daemon=True)
            self._tender.start()

    def _tend(self) -> None:
        with self._news:
            while self._workers or self._waiting:
                try:
                    self._look_after()
                except Exception:  # the others are to be tended all the same
                    logging.getLogger(__name__).exception("a training could not be tended")
                self._news.wait(0.5)
            self._tender = None

    def _has_room(self) -> bool:
        return sum(worker.job is not None for worker in self._workers) < self._size

    def _hire(self) -> bool:
        """Start a worker; whether one could be started."""
        try:
            self._workers.append(Worker(self._left))
        except OSError:
            logging.getLogger(__name__).exception("no process could be started to train")
            return False
        return True

    def _look_after(self) -> None:
        now, limits = time.monotonic(), self._limits
        for job in self.jobs():
            if job.is_wanted():
                job.seen = now
            elif limits.is_forsaken(job, now):
                self._end(job)
        self._workers = [worker for worker in self._workers if worker.is_alive]
        for worker in self._workers:
            if worker.job and (why := limits.why_end(worker, now, others_wait=bool(self._waiting))):
                self._end(worker.job, why)
            elif limits.is_stubborn(worker, now):
                worker.kill()
        free = [worker for worker in self._workers if not worker.job and worker.told_to_stop is None]
        while self._waiting and (free or len(self._workers) < self._size):
            if not free:
                if not self._hire():
                    return  # it is tried again
                free.append(self._workers[-1])
            free.pop().begin(self._waiting.pop(0))
        for worker in free:
            if limits.is_idle(worker, now):
                worker.kill()

    def _end(self, job: Job, why: str = "") -> None:
        """End a job, be it that it waits or is under way."""
        job.end(why)
        if job in self._waiting:
            self._waiting.remove(job)
        for worker in self._workers:
            if worker.job is job:
                worker.job = None
                worker.stop()

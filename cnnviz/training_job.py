"""One person's training as a page sees it, and the process that carries it out."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import numpy as np

from cnnviz.network_weights import Parameters
from cnnviz.training_run import Command, News, Order, Score

ROOT: Final = Path(__file__).resolve().parents[1]
State = Literal["waiting", "running", "paused", "over"]


class Job:
    """One person's training: the pool writes, a page reads.

    state: "waiting", then as in News. problem: why it ended before its time, a sentence; empty if it did not.
    news: the last. rows, keyframes, scores: all there were. version: grows with each change.
    """

    def __init__(self, order: Order, is_wanted: Callable[[], bool]) -> None:
        self.order, self.is_wanted, self.watched = order, is_wanted, order.watched
        self.state: State = "waiting"
        self.problem, self.version, self.tries = "", 0, 0
        self.news: News | None = None
        self.keyframes: list[tuple[int, Parameters]] = []
        self.scores: list[Score] = []
        self._rows: list[np.ndarray] = []
        self._changed = threading.Condition()
        self.since = self.seen = time.monotonic()  # of the state; of a page that wants it

    @property
    def rows(self) -> np.ndarray:
        """(steps, 3 + layers): see News."""
        if len(self._rows) > 1:
            self._rows[:] = [np.concatenate(self._rows)]
        return self._rows[0] if self._rows else np.zeros((0, 3 + len(self.order.layers)))

    def hear(self, told: News | str) -> None:
        """Take in what the worker says; a text is why nothing could be done."""
        if self.state == "over":
            return
        if isinstance(told, str):
            return self.end(told)
        self.news = told
        self._rows.append(told.rows)
        self.keyframes += told.keyframes
        self.scores += told.scores
        self._enter(told.state)
        if told.problem:
            self.problem = told.problem
        self._change()

    def end(self, problem: str = "") -> None:
        """No more comes."""
        self.problem = problem or self.problem
        self._enter("over")
        self._change()

    def wait(self, version: int, seconds: float) -> None:
        """Wait until it changes from that version, but not for longer."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, seconds)

    def _change(self) -> None:
        with self._changed:
            self.version += 1
            self._changed.notify_all()

    def _enter(self, state: State) -> None:
        if state != self.state:
            self.state, self.since = state, time.monotonic()


class Worker:
    """A process and the job that it has."""

    def __init__(self, over: Callable[[Worker], None]) -> None:
        self.job: Job | None = None
        self.since = time.monotonic()  # that it has, or has not, a job
        self.told_to_stop: float | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cnnviz.training_worker"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._over = over
        threading.Thread(target=self._read, name="training", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def begin(self, job: Job) -> None:
        self.job, self.since, self.told_to_stop = job, time.monotonic(), None
        job.tries += 1
        self.say(job.order)

    def say(self, word: Order | Command) -> None:
        assert self._process.stdin
        try:
            pickle.dump(word, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except OSError:
            pass  # it has ended, and its reader says so

    def stop(self) -> None:
        """Make it leave its job; `tend` kills it if it does not."""
        self.told_to_stop = time.monotonic()
        self.say("stop")

    def kill(self) -> None:
        self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout
        while True:
            try:
                told: News | str = pickle.load(self._process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                break
            if self.job:
                self.job.hear(told)
            if isinstance(told, str) or told.state == "over":
                self._over(self)
        self._process.kill()
        self._process.wait()
        self._over(self)

"""One person's training as a page sees it, and the process that carries it out."""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from cnnviz.network_weights import Parameters
from cnnviz.training_news import Command, News, Order, Score

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
        if count := len(self._rows):  # the reader may add more meanwhile
            self._rows[:count] = [np.concatenate(self._rows[:count])]
        return self._rows[0] if count else np.zeros((0, 3 + len(self.order.layers)))

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
        # An order with pictures fills the pipe long before a new process has loaded torch: nobody is to wait for that.
        self._words = queue.SimpleQueue[Order | Command | None]()
        for work in (self._read, self._write):
            threading.Thread(target=work, name="training", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def begin(self, job: Job) -> None:
        self.job, self.since, self.told_to_stop = job, time.monotonic(), None
        job.tries += 1
        self.say(replace(job.order, watched=job.watched))

    def say(self, word: Order | Command) -> None:
        """Have a word written, after those before it."""
        self._words.put(word)

    def stop(self) -> None:
        """Make it leave its job; `tend` kills it if it does not."""
        self.told_to_stop = time.monotonic()
        self.say("stop")

    def kill(self) -> None:
        self._process.kill()

    def _write(self) -> None:
        assert self._process.stdin
        with contextlib.suppress(OSError):  # it has ended, and the reader says so
            while (word := self._words.get()) is not None:
                pickle.dump(word, self._process.stdin, pickle.HIGHEST_PROTOCOL)
                self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout
        try:
            while True:
                told: News | str = pickle.load(self._process.stdout)
                if job := self.job:
                    job.hear(told)
                if isinstance(told, str) or told.state == "over":
                    self._over(self)
        except (EOFError, OSError, pickle.UnpicklingError):
            pass  # it has ended
        finally:
            self._words.put(None)
            self._process.kill()
            self._process.wait()
            self._over(self)

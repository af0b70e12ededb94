"""GIFs are made beside the pages: by one thread for all sessions, each of which has one GIF at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import streamlit as st

from cnnviz.slide import Slide, gif, seconds

WAITING = 8  # jobs, besides the one that is made
BUSY = "The server is busy with the GIFs of others. Try again in a moment."
FAILED = "This GIF could not be made. Try again, or change a setting."
KEY = "slide job"


class Cancelled(Exception):
    """Nobody wants this GIF any more."""


class Job:
    """One GIF: the worker writes what the page reads.

    title: which of the page's slides it is.
    share: how much of it is done, from 0 to 1.
    data, seconds: the file and how long it takes, once `over` is set.
    problem: or else why there is none, a sentence.
    """

    def __init__(self, title: str, slide: Slide) -> None:
        self.title, self.slide = title, slide
        self.share, self.seconds = 0.0, 0.0
        self.data, self.problem = b"", ""
        self.over, self.cancelled = threading.Event(), threading.Event()

    def make(self) -> None:
        """Work; it ends at the next frame once `cancelled` is set."""
        try:
            data = gif(self.slide, progress=self._report)
            self.data, self.seconds = data, seconds(data)
        except Cancelled:
            pass
        except Exception:
            logging.getLogger(__name__).exception("a GIF failed")
            self.problem = FAILED
        self.over.set()

    def refuse(self) -> None:
        """Say that too many wait."""
        self.problem = BUSY
        self.over.set()

    def _report(self, share: float) -> None:
        if self.cancelled.is_set():
            raise Cancelled
        self.share = share


class Worker:
    """One thread that makes what is submitted, first come, first served. It does not keep the server from stopping."""

    def __init__(self) -> None:
        self._waiting: list[Job] = []
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Queue a job, or refuse it if WAITING others wait."""
        with self._news:
            self._waiting = [other for other in self._waiting if not other.cancelled.is_set()]
            if len(self._waiting) >= WAITING:
                return job.refuse()
            self._waiting.append(job)
            self._news.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="slides", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            self._next().make()

    def _next(self) -> Job:
        with self._news:
            self._news.wait_for(lambda: self._waiting)
            return self._waiting.pop(0)


WORKER = Worker()  # the process's only one


def start(title: str, slide: Slide) -> Job:
    """Begin the session's GIF; it is no longer the one before."""
    drop()
    job = st.session_state[KEY] = Job(title, slide)
    WORKER.submit(job)
    return job


def current(slides: Mapping[str, Slide]) -> Job | None:
    """The session's job, as long as its slide is among what the page shows now; else it is dropped."""
    job: Job | None = st.session_state.get(KEY)
    if job and not (job.title in slides and job.slide.is_same(slides[job.title])):
        drop()
        return None
    return job


def drop() -> None:
    """Forget the session's GIF, and stop making it."""
    if job := st.session_state.pop(KEY, None):
        job.cancelled.set()

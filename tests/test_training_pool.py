"""Workers and their queue: real processes, in order, and none left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cnnviz.datasets import Examples
from cnnviz.layers import Flatten, Linear
from cnnviz.training_job import Job, Worker
from cnnviz.training_limits import PAUSED, SLOW, Limits
from cnnviz.training_pool import BUSY, DIED, WAITING, Pool
from cnnviz.training_run import SECONDS
from tests.test_training_run import ORDER, SOME, alone

pytestmark = pytest.mark.usefixtures("one_thread")

ENDLESS = replace(ORDER, recipe=replace(ORDER.recipe, epochs=5000))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(size=2, limits=Limits(grace=2, idle=1e6, pause=0.5))
    yield pool
    pool.close()
    until(lambda: pool.processes() == [])


def until(is_so: Callable[[], bool], seconds: float = 180) -> None:
    """Wait; the machine may have much else to do."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_training_in_a_process_is_the_same_to_the_bit(pool: Pool) -> None:
    job = pool.submit(ORDER)
    until(lambda: job.state == "over")
    assert job.problem == "" and job.news and job.news.final
    wanted = alone(ORDER)
    assert torch.equal(job.news.parameters[4]["weight"], wanted.parameters[4]["weight"])
    assert job.rows[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert [number for number, _ in job.keyframes] == [0, 1, 2, 3, 4, 5, 6]
    pool.say(job, "pause")  # too late
    pool.drop(job)
    assert job.state == "over" and job.problem == ""


def test_twenty_queued_and_ten_pages_closed_leave_the_others_and_then_nothing() -> None:
    pool = Pool(size=2, limits=Limits(grace=0.3, idle=0))
    is_open = [True] * 20
    jobs = [pool.submit(ENDLESS, lambda at=at: is_open[at]) for at in range(20)]
    until(lambda: [job.state for job in jobs[:2]] == ["running"] * 2)
    assert [pool.place(job) for job in jobs] == [None, None, *range(18)]
    assert len(pool.processes()) == 2
    is_open[::2] = [False] * 10
    until(lambda: len(pool.jobs()) == 10)
    assert set(pool.jobs()) == set(jobs[1::2])
    assert all(job.state == "over" for job in jobs[::2])
    until(lambda: [job.state for job in jobs[1:4:2]] == ["running"] * 2)
    processes = pool.processes()
    is_open[:] = [False] * 20
    until(lambda: pool.jobs() == [] and pool.processes() == [])
    until(lambda: not any(is_alive(pid) for pid in processes))


def test_a_page_that_is_away_for_a_moment_loses_nothing(pool: Pool) -> None:
    asked = 0

    def is_wanted() -> bool:
        nonlocal asked
        asked += 1
        return asked % 2 == 0

    job = pool.submit(ENDLESS, is_wanted)
    until(lambda: asked > 7)
    assert job.state != "over"
    pool.drop(job)


def test_one_that_stands_still_makes_place_when_others_wait(pool: Pool) -> None:
    jobs = [pool.submit(replace(ENDLESS, is_paused=True)) for _ in range(2)]
    until(lambda: all(job.state == "paused" and job.news is not None and job.news.number == 1 for job in jobs))
    time.sleep(1)
    assert [job.state for job in jobs] == ["paused"] * 2  # nobody waits
    third = pool.submit(ORDER)
    until(lambda: third.state == "over")
    assert third.problem == "" and any("stood still" in job.problem for job in jobs)


def test_a_worker_that_dies_says_so_and_the_next_job_has_another(pool: Pool) -> None:
    job = pool.submit(ENDLESS)
    until(lambda: job.news is not None and job.news.number > 0)
    for pid in pool.processes():
        os.kill(pid, signal.SIGKILL)
    until(lambda: job.state == "over")
    assert job.problem == DIED and job.rows.size and job.keyframes
    after = pool.submit(ORDER)
    until(lambda: after.state == "over")
    assert after.problem == ""


def test_too_little_memory_is_said_and_ends_nothing_else(pool: Pool) -> None:
    layers = (Flatten(), Linear(30_000), Linear(30_000), Linear(10))  # 3.6 GB
    job = pool.submit(replace(ORDER, layers=layers))
    until(lambda: job.state == "over")
    assert "memory" in job.problem


def test_the_queue_has_an_end() -> None:
    pool = Pool(size=0)
    jobs = [pool.submit(ORDER) for _ in range(WAITING)]
    assert {job.state for job in jobs} == {"waiting"}
    late: Job = pool.submit(ORDER)
    assert late.state == "over" and late.problem == BUSY
    pool.close()
    assert pool.jobs() == []


def test_an_order_that_fills_the_pipe_keeps_nobody_waiting() -> None:
    pool = Pool(size=1, limits=Limits(idle=0))
    many = Examples(np.zeros((400_000, 1, 8, 8), np.uint8), np.zeros(400_000, np.int64))  # 26 MB
    job = pool.submit(replace(ORDER, data=replace(SOME, training=many)))
    asked = 0
    while job.state == "waiting" and asked < 3:  # the worker has not read it yet
        pool.place(job)
        asked += 1
        time.sleep(0.1)
    assert asked == 3
    pool.close()
    until(lambda: pool.processes() == [])


def test_a_process_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, tries = Pool(size=1, limits=Limits(idle=0)), []

    def hire() -> bool:
        tries.append(1)
        monkeypatch.undo()
        raise OSError("no more processes")

    monkeypatch.setattr(pool, "_hire", hire)
    job = pool.submit(ORDER)
    until(lambda: job.state == "over")
    assert tries and job.problem == ""


def test_a_weight_that_is_chosen_before_the_training_begins_is_watched(pool: Pool) -> None:
    job = pool.submit(ORDER)
    pool.watch(job, (4, "bias", 7))
    until(lambda: job.state == "over")
    assert job.news and job.news.watched == (4, "bias", 7) and job.news.pictures == 6


# --- limits


def test_a_training_that_is_late_is_ended_and_its_place_is_free() -> None:
    """Its process is stopped, so that it neither goes on nor leaves when it is told to."""
    pool = Pool(size=1, limits=Limits(most=0, stubborn=0, idle=1e6))
    pool.warm()
    (pid,) = pool.processes()
    os.kill(pid, signal.SIGSTOP)
    job = pool.submit(ENDLESS)
    until(lambda: job.state == "over")
    assert job.problem == SLOW and job.news is None
    until(lambda: not is_alive(pid))
    assert job.problem == SLOW, "not that its process died"
    pool.close()
    until(lambda: pool.processes() == [])


def test_a_worker_that_does_not_stop_is_killed_and_another_takes_the_next() -> None:
    pool = Pool(size=1, limits=Limits(stubborn=0.1, idle=1e6))
    first = pool.submit(ENDLESS)
    until(lambda: pool.processes() != [] and pool.jobs() == [first] and first.tries == 1)
    (pid,) = pool.processes()
    os.kill(pid, signal.SIGSTOP)
    pool.drop(first)
    second = pool.submit(ORDER)
    until(lambda: second.state == "over")
    assert (first.problem, second.problem) == ("", "") and not is_alive(pid) and pid not in pool.processes()
    pool.close()
    until(lambda: pool.processes() == [])


def test_a_worker_without_an_order_is_used_again(pool: Pool) -> None:
    pool.warm()
    for job in (pool.submit(ORDER), pool.submit(ORDER)):  # for each of them a worker
        until(lambda job=job: job.state == "over")
    before = set(pool.processes())
    job = pool.submit(ORDER)
    until(lambda: job.state == "over")
    assert job.problem == "" and set(pool.processes()) == before


def test_a_worker_without_an_order_is_closed_after_a_while() -> None:
    pool = Pool(size=1, limits=Limits(idle=0.2))
    pool.warm()
    (pid,) = pool.processes()
    until(lambda: not is_alive(pid) and pool.processes() == [])


# Without a process or a clock: what is decided at which second.

LIMITS = Limits(grace=10, pause=100, most=1000, stubborn=3, idle=50)


def a_worker(job: Job | None = None, since: float = 0, told_to_stop: float | None = None) -> Worker:
    worker = object.__new__(Worker)
    worker.job, worker.since, worker.told_to_stop = job, since, told_to_stop
    return worker


def a_job(state: Any = "running", since: float = 0) -> Job:
    job = Job(ORDER, lambda: True)
    job.state, job.since, job.seen = state, since, since
    return job


@pytest.mark.parametrize(
    ("state", "seconds", "others_wait", "why"),
    [
        ("running", 1000, True, ""), ("running", 1001, False, SLOW), ("waiting", 1001, False, SLOW),
        ("paused", 100, True, ""), ("paused", 101, True, PAUSED), ("paused", 9999, False, ""),
    ],
)  # fmt: skip
def test_when_a_training_has_to_end(state: str, seconds: float, others_wait: bool, why: str) -> None:
    for worker in (a_worker(a_job(state, since=7)), a_worker(a_job(state, since=7), since=7)):
        assert LIMITS.why_end(worker, 7 + seconds, others_wait=others_wait) == why
    assert LIMITS.why_end(a_worker(), 1e9, others_wait=True) == ""


def test_the_time_of_a_training_begins_with_its_worker() -> None:
    """And again when it goes on: while it was paused it did not take long."""
    assert LIMITS.why_end(a_worker(a_job("waiting", since=0), since=5000), 5999, others_wait=True) == ""
    assert LIMITS.why_end(a_worker(a_job("running", since=5000), since=0), 5999, others_wait=True) == ""
    assert Limits().most > SECONDS, "a training that can ends itself before"


def test_when_a_worker_has_to_end() -> None:
    told = a_worker(told_to_stop=20)
    assert [LIMITS.is_stubborn(told, now) for now in (20, 23, 23.1)] == [False, False, True]
    assert not LIMITS.is_idle(told, 1e9) and not LIMITS.is_stubborn(a_worker(), 1e9)
    assert [LIMITS.is_idle(a_worker(since=20), now) for now in (20, 70, 70.1)] == [False, False, True]
    assert not LIMITS.is_idle(a_worker(a_job()), 1e9)


def test_when_nobody_wants_a_training() -> None:
    assert [LIMITS.is_forsaken(a_job(since=20), now) for now in (20, 30, 30.1)] == [False, False, True]

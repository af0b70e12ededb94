"""A whole training from an order: when it tells what, and what it does when it is told something.

It knows of no process and no page: commands come from a queue, and news go to a function.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from cnnviz.hosting import HOSTING
from cnnviz.network_weights import Parameters
from cnnviz.optimisers import WeightStep
from cnnviz.training import Measure, Step, Training, TrainingError
from cnnviz.training_news import Command, News, Order, Score, State, Watched

__all__ = ["Command", "News", "Order", "Run", "Score", "Watched", "keyframe_numbers"]

EVERY: Final = 0.25  # seconds between news
SECONDS: Final = float(HOSTING.training_seconds)  # that a training may run, with measuring, without pauses
MOST_STEPS: Final = 30_000
MOST_PARAMETERS: Final = 1_000_000
KEYFRAMES: Final = 60  # that are kept for a replay, if they are small enough
KEYFRAME_BYTES: Final = 12_000_000  # of all keyframes of a training together
FEWEST_KEYFRAMES: Final = 4


def keyframe_numbers(steps: int, parameters: int) -> list[int]:
    """After which steps the parameters are kept: 0 and the last, and more at the beginning, when most changes."""
    count = max(FEWEST_KEYFRAMES, min(KEYFRAMES, KEYFRAME_BYTES // max(1, 4 * parameters)))
    return sorted({round(steps * (i / (count - 1)) ** 1.7) for i in range(count)})


class Run:
    """A training under way: `whole` follows its recipe to the end, a command to stop, or a limit."""

    def __init__(self, order: Order, tell: Callable[[News], None], seconds: float = SECONDS) -> None:
        self._training = Training(order.layers, order.dataset(), order.recipe)
        self._tell, self._watched, self._most = tell, order.watched, seconds
        size = sum(tensor.numel() for tensors in self._training.parameters for tensor in tensors.values())
        self._kept = set(keyframe_numbers(self._training.steps, size))
        self._state: State = "paused" if order.is_paused else "running"
        self._steps: list[Step] = []
        self._keyframes: list[tuple[int, Parameters]] = []
        self._scores: list[Score] = []
        self._measured = -1  # after how many steps it was measured last
        self._seconds = self._measuring = 0.0
        self._weight: WeightStep | None = None
        self._seen = order.watched  # whose arithmetic that is
        self._pictures = 0
        self._final: tuple[Measure, Measure] | None = None
        self._owed = int(order.is_paused)  # steps that are to be done, though it is paused

    def whole(self, commands: queue.SimpleQueue[Command]) -> None:
        """Train, and tell."""
        problem, training = "", self._training
        self._keep()
        self._send()
        self._measure()
        self._send()
        told = time.monotonic()
        while training.number < training.steps and self._obey(commands):
            began = time.monotonic()
            try:
                self._step()
            except TrainingError as ran_away:
                problem = str(ran_away)
                break
            self._seconds += time.monotonic() - began
            if self._seconds + self._measuring > self._most:
                problem = f"It was ended after {self._most:.0f} seconds, so that others can train."
                break
            if self._state == "paused" or time.monotonic() - told > EVERY:
                self._send()
                told = time.monotonic()
        self._state = "over"
        if training.number not in self._kept:
            self._keyframes.append((training.number, training.snapshot()))
        try:
            self._measure()
        except TrainingError as ran_away:
            problem = problem or str(ran_away)
        self._send(problem)

    def _obey(self, commands: queue.SimpleQueue[Command]) -> bool:
        """Take what was said, and wait while it is paused; whether there is to be another step."""
        while self._owed == 0 and (self._state == "paused" or not commands.empty()):
            command = commands.get()
            if isinstance(command, tuple):
                self._watched = command
            elif command == "stop":
                return False
            elif command == "step":
                self._state, self._owed = "paused", 1
            else:
                self._state = "paused" if command == "pause" else "running"
                self._send()
        return True

    def _step(self) -> None:
        self._owed = 0
        step = self._training.step(self._watched)
        self._weight, self._seen, self._pictures = step.weight, self._watched, step.pictures
        self._steps.append(step)
        if self._training.number in self._kept:
            self._keep()
        if self._training.number % self._training.steps_an_epoch == 0:
            self._measure()

    def _keep(self) -> None:
        self._keyframes.append((self._training.number, self._training.snapshot()))

    def _measure(self) -> None:
        number = self._training.number
        if self._measured == number:
            return
        self._final = None
        self._measured = number
        began = time.monotonic()
        learned, held_out = self._final = self._training.measure()
        self._measuring += time.monotonic() - began
        score = Score(number, learned.loss, learned.accuracy, held_out.loss, held_out.accuracy)
        self._scores.append(score)

    def _send(self, problem: str = "") -> None:
        training = self._training
        width = 3 + len(training.layers)
        rows = [(step.number, step.loss, step.accuracy, *step.norms) for step in self._steps]
        self._tell(News(
            self._state, training.number, training.steps, training.steps_an_epoch, self._seconds,
            np.array(rows, np.float64).reshape(-1, width), training.snapshot(), self._seen, self._pictures,
            tuple(self._keyframes), tuple(self._scores), self._weight,
            self._final if self._state == "over" else None, problem,
        ))  # fmt: skip
        self._steps, self._keyframes, self._scores = [], [], []

"""A training run from an order: what it tells, what may be said to it, and that it is the training it says it is."""

from __future__ import annotations

import queue
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.datasets import Dataset, Examples, digits
from cnnviz.network_text import parse_network
from cnnviz.training import Recipe, Training
from cnnviz.training_run import KEYFRAME_BYTES, KEYFRAMES, News, Order, Run, keyframe_numbers

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = parse_network("conv:2@3x3|relu|max:2|flatten|linear:10|softmax")
SOME = Dataset(
    "some",
    digits().classes,
    *(Examples(part.pixels[:n], part.labels[:n]) for part, n in ((digits().training, 36), (digits().held_out, 12))),
)
ORDER = Order(LAYERS, SOME, Recipe(epochs=1, batch=6, rate=0.01), (0, "weight", 4))


def run(order: Order, *commands: Any, seconds: float = 60) -> list[News]:
    said: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for command in commands:
        said.put(command)
    told: list[News] = []
    Run(order, told.append, seconds).whole(said)
    return told


def alone(order: Order) -> Training:
    """The same training, without anybody who looks on."""
    training = Training(order.layers, order.dataset(), order.recipe)
    while training.number < training.steps:
        training.step()
    return training


def test_it_trains_as_without_anybody_looking_on() -> None:
    told, wanted = run(ORDER), alone(ORDER)
    last = told[-1]
    assert last.state == "over" and last.problem == "" and last.number == last.steps == wanted.steps == 6
    for own, other in zip(last.parameters, wanted.snapshot(), strict=True):
        assert all(torch.equal(own[name], other[name]) for name in other) and own.keys() == other.keys()
    rows = np.concatenate([news.rows for news in told])
    assert rows[:, 0].tolist() == [1, 2, 3, 4, 5, 6] and rows.shape == (6, 3 + len(LAYERS))
    assert last.final is not None and wanted.measure()[1].accuracy == last.final[1].accuracy
    assert all(news.final is None for news in told[:-1])


def test_keyframes_are_the_parameters_as_they_were() -> None:
    frames = [frame for news in run(ORDER) for frame in news.keyframes]
    assert [number for number, _ in frames] == [0, 1, 2, 3, 4, 5, 6]
    training = Training(ORDER.layers, SOME, ORDER.recipe)
    for number, parameters in frames:
        while training.number < number:
            training.step()
        assert torch.equal(parameters[0]["weight"], training.parameters[0]["weight"])


def test_scores_come_at_the_beginning_and_after_each_epoch() -> None:
    told = run(replace(ORDER, recipe=replace(ORDER.recipe, epochs=2)))
    scores = [score for news in told for score in news.scores]
    assert [score.number for score in scores] == [0, 6, 12]
    final = told[-1].final
    assert final and (scores[-1].accuracy, scores[-1].held_out_accuracy) == (final[0].accuracy, final[1].accuracy)


def test_one_step_at_a_time() -> None:
    told = run(replace(ORDER, is_paused=True), "step", (1000, "no", 0), "stop")
    assert [news.number for news in told if news.state == "paused"] == [0, 0, 1, 2]
    assert told[-1].state == "over" and told[-1].number == 2 and told[-1].final is not None
    assert [frame[0] for news in told for frame in news.keyframes][-1] == 2


def test_pause_and_go_on_change_nothing_of_what_is_learned() -> None:
    told = run(ORDER, "pause", "step", "pause", "go on")
    assert "paused" in [news.state for news in told]
    assert torch.equal(told[-1].parameters[4]["weight"], alone(ORDER).parameters[4]["weight"])


def test_the_watched_weight_is_the_one_that_was_chosen_last() -> None:
    told = run(replace(ORDER, is_paused=True), (4, "bias", 7), "step", "stop")
    steps = [news for news in told if news.weight and news.rows.size]
    assert [news.watched for news in steps] == [(0, "weight", 4), (4, "bias", 7)]
    before, after = steps
    assert after.weight and after.weight.before == float(before.parameters[4]["bias"][7])
    assert after.weight.after == pytest.approx(float(after.parameters[4]["bias"][7]), abs=1e-7)


def test_what_runs_away_ends_with_a_sentence_and_what_there_was() -> None:
    layers = parse_network("flatten|linear:10|linear:10")
    told = run(
        replace(ORDER, layers=layers, recipe=Recipe("sgd", rate=100, batch=6, epochs=9), watched=(1, "weight", 0))
    )
    assert "smaller rate" in told[-1].problem and told[-1].state == "over"


def test_it_ends_at_its_time() -> None:
    told = run(ORDER, seconds=0)
    assert told[-1].number == 1 and "so that others can train" in told[-1].problem and told[-1].final


@given(st.integers(1, 40_000), st.integers(1, 1_000_000))
def test_keyframes_reach_from_beginning_to_end_and_stay_few(steps: int, parameters: int) -> None:
    numbers = keyframe_numbers(steps, parameters)
    assert numbers[0] == 0 and numbers[-1] == steps and numbers == sorted(set(numbers))
    assert len(numbers) <= KEYFRAMES
    assert len(numbers) <= 4 or 4 * parameters * len(numbers) <= KEYFRAME_BYTES

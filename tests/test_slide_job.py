"""GIFs made beside the page: asked for, waited for, dropped when settings change, refused when too many wait."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import streamlit
from PIL import Image

from cnnviz.slide import Slide, gif
from cnnviz.ui import slide_job
from cnnviz.ui.experiment import Experiment
from cnnviz.ui.slide_job import BUSY, FAILED, KEY, WAITING, Job, Worker
from cnnviz.ui.take_away_slide import slides_of
from cnnviz.windows import explain_conv, explain_pool
from tests.test_pages import Lab
from tests.test_slide import simple

PATIENCE = 60  # s; long, because nothing here measures speed


class SlideLab(Lab):
    """The Lab with the expander open."""

    def __init__(self, **query: str) -> None:
        super().__init__(**{"size": "6", **query})
        self.open(True)

    def open(self, yes: bool) -> SlideLab:
        self.at.session_state["slide"] = yes
        self.run()
        return self

    def make(self) -> SlideLab:
        """Press the button, and wait until the GIF is there."""
        self.press("make_slide")
        return self.wait()

    def wait(self) -> SlideLab:
        assert self.job
        assert self.job.over.wait(PATIENCE)
        self.run()
        return self

    @property
    def job(self) -> Job | None:
        return self.at.session_state.get(KEY)

    @property
    def offers(self) -> list[str]:
        """What may be pressed here."""
        labels = [button.label for button in [*self.at.button, *self.at.download_button]]
        return [label for label in labels if label in ("Make the GIF", "Save slide.gif")]

    @property
    def bars(self) -> list[int]:
        """How far the bars that are shown are, in percent."""
        return [bar.value for bar in self.at.get("progress")]

    @property
    def pictures(self) -> int:
        return len(self.at.get("image"))


class Slow:
    """Makes GIFs that take until they are let go, or cancelled."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.made: list[Slide] = []

    def __call__(self, what: Slide, *, progress: Callable[[float], None]) -> bytes:
        self.made.append(what)
        progress(0.25)
        self.begun.set()
        while not self.go.wait(0.005):
            progress(0.25)
        return gif(what, progress=progress)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    slow = Slow()
    monkeypatch.setattr(slide_job, "gif", slow)
    monkeypatch.setattr(slide_job, "WORKER", Worker())
    yield slow
    slow.go.set()


# --- on the page ------------------------------------------------------------------------------------


def test_nothing_is_made_before_it_is_asked_for() -> None:
    lab = SlideLab()
    assert lab.offers == ["Make the GIF"]
    assert lab.widget("slide_stage").options == ["Convolution", "Pooling"]
    assert (lab.job, lab.bars, lab.pictures) == (None, [], 0)
    lab.open(False)
    assert lab.offers == []


def test_the_button_brings_a_gif() -> None:
    lab = SlideLab().make()
    assert lab.offers == ["Save slide.gif"]
    assert (lab.bars, lab.pictures) == ([], 1)
    assert lab.job
    with Image.open(io.BytesIO(lab.job.data)) as image:
        assert (image.format, image.n_frames) == ("GIF", 36)
    assert lab.says(f"{35 * 0.08 + 2:.1f} s, {len(lab.job.data) / 1000:.0f} kB") == 1
    lab.run()
    assert lab.offers == ["Save slide.gif"], "it stays while nothing changes"
    lab.open(False).open(True)
    assert lab.offers == ["Save slide.gif"]


@pytest.mark.parametrize(
    "tweak", [{"bias": 1.0}, {"kernel": "box"}, {"stride": "2"}, {"size": "7"}, {"image": "rings"}]
)
@pytest.mark.parametrize("is_open", [True, False])
def test_what_no_longer_shows_the_settings_goes(tweak: dict[str, Any], is_open: bool) -> None:
    lab = SlideLab().make().open(is_open)
    lab.choose(**tweak)
    assert lab.job is None
    assert lab.open(True).offers == ["Make the GIF"]


def test_what_another_setting_does_not_change_stays() -> None:
    lab = SlideLab().make()
    lab.choose(pool="avg", activation="tanh")
    assert lab.offers == ["Save slide.gif"]
    lab.choose(stride="banana")
    assert lab.offers == ["Save slide.gif"], "what cannot work changes nothing that is shown"


def test_the_pool_slides_too() -> None:
    lab = SlideLab().make()
    assert lab.job
    convolution = lab.job.data
    lab.choose(slide_stage="Pooling")
    assert lab.offers == ["Make the GIF"]
    lab.make()
    assert lab.job.slide.after.shape == (3, 3)
    assert lab.job.data != convolution
    lab.open(False).open(True)
    assert lab.widget("slide_stage").value == "Pooling"
    assert lab.offers == ["Save slide.gif"]
    lab.choose(pool="none")
    assert lab.offers == ["Make the GIF"]
    assert lab.widget("slide_stage").options == ["Convolution"]
    assert lab.make().job.title == "Convolution"


def test_while_it_is_made_a_bar_says_how_far_it_is(slow: Slow) -> None:
    lab = SlideLab()
    lab.press("make_slide")
    assert lab.offers == []
    assert slow.begun.wait(PATIENCE)
    lab.run()
    assert lab.bars == [25]
    assert lab.offers == []
    slow.go.set()
    lab.wait()
    assert (lab.bars, lab.offers) == ([], ["Save slide.gif"])
    assert len(slow.made) == 1


def test_only_a_job_that_is_being_made_is_looked_after(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = []

    def fragment(function: Callable[[Job], None], *, run_every: float) -> Callable[[Job], None]:
        looks.append((function, run_every))
        return function

    monkeypatch.setattr(streamlit, "fragment", fragment)
    lab = SlideLab()
    assert looks == []
    lab.press("make_slide")
    ((watch, run_every),) = looks
    assert 0 < run_every <= 1
    slow.go.set()
    lab.wait().run()
    assert len(looks) == 1
    with pytest.raises(RuntimeError, match="the page runs"), monkeypatch.context() as patch:
        patch.setattr(streamlit, "rerun", Mock(side_effect=RuntimeError("the page runs")))
        watch(lab.job)


def test_a_change_cancels_what_is_being_made(slow: Slow) -> None:
    lab = SlideLab()
    lab.press("make_slide")
    job = lab.job
    assert job
    assert slow.begun.wait(PATIENCE)
    lab.choose(bias=1.0)
    assert job.over.wait(PATIENCE), "at its next frame"
    assert (job.data, job.problem, lab.job) == (b"", "", None)
    assert (lab.bars, lab.offers) == ([], ["Make the GIF"])


def test_a_failure_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(what: Slide, *, progress: Callable[[float], None]) -> bytes:
        raise MemoryError("secret")

    monkeypatch.setattr(slide_job, "gif", broken)
    lab = SlideLab().make()
    assert lab.warnings == [FAILED]
    assert lab.offers == ["Make the GIF"]
    monkeypatch.undo()
    lab.make()
    assert (lab.warnings, lab.offers) == ([], ["Save slide.gif"])


def test_a_busy_server_says_so(slow: Slow) -> None:
    for job in jobs(1 + WAITING):
        slide_job.WORKER.submit(job)
        assert slow.begun.wait(PATIENCE)
    lab = SlideLab()
    lab.press("make_slide")
    assert lab.warnings == [BUSY]
    assert lab.offers == ["Make the GIF"]
    slow.go.set()
    assert job.over.wait(PATIENCE)
    lab.make()
    assert (lab.warnings, lab.offers) == ([], ["Save slide.gif"])


# --- one worker for all -----------------------------------------------------------------------------


def jobs(count: int) -> list[Job]:
    return [Job("Convolution", simple(4, 4 + number)) for number in range(count)]


def test_jobs_are_made_one_by_one_in_order(slow: Slow) -> None:
    worker, several = Worker(), jobs(1 + WAITING)
    for job in several:
        worker.submit(job)
        assert slow.begun.wait(PATIENCE), "the first one no longer waits"
    assert len(slow.made) == 1
    slow.go.set()
    for job in several:
        assert job.over.wait(PATIENCE)
        assert (job.share, job.problem) == (1, "")
        assert job.data == gif(job.slide, progress=lambda share: None)
    assert slow.made == [job.slide for job in several]


def test_who_gave_up_takes_no_place_in_the_queue(slow: Slow) -> None:
    worker, several = Worker(), jobs(3 + WAITING)
    for job in several[: 1 + WAITING]:
        worker.submit(job)
        assert slow.begun.wait(PATIENCE)
    worker.submit(several[-2])
    assert (several[-2].problem, several[-2].over.is_set()) == (BUSY, True)
    several[4].cancelled.set()
    worker.submit(several[-1])
    assert several[-1].problem == ""
    slow.go.set()
    assert several[-1].over.wait(PATIENCE)
    assert several[-1].data
    assert several[4].slide not in slow.made


# --- what slides ------------------------------------------------------------------------------------


def experiment(**query: str) -> Experiment:
    return Lab(size="9x8", **query).at.session_state["last drawn"]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"padding": "valid", "dilation": "2,1", "pool_padding": "valid"},
        {"stride": "2,1", "padding": "1,2", "kernel": "1,2;3,4;5,6", "pool": "avg", "pool_size": "3,2"},
        {"activation": "none", "pool_size": "3", "pool_stride": "2", "pool_padding": "1", "color": "rgb"},
        {"padding_mode": "reflect", "kernel": "log", "pool": "l2", "pool_size": "3", "pool_stride": "1"},
    ],
)
def test_the_windows_are_those_of_the_layers(query: dict[str, str]) -> None:
    now = experiment(**query)
    slides = slides_of(now)
    assert now.conv
    assert now.pool
    top, _, left, _ = now.conv.padding4(now.shape)
    stages = {stage.name: stage.output for stage in now.stages}
    before = stages.get("activation", stages["conv"])
    convolution, pool = slides["Convolution"], slides["Pooling"]
    assert np.array_equal(convolution.before, stages.get("padded", stages["input"])[0])
    assert np.array_equal(pool.before, before[0])
    weight = now.parameters[0]["weight"]
    for what, name in ((convolution, "conv"), (pool, "pool")):
        assert np.array_equal(what.after, stages[name][0, 0])
        for cell in range(what.after.size):
            row, column = divmod(cell, what.after.shape[1])
            rows, columns = what.window(cell)
            if name == "conv":
                window = explain_conv(stages["input"], weight, None, now.conv, 0, row, column)
                assert rows == [place + top for place in window.rows]
                assert columns == [place + left for place in window.cols]
            else:
                under = explain_pool(before, now.pool, 0, row, column)
                assert (rows, columns) == (list(under.rows), list(under.cols))
    shown = {entry.name: entry.colors for entry in now.maps}
    assert (convolution.after_colors, pool.after_colors) == (shown["conv"], shown["pool"])
    assert pool.before_colors == shown.get("activation", shown["conv"])
    assert convolution.before_colors == shown.get("padded", shown["input"])


@pytest.mark.parametrize(
    ("pin", "starts"),
    [
        (None, (0, 0)),
        (("conv", 2, 3), (2 * 8 + 3, 1 * 4 + 1)),
        (("pool", 2, 3), (3 * 8 + 6, 2 * 4 + 3)),
        (("activation", 2, 3), (2 * 8 + 3, 1 * 4 + 1)),
        (("conv", 9, 0), (0, 0)),
        (("conv", 0, 8), (0, 0)),
        (("pool", 4, 3), (7 * 8 + 6, 4 * 4 + 3)),
    ],
)
def test_the_slide_starts_from_the_pinned_cell(pin: tuple[str, int, int] | None, starts: tuple[int, int]) -> None:
    now = experiment()
    slides = slides_of(replace(now, values={**now.values, "pin": pin}))
    assert (slides["Convolution"].start, slides["Pooling"].start) == starts
    without = {name: value for name, value in now.values.items() if name != "pin"}
    assert all(what.start == 0 for what in slides_of(replace(now, values=without)).values())

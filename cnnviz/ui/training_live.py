"""What moves on the page Train while a network learns: buttons, progress, the row of layers, curves and filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from cnnviz.attribution_words import say_share
from cnnviz.training_job import Job
from cnnviz.training_pass import ending
from cnnviz.training_pool import SIZE
from cnnviz.ui import training
from cnnviz.ui.controls import Reading
from cnnviz.ui.network import Network
from cnnviz.ui.network_columns import columns_of
from cnnviz.ui.network_view import network_view
from cnnviz.ui.settings import escaped
from cnnviz.ui.training import POOL, Lesson
from cnnviz.ui.training_curves import curves

SOON: Final = 10  # steps from which on the time left is guessed
TICK: Final = 0.5  # seconds between looks at a training that runs


def live(now: Lesson, reading: Reading, ignored: Mapping[str, str]) -> None:
    """Show it, and again and again while it runs."""
    is_moving = now.job is not None and now.job.state in ("waiting", "running")
    st.fragment(_shown, run_every=TICK if is_moving else None)(
        now, reading, ignored, now.job.state if now.job else None
    )


def _shown(now: Lesson, reading: Reading, ignored: Mapping[str, str], before: str | None) -> None:
    job, values = now.job, reading.values
    if st.session_state.get(training.KEY) is not job or st.session_state.pop(training.IS_PUT_BACK, False):
        st.rerun()  # it has begun, or is given up; or the boxes are others
    if job and now.order and now.is_of_job:
        POOL.watch(job, now.order.watched)
    _buttons(now, job)
    if job and job.state != before and (job.state in ("over", "paused") or before in ("over", "paused")):
        st.rerun()  # what stands around it changes too
    _progress(now, job)
    number = looked_at(job)
    example = values["example"] % len(now.data.held_out)
    network = training.network_at(now, number, example, values)
    network_view(
        columns_of(network), key="network", box="layers", heard=reading.texts["layers"], open_box="layer",
        opened=min(values["layer"], len(now.layers) - 1), scale=values["scale"], draw=_draw(now, values),
        address=reading.address(), ignored=ignored,
    )  # fmt: skip
    _answer(now, network, example)
    if job and job.news:
        curves(job, number)


def _draw(now: Lesson, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the browser may draw the weights itself, as long as nothing was learned."""
    return None if now.is_of_job else {"method": values["init"], "seed": values["seed"], "box": "seed"}


def looked_at(job: Job | None) -> int:
    """The step that is looked at: of those kept the nearest to the one that was chosen; the last, if none was."""
    if not job or not job.news:
        return 0
    chosen = st.session_state.get("at")
    if chosen is None or job.state not in ("over", "paused"):
        return job.news.number
    kept = [number for number, _ in job.keyframes] + [job.news.number]
    return min(kept, key=lambda number: abs(number - chosen))


def _buttons(now: Lesson, job: Job | None) -> None:
    """Always three, in their places: a hand that comes twice presses what it meant to."""
    state = job.state if job else "none"
    with st.container(horizontal=True, gap="small", key="training_buttons"):
        if job and state in ("running", "paused", "waiting"):
            is_waiting = state == "waiting"
            label, icon, word = ("Go on", "play_arrow", "go on") if state == "paused" else ("Pause", "pause", "pause")
            _button(label, icon, word, _say, job, word, is_off=is_waiting, type="primary")
            _button("One step", "skip_next", "one step", _say, job, "step", is_off=is_waiting)
            _button("Leave the queue" if is_waiting else "Stop", "stop", "stop", _stop, job)
            return
        has_learned = state == "over" and job is not None and bool(job.news)  # not where the queue was full
        label = "Train again" if has_learned and not now.is_changed else "Train"
        _button(label, "play_arrow", "train", _begin, now, False, is_off=not now.order, type="primary")
        is_off = not now.order or has_learned
        _button("One step", "skip_next", "first step", _begin, now, True, is_off=is_off)
        _button("Stop", "stop", "nothing to stop", is_off=True)


def _button(
    label: str,
    icon: str,
    key: str,
    does: Callable[..., None] | None = None,
    *args: Any,
    is_off: bool = False,
    **look: Any,
) -> None:
    """A button whose work is done before anything is drawn."""
    st.button(label, icon=f":material/{icon}:", key=key, disabled=is_off, on_click=does, args=args, **look)


def _begin(now: Lesson, is_paused: bool) -> None:
    if now.order:
        st.session_state["at"] = None  # the last step is looked at
        training.start(now.order, is_paused=is_paused)


def _stop(job: Job) -> None:
    if job.state == "waiting" or not job.news:
        training.stop()
    else:
        _say(job, "stop")


def _say(job: Job, word: Any) -> None:
    """Tell the worker, and wait a moment for its answer."""
    version = job.version
    POOL.say(job, word)
    job.wait(version, 1.0)


def _progress(now: Lesson, job: Job | None) -> None:
    if job is None:
        count = f"{len(now.data.held_out):,}"
        st.caption(
            f"Its weights are drawn at random. {count} pictures are held out: it is tested on them, and never learns "
            "from them."
        )
        return
    news = job.news
    if job.state == "waiting":
        st.progress(0.0, _waiting(POOL.place(job)))
    elif news:
        epochs = news.steps // news.steps_an_epoch
        passed = news.number / news.steps_an_epoch
        done = f"Step {news.number:,} of {news.steps:,}, {passed:.1f} of {epochs} epochs, {news.seconds:.0f} s"
        left = news.seconds / max(1, news.number) * (news.steps - news.number)
        guess = f" · about {left:.0f} s left" if news.number >= SOON else " · …"
        told = {
            "running": guess,
            "paused": " · paused",
            "over": " · done" if news.number == news.steps else " · stopped",
        }
        st.progress(news.number / news.steps, done + told[job.state])
    if job.problem:
        st.warning(escaped(job.problem), icon=":material/info:")
    if not now.is_of_job:
        _of_another(job)
    elif now.is_changed:
        again = "**Train** takes them" if job.state == "over" else "stop it, and **Train** takes them"
        st.caption(f"The settings are others by now than those that {_trained_with(job)}: {again}.")


def _of_another(job: Job) -> None:
    """A network was edited, or other pictures were chosen, while one learns."""
    learns = "has learned" if job.state == "over" else "learns"
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="of_another"):
        st.caption(f"What {learns} is another network than the one that you see, or has other pictures.")
        st.button(f"Back to what {learns}", key="put back", on_click=training.put_back, args=(job,))


def _trained_with(job: Job) -> str:
    recipe = job.order.recipe
    said = f"{recipe.optimiser}, rate {recipe.rate:g}, batch {recipe.batch}, seed {recipe.seed}"
    return f"this training {'had' if job.state == 'over' else 'has'} ({said})"


def _waiting(place: int | None) -> str:
    if place is None:
        return "Starting: the pictures are prepared …"
    before = {0: "yours is the next", 1: "one comes before yours"}.get(place, f"{place} come before yours")
    return f"In the queue: {SIZE} trainings run at once here, and {before}."


def _answer(now: Lesson, network: Network, example: int) -> None:
    """What it says of the picture."""
    right = now.data.classes[int(now.data.held_out.labels[example])]
    if len(network.outputs) <= len(network.layers) or network.outputs[-1].shape != (1, len(now.data.classes)):
        return
    answers = network.outputs[-1][0]
    best = int(answers.argmax())
    said = now.data.classes[best]
    share = f" ({say_share(float(answers[best]))})" if ending(now.layers) != "none" else ""
    verdict = "which is right" if said == right else f"but it is **{escaped(right)}**"
    st.markdown(f"It takes this picture for **{escaped(said)}**{share}, {verdict}.")

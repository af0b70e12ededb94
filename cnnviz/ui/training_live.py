"""What moves on the page Train while a network learns: buttons, progress, the row of layers, curves and filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import streamlit as st

from cnnviz.attribution_words import say_share
from cnnviz.layers import Conv2d, DepthwiseSeparableConv2d, Flatten, Layer, Linear, Shape
from cnnviz.network_text import format_layer
from cnnviz.network_weights import Parameters
from cnnviz.optimisers import WeightStep
from cnnviz.training_job import Job
from cnnviz.training_pool import SIZE
from cnnviz.training_run import News
from cnnviz.ui import training
from cnnviz.ui.controls import Reading
from cnnviz.ui.network import Network
from cnnviz.ui.network_columns import columns_of
from cnnviz.ui.network_view import network_view
from cnnviz.ui.settings import escaped
from cnnviz.ui.training import POOL, Lesson
from cnnviz.ui.training_view import training_view

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
    if job and job.news and now.is_of_job:
        _curves(now, job, number)


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
    state = job.state if job else "none"
    with st.container(horizontal=True, gap="small", key="training_buttons"):
        if state in ("none", "over"):
            again = state == "over" and not now.is_changed
            label = "Train again" if again else "Train"
            if st.button(label, type="primary", icon=":material/play_arrow:", disabled=not now.order, key="train"):
                _begin(now, is_paused=False)
            if state == "none" and st.button(
                "One step", icon=":material/skip_next:", disabled=not now.order, key="first step"
            ):
                _begin(now, is_paused=True)
            return
        assert job
        if state == "paused":
            if st.button("Go on", type="primary", icon=":material/play_arrow:", key="go on"):
                _say(job, "go on")
            if st.button("One step", icon=":material/skip_next:", key="step"):
                _say(job, "step")
        elif state == "running":
            if st.button("Pause", type="primary", icon=":material/pause:", key="pause"):
                _say(job, "pause")
            if st.button("One step", icon=":material/skip_next:", key="step"):
                _say(job, "step")
        if st.button("Stop" if state != "waiting" else "Leave the queue", icon=":material/stop:", key="stop"):
            if state == "waiting" or not job.news:
                training.stop()
                st.rerun()
            _say(job, "stop")


def _begin(now: Lesson, *, is_paused: bool) -> None:
    assert now.order
    st.session_state.pop("at", None)
    training.start(now.order, is_paused=is_paused)
    st.rerun()


def _say(job: Job, word: Any) -> None:
    """Tell the worker, and wait a moment for its answer."""
    version = job.version
    POOL.say(job, word)
    job.wait(version, 1.0)
    st.rerun()


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
    if now.is_changed:
        again = "**Train** takes them" if job.state == "over" else "stop it, and **Train** takes them"
        st.caption(f"The settings are others by now than those that {_trained_with(job)}: {again}.")


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
    share = f" ({say_share(float(answers[best]))})" if float(answers.min()) >= 0 and float(answers.max()) <= 1 else ""
    verdict = "which is right" if said == right else f"but it is **{escaped(right)}**"
    st.markdown(f"It takes this picture for **{escaped(said)}**{share}, {verdict}.")


def _curves(now: Lesson, job: Job, number: int) -> None:
    assert job.news
    frames = job.keyframes if job.state in ("over", "paused") else []
    if not frames or frames[-1][0] != job.news.number:
        frames = [*frames, (job.news.number, job.news.parameters)]
    layers = job.order.layers
    at = first_layer(layers)
    filters = [(step, as_filters(layers, parameters, now.data.shape)) for step, parameters in frames] if at >= 0 else []
    rows = job.rows
    norms = [
        (i, f"{i + 1} {format_layer(layer).split(':')[0]}")
        for i, layer in enumerate(layers)
        if _learns(job.news.parameters[i])
    ]
    layer, name, place = job.watched
    training_view(
        rows, job.scores, filters, key="training-curves", steps=job.news.steps,
        stepsAnEpoch=job.news.steps_an_epoch, norms=norms, at=number, atBox="at", weightBox="watched",
        filtersOf=at, weight=place if (layer, name) == (at, "weight") else -1,
    )  # fmt: skip
    if job.news.weight:
        _arithmetic(job.news, job.news.weight)


def first_layer(layers: tuple[Layer, ...]) -> int:
    """The index of the layer whose weights can be seen as pictures: one that takes the picture itself; -1: none."""
    for index, layer in enumerate(layers):
        if isinstance(layer, Conv2d | DepthwiseSeparableConv2d) and layer.sources(index) == (0,):
            return index
        if isinstance(layer, Linear) and index == 1 and isinstance(layers[0], Flatten):
            return index
        if not isinstance(layer, Flatten):
            return -1
    return -1


def as_filters(layers: tuple[Layer, ...], parameters: Parameters, shape: Shape) -> np.ndarray:
    """The first layer's weights, (out, in, height, width); shape: of a picture."""
    tensors = parameters[first_layer(layers)]
    if "depthwise" in tensors:
        return tensors["depthwise"].numpy()
    weight = tensors["weight"]
    if weight.ndim == 2:
        weight = weight.reshape(-1, *shape)
    return weight.numpy()


def _learns(tensors: Mapping[str, Any]) -> bool:
    return any(not name.startswith("running") for name in tensors)


def _arithmetic(news: News, step: WeightStep) -> None:
    layer, name, place = news.watched
    where = ", ".join(str(at) for at in np.unravel_index(place, news.parameters[layer][name].shape))
    with st.container(key="weight_step"):
        st.markdown(f"**One weight in step {news.number}**: layer {layer + 1}, {name}[{where}]")
        lines = [f"| {escaped(term)} | {escaped(how)} | {value:.6g} |" for term, how, value in step.lines]
        st.markdown("\n".join(["| what | how | value |", "|---|---|---:|", *lines]))
        st.caption(
            f"The gradient says how the mean loss of a batch of {news.pictures} pictures would grow with the weight; "
            "the optimiser goes the other way. Click a weight of a filter to see the next step of that one."
        )

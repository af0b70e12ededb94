"""How a training went so far: its curves, its first filters, and the arithmetic of one weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from cnnviz.network_text import format_layer
from cnnviz.number_words import written
from cnnviz.optimisers import WeightStep
from cnnviz.training_job import Job
from cnnviz.training_run import News, Watched
from cnnviz.ui.first_filters import as_filters, first_layer
from cnnviz.ui.settings import escaped
from cnnviz.ui.training import pictures_of
from cnnviz.ui.training_view import training_view


def curves(job: Job, number: int) -> None:
    """Show them, as they were after so many steps."""
    assert job.news
    frames = job.keyframes if job.state in ("over", "paused") else []
    if not frames or frames[-1][0] != job.news.number:
        frames = [*frames, (job.news.number, job.news.parameters)]
    layers = job.order.layers
    at = first_layer(layers)
    shape = pictures_of(job.order).shape
    filters = [(step, as_filters(layers, parameters, shape)) for step, parameters in frames] if at >= 0 else []
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
    if job.watched != job.news.watched:
        st.caption(f"{_weight(job.news, job.watched)} is watched now: the next step says how it moves.")


def _learns(tensors: Mapping[str, Any]) -> bool:
    return any(not name.startswith("running") for name in tensors)


def _arithmetic(news: News, step: WeightStep) -> None:
    with st.container(key="weight_step"):
        st.markdown(f"**One weight in the last step, {news.number:,}**: {_weight(news, news.watched)}")
        said = [(term, how, written(value, 6)) for term, how, value in step.lines]
        lines = [f"| {escaped(term)} | {escaped(how)} | {value} |" for term, how, value in said]
        st.markdown("\n".join(["| what | how | value |", "|---|---|---:|", *lines]))
        st.caption(
            f"The gradient says how the mean loss of a batch of {news.pictures} pictures would grow with the weight; "
            "the optimiser goes the other way. Click a weight of a filter to see the next step of that one."
        )


def _weight(news: News, watched: Watched) -> str:
    layer, name, place = watched
    where = ", ".join(str(at) for at in np.unravel_index(place, news.parameters[layer][name].shape))
    return f"layer {layer + 1}, {name}[{where}]"

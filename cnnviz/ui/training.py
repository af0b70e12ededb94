"""What the page Train computes: what is to be trained, the session's training, and the network as it is at a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.datasets import DATASETS, Dataset, shapes
from cnnviz.layers import Layer
from cnnviz.network import Summary, survey
from cnnviz.network_text import format_network
from cnnviz.network_weights import Parameters, draw_weights
from cnnviz.shapes import ShapeError
from cnnviz.training import TrainingError
from cnnviz.training_job import Job
from cnnviz.training_pool import Pool
from cnnviz.training_run import Order
from cnnviz.ui.network import Network, afford_network, follow
from cnnviz.ui.own_pictures import OWN_PICTURES
from cnnviz.ui.settings import OWN
from cnnviz.ui.training_order import order_of
from cnnviz.ui.watch import rejected

POOL: Final = Pool()  # the server's only one
IS_PUT_BACK: Final = "training put back"
KEY: Final = "training"  # of the session's job, which goes on while other pages are looked at
NO_PICTURES: Final = "There are no pictures of your own yet: bring files, or choose others."
_SHOWN: Final = 200  # shapes of those that are learned from, drawn to be looked at


@dataclass(frozen=True, eq=False)
class Lesson:
    """One state of the page.

    name: of the pictures. data: those to look at; of shapes all that are held out, but few that are learned from.
    order: what would be trained now; None if `error` says why it cannot be.
    job: the session's training, with `order` or another one.
    """

    name: str
    data: Dataset
    layers: tuple[Layer, ...]
    summary: Summary
    order: Order | None
    error: ValueError | None
    job: Job | None

    @property
    def is_of_job(self) -> bool:
        """Whether the training is of this network and these pictures, be it with another recipe."""
        job = self.job
        return job is not None and job.order.layers == self.layers and job.order.data == self._source

    @property
    def is_changed(self) -> bool:
        """Whether settings are others than those that were trained with."""
        return (
            self.job is None or not self.is_of_job or self.order is None or self.order.recipe != self.job.order.recipe
        )

    @property
    def _source(self) -> str | Dataset:
        return self.data if self.name == OWN else self.name


def lesson(values: Mapping[str, Any]) -> Lesson:
    """What the settings say."""
    error: ValueError | None = None
    own: Dataset | None = st.session_state.get(OWN_PICTURES)
    if values["data"] == OWN and own is None:
        error = TrainingError(NO_PICTURES)
    data = _shown("digits" if error else values["data"], own)
    layers: tuple[Layer, ...] = values["layers"]
    found = survey(layers, data.shape)
    order = None
    if error is None:
        try:
            order = order_of(values, data, found)
        except ValueError as refused:
            error = refused
    return Lesson(values["data"], data, layers, found, order, error, st.session_state.get(KEY))


def pictures_of(order: Order) -> Dataset:
    """What is trained with; of shapes few of those that are learned from."""
    return order.data if isinstance(order.data, Dataset) else _shown(order.data, None)


def put_back(job: Job) -> None:
    """Put the network that is trained, and its pictures, on the page again."""
    is_own = isinstance(job.order.data, Dataset)
    if is_own:
        st.session_state[OWN_PICTURES] = job.order.data
    st.session_state["data"] = OWN if is_own else job.order.data
    st.session_state["layers"] = format_network(job.order.layers)
    st.session_state[IS_PUT_BACK] = True  # for the part of the page that runs alone has no such boxes


def _shown(name: str, own: Dataset | None) -> Dataset:
    if name == OWN and own:
        return own
    return shapes(_SHOWN) if name == "shapes" else DATASETS[name]()


def warm() -> None:
    """Let a worker be ready when a training begins."""
    if runtime.exists():
        POOL.warm()


def start(order: Order, *, is_paused: bool = False) -> Job:
    """Begin the session's training; it is no longer the one before."""
    stop()
    job = st.session_state[KEY] = POOL.submit(replace(order, is_paused=is_paused), _is_open())
    if job.state == "over":
        rejected("training")
    return job


def keep_on(job: Job) -> None:
    """Let a training go on for this session, and no longer for the one that began it."""
    job.is_wanted = _is_open()


def stop() -> None:
    """Forget the session's training."""
    if job := st.session_state.pop(KEY, None):
        POOL.drop(job)


def _is_open() -> Callable[[], bool]:
    """What tells whether the page of this session is still open."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return lambda: True
    server, session = runtime.get_instance(), context.session_id
    return lambda: server.is_active_session(session)


def network_at(now: Lesson, number: int, example: int, values: Mapping[str, Any]) -> Network:
    """The network as it was after so many steps, with a held-out picture; before any training, as it is drawn."""
    image = now.data.held_out.images(slice(example, example + 1))
    try:  # a faulty end is another thing: what works before it is shown, if it can be afforded
        afford_network(now.summary, now.layers[: len(now.summary.rows)], now.data.shape)
    except ShapeError as refused:
        return Network(now.layers, now.summary, [], [image], error=refused)
    parameters: Parameters
    if now.is_of_job and now.job and now.job.news:
        frames = dict(now.job.keyframes) | {now.job.news.number: now.job.news.parameters}
        parameters = frames.get(number, now.job.news.parameters)
    else:
        parameters = draw_weights(now.layers[: len(now.summary.rows)], now.data.shape, values["init"], values["seed"])
    return follow(now.layers, now.summary, parameters, image)

"""What the page Train computes: what is to be trained, the session's training, and the network as it is at a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.datasets import DATASETS, Dataset, shapes
from cnnviz.layers import Layer, Shape
from cnnviz.network import Summary, survey
from cnnviz.network_text import format_network
from cnnviz.network_weights import Parameters, draw_weights, wanted_tensors
from cnnviz.shapes import ShapeError
from cnnviz.training import Recipe, TrainingError
from cnnviz.training_job import Job
from cnnviz.training_pass import check_fit
from cnnviz.training_pool import Pool
from cnnviz.training_run import MOST_PARAMETERS, MOST_STEPS, Order, Watched
from cnnviz.ui.limits import comparisons, stage_cells
from cnnviz.ui.network import Network, afford_network, follow
from cnnviz.ui.own_pictures import OWN_PICTURES
from cnnviz.ui.settings import OWN

POOL: Final = Pool()  # the server's only one
KEY: Final = "training"  # of the session's job, which goes on while other pages are looked at
NO_PICTURES: Final = "There are no pictures of your own yet: bring files, or choose others."
MOST_A_STEP: Final = 4_000_000_000  # multiply-adds: one or two seconds of a worker
MOST_TO_MEASURE: Final = 40_000_000_000  # multiply-adds: some ten seconds
MOST_CELLS: Final = 60_000_000  # of all stages for a batch: 240 MB, and gradients beside them
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
            order = _order(values, data, found)
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


def _shown(name: str, own: Dataset | None) -> Dataset:
    if name == OWN and own:
        return own
    return shapes(_SHOWN) if name == "shapes" else DATASETS[name]()


def _order(values: Mapping[str, Any], data: Dataset, found: Summary) -> Order:
    layers: tuple[Layer, ...] = values["layers"]
    count = 6000 if values["data"] == "shapes" else len(data.training)
    batch = values["batch"]
    check_fit(layers, data.shape, len(data.classes), min(batch, count % batch or batch, count))
    if found.parameters > MOST_PARAMETERS:
        raise ShapeError(
            f"It has {found.parameters:,} parameters; up to {MOST_PARAMETERS:,} are trained here. A pool before "
            "`flatten`, or fewer outputs of the first `linear`, would take most of them away."
        )
    afford_network(found, layers, data.shape)
    _afford_batch(batch, found.macs + comparisons(layers, data.shape), stage_cells(layers, data.shape))
    names = ("optimiser", "rate", "batch", "epochs", "seed", "weight_decay", "augmentation", "init")
    recipe = Recipe(**{name: values[name] for name in names})
    source: str | Dataset = data if values["data"] == OWN else values["data"]
    _afford_measure(data, found.macs + comparisons(layers, data.shape))
    if (steps := -(-count // batch) * recipe.epochs) > MOST_STEPS:
        raise TrainingError(
            f"That would be {steps:,} steps; up to {MOST_STEPS:,} are done here. Take fewer epochs, or a larger batch."
        )
    return Order(layers, source, recipe, watched_of(values["watched"], layers, data.shape))


def _afford_batch(batch: int, steps: int, cells: int) -> None:
    """Refuse a batch that would take a worker seconds, or more memory than it has: forward, and twice that back."""
    if 3 * batch * steps > MOST_A_STEP or batch * cells > MOST_CELLS:
        most = max(1, min(MOST_A_STEP // max(1, 3 * steps), MOST_CELLS // max(1, cells)))
        raise TrainingError(
            f"A batch of {batch} takes {3 * batch * steps:,} multiply-adds a step and {batch * cells:,} cells of maps; "
            f"up to {MOST_A_STEP:,} and {MOST_CELLS:,} are computed here. A batch of {most} would do."
        )


def _afford_measure(data: Dataset, steps: int) -> None:
    """Refuse what would be measured for longer than it is trained: after each epoch that is not to be stopped."""
    pictures = len(data.held_out) + 1000
    if pictures * steps > MOST_TO_MEASURE:
        raise TrainingError(
            f"One picture takes {steps:,} multiply-adds, and {pictures:,} are measured after each epoch; up to "
            f"{MOST_TO_MEASURE // pictures:,} a picture are computed here. A stride of 2 near the beginning helps."
        )


def watched_of(chosen: Watched | None, layers: tuple[Layer, ...], shape: Shape) -> Watched:
    """The weight that was chosen, if there is such a one; else one in the middle of a layer's first filter."""
    sizes = {
        (index, name): size
        for index, (_, tensors) in enumerate(wanted_tensors(layers, shape))
        for name, size in tensors.items()
        if not name.startswith("running")
    }
    layer, name, place = chosen or (-1, "", 0)
    if (layer, name) not in sizes:
        layer, name = next((key for key in sizes if key[0] == layer), next(iter(sizes)))
    size = sizes[layer, name]
    is_there = chosen is not None and chosen[:2] == (layer, name) and place < math.prod(size)
    return layer, name, place if is_there else math.prod(size[1:]) // 2


def warm() -> None:
    """Let a worker be ready when a training begins."""
    if runtime.exists():
        POOL.warm()


def start(order: Order, *, is_paused: bool = False) -> Job:
    """Begin the session's training; it is no longer the one before."""
    stop()
    job = st.session_state[KEY] = POOL.submit(replace(order, is_paused=is_paused), _is_open())
    return job


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

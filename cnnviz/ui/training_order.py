"""What is to be trained, as the settings say it, and what would take too long or too much memory here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from cnnviz.datasets import Dataset
from cnnviz.layers import Layer, Shape
from cnnviz.network import Summary
from cnnviz.network_weights import wanted_tensors
from cnnviz.shapes import ShapeError
from cnnviz.training import Recipe, TrainingError
from cnnviz.training_pass import check_fit
from cnnviz.training_run import MOST_PARAMETERS, MOST_STEPS, Order, Watched
from cnnviz.ui.limits import batched_steps, stage_cells
from cnnviz.ui.network import afford_network
from cnnviz.ui.settings import OWN

MOST_A_STEP: Final = 4_000_000_000  # multiply-adds: one or two seconds of a worker
MOST_TO_MEASURE: Final = 40_000_000_000  # multiply-adds: some ten seconds
MOST_CELLS: Final = 60_000_000  # of all stages for a batch: 240 MB, and gradients beside them


def order_of(values: Mapping[str, Any], data: Dataset, found: Summary) -> Order:
    """The order. Raises ShapeError, TrainingError: what does not fit, or is too much, with its figures."""
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
    steps_a_picture = batched_steps(layers, data.shape)
    _afford_batch(batch, steps_a_picture, stage_cells(layers, data.shape))
    names = ("optimiser", "rate", "batch", "epochs", "seed", "weight_decay", "augmentation", "init")
    recipe = Recipe(**{name: values[name] for name in names})
    source: str | Dataset = data if values["data"] == OWN else values["data"]
    _afford_measure(data, steps_a_picture)
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
            f"A batch of {batch} takes as long as {3 * batch * steps:,} multiply-adds a step, and {batch * cells:,} "
            f"cells of maps; up to {MOST_A_STEP:,} and {MOST_CELLS:,} are computed here. A batch of {most} would do."
        )


def _afford_measure(data: Dataset, steps: int) -> None:
    """Refuse what would be measured for longer than it is trained: after each epoch that is not to be stopped."""
    pictures = len(data.held_out) + 1000
    if pictures * steps > MOST_TO_MEASURE:
        raise TrainingError(
            f"One picture takes as long as {steps:,} multiply-adds, and {pictures:,} are measured after each epoch; "
            f"up to {MOST_TO_MEASURE // pictures:,} each are computed here. A stride of 2 near the beginning helps."
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

"""What the page Network computes: a stack of layers on a picture, as far as it works, with all that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import streamlit as st
from torch import Tensor

from cnnviz.kernels import KernelError
from cnnviz.layers import Layer, Shape
from cnnviz.network import Summary, forward, survey
from cnnviz.network_mends import Mend, mend
from cnnviz.network_weights import Parameters, draw_weights, fit_tensors, with_filters
from cnnviz.shapes import ShapeError
from cnnviz.ui import drawn
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.limits import afford, comparisons, is_finite, stage_cells

OWN_WEIGHTS: Final = "own weights"  # in the session: tensors that a person brought, by name
MOST_PARAMETERS: Final = 5_000_000  # 20 MB, which is what may be uploaded


@dataclass(frozen=True, eq=False)
class Network:
    """One state of the page, with all that made it.

    layers: those of the address. summary: their costs, as far as they work, and which cannot.
    parameters: of the layers that work. outputs: the picture, (1, C, H, W), and what each of these layers made.
    problems: which tensors of a file do not fit, one sentence each.
    error: why nothing was computed though the layers fit, or why the weights are others than the address says.
    overflows: the index of the layer whose numbers no float32 holds; it and those after it have no output.
    """

    layers: tuple[Layer, ...]
    summary: Summary
    parameters: Parameters
    outputs: list[Tensor]
    problems: Sequence[str] = ()
    error: ValueError | None = None
    overflows: int | None = None
    seen: dict[tuple[int, ...], Any] = field(default_factory=dict)  # what cells see, as far as it was worked out

    @property
    def image(self) -> Tensor:
        return self.outputs[0]

    @property
    def shape(self) -> Shape:
        """Of the picture, (C, H, W)."""
        return tuple(self.image.shape[1:])

    @cached_property
    def mend(self) -> Mend | None:
        """What would let the layer work that cannot."""
        return mend(self.layers, self.shape)

    def before(self, index: int) -> list[Tensor]:
        """What a layer takes."""
        return [self.outputs[at] for at in self.layers[index].sources(index)]


def run(values: Mapping[str, Any], chosen: Chosen) -> Network:
    """Compute the page's state; the layers before one that cannot work are computed all the same."""
    uploaded = st.session_state.get(OWN_WEIGHTS)
    key = values["net"], values["init"], values["seed"], tuple(values["edits"].items()), id(uploaded)
    last = drawn.last(tuple)
    if last and last[0] == key and last[1] is chosen.image:
        found: Network = last[2]
        return found
    now = _computed(values, chosen.image, uploaded)
    drawn.keep((key, chosen.image, now))
    return now


def draw(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the browser may draw the weights itself; None where filters or a file take their places."""
    if values["edits"] or st.session_state.get(OWN_WEIGHTS) is not None:
        return None
    return {"method": values["init"], "seed": values["seed"], "box": "seed"}


def _computed(values: Mapping[str, Any], image: Tensor, uploaded: Mapping[str, Tensor] | None) -> Network:
    layers: tuple[Layer, ...] = values["net"]
    shape: Shape = tuple(image.shape[1:])
    found = survey(layers, shape)
    working = layers[: len(found.rows)]
    try:
        afford_network(found, working, shape)
    except ShapeError as refused:
        return Network(layers, found, [], [image], error=refused)
    parameters, problems = draw_weights(working, shape, values["init"], values["seed"]), list[str]()
    error: ValueError | None = None
    try:
        parameters = with_filters(parameters, working, values["edits"])
    except KernelError as unread:
        error = unread
    if uploaded is not None:
        parameters, problems = fit_tensors(working, parameters, uploaded)
    return replace(follow(layers, found, parameters, image), problems=problems, error=error)


def follow(layers: tuple[Layer, ...], found: Summary, parameters: Parameters, image: Tensor) -> Network:
    """Send a picture, (1, C, H, W), through the layers that work."""
    outputs = [image]
    for stage in forward(layers[: len(found.rows)], image, parameters)[1:]:
        if stage.name != "padded":
            outputs.append(stage.output)
    whole = next((at for at, output in enumerate(outputs) if not is_finite(output)), len(outputs))
    overflows = whole - 1 if whole < len(outputs) else None
    return Network(layers, found, parameters, outputs[:whole], overflows=overflows)


def afford_network(found: Summary, layers: Sequence[Layer], shape: Shape) -> None:
    """Refuse a network too large, before anything of it is computed."""
    if found.parameters > MOST_PARAMETERS:
        raise ShapeError(
            f"This network has {found.parameters:,} parameters, {4 * found.parameters / 1e6:,.0f} MB; up to "
            f"{MOST_PARAMETERS:,} are computed here. Most of them are in layer {_heaviest(found) + 1}."
        )
    afford("network", found.macs + comparisons(layers, shape), stage_cells(layers, shape))


def _heaviest(found: Summary) -> int:
    counts = [row.parameters for row in found.rows]
    return counts.index(max(counts))

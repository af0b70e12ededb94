"""What the page Kinds computes: kinds of convolution on the same maps, what each costs, and where they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from cnnviz.kernels import KernelError
from cnnviz.kind_costs import Cost, cost
from cnnviz.kind_plans import Plan, group_counts, plan
from cnnviz.kinds import KINDS, Kind, layers_of
from cnnviz.layers import Shape
from cnnviz.network import summary
from cnnviz.shapes import ShapeError
from cnnviz.ui import drawn
from cnnviz.ui.checking import Pin, check
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kind_stages import Layered, all_stages, source_stages
from cnnviz.ui.kind_timing import milliseconds
from cnnviz.ui.limits import STILL_ROW, afford, is_finite, stage_cells
from cnnviz.ui.settings import SLOTS
from cnnviz.ui.stage_view import Look, StageMap


@dataclass(frozen=True, eq=False)
class Branch:
    """A kind in its place: A, B or C.

    maps: those of its steps, the output last. layers: the same as layers. plan, shape: of its weights and its input.
    error: why what is chosen now cannot work. Then the rest, all but the cost, is of the last that could be made of the
        same maps in this place; or there is none of it.
    """

    slot: str
    kind: Kind
    maps: tuple[StageMap, ...] = ()
    layers: tuple[Layered, ...] = ()
    cost: Cost | None = None
    plan: Plan | None = None
    shape: Shape = ()
    error: ValueError | None = None

    @property
    def title(self) -> str:
        return f"{self.slot.upper()} {self.kind.title}"

    @property
    def milliseconds(self) -> float:
        """How long it takes here; measured when it is asked for, after the picture was sent."""
        return milliseconds(self.kind, self.plan, self.shape) if self.plan else math.nan


@dataclass(frozen=True, eq=False)
class Comparison:
    """One state of the page: the maps that all kinds get, the kinds, and the differences from the first."""

    values: Mapping[str, Any]
    image: Tensor
    source: tuple[StageMap, ...]  # the input first, the maps last
    branches: tuple[Branch, ...]
    differences: tuple[StageMap, ...]

    @property
    def channels(self) -> int:
        """How many maps every kind gets."""
        return len(self.source[-1].maps)

    @property
    def maps(self) -> list[StageMap]:
        return [*self.source, *(entry for branch in self.branches for entry in branch.maps), *self.differences]

    @property
    def outputs(self) -> list[str]:
        """The stages whose colours and maps go together."""
        return [branch.maps[-1].name for branch in self.branches if branch.maps] + [e.name for e in self.differences]

    @property
    def usual(self) -> dict[str, Look]:
        """What is shown unless one says otherwise: all maps of every stage, and the picture as one."""
        return {entry.name: "all" for entry in self.maps[1:] if len(entry.maps) > 1}

    @property
    def notice(self) -> str:
        """What to say over the stages where a row is not what is chosen now."""
        stale = " and ".join(branch.slot.upper() for branch in self.branches if branch.error and branch.maps)
        return f"{stale}: {STILL_ROW}" if stale else ""

    @property
    def columns(self) -> int:
        return len(self.rows[0])

    @property
    def places(self) -> dict[str, str]:
        """By name, in order, the titles of the places; an empty one has a name that is no stage's."""
        titles = {entry.name: entry.title for entry in self.maps}
        names = [name for row in self.rows for name in row]
        return {name or f"empty {at}": titles.get(name, "") for at, name in enumerate(names)}

    @property
    def rows(self) -> list[list[str]]:
        """The places on the page, a row for each kind: what all get, the kind's steps to its output, its difference."""
        steps = [[entry.name for entry in branch.maps if not entry.hidden] for branch in self.branches]
        shown = [entry.name for entry in self.source if not entry.hidden]
        most = max(map(len, steps), default=0)
        last = {entry.name[-1]: entry.name for entry in self.differences}
        rows = []
        for row, middle in enumerate(steps):
            first = [""] * len(shown) if row else shown
            rows.append([*first, *[""] * (most - len(middle)), *middle, last.get(self.branches[row].slot, "")])
        return rows if last else [row[:-1] for row in rows]

    def check(self, pin: Pin | None) -> dict[str, Any] | None:
        """The pinned cell by another route, for the lens."""
        layers = [layer for branch in self.branches for layer in branch.layers]
        for layer in layers:
            if pin and layer.name == pin[0] and layer.stages[-1].name == "conv":
                return check(pin, layer.stages, [layer.parameters], {layer.name: "conv"})
        return None


def run(values: Mapping[str, Any], chosen: Chosen) -> Comparison:
    """Compute the page's state, unless it was the last one computed.

    A kind that cannot work says so and leaves its last good maps, and the others stand.
    """
    last = drawn.last(Comparison)
    if last and last.image is chosen.image and last.values == values:
        return last  # a page may run again to say more
    source, x = source_stages(values["maps"], chosen.image)
    branches = list[Branch]()
    for slot in SLOTS:
        if values[f"kind_{slot}"] != "none":
            branches.append(_branch(slot, values, source, branches, x))
    now = Comparison(values, chosen.image, source, tuple(branches), tuple(_differences(branches)))
    drawn.keep(now)
    return now


def _branch(
    slot: str, values: Mapping[str, Any], source: Sequence[StageMap], others: Sequence[Branch], x: Tensor
) -> Branch:
    """A kind in its place, on the last of the source's maps and beside the others."""
    kind, shape = KINDS[values[f"kind_{slot}"]], tuple(x.shape[1:])
    try:
        made = plan(
            values["kernel"], x.shape[1], values["out_channels"], weights=values["weights"], method=values["init"],
            seed=values["seed"], stride=values[f"stride_{slot}"], dilation=values[f"dilation_{slot}"],
            groups=groups_of(values, slot, x.shape[1]), padding=values["padding"],
        )  # fmt: skip
        layers = layers_of(kind, made)
        total = summary(layers, shape)
        afford("kind", total.macs, _cells(source, others, total.rows[-1].output_shape) + stage_cells(layers, shape))
        price = cost(kind, made, shape)
        maps, layered = all_stages(kind.steps(made), source[-1], x, slot, kind.title)
        if not is_finite(layered[-1].output):
            raise ShapeError("These numbers grow beyond what a float32 can hold.")
        return Branch(slot, kind, tuple(maps), tuple(layered), price, made, shape)
    except (ShapeError, KernelError) as error:
        return _last(slot, kind, source, error)


def _last(slot: str, kind: Kind, source: Sequence[StageMap], error: ValueError) -> Branch:
    """What was drawn last in this place, if it was of the same maps: beside others it would explain nothing."""
    last = drawn.last(Comparison)
    if last and np.array_equal(last.source[-1].maps, source[-1].maps):
        for branch in last.branches:
            if branch.slot == slot and branch.maps:
                return replace(branch, cost=None, error=error)
    return Branch(slot, kind, error=error)


def _cells(source: Sequence[StageMap], branches: Sequence[Branch], shape: Shape) -> int:
    """How many cells the page holds beside the stages of one more kind whose output has this shape."""
    held = sum(entry.maps.size for entry in (*source, *(entry for branch in branches for entry in branch.maps)))
    first, *others = [branch.maps[-1].maps.shape if branch.maps else () for branch in branches] + [shape]
    return held + sum(math.prod(output) for output in others if output and output == first)  # the differences


def _differences(branches: Sequence[Branch]) -> Iterator[StageMap]:
    """Each kind's maps minus the first one's, where they are of one shape."""
    first, *others = (branch.maps[-1] if branch.maps else None for branch in branches) if branches else [None]
    for branch, entry in zip(branches[1:], others):
        if first is None or entry is None or first.maps.shape != entry.maps.shape:
            continue
        title = f"{branch.slot.upper()} − {branches[0].slot.upper()}"
        origins = entry.name, first.name
        how = {"op": "difference"}
        maps = entry.maps - first.maps
        yield StageMap(f"difference-{branch.slot}", title, maps, how, entry.start, entry.jump, title, origins)


def groups_of(values: Mapping[str, Any], slot: str, channels: int) -> int:
    """The number of groups: the largest that splits both channel counts and is not above what the slider says."""
    counts = group_counts(channels, values["out_channels"])
    return max(count for count in counts if count <= values[f"groups_{slot}"])

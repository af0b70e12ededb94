"""One state of the page Activation and pooling: all that made it, and what can be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cnnviz.activation_effects import Effect, effect
from cnnviz.layers import Activation, Conv2d, GlobalPool2d, Layer, Pool2d
from cnnviz.network import Stage
from cnnviz.pool_winners import Pool
from cnnviz.shapes import pair, times
from cnnviz.shift_effects import ShiftEffect, shift_effect
from cnnviz.ui import pooling_maps
from cnnviz.ui.checking import Pin, check
from cnnviz.ui.stage_view import StageMap


@dataclass(frozen=True, eq=False)
class Pooling:
    """One state of the page, with all that made it. A layer is None when it is off or never could work.

    stages, shifted: of the picture, and of the shifted one with the same layers; none of it where nothing is shifted.
    strided: takes every so many cells instead of a pool, as a convolution with that stride would.
    wins: how many windows each cell of the map before the pool won; None where nobody wins.
    rounding: the largest |value| before the activation that may be 0.
    stale: whether the settings now are others, which cannot work; conv_error, pool_error or notice say why.
    """

    values: Mapping[str, Any]
    stages: Sequence[Stage]
    maps: list[StageMap]
    conv: Conv2d | None = None
    activation: Activation | None = None
    pool: Pool | None = None
    strided: Pool2d | None = None
    parameters: Sequence[Mapping[str, Tensor]] = ()
    shifted: Sequence[Stage] = ()
    wins: Tensor | None = None
    rounding: float = 0.0
    conv_error: ValueError | None = None
    pool_error: ValueError | None = None
    notice: str = ""
    stale: bool = False

    @property
    def by(self) -> tuple[int, int]:
        """How far the picture is shifted, down and to the right."""
        return self.values["shift_down"], self.values["shift"]

    @property
    def before(self) -> Tensor:
        """What goes into the activation."""
        return self.stages[1 if self.conv else 0].output

    @property
    def pooled_from(self) -> Tensor:
        """What goes into the pool."""
        return before_pool(self.stages)

    @property
    def places(self) -> dict[str, str]:
        """The titles of all stages that there may be: two rows of five. Numbers go through no convolution."""
        first = pooling_maps.FIRST_ROW | ({"conv": ""} if self.values["source"] == "numbers" else {})
        if not any(self.by):
            return first
        alone = pooling_maps.WITHOUT_POOLING if self.strided else {}
        return first | pooling_maps.SECOND_ROW | alone

    @property
    def alike(self) -> tuple[str, ...]:
        """The stages that are to be compared by their colours: means and norms are of another size than their cells."""
        return pooling_maps.POOLED + (pooling_maps.PASSED_ON if self.wins is not None else ())

    def check(self, pin: Pin | None) -> dict[str, Any] | None:
        """The pinned cell by another route, for the lens."""
        if not self.conv or not pin:
            return None
        if pin[0] == "shifted-pool":
            return check(pin, self.shifted, self.parameters, {"shifted-pool": "pool"})
        return check(pin, self.stages, self.parameters, {stage.name: stage.name for stage in self.stages})

    @property
    def effect(self) -> Effect | None:
        """What the activation does to the values before it; None of a softmax, which has no curve."""
        name, parameters = (
            ("identity", {}) if not self.activation else (self.activation.name, self.activation.parameters)
        )
        return None if name == "softmax" else effect(name, dict(parameters), self.before, self.rounding)

    def comparisons(self) -> list[tuple[str, ShiftEffect]]:
        """What the shift changed, with the pool and with its stride alone."""
        if not self.shifted:
            return []
        shape = tuple(self.stages[0].output.shape[1:])
        first: list[Layer] = [layer for layer in (self.conv, self.activation) if layer]
        through = first + ([self.pool] if self.pool else [])
        ends = self.stages[-1].output, self.shifted[-1].output
        found = [(_route(self.pool), shift_effect(through, shape, *self.by, *ends))]
        if self.strided:
            ends = self.strided(self.pooled_from), self.strided(before_pool(self.shifted))
            name = f"{pooling_maps.step_words(self.strided)} alone"
            found.append((name, shift_effect([*first, self.strided], shape, *self.by, *ends)))
        return found


def before_pool(stages: Sequence[Stage]) -> Tensor:
    """What goes into the pool, or would, of all stages in order."""
    return stages[-2 if stages[-1].name == "pool" else -1].output


def _route(pool: Pool | None) -> str:
    if not pool:
        return "no pooling"
    if isinstance(pool, Pool2d):
        return f"{pool.kind} pooling {times(pair(pool.kernel_size, ''))}"
    return f"{'global' if isinstance(pool, GlobalPool2d) else 'adaptive'} {pool.kind} pooling"

"""The live stage view: a row of heatmaps, redrawn in place, each with shape, range and legend.

Python sends what the eye needs (8-bit maps) and how each stage arises from the one before it, so
that the browser computes the exact value of any cell without asking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from cnnviz import figures
from cnnviz.ui.components import component
from cnnviz.ui.framing import framed

_mount = component("stage_view")


FEW: Final = 4  # maps that always travel whole
WHOLE: Final = 400_000  # cells of a stage that do
LARGE: Final = 1e34  # the sum of a block of such numbers may be more than a float32 holds
SEEN: Final = 512  # px that many maps are seen in, side by side
Look = int | str  # a channel, -1 for three as one picture, "all" side by side, or a "stack"


@dataclass(frozen=True)
class StageMap:
    """What the view shows of one stage.

    Args:
        name: the DOM's `data-stage`.
        title: what a person calls it.
        maps: (C, H, W) float32; of a picture, multiples of 1/255 in [0, 1].
        how: the operation that makes it from the stage before, for the browser's own arithmetic. Arrays in it, such as
            weights (out, in, H, W), are float32.
        start, jump: where the centre of cell (0, 0) lies in the input image, and how far the next
            cell is, in input pixels (vertical, horizontal).
        arrow: a few words over the arrow that leads here.
        origins: the names of the stages that it arises from; None: the one before it.
        picture: whether its values are grey levels or colours, 0 to 1, and not computed from them.
        hidden: whether it is there for the browser's arithmetic only.
    """

    name: str
    title: str
    maps: np.ndarray
    how: Mapping[str, Any] = field(default_factory=dict)
    start: tuple[float, float] = (0.0, 0.0)
    jump: tuple[float, float] = (1.0, 1.0)
    arrow: str = ""
    origins: tuple[str, ...] | None = None
    picture: bool = False
    hidden: bool = False

    @cached_property
    def spans(self) -> list[tuple[float, float]]:
        """The smallest and the largest value of each map."""
        flat = self.maps.reshape(len(self.maps), -1)
        return list(zip(flat.min(axis=1).tolist(), flat.max(axis=1).tolist()))

    @property
    def span(self) -> tuple[float, float]:
        """The smallest and the largest value of all."""
        return min(low for low, _ in self.spans), max(high for _, high in self.spans)

    @property
    def colors(self) -> figures.ColorRange:
        """The scale it is shown with."""
        low, high = self.span
        return (
            figures.ColorRange("gray", min(0.0, low), max(1.0, high))
            if self.picture
            else figures.color_range(low, high)
        )


def stage_view(
    stages: Sequence[StageMap],
    *,
    key: str,
    places: Mapping[str, str] | None = None,
    columns: int = 0,
    follow: Mapping[str, Any] | None = None,
    ignored: Mapping[str, str] | None = None,
    address: Mapping[str, str | None] | None = None,
    looks: Mapping[str, Look] | None = None,
    usual: Mapping[str, Look] | None = None,
    selects: Mapping[str, tuple[str, int]] | None = None,
    alike: Sequence[str] = (),
    tall: float = 0.26,
    pin: Sequence[str | int] | None = None,
    check: Mapping[str, Any] | None = None,
    notice: str = "",
    link_note: str = "",
) -> None:
    """Show the stages; a later call with the same key redraws them in place.

    Args:
        stages: the input first, each after those that it arises from.
        places: by name, the titles of all stages there may be, in order: each keeps its place when others are off.
        columns: places in a row; 0: all in one.
        follow: what `stages.follow` says, so that the browser shows a tweak before the server has heard of it;
            None where it cannot.
        ignored: what is to go from the address: by name, texts that make no sense.
        address: what is to stand in it: by name, the texts of the settings shown, None of a default.
        looks: by name, what is shown of a stage of several maps.
        usual: by name, what is shown where nobody has chosen.
        selects: by name, the key of the box that takes the number of a map that is chosen, and the number.
        alike: the names of stages that show the same map on the same scale.
        tall: how much of the window's height a stage may take.
        pin: the cell that the lens keeps to: stage, row, column, perhaps a channel.
        check: what another route found for it: `checking.check`.
        notice: a sentence over the stages, for a setting that cannot work while the last good picture stays.
        link_note: what a copied link does not carry.
    """
    titles = dict(places or {})
    looks = {**(usual or {}), **(looks or {})}
    header: dict[str, Any] = {"places": list(titles), "titles": titles, "follow": follow, "ignored": ignored or {}}
    header |= {"address": address or {}, "pin": pin, "check": check, "columns": columns, "usual": usual or {}}
    header |= {"selects": selects or {}, "alike": alike, "tall": tall}
    _mount(key=key, data=pack(stages, looks, **header, notice=notice, link_note=link_note))


def pack(stages: Sequence[StageMap], looks: Mapping[str, Look] | None = None, **header: Any) -> bytes:
    """One message: the header, then weights and values as float32, then levels.

    The padded input is not sent: the browser gathers it from the input. Of many large maps only those that are looked
    at travel whole, the others as small as they are seen side by side.
    """
    looks = looks or {}
    places = {stage.name: place for place, stage in enumerate(stages)}
    before = [
        stages[places[stage.origins[0]]] if stage.origins else stages[max(0, i - 1)] for i, stage in enumerate(stages)
    ]
    parts = [_parted(stage, before[i], looks.get(stage.name)) for i, stage in enumerate(stages)]
    described = [_described(stage, part, places) for stage, part in zip(stages, parts)]
    arrays = [
        np.asarray(value, "<f4").tobytes()
        for stage in stages
        for value in stage.how.values()
        if isinstance(value, np.ndarray)
    ]
    levels = [levels for part in parts for levels in part.levels]
    return framed({"stages": described, "looks": looks, **header}, [*arrays, *levels])


@dataclass(frozen=True)
class _Part:
    """What of a stage travels: the channels that do so whole, the size of those in small, and the bytes."""

    ranges: list[tuple[float, float]]
    sent: list[int]
    step: int  # cells of a map in a cell of the small one; 0: there is none
    small: tuple[int, ...]
    levels: list[bytes]


def _parted(stage: StageMap, before: StageMap, look: Look | None) -> _Part:
    channels, height, width = stage.maps.shape
    is_image = stage.how.get("op") == "image"  # its values are multiples of 1/255: nothing is lost
    ranges = [(0.0, 1.0)] * channels if is_image else stage.spans
    if stage.hidden or (stage.how.get("op") == "pad" and before.how.get("op") == "image"):
        return _Part(ranges, [], 0, (0, 0), [])
    sent, step = list(range(channels)), 0
    if not is_image and channels > FEW and stage.maps.size > WHOLE:
        sent = [look] if isinstance(look, int) and 0 <= look < channels else []
        step = math.ceil(max(height, width) / (SEEN // math.ceil(math.sqrt(channels))))
    maps = [(stage.maps[channel], ranges[channel]) for channel in sent]
    small = averaged(stage.maps, step) if step else np.empty((0, 0, 0))
    maps += zip(small, ranges)
    return _Part(
        ranges, sent, step, small.shape[1:], [figures.quantise(plane, *ends).tobytes() for plane, ends in maps]
    )


def averaged(maps: np.ndarray, step: int) -> np.ndarray:
    """Maps (C, H, W) in small: each block of `step` × `step` cells is its mean; the last may have fewer."""
    kind = np.float64 if max(maps.max(initial=0), -maps.min(initial=0)) > LARGE else np.float32
    for axis in (1, 2):
        size = maps.shape[axis]
        ends = np.minimum(np.arange(0, size + step, step)[: -(-size // step) + 1], size)
        total = np.zeros((*maps.shape[:axis], len(ends) - 1, *maps.shape[axis + 1 :]), kind)
        for first in range(step):  # slices: `reduceat` takes ten times as long
            cells = maps[:, first::step] if axis == 1 else maps[:, :, first::step]
            part = total[:, : cells.shape[1]] if axis == 1 else total[:, :, : cells.shape[2]]
            part += cells
        counts = np.diff(ends).astype(kind)
        maps = total / (counts[:, None] if axis == 1 else counts)
    return maps


def _described(stage: StageMap, part: _Part, places: Mapping[str, int]) -> dict[str, Any]:
    colors = stage.colors
    origins = [places[name] for name in stage.origins] if stage.origins is not None else None
    small = {"height": part.small[0], "width": part.small[1], "step": part.step} if part.step else None
    low, high = stage.span
    return {
        "name": stage.name,
        "title": stage.title,
        "shape": stage.maps.shape,
        "low": low,
        "high": high,
        "ranges": part.ranges,
        "scale": colors.scale,
        "colors": (colors.low, colors.high),
        "how": {name: value.shape if isinstance(value, np.ndarray) else value for name, value in stage.how.items()},
        "start": stage.start,
        "jump": stage.jump,
        "arrow": stage.arrow,
        "sent": part.sent,
        "small": small,
        "hidden": stage.hidden,
    } | ({"from": origins} if origins is not None else {})

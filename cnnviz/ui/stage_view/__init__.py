"""The live stage view: a row of heatmaps, redrawn in place, each with shape, range and legend.

Python sends what the eye needs (8-bit maps) and how each stage arises from the one before it, so
that the browser computes the exact value of any cell without asking.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnviz import figures
from cnnviz.ui.components import component

_mount = component("stage_view")


@dataclass(frozen=True)
class StageMap:
    """What the view shows of one stage.

    Args:
        name: the DOM's `data-stage`.
        title: what a person calls it.
        maps: (C, H, W) float32; of the first stage, multiples of 1/255 in [0, 1].
        how: the operation that makes it from the stage before, for the browser's own arithmetic.
        start, jump: where the centre of cell (0, 0) lies in the input image, and how far the next
            cell is, in input pixels (vertical, horizontal).
        arrow: a few words over the arrow that leads here.
    """

    name: str
    title: str
    maps: np.ndarray
    how: Mapping[str, Any] = field(default_factory=dict)
    start: tuple[float, float] = (0.0, 0.0)
    jump: tuple[float, float] = (1.0, 1.0)
    arrow: str = ""

    @property
    def colors(self) -> figures.ColorRange:
        """The scale it is shown with: a picture's values are grey levels, what is computed from them is not."""
        if self.how.get("op") in {"image", "pad"}:
            low, high = float(self.maps.min()), float(self.maps.max())
            return figures.ColorRange("gray", min(0.0, low), max(1.0, high))
        return figures.color_range(self.maps)


def stage_view(
    stages: Sequence[StageMap],
    *,
    key: str,
    places: Mapping[str, str] | None = None,
    follow: Mapping[str, Any] | None = None,
    ignored: Mapping[str, str] | None = None,
    address: Mapping[str, str | None] | None = None,
    pin: tuple[str, int, int] | None = None,
    check: Mapping[str, Any] | None = None,
    notice: str = "",
    link_note: str = "",
) -> None:
    """Show the stages; a later call with the same key redraws them in place.

    Args:
        stages: the input first.
        places: by name, the titles of all stages there may be, in order: each keeps its place when others are off.
        follow: what `stages.follow` says, so that the browser shows a tweak before the server has heard of it;
            None where it cannot.
        ignored: what is to go from the address: by name, texts that make no sense.
        address: what is to stand in it: by name, the texts of the settings shown, None of a default.
        pin: the cell that the lens keeps to: stage, row, column.
        check: what another route found for it: `Experiment.check`.
        notice: a sentence over the stages, for a setting that cannot work while the last good picture stays.
        link_note: what a copied link does not carry.
    """
    titles = dict(places or {})
    header: dict[str, Any] = {"places": list(titles), "titles": titles, "follow": follow, "ignored": ignored or {}}
    header |= {"address": address or {}, "pin": pin, "check": check}
    _mount(key=key, data=pack(stages, **header, notice=notice, link_note=link_note))


def pack(stages: Sequence[StageMap], **header: Any) -> bytes:
    """One message: length of the header (uint32, little endian), the header as JSON, then raw bytes.

    Raw bytes survive at the top level of a component's data only, hence the framing. The padded input
    is not sent: the browser gathers it from the input.
    """
    scales = figures.SCALES
    head = {"stages": [_described(stage) for stage in stages], "scales": scales, **header}
    text = json.dumps(head, allow_nan=False).encode()
    palettes = [figures.palette(name).tobytes() for name in scales]
    levels = [_levels(stage).tobytes() for stage in stages if stage.how.get("op") != "pad"]
    return b"".join([struct.pack("<I", len(text)), text, *palettes, *levels])


def _described(stage: StageMap) -> dict[str, Any]:
    colors = stage.colors
    return {
        "name": stage.name,
        "title": stage.title,
        "shape": stage.maps.shape,
        "low": float(stage.maps.min()),
        "high": float(stage.maps.max()),
        "scale": colors.scale,
        "colors": (colors.low, colors.high),
        "how": stage.how,
        "start": stage.start,
        "jump": stage.jump,
        "arrow": stage.arrow,
    }


def _levels(stage: StageMap) -> np.ndarray:
    if stage.how.get("op") == "image":
        return figures.quantise(stage.maps, 0.0, 1.0)  # its values are multiples of 1/255: nothing is lost
    return figures.quantise(stage.maps, float(stage.maps.min()), float(stage.maps.max()))

"""The pinned cell by another route, for the lens's badge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from cnnviz.network import Stage
from cnnviz.recompute import recompute
from cnnviz.shapes import ShapeError

Pin = Sequence[Any]  # stage, row, column, perhaps a channel


def check(
    pin: Pin | None, stages: Sequence[Stage], parameters: Sequence[Mapping[str, Tensor]], names: Mapping[str, str]
) -> dict[str, Any] | None:
    """What `recompute` finds for the pinned cell; None where there is none, or no sum behind it.

    Args:
        stages, parameters: as `recompute` takes them.
        names: what the page calls a stage -> its name in `stages`.
    """
    if not pin or pin[0] not in names:
        return None
    name, row, column, *rest = pin
    channel = rest[0] if rest else 0
    try:
        found = recompute(stages, parameters, names[name], channel, row, column)
    except ShapeError:
        return None  # a tweak has taken the cell away, and may bring it back
    return {"stage": name, "channel": channel, "row": row, "column": column, **asdict(found)} if found else None

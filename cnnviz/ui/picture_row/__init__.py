"""Pictures and maps side by side, with one cross of hairs for all of them, or to choose one of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnviz import figures
from cnnviz.ui.components import component
from cnnviz.ui.framing import framed

_mount = component("picture_row")


@dataclass(frozen=True, eq=False)
class Shown:
    """One of the row.

    pixels: of a picture, (C, H, W) uint8 with one channel or three; of a map, (H, W) of any finite values.
    note: a line under it. ends: the values of the scale's ends, if they are not to follow from the map's own.
    has_scale: whether a map's scale is under it, or is said elsewhere for all.
    outline: a part that is framed, (top, left, bottom, right), the last two beyond it.
    choose: what is written into the row's box when it is pressed; is_chosen: whether it is what stands there.
    """

    title: str
    pixels: np.ndarray
    note: str = ""
    ends: tuple[float, float] | None = None
    outline: tuple[int, int, int, int] | None = None
    choose: str = ""
    is_chosen: bool = False
    has_scale: bool = True


def picture_row(
    shown: Sequence[Shown], *, key: str, side: int, box: str = "", at: tuple[int, int] | None = None, said: str = "",
    on_same: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Show the row; a later call with the same key redraws it in place.

    Args:
        side: pixels on the screen of the longer side of each.
        box: the key of the text box into which a pixel that is chosen is written, as "row,column", or `choose`.
        at: the pixel that is chosen; None: pixels cannot be. said: what a screen reader says of it, once it is new.
        on_same: is called when what is chosen stands in the box already, so that nothing else would happen.
    """
    _mount(key=key, data=pack(shown, side=side, box=box, at=at, said=said), on_same_change=on_same or (lambda: None))


def pack(shown: Sequence[Shown], **header: Any) -> bytes:
    """One message: the header, then each picture's levels, uint8, or each map's values, float32."""
    described, parts = [], []
    for each in shown:
        is_map = each.pixels.ndim == 2
        told: dict[str, Any] = {
            "title": each.title, "note": each.note, "shape": each.pixels.shape, "outline": each.outline,
            "choose": each.choose, "isChosen": each.is_chosen, "hasScale": each.has_scale,
        }  # fmt: skip
        if is_map:
            low, high = each.ends or (float(each.pixels.min()), float(each.pixels.max()))
            colors = figures.color_range(low, high)
            told |= {"scale": colors.scale, "ends": (colors.low, colors.high)}
        described.append(told)
        parts.append(np.ascontiguousarray(each.pixels, "<f4" if is_map else np.uint8).tobytes())
    return framed({"shown": described, **header}, parts)

"""What mixes places and channels, opened: maps unrolled into a vector, a weighted sum of it all, shares of a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from cnnviz.layers import Shape
from cnnviz.ui.components import component
from cnnviz.ui.framing import framed

_mount = component("dense_view")

MOST_CELLS: Final = 250_000  # of what goes in, that are shown: 1 MB


def dense_view(
    kind: str,
    before: np.ndarray,
    after: np.ndarray,
    *,
    key: str,
    maps: Shape = (),
    weight: np.ndarray | None = None,
    bias: float = 0.0,
    unit: int = 0,
    box: str = "",
) -> None:
    """Show the layer; a later call with the same key redraws it in place.

    Args:
        kind: "flatten", "linear" or "softmax".
        before, after: what goes in and what comes out, (F,) float32; of "flatten", which changes nothing, the first.
        maps: (C, H, W) that the input was before it was flattened; empty: it never was.
        weight, bias: of the output `unit`, (F,) and a number.
        box: the key of the box that takes the number of an output that is chosen.
    """
    arrays = [before, after, *([] if weight is None else [weight])]
    _mount(key=key, data=pack(arrays, kind=kind, maps=maps, bias=bias, unit=unit, box=box))


def pack(arrays: Sequence[np.ndarray], **header: Any) -> bytes:
    """One message: the header, then the arrays as float32."""
    raw = [np.asarray(array, "<f4").tobytes() for array in arrays]
    return framed({**header, "lengths": [len(array) for array in arrays]}, raw)

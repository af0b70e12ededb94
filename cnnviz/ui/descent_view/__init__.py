"""A descent in pictures: what goes in, what shall come out, what comes out by now; kernels, loss surface, curves.

All keyframes travel at once, so that the browser replays them without asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnviz.ui.components import component
from cnnviz.ui.framing import framed

_mount = component("descent_view")


def descent_view(arrays: Mapping[str, np.ndarray], *, key: str, **told: Any) -> None:
    """Show a descent; a later call with the same key redraws it in place.

    Args:
        arrays: by name; see descent_message.js for those that are known.
        told: `frames`, the numbers of the steps at which the keyframes were kept; `at`, the frame that is looked at,
            and `atBox`, the key of the box that holds its number; `panels`, `grids`, `curves`, `surface`, and
            `weight`, `weightBox`, `steps` of the weight that is watched; `ignored` and `address`, what the page's
            address is to lose and to say, see `stage_view`.
    """
    _mount(key=key, data=pack(arrays, **told))


def pack(arrays: Mapping[str, np.ndarray], **told: Any) -> bytes:
    """One message: the header, then the arrays in the order of their names in it, as float32 or uint8."""
    described = {name: {"shape": array.shape, "isBytes": array.dtype == np.uint8} for name, array in arrays.items()}
    return framed({**told, "arrays": described}, [_sent(array) for array in arrays.values()])


def _sent(array: np.ndarray) -> bytes:
    if array.dtype == np.uint8:
        return array.tobytes()
    return np.nan_to_num(array, posinf=3e38, neginf=-3e38).clip(-3e38, 3e38).astype("<f4").tobytes()

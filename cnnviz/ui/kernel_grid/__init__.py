"""The kernel editor: a grid of weights to type, scrub, paste and transform.

It is a view of a text box on the same page: it shows what the server read from the box, and what the person does to
the grid it writes into the box, as if typed and followed by Enter. So the kernel has one home, and a change of the
grid and one of any other widget cannot overtake each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from cnnviz.kernels import INITIALISATIONS, KERNELS, format_kernel, format_rows
from cnnviz.ui.components import component

LARGEST_SIDE: Final = 11  # that the editor makes; it shows what a link brings, up to kernels.MAX_SIDE

Preset = tuple[str, str, str, Sequence[Sequence[float]]]  # name, family, what to look for, rows
_KERNELS: Final[tuple[Preset, ...]] = tuple((k.name, k.family, k.look_for, k.values) for k in KERNELS.values())

_mount = component("kernel_grid")


def kernel_grid(
    rows: Sequence[Sequence[float]],
    text: str,
    *,
    key: str,
    box: str,
    planes: Sequence[str] = ("",),
    entry: int | None = None,
    presets: Sequence[Preset] = _KERNELS,
    is_fixed: bool = False,
    of: str = "kernel",
    about: str = "",
) -> None:
    """Show a kernel, a filter or a picture of numbers, to be edited.

    Args:
        rows: the numbers as the server has them, 1×1 to 15×15; a filter's planes one below the other.
        text: what the text box holds that they were read from.
        key: the component's key; its element is found at `.st-key-<key>`.
        box: the key of the text box.
        planes: the names of a filter's channels.
        entry: the filter's number, where the box holds `filters.parse_edits` of many.
        presets: what the menu offers.
        is_fixed: whether the size is set elsewhere.
        of: "kernel", or "input" where the numbers are the picture.
        about: what to say of numbers that are no preset.
    """
    library = {"kernels": presets, "methods": INITIALISATIONS}
    kernel = format_kernel(rows) if len(planes) == 1 else ";".join(format_rows([row]) for row in rows)
    data: dict[str, Any] = {"kernel": kernel, "text": text, "box": box, "side": LARGEST_SIDE}
    data |= {"planes": planes, "entry": entry, "isFixed": is_fixed, "of": of, "about": about}
    _mount(key=key, data={**data, "edition": _edition(presets), "library": library})


@lru_cache(maxsize=64)
def _edition(presets: Sequence[Preset]) -> str:
    return hashlib.sha256(json.dumps([presets, INITIALISATIONS]).encode()).hexdigest()[:8]

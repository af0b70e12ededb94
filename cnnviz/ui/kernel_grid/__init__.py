"""The kernel editor: a grid of weights to type, scrub, paste and transform.

It is a view of a text box on the same page: it shows what the server read from the box, and what the person does to
the grid it writes into the box, as if typed and followed by Enter. So the kernel has one home, and a change of the
grid and one of any other widget cannot overtake each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from cnnviz.kernels import INITIALISATIONS, KERNELS, format_kernel
from cnnviz.ui.components import component

LARGEST_SIDE: Final = 11  # that the editor makes; it shows what a link brings, up to kernels.MAX_SIDE

_LIBRARY: Final = {
    "kernels": [[k.name, k.family, k.look_for, k.values] for k in KERNELS.values()],
    "methods": INITIALISATIONS,
}
_EDITION: Final = hashlib.sha256(json.dumps(_LIBRARY).encode()).hexdigest()[:8]

_mount = component("kernel_grid")


def kernel_grid(rows: Sequence[Sequence[float]], text: str, *, key: str, box: str) -> None:
    """Show a kernel, to be edited.

    Args:
        rows: the kernel as the server has it, 1×1 to 15×15.
        text: what the text box holds that the kernel was read from.
        key: the component's key; its element is found at `.st-key-<key>`.
        box: the key of the text box.
    Raises:
        KernelError: `rows` is not a kernel.
    """
    data = {"kernel": format_kernel(rows), "text": text, "box": box, "side": LARGEST_SIDE}
    _mount(key=key, data={**data, "edition": _EDITION, "library": _LIBRARY})

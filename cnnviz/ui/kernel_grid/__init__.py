"""The kernel editor: a grid of weights to type, scrub, paste and transform.

Protocol (JSON both ways, one edit under way at a time; `kernel_link.js` is the other end):

    to the browser    {"kernel": text, "number": n, "edition": e, "side": 11, "library": {…} until the browser has it}
    from the browser  {"number": n, "library": e, "kernel": text}
                      {"number": n, "library": e, "random": {"method", "seed", "height", "width"}}

`number` counts the browser's edits, and the server says which one it saw last. So the browser tells an
old echo, which must not overwrite what was typed since, from a kernel that changed for another reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st

from cnnviz.kernels import (
    INITIALISATIONS,
    KERNELS,
    MAX_SIDE,
    KernelError,
    format_kernel,
    initialise,
    parse_kernel,
)
from cnnviz.ui.components import component

LARGEST_SIDE: Final = 11  # that the editor makes; it shows what a link brings, up to kernels.MAX_SIDE

_LIBRARY: Final = {
    "kernels": [[k.name, k.family, k.look_for, k.values] for k in KERNELS.values()],
    "methods": INITIALISATIONS,
}
_EDITION: Final = hashlib.sha256(json.dumps(_LIBRARY).encode()).hexdigest()[:8]

_mount = component("kernel_grid")


def kernel_grid(rows: Sequence[Sequence[float]], *, key: str, on_change: Callable[[str], None]) -> None:
    """Show a kernel and call back when the person at the browser changes it.

    Args:
        rows: the kernel as the server has it, 1×1 to 15×15.
        key: the component's key; its element is found at `.st-key-<key>`.
        on_change: gets the new kernel as `cnnviz.kernels.format_kernel` writes it, always one that `parse_kernel`
            reads. It runs as a widget's callback does: before the script, free to write `st.session_state`.
    Raises:
        KernelError: `rows` is not a kernel.
    """

    def changed() -> None:
        if (text := _kernel_of(_edit(key))) is not None:
            on_change(text)

    edit = _edit(key)
    data: dict[str, Any] = {
        "kernel": format_kernel(rows),
        "number": number if _is_count(number := edit.get("number")) else 0,
        "edition": _EDITION,
        "side": LARGEST_SIDE,
    }
    if edit.get("library") != _EDITION:
        data["library"] = _LIBRARY
    _mount(key=key, data=data, on_edit_change=changed)


def _edit(key: str) -> dict[str, Any]:
    """The browser's last edit as it came: a stranger may have written it."""
    state = st.session_state.get(key)
    edit = state.get("edit") if isinstance(state, dict) else None
    return edit if isinstance(edit, dict) else {}


def _kernel_of(edit: dict[str, Any]) -> str | None:
    """The kernel that an edit asks for, or None when it makes no sense: our own browser code sends no such edit."""
    try:
        match edit:
            case {"kernel": str(text)}:
                return format_kernel(parse_kernel(text))
            case {"random": {"method": str(method), "seed": seed, "height": height, "width": width}}:
                if all(map(_is_count, (seed, height, width))) and max(height, width) <= MAX_SIDE:
                    return format_kernel(initialise(method, (1, 1, height, width), seed)[0, 0].tolist())
    except KernelError:
        pass
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53

"""The server's end of the kernel editor: what it tells the browser is the kernel that it has."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz.kernels import INITIALISATIONS, KERNELS, KernelError, parse_kernel
from cnnviz.ui import kernel_grid as grid
from tests.fuzzing import examples

several = examples(120)


def told(rows: Any, text: str) -> dict[str, Any]:
    """What the browser is told."""
    messages: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "_mount", lambda *, key, data: messages.append(data))
        grid.kernel_grid(rows, text, key="grid", box="kernel")
    return json.loads(json.dumps(messages[0], allow_nan=False))


@pytest.mark.parametrize("name", KERNELS)
def test_a_preset_goes_by_its_name(name: str) -> None:
    rows = ";".join(",".join(repr(value) for value in row) for row in KERNELS[name].values)
    data = told(parse_kernel(rows), rows)
    assert (data["kernel"], data["text"], data["box"]) == (name, rows, "kernel")


def test_the_browser_gets_every_preset_and_method() -> None:
    library = told([[1.0]], "1")["library"]
    assert [name for name, *_ in library["kernels"]] == list(KERNELS)
    assert library["methods"] == list(INITIALISATIONS)
    for name, _, _, values in library["kernels"]:
        assert values == [list(row) for row in KERNELS[name].values]


@pytest.mark.parametrize("rows", [[], [[]], [[1.0], [1.0, 2.0]], [[float("nan")]], [[1e7]], [[1.0] * 16]])
def test_rows_that_are_no_kernel_are_the_callers_mistake(rows: Any) -> None:
    with pytest.raises(KernelError):
        told(rows, "")


@several
@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_is_sent_is_what_the_server_has(rows: list[list[float]]) -> None:
    assume(len({len(row) for row in rows}) == 1)
    assert np.array_equal(np.float32(parse_kernel(told(rows, "")["kernel"])), np.float32(rows))

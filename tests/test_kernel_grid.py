"""The server's end of the kernel editor: a stranger may have written what comes back."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cnnviz.kernels import INITIALISATIONS, KERNELS, MAX_SIDE, KernelError, format_kernel, initialise, parse_kernel
from cnnviz.ui import kernel_grid as grid

several = settings(deadline=None, max_examples=200)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-1, 20),
    st.sampled_from([2**53 - 1, 2**53, 2**63, 2**64, 10**400]),
    st.floats(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(["1", "1,2;3,4", "edge", "nan", "1/0", "1" * 9000, ";" * 9000, *INITIALISATIONS]),
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)
edits = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"kernel": anything, "random": anything, "number": anything, "library": anything}
    ),
    st.fixed_dictionaries(
        {
            "random": st.fixed_dictionaries(
                {}, optional={"method": scalars, "seed": scalars, "height": scalars, "width": scalars}
            )
        }
    ),
)


@settings(deadline=None, max_examples=500)
@given(edits)
@example({"kernel": "\ud800"})
@example({"random": {"method": "normal", "seed": True, "height": 3, "width": 3}})
@example({"random": {"method": "normal", "seed": 0, "height": 0, "width": 3}})
@example({"random": {"method": "normal", "seed": 0, "height": 10**9, "width": 10**9}})
@example({"random": {"method": "normal", "seed": 1.0, "height": 3.0, "width": 3}})
def test_an_edit_is_a_kernel_or_nothing(edit: dict[str, Any]) -> None:
    text = grid._kernel_of(edit)
    if text is not None:
        rows = parse_kernel(text)
        assert 1 <= len(rows) <= MAX_SIDE
        assert format_kernel(rows) == text, "one text for one kernel, so an echo is known as one"


@several
@given(
    st.sampled_from(INITIALISATIONS),
    st.integers(0, 2**53 - 1),
    st.integers(1, MAX_SIDE),
    st.integers(1, MAX_SIDE),
)
def test_random_is_initialise(method: str, seed: int, height: int, width: int) -> None:
    edit = {"random": {"method": method, "seed": seed, "height": height, "width": width}, "number": 1}
    text = grid._kernel_of(edit)
    assert text == grid._kernel_of(edit), "a seed is a kernel"
    weights = initialise(method, (1, 1, height, width), seed)[0, 0]
    assert text is not None
    assert weights.new_tensor(parse_kernel(text)).equal(weights), "to the last bit"
    other = edit | {"random": {"method": method, "seed": (seed + 1) % 2**53, "height": height, "width": width}}
    assert height * width < 4 or grid._kernel_of(other) != text


@pytest.mark.parametrize("name", KERNELS)
def test_a_preset_comes_back_by_its_name(name: str) -> None:
    rows = ";".join(",".join(repr(value) for value in row) for row in KERNELS[name].values)
    assert grid._kernel_of({"kernel": rows}) == name == grid._kernel_of({"kernel": name})


class Browser:
    """Stands in for Streamlit and the component: holds what came, keeps what is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: Any, key: str = "grid") -> None:
        self.data: dict[str, Any] = {}
        self.edited: Any = None
        monkeypatch.setattr(grid, "st", SimpleNamespace(session_state={} if state is None else {key: state}))
        monkeypatch.setattr(grid, "_mount", self._mount)

    def _mount(self, *, key: str, data: dict[str, Any], on_edit_change: Any) -> None:
        self.data, self.edited = data, on_edit_change


@several
@given(
    st.one_of(
        anything, edits, st.builds(lambda edit: {"edit": edit}, edits), st.builds(lambda x: {"edit": x}, anything)
    )
)
def test_whatever_came_back_the_editor_is_shown(state: Any) -> None:
    got: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        browser = Browser(patch, state)
        grid.kernel_grid(KERNELS["edge"].values, key="grid", on_change=got.append)
        browser.edited()
    sent = json.loads(json.dumps(browser.data, allow_nan=False))
    assert sent["kernel"] == "edge"
    assert 0 <= sent["number"] < 2**53, "a number that the browser reads exactly"
    assert len(got) <= 1
    for text in got:
        parse_kernel(text)


def test_the_library_is_sent_until_the_browser_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Browser(monkeypatch, None)
    grid.kernel_grid([[1.0]], key="grid", on_change=lambda text: None)
    library = first.data["library"]
    assert [name for name, *_ in library["kernels"]] == list(KERNELS)
    assert list(library["methods"]) == list(INITIALISATIONS)
    edition = first.data["edition"]
    later = Browser(monkeypatch, {"edit": {"number": 7, "library": edition, "kernel": "2"}})
    grid.kernel_grid([[2.0]], key="grid", on_change=lambda text: None)
    assert "library" not in later.data
    assert (later.data["number"], later.data["kernel"]) == (7, "2")
    old = Browser(monkeypatch, {"edit": {"number": 7, "library": "an older one", "kernel": "2"}})
    grid.kernel_grid([[2.0]], key="grid", on_change=lambda text: None)
    assert "library" in old.data


def test_the_page_hears_of_a_change_once_and_never_of_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []
    for edit in ({"kernel": "0,5"}, {"kernel": "0;5"}, {"kernel": "x"}, {"kernel": 3}, {}, None):
        browser = Browser(monkeypatch, {"edit": edit})
        grid.kernel_grid([[1.0]], key="grid", on_change=got.append)
        browser.edited()
    assert got == ["0,5", "0;5"]


@pytest.mark.parametrize("rows", [[], [[]], [[1.0], [1.0, 2.0]], [[float("nan")]], [[1e7]], [[1.0] * 16]])
def test_rows_that_are_no_kernel_are_the_callers_mistake(monkeypatch: pytest.MonkeyPatch, rows: Any) -> None:
    Browser(monkeypatch, None)
    with pytest.raises(KernelError):
        grid.kernel_grid(rows, key="grid", on_change=lambda text: None)


@several
@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_is_sent_is_what_the_server_has(rows: list[list[float]]) -> None:
    assume(len({len(row) for row in rows}) == 1)
    with pytest.MonkeyPatch.context() as patch:
        browser = Browser(patch, None)
        grid.kernel_grid(rows, key="grid", on_change=lambda text: None)
    assert np.array_equal(np.float32(parse_kernel(browser.data["kernel"])), np.float32(rows))

"""What people brought is kept small, and given back when their pages are gone."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec

from cnnviz.hosting import Hosting
from cnnviz.image_shrinking import shrunk
from cnnviz.images import ImageError, load_pixels
from cnnviz.ui import presence, tidying, uploads
from cnnviz.ui.chosen_image import offer
from tests.test_pages import Lab


def noise(height: int, width: int, kind: str = "PNG", **save: object) -> bytes:
    """A picture that hardly packs: a ramp with grain."""
    ramp = np.linspace(0, 200, width)[None, :, None] + np.zeros((height, 1, 3))
    grain = np.random.default_rng(1).integers(0, 50, ramp.shape)
    buffer = io.BytesIO()
    Image.fromarray((ramp + grain).astype(np.uint8)).save(buffer, kind, **save)
    return buffer.getvalue()


def test_a_small_file_stays_as_it_came() -> None:
    data = noise(40, 30)
    assert shrunk(data, len(data)) is data


@pytest.mark.parametrize(
    ("height", "width", "most"), [(900, 1400, 1_000_000), (60, 3000, 100_000), (1500, 1200, 9_000)]
)
def test_a_large_one_becomes_a_smaller_picture_of_the_same(height: int, width: int, most: int) -> None:
    data = noise(height, width)
    small = shrunk(data, most)
    assert len(data) > most >= len(small)
    assert load_pixels(small, mode="RGB").shape[2] / load_pixels(small, mode="RGB").shape[1] == pytest.approx(
        width / height, rel=0.2
    )
    before, after = (load_pixels(each, mode="RGB", size=8, fit="stretch").astype(int) for each in (data, small))
    assert abs(before - after).max() <= 3


def test_nothing_is_lost_of_what_can_be_asked_for() -> None:
    small = shrunk(noise(1300, 2600), 7_000_000)
    assert load_pixels(small, mode="RGB").shape == (3, 1024, 2048), "its shorter side keeps all that a page can show"


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ImageError):
        shrunk(b"GIF89a" + bytes(5000), 100)


def test_the_page_says_that_a_picture_was_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnviz.ui.chosen_image.HOSTING", Hosting(kept_mb=1))
    lab = Lab(size="40").upload("large.png", noise(800, 800))
    assert lab.says("a smaller one is kept") == 1
    assert lab.shapes["input"] == (1, 40, 40)
    assert len(lab.at.session_state["own"].data) <= 1_000_000
    assert lab.upload("small.png", noise(20, 20)).says("a smaller one is kept") == 0


def test_the_server_forgets_a_file_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    record = UploadedFileRec("file", "a.png", "image/png", b"bytes")
    manager.add_file("session", record)
    context = SimpleNamespace(uploaded_file_mgr=manager, session_id="session")
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: context)
    assert len(manager.get_files("session", ["file"])) == 1
    uploads.release([UploadedFile(record, None)])
    assert manager.get_files("session", ["file"]) == []


def test_a_session_is_closed_once_its_page_has_been_gone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    active, closed = {"a", "b"}, list[str]()
    server = SimpleNamespace(is_active_session=active.__contains__, close_session=closed.append)
    monkeypatch.setattr(tidying.runtime, "get_instance", lambda: server)
    monkeypatch.setattr(tidying, "_closed", {})
    tidying.note("a")
    tidying.note("b")
    assert tidying.close_forgotten(0) == 0
    active.remove("a")
    assert tidying.close_forgotten(100) == 0, "now it is seen to be gone"
    active.add("a")
    assert tidying.close_forgotten(150) == 0, "it came back"
    active.remove("a")
    assert tidying.close_forgotten(200) == 0
    assert tidying.close_forgotten(200 + tidying.GRACE) == 0
    assert tidying.close_forgotten(201 + tidying.GRACE) == 1
    assert closed == ["a"]
    assert tidying.close_forgotten(900) == 0


def test_a_session_that_cannot_be_closed_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = list[str]()

    def close(session: str) -> None:
        closed.append(session)
        if session == "a":
            raise KeyError(session)

    server = SimpleNamespace(is_active_session=lambda session: False, close_session=close)
    monkeypatch.setattr(tidying.runtime, "get_instance", lambda: server)
    monkeypatch.setattr(tidying, "_closed", {"a": 0.0, "b": 0.0})
    monkeypatch.setattr(tidying, "EVERY", 0.01)
    monkeypatch.setattr(tidying, "GRACE", 0.0)
    monkeypatch.setattr(tidying, "free", lambda: None)

    async def tidy() -> None:
        task = asyncio.create_task(tidying.tidy_up())
        while len(closed) < 2:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(tidy(), 20))
    assert closed == ["a", "b"]


@pytest.mark.parametrize(
    ("had", "held", "lost"),
    [(["own"], [], ["own"]), (["own"], ["own"], []), (["own weights", "own"], ["own"], ["own weights"]),
     ([{"own": 1}, None, 3, "nonsense", "<b>"], [], []), ([["own"]], [], [])],
)  # fmt: skip
def test_what_is_lost_is_what_a_page_had_and_has_no_more(had: list, held: list[str], lost: list[str]) -> None:
    assert presence.missing(had, held) == lost


@pytest.mark.parametrize(
    ("left", "is_open", "taken"),
    [("left", False, True), ("left", True, False), ("gone", False, False), (None, False, False), (["left"], 0, 0)],
)  # fmt: skip
def test_a_page_takes_over_from_one_that_is_closed(
    monkeypatch: pytest.MonkeyPatch, left: Any, is_open: bool, taken: bool
) -> None:
    """And from no other: what is open belongs to somebody. left: said by a browser, so it may be anything."""
    had = {"own": "a picture", "own shown": False, "own decoded": "its pixels", "size": "12", "lost": ["own"]}
    info = SimpleNamespace(session=SimpleNamespace(session_state=SimpleNamespace(filtered_state=had)))
    server = SimpleNamespace(
        is_active_session=lambda session: is_open,
        _session_mgr=SimpleNamespace(get_session_info={"left": info}.get),
    )
    state = {"presence": SimpleNamespace(left=left)}
    monkeypatch.setattr("streamlit.session_state", state)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    presence.take_over()
    del state["presence"]
    assert state == ({name: had[name] for name in ("own", "own shown", "own decoded")} if taken else {})


def test_a_frame_that_cannot_be_read_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Image.new("L", (30, 30), 20 * i) for i in range(4)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    lab = Lab(size="30").upload("moving.gif", buffer.getvalue())
    monkeypatch.setattr("cnnviz.image_files.MAX_ANIMATION_PIXELS", 3 * 900)
    monkeypatch.setattr("cnnviz.image_files.MAX_PIXELS", 900)
    lab.choose(frame=3)
    assert "Frame 3 lies too far" in lab.errors[0]
    assert lab.own == ["moving.gif"]


def test_a_file_that_this_server_never_had_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {}
    monkeypatch.setattr("cnnviz.ui.chosen_image.st.session_state", state)
    offer(DeletedFile("file"))
    assert state == {"own problem": "The file is not there any more: bring it again."}

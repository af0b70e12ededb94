"""What a browser may say, and how much it may bring."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.exceptions import HTTPException
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from cnnviz.hosting import HOSTING
from cnnviz.ui import mended, uploads
from cnnviz.ui.hearing import MOST, NEEDED, HearingError, kind_of

MEGABYTE = 1_000_000


def frame(said: BackMsg) -> dict:
    return {"type": "websocket.receive", "bytes": said.SerializeToString()}


def run(ids: list[str], hashes: int = 0) -> BackMsg:
    said = BackMsg()
    said.rerun_script.SetInParent()
    for name in ids:
        said.rerun_script.widget_states.widgets.add(id=name, int_value=1)
    said.rerun_script.cached_message_hashes.extend(["a"] * hashes)
    return said


def files(count: int) -> BackMsg:
    said = BackMsg()
    said.file_urls_request.file_names.extend(["a.png"] * count)
    return said


def test_what_a_page_says_is_heard() -> None:
    ids = ["$$ID-0123-padding", "$$STREAMLIT_INTERNAL_KEY_$$ID-0123-presence__events"]
    assert kind_of(frame(run([]))) == kind_of(frame(run(ids))) == "rerun_script"
    assert kind_of(frame(run(ids[:1] * MOST, MOST))) == "rerun_script"
    assert kind_of(frame(files(MOST))) == "file_urls_request"
    assert kind_of(frame(BackMsg(stop_script=True))) == "stop_script"
    assert kind_of(frame(BackMsg(app_heartbeat=True))) == "app_heartbeat"
    said = BackMsg()
    said.backend_operation_request.deferred_file.SetInParent()
    assert kind_of(frame(said)) == "deferred_file", "a download that is made when its button is pressed"


@pytest.mark.parametrize(
    "said", [run(["$$ID-0"] * (MOST + 1)), run([], MOST + 1), files(MOST + 1), run(["w0"]), run([""]), run(["None"])]
)
def test_what_no_page_says_ends_the_connection(said: BackMsg) -> None:
    with pytest.raises(HearingError):
        kind_of(frame(said))


@pytest.mark.parametrize(
    "message", [{"text": "hallo"}, {"text": "hallo", "bytes": None}, {"bytes": b"\xff\xff"}, {"bytes": b"\x0a"}]
)
def test_what_is_no_message_ends_the_connection(message: dict) -> None:
    with pytest.raises(HearingError):
        kind_of({"type": "websocket.receive", **message})


def test_streamlit_hears_of_nothing_that_this_app_does_not_need() -> None:
    kinds = {field.name: field for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
    assert NEEDED - set(kinds) == {"deferred_file"}
    for name in set(kinds) - NEEDED:
        said = BackMsg()
        if kinds[name].message_type:
            getattr(said, name).SetInParent()
        else:
            setattr(said, name, True)
        assert kind_of(frame(said)) == "", name
    assert kind_of(frame(BackMsg())) == ""
    for name in ("install_skills", "dismiss_skills_nudge", "dataframe_chunk"):
        said = BackMsg()
        getattr(said.backend_operation_request, name).SetInParent()
        assert kind_of(frame(said)) == "", name


def record(name: str, megabytes: int) -> UploadedFileRec:
    return UploadedFileRec(name, name, "image/png", bytes(megabytes * MEGABYTE))


def test_a_page_and_all_pages_have_room_for_so_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "HOSTING", replace(HOSTING, page_files_mb=3, all_files_mb=5))
    kept = MemoryUploadedFileManager("/upload")

    def bring(page: str, name: str, megabytes: int) -> bool:
        try:
            mended._add_if_room(kept, page, record(name, megabytes))
        except HTTPException as error:
            assert error.status_code == 413 and error.detail == uploads.FULL
            return False
        return True

    assert bring("one", "a", 2) and bring("one", "b", 1)
    assert not bring("one", "c", 1), "over the page's"
    assert bring("one", "a", 1), "in the place of a larger one"
    assert bring("one", "c", 1)
    assert bring("two", "a", 2)
    assert not bring("two", "b", 1), "over that of all"
    kept.remove_file("one", "a")
    assert bring("two", "b", 1)
    assert sum(len(file.data) for file in kept.get_files("one", ["a", "b", "c"])) == 2 * MEGABYTE
    kept.remove_session_files("one")
    assert bring("three", "a", 2)


def test_a_page_may_not_bring_files_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST", 3)
    kept = MemoryUploadedFileManager("/upload")
    for name in "abc":
        mended._add_if_room(kept, "one", record(name, 0))
    with pytest.raises(HTTPException):
        mended._add_if_room(kept, "one", record("d", 0))

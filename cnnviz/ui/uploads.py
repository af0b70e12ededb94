"""Files that people brought: the server keeps few, and none of them longer than it takes to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from cnnviz.hosting import HOSTING
from cnnviz.ui.watch import rejected

MOST: Final = 1_000  # files of a page
FULL: Final = "no room"  # to a browser everywhere/refusals.js says it in a sentence


def refuse_too_many(kept: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    """Let nobody bring more than the host's bounds for one page and for all pages.

    Raises:
        HTTPException: 413, there is no room for this file.
    """
    held = kept.file_storage.get(session_id, {})
    before = held.get(file.file_id)
    new = len(file.data) - (len(before.data) if before else 0)
    of_page = new + sum(len(other.data) for other in list(held.values()))
    of_all = new + kept._total_bytes
    if of_page > HOSTING.page_files_mb * 1_000_000 or of_all > HOSTING.all_files_mb * 1_000_000 or len(held) >= MOST:
        rejected("file")
        raise HTTPException(413, FULL)


def release(files: Sequence[UploadedFile]) -> None:
    """Let the server forget files, which it would keep as long as the session."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)

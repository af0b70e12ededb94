"""All that is changed of Streamlit's and Starlette's own code, which no setting offers; the versions are pinned.

**Nothing of a page is lost between two of its runs.** Streamlit throws away what a page has said but not sent yet when
its script runs again, for a run of all of the page says all of it anew. But the callback of a tweak may turn that run
into one of a few parts (`parts`), and what others said within the last hundredth of a second would never reach the
browser. So all of it is sent, in its order. With it goes `runner.fastReruns = false` in .streamlit/config.toml: else a
tweak starts a second script beside the first, which is heard no more from then on.

**Each run begins sooner.** It tells the browser the theme, all six sections of it, which never change: made once
(measured: 2 % of a tweak's computing, beyond what remembering the options alone had brought).

**A part begins sooner.** Before each run of a part Streamlit takes copies of where its elements go, by `deepcopy`,
which looks at every attribute of every place by itself. All but one of them are never changed in place, so they are
taken over as they are (measured: 5 % of a tweak's computing).

**A component that tells nothing is not looked at.** Streamlit wraps what the session holds of a component in a class
that it makes anew at each look, and a page's settings are read with one look at all of the session (measured: 6 % of a
tweak's computing). Only those components are wrapped that tell the server of a change.

**A file that is brought needs no disk.** Starlette writes what is over a megabyte to a temporary file, which Streamlit
then reads into memory. It stays in memory at once: a disk that is full or may not be written to costs nobody an upload.

**A page's files have a bound.** Streamlit bounds each of them, but not how many come.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, Final

from starlette.formparsers import MultiPartParser
from streamlit.components.v2.bidi_component import main as bidi_component
from streamlit.components.v2.presentation import make_bidi_component_presenter
from streamlit.cursor import Cursor, SparseList
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from cnnviz.ui.uploads import refuse_too_many

_begin: Final = app_session.AppSession._create_scriptrunner
_populate: Final = app_session._populate_theme_msg
_add_file: Final = MemoryUploadedFileManager.add_file


class Outbox(ForwardMsgQueue):
    """A session's messages to its browser, which only sending them empties."""

    def clear(self, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None) -> None:
        """Empty it; where a run begins, only keep its messages apart from those before."""
        if retain_lifecycle_msgs:
            self._delta_index_map = {}
        else:
            super().clear()


def _begin_soon(session: app_session.AppSession, wish: Any) -> None:
    """Begin a run once all that the one before it said is taken, which waits on the event loop by now."""

    def begin() -> None:
        running = session._scriptrunner  # by another wish, meanwhile
        if session._state != app_session.AppSessionState.SHUTDOWN_REQUESTED and not (
            running and running.request_rerun(wish)
        ):
            _begin(session, wish)

    session._event_loop.call_soon(begin)


@cache
def _theme(section: str) -> CustomThemeConfig:
    theme = CustomThemeConfig()
    _populate(theme, section)
    return theme


def _populate_theme(msg: CustomThemeConfig, section: str = "theme") -> None:
    theme = _theme(section)
    if theme.ByteSize():  # an empty section is not sent at all
        msg.MergeFrom(theme)


def _copied(cursor: Cursor, memo: Any) -> Cursor:
    copy = object.__new__(type(cursor))
    copy.__dict__ |= cursor.__dict__
    passing = cursor._transient_elements
    copy._transient_elements = deepcopy(passing, memo) if passing else SparseList()
    return copy


def _present(aggregator_id: str, component_id: str | None = None, allowed_state_keys: set[str] | None = None) -> Any:
    if not allowed_state_keys:
        return None
    return make_bidi_component_presenter(aggregator_id, component_id, allowed_state_keys)


def _add_if_room(kept: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    refuse_too_many(kept, session_id, file)
    _add_file(kept, session_id, file)


def mend() -> None:
    """Make it so for all sessions to come."""
    app_session.ForwardMsgQueue = Outbox  # type: ignore[attr-defined, misc]
    app_session.AppSession._create_scriptrunner = _begin_soon  # type: ignore[method-assign, assignment]
    app_session._populate_theme_msg = _populate_theme
    Cursor.__deepcopy__ = _copied  # type: ignore[attr-defined]
    bidi_component.make_bidi_component_presenter = _present  # type: ignore[attr-defined]
    MemoryUploadedFileManager.add_file = _add_if_room  # type: ignore[method-assign, assignment]
    MultiPartParser.spool_max_size = 0  # of no bound: how large an upload may be is Streamlit's setting

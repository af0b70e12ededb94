"""What a page has said but not sent yet, when its script runs again.

Streamlit throws it away, for a run of all of the page says all of it anew. But the callback of a tweak may turn that
run into one of a few parts (`parts`), and what others said within the last hundredth of a second would never reach the
browser. So all of it is sent, in its order, and the browser deals with runs that follow each other anyhow. With it goes
`runner.fastReruns = false` in .streamlit/config.toml: else a tweak starts a second script beside the first, which is
heard no more from then on.
"""

from __future__ import annotations

from typing import Any, Final

from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_begin: Final = app_session.AppSession._create_scriptrunner


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


def keep_unsent() -> None:
    """Make it so for all sessions to come."""
    app_session.ForwardMsgQueue = Outbox  # type: ignore[misc]
    app_session.AppSession._create_scriptrunner = _begin_soon  # type: ignore[method-assign]

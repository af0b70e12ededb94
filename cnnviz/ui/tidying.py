"""Give back what pages took that are gone.

Streamlit keeps a page's session for a while, for a connection that was lost for a moment, and forgets it only when
another page comes; and what Python frees the C library keeps.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Final

from streamlit import runtime

from cnnviz.heaps import give_back
from cnnviz.ui import logs

EVERY: Final = 15.0  # seconds
GRACE: Final = 60.0  # seconds that a page may be away
_closed: dict[str, float | None] = {}  # by session: since when its page is closed; None: it is open


def note(session: str) -> None:
    """A session that is to be closed once its page is gone."""
    _closed.setdefault(session, None)


async def tidy_up() -> None:
    """Close forgotten sessions, as long as the server runs."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            if close_forgotten(time.monotonic()):
                await asyncio.to_thread(free)
        except Exception:  # of one session; the next time the others are closed all the same
            logs.tell("a session could not be closed")


def close_forgotten(now: float) -> int:
    """Close the sessions whose pages have been closed for GRACE; how many there were."""
    server, count = runtime.get_instance(), 0
    for session, since in list(_closed.items()):
        if server.is_active_session(session):
            _closed[session] = None
        elif since is None:
            _closed[session] = now
        elif now - since > GRACE:
            del _closed[session]
            server.close_session(session)
            count += 1
    return count


def free() -> None:
    """Give memory back to the system."""
    gc.collect()
    give_back()

"""What a browser may say to the server, looked at before Streamlit answers it.

Streamlit offers more than this app needs (to look for a git repository, to install files for programming agents), and
makes something of each name in a message: a million of them, which fit in 4 MB, held the server for 12 seconds.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError
from starlette.types import Message
from streamlit.proto.BackMsg_pb2 import BackMsg

NEEDED: Final = frozenset({"rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "deferred_file"})
MOST: Final = 2_000  # widgets or files that a message may name: no page has a tenth as many
_PREFIX: Final = "$$"  # of each id that Streamlit gives


class HearingError(ValueError):
    """No browser that shows one of our pages says this."""


def kind_of(message: Message) -> str:
    """What a websocket's message asks for: one of NEEDED, or "" of what Streamlit need not hear.

    Raises:
        HearingError: the connection should end.
    """
    data = message.get("bytes")
    if data is None:
        raise HearingError("a frame of text")
    try:
        said = BackMsg.FromString(data)
    except DecodeError as error:
        raise HearingError("no message") from error
    kind = said.WhichOneof("type") or ""
    if kind == "backend_operation_request":
        kind = said.backend_operation_request.WhichOneof("payload") or ""
    run = said.rerun_script
    widgets = run.widget_states.widgets
    if max(len(widgets), len(said.file_urls_request.file_names), len(run.cached_message_hashes)) > MOST:
        raise HearingError("too many names")
    if not all(widget.id.startswith(_PREFIX) for widget in widgets):
        raise HearingError("a widget that no page has")
    return kind if kind in NEEDED else ""

"""One visitor without a browser: speaks Streamlit's own websocket protocol as its front end does.

A run of the page's script begins with a message of ours and ends with the server's `script_finished`. In between come
the page's elements; of the widgets among them the visitor keeps the ids and defaults, and sends them all back with
each change, as a browser would.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import struct
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg, RunIdentity
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

LIMIT: Final = 60.0  # seconds that an answer may take
PICTURES: Final = ("bidi_component", "plotly_chart")
_TOKEN: Final = "2|00000000|0123456789abcdef0123456789abcdef|1790000000"  # which a browser would get in a cookie
FINISHED: Final = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class VisitorError(RuntimeError):
    """The server did not do what a visitor expects."""


@dataclass
class Run:
    """One run of the page's script, as the visitor saw it; times in seconds from `asked`.

    asked: when it was due, by `time.perf_counter`. picture: until the (last) picture had come. finished: until its end.
    size: bytes that came. elements: by type, how many came. messages: what stood in alerts.
    header: what the stage view was told beside its pictures, where there is one.
    """

    asked: float
    picture: float = 0.0
    finished: float = 0.0
    size: int = 0
    elements: dict[str, int] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)
    header: dict[str, Any] = field(default_factory=dict)


class Visitor:
    """One open page.

    Args:
        address: of the server, as in "127.0.0.1:8501".
        page: the page's name in the address, "" for the Lab.
        cookie: what the browser would send, as in "cnnviz_replica=a".
    """

    def __init__(self, address: str, page: str = "", cookie: str = "") -> None:
        self._address, self._page, self._cookie = address, page, cookie
        self._socket: ClientConnection | None = None
        self._page_hash = ""
        self.session = ""
        self.states: dict[str, WidgetState] = {}  # by key
        self._uploader = ""  # its id
        self.query: dict[str, str] = {}

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, query: Mapping[str, str] | None = None, due: float | None = None) -> Run:
        """Connect, and let the page be drawn for the first time; after `close`, as a page that comes back.

        Raises:
            VisitorError: the server would not, or the page shows an exception.
        """
        self.query = dict(self.query if query is None else query)
        asked = time.perf_counter() if due is None else due
        headers = {"Cookie": self._cookie} if self._cookie else {}
        words: Any = ["streamlit", "-", self.session] if self.session else ["streamlit"]
        try:
            self._socket = await asyncio.wait_for(
                connect(
                    f"ws://{self._address}/_stcore/stream", subprotocols=words, additional_headers=headers,
                    max_size=None, compression=None, ping_interval=None, proxy=None,
                ),
                LIMIT,
            )  # fmt: skip
        except (WebSocketException, OSError, TimeoutError) as error:
            raise VisitorError(f"no connection: {error!r}") from error
        return await self.told(self.wish(), asked)

    async def close(self) -> None:
        """Close the page."""
        if self._socket:
            await self._socket.close()
            self._socket = None

    def abandon(self) -> None:
        """Leave without a word, as a machine that loses its network."""
        if self._socket:
            self._socket.transport.abort()
            self._socket = None

    async def tweak(self, name: str, value: str | float, due: float | None = None) -> Run:
        """Change a setting by its name, and wait for the page.

        Args:
            due: when it should have been asked, if it comes late; a queue before the server counts too.
        """
        self._set(name, value)
        return await self.told(self.wish(), due)

    async def upload(self, name: str, data: bytes) -> Run:
        """Bring a file to the page's uploader, and wait for the page."""
        asked, file = time.perf_counter(), uuid.uuid4().hex
        await asyncio.to_thread(self._put, file, name, data)
        message = self.wish()
        state = message.rerun_script.widget_states.widgets.add(id=self._uploader)
        state.file_uploader_state_value.uploaded_file_info.add(name=name, size=len(data), file_id=file)
        return await self.told(message, asked)

    def _put(self, file: str, name: str, data: bytes) -> None:
        head = f'--x\r\nContent-Disposition: form-data; name="{file}"; filename="{name}"\r\n\r\n'.encode()
        cookies = "; ".join(filter(None, (f"_streamlit_xsrf={_TOKEN}", self._cookie)))
        connection = http.client.HTTPConnection(self._address, timeout=LIMIT)
        try:
            connection.request(
                "PUT", f"/_stcore/upload_file/{self.session}/{file}", head + data + b"\r\n--x--\r\n",
                {"Content-Type": "multipart/form-data; boundary=x", "X-Xsrftoken": _TOKEN, "Cookie": cookies},
            )  # fmt: skip
            if (status := connection.getresponse().status) != 204:
                raise VisitorError(f"the file was answered with {status}")
        finally:
            connection.close()

    async def again(self) -> Run:
        """Let the page run once more."""
        return await self.told(self.wish())

    async def told(self, message: BackMsg, asked: float | None = None, limit: float = LIMIT) -> Run:
        """Send a message, and wait for the run that it begins.

        Args:
            asked: when that was due; now, if not said.
        """
        try:
            await self.ask(message)
            return await asyncio.wait_for(self.follow(time.perf_counter() if asked is None else asked), limit)
        except (WebSocketException, OSError, TimeoutError) as error:
            raise VisitorError(f"no answer: {error!r}") from error

    async def change(self, name: str, value: str | float) -> None:
        """Change a setting, and do not wait."""
        self._set(name, value)
        await self.ask(self.wish())

    def differs(self, name: str, value: str | float) -> bool:
        """Whether a setting is not so already."""
        state = self.states.get(name)
        if state is None:
            return True
        held = getattr(state, state.WhichOneof("value") or "string_value")
        return list(held.data) != [value] if hasattr(held, "data") else held != value

    async def ask(self, message: BackMsg) -> None:
        """Send any message."""
        if not self._socket:
            raise VisitorError("not connected")
        await self._socket.send(message.SerializeToString())

    async def send(self, data: bytes | str) -> None:
        """Send anything at all."""
        if not self._socket:
            raise VisitorError("not connected")
        await self._socket.send(data)

    def _set(self, name: str, value: str | float) -> None:
        state = self.states.get(name)
        if state is None:
            raise VisitorError(f"the page has no widget {name!r}")
        kind = state.WhichOneof("value")
        if kind == "double_array_value":
            state.double_array_value.data[:] = [float(value)]
        elif kind in ("double_value", "int_value"):
            setattr(state, kind, float(value))
        else:
            state.string_value = str(value)
        self.query[name] = f"{value:g}" if isinstance(value, float) else value

    def query_string(self) -> str:
        """What the address says."""
        return urlencode(self.query)

    def wish(self) -> BackMsg:
        """That the page's script should run."""
        message = BackMsg()
        message.rerun_script.query_string = self.query_string()
        message.rerun_script.page_script_hash = self._page_hash
        if not self._page_hash:
            message.rerun_script.page_name = self._page
        message.rerun_script.widget_states.widgets.extend(self.states.values())
        return message

    async def follow(self, asked: float) -> Run:
        """Take what comes until a run has finished."""
        assert self._socket
        run = Run(asked)
        while True:
            data = await self._socket.recv()
            assert isinstance(data, bytes)
            run.size += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
                self.begins(message.metadata.run)
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "delta":
                self.take(message, run)
            elif kind == "page_not_found":
                raise VisitorError("there is no such page")
            elif kind == "script_finished" and message.script_finished in FINISHED:
                self.ends(message.metadata.run)
                run.finished = time.perf_counter() - run.asked
                return run

    def begins(self, run: RunIdentity) -> None:
        """A run of the script begins; for those who keep something of a run."""

    def ends(self, run: RunIdentity) -> None:
        """A run of the script came to its end; so do not those that another one interrupts."""

    def take(self, message: ForwardMsg, run: Run) -> None:
        """Take a change of the page."""
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        kind = element.WhichOneof("type") or ""
        run.elements[kind] = run.elements.get(kind, 0) + 1
        if kind in PICTURES:
            run.picture = time.perf_counter() - run.asked
        if kind == "exception":
            raise VisitorError(f"an exception on the page: {element.exception.message}")
        if kind == "alert":
            run.alerts.append(element.alert.body)
        elif kind == "bidi_component" and element.bidi_component.component_name == "cnnviz.stage_view":
            (length,) = struct.unpack_from("<I", element.bidi_component.bytes)
            run.header = json.loads(element.bidi_component.bytes[4 : 4 + length])
        self._keep(kind, getattr(element, kind))

    def _keep(self, kind: str, widget: Any) -> None:
        """Remember a widget, with its default as long as it was not set."""
        if kind == "file_uploader":
            self._uploader = widget.id
        if kind not in ("text_input", "number_input", "selectbox", "slider"):
            return
        key = widget.id.split("-", 2)[2]
        name = widget.label if key == "None" else key
        state = WidgetState(id=widget.id)
        if kind == "text_input":
            state.string_value = widget.value if widget.set_value else widget.default
        elif kind == "selectbox":
            state.string_value = widget.raw_value if widget.set_value else widget.options[widget.default]
        elif kind == "slider":
            state.double_array_value.data[:] = widget.value if widget.set_value else widget.default
        else:
            state.double_value = widget.value if widget.set_value else widget.default
        if name not in self.states or self.states[name].id != widget.id or widget.set_value:
            self.states[name] = state

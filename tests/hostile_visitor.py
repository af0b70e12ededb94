"""A visitor who means no good: sends what no browser would, and looks at all that comes for what a stranger wrote."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from google.protobuf.message import Message  # type: ignore[import-untyped]
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg, RunIdentity
from websockets.exceptions import WebSocketException

from bench.visitor import Run, Visitor, VisitorError
from cnnviz.ui.settings import TASKS, VIEWS
from tests.hostile_addresses import Address
from tests.hostile_messages import frame, garbled, strange
from tests.hostile_server import HostileServer
from tests.hostile_texts import MARK

# By page, what shows its picture.
SHOWN_BY: Final = {
    "": "stage_view", "volumes": "stage_view", "kinds": "stage_view", "pooling": "stage_view",
    "network": "network_view", "inside": "network_view", "train": "",
}  # fmt: skip
# Where the front end takes a text for Markdown, or for more.
_MARKED_UP: Final = {"body", "label", "help", "caption", "placeholder", "title", "text_alternative"}
_MARKUP: Final = re.compile(
    rf"<(?:[a-z/!].*)?{MARK}|\[[^\]]*{MARK}|\]\([^)]*{MARK}|\*\*{MARK}|\$[^$]*{MARK}|:[a-z]+/{MARK}"
    rf"|^#+ *{MARK}|^\|.*{MARK}",
    re.MULTILINE,
)


class HostileVisitor(Visitor):
    """One page, opened with any query at all."""

    def __init__(self, address: str, page: str = "") -> None:
        super().__init__(address, page)
        self.raw = ""
        self.widgets: dict[str, str] = {}  # by id, the kind of element
        self.shown: set[str] = set()  # the components that came

    async def __aenter__(self) -> HostileVisitor:
        return self

    async def visit(self, address: Address) -> Run:
        """Open an address.

        Raises:
            VisitorError: the server would not, the page shows an exception, has no picture, or shows what a stranger
                wrote as more than text.
        """
        self.raw = address.query
        run = await self.open()
        self.check_picture(address.page, run)
        return run

    def check_picture(self, page: str, run: Run) -> None:
        """Raise VisitorError if there is none; the page Train may say why instead."""
        if SHOWN_BY[page] not in self.shown if SHOWN_BY[page] else not (self.shown or run.alerts):
            raise VisitorError(f"no picture, only {sorted(self.shown)}")

    def query_string(self) -> str:
        return self.raw

    def begins(self, run: RunIdentity) -> None:
        self.shown, self.widgets = set(), {}

    def take(self, message: ForwardMsg, run: Run) -> None:
        """Look for a stranger's markup in what comes."""
        element = message.delta.new_element
        kind = element.WhichOneof("type") or ""
        if not kind:
            return refuse_markup("block", message.delta)
        held = getattr(element, kind) if kind else element
        if getattr(held, "id", ""):
            self.widgets[held.id] = kind
        if kind == "bidi_component":
            self.shown.add(held.component_name.removeprefix("cnnviz."))
        refuse_markup(kind, held)
        super().take(message, run)


def refuse_markup(kind: str, element: Message) -> None:
    """Raise VisitorError if what a stranger wrote would be more than text."""
    for field, text in texts(element):
        if MARK not in text:
            continue
        if kind in ("html", "iframe", "imgs", "arrow_vega_lite_chart", "graphviz_chart"):
            raise VisitorError(f"a stranger's text in {kind}: {text[:200]}")
        if kind in ("text", "code", "bidi_component") or field not in _MARKED_UP:
            continue  # shown as it is
        if found := _MARKUP.search(unmarked(text)):
            raise VisitorError(f"a stranger's markup in {kind}.{field}: {found[0]!r} of {text[:200]!r}")


def unmarked(text: str) -> str:
    """Markdown without what is code or escaped."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"\\.", "", text))


def texts(message: Message) -> Iterator[tuple[str, str]]:
    """All texts of a message with the names of their fields."""
    for field, value in message.ListFields():
        values: Any = value if isinstance(value, list) or hasattr(value, "append") else [value]
        for each in values:
            if isinstance(each, str):
                yield field.name, each
            elif isinstance(each, Message):
                yield from texts(each)


async def try_address(server: HostileServer, address: Address, *, twice: bool = False) -> float:
    """Open an address, perhaps run the page again; how many seconds the server was at it.

    Raises:
        VisitorError: as `HostileVisitor.visit`, or the server's log tells of an exception.
    """
    began, computed = time.perf_counter(), server.computed()
    async with HostileVisitor(server.address, address.page) as visitor:
        await visitor.visit(address)
        took = min(time.perf_counter() - began, server.computed() - computed)  # others may use the machine, too
        if twice:
            await visitor.again()
    if re.search(r"Traceback|exception=", log := server.log()):
        raise VisitorError(f"the log: {log[-3000:]}")
    return took


async def try_messages(server: HostileServer, number: int, seed: int = 0) -> float:
    """Open a page and send it what no browser would; how many seconds the server was at the slowest.

    What Streamlit itself cannot read of a message it may answer with an exception, to this visitor and with no details.
    None may come from our own code, and the server has to answer others as before.

    Raises:
        VisitorError: an exception of ours, or the server does not answer any more.
    """
    rng = Random(f"{seed} {number}")
    page = list(SHOWN_BY)[number % len(SHOWN_BY)]
    slowest = 0.0
    async with HostileVisitor(server.address, page) as visitor:
        if page == "inside":
            visitor.raw = "view=" + rng.choice(VIEWS)
        elif page == "train":
            visitor.raw = "task=" + rng.choice(TASKS)
        await visitor.open()
        for _ in range(3):
            before, began = server.computed(), time.perf_counter()
            try:
                if rng.random() < 0.2:
                    await visitor.send(frame(rng))
                elif rng.random() < 0.3:
                    await visitor.ask(strange(rng, visitor.session))
                else:
                    message = garbled(visitor.wish(), visitor.widgets, rng, right_kinds=rng.random() < 0.6)
                    await visitor.told(message, limit=10)
            except (VisitorError, WebSocketException):  # the log says whose exception it was
                break
            slowest = max(slowest, min(server.computed() - before, time.perf_counter() - began))
    if found := raised_by_us(server.log()):
        raise VisitorError(found)
    if number % 10 == 0:
        await try_address(server, Address("", "size=20", "sound"))
    return slowest


def raised_by_us(log: str) -> str:
    """The line of a log that tells of an exception in our own code, if there is one."""
    for line in log.splitlines():
        places = re.findall(r"'([^']+\.py):\d+ ", line) if "exception=" in line else []
        if places and not re.search(r"/(site-packages|python3\.\d+)/", places[-1]):
            return line[-3000:]
    return ""

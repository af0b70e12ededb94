"""Two pages' scripts run at a time, each for up to a tenth of a second; the others wait for their turn, in order.

Python runs one thread at a time, and threads that all want to run hinder each other. Measured with thirty people who
tweak as fast as they can: with turns they get 3 % more answers, and who waits longest (p99) waits a fifth less. A
script that takes long loses its turn and goes on beside the others, so it holds nobody up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from cnnviz.ui import hearing, logs, watch

SLOW: Final = 5.0  # seconds of a run that is told of
PATIENCE: Final = 0.1  # seconds that a turn lasts, should the script not end before
AT_ONCE: Final = 2  # turns: while the words of one page travel, the next one runs
_NOT_OURS: Final = 1008  # a websocket's word for what is against the rules
_SMALL: Final = 300  # bytes: the word that a script has finished has no more


class Turns:
    """A queue for a few turns; all of it on one event loop."""

    def __init__(self, count: int = AT_ONCE, patience: float = PATIENCE) -> None:
        self._count, self._patience = count, patience
        self._holders: dict[object, asyncio.TimerHandle] = {}
        self._queue: deque[tuple[object, asyncio.Future[None]]] = deque()

    async def take(self, who: object) -> None:
        """Wait for a turn; who has one keeps it."""
        if who in self._holders:
            return
        if len(self._holders) < self._count:
            return self._hand_to(who)
        waiting = asyncio.get_running_loop().create_future()
        self._queue.append((who, waiting))
        try:
            await waiting
        except asyncio.CancelledError:
            self.give(who)  # it may have come in the same moment
            raise

    def give(self, who: object) -> None:
        """Hand a turn on; nothing happens if they do not have one."""
        if not (end := self._holders.pop(who, None)):
            return
        end.cancel()
        while self._queue:
            after, waiting = self._queue.popleft()
            if not waiting.done():  # else they have left
                waiting.set_result(None)
                return self._hand_to(after)

    def _hand_to(self, who: object) -> None:
        self._holders[who] = asyncio.get_running_loop().call_later(self._patience, self.give, who)


class TakeTurns:
    """Hold back a browser's wish to run its page's script until it is its turn."""

    def __init__(self, app: ASGIApp, patience: float = PATIENCE) -> None:
        self.app, self.turns = app, Turns(AT_ONCE, patience)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        who, asked = object(), 0.0

        async def receive_in_turn() -> Message:
            nonlocal asked
            while (message := await receive())["type"] == "websocket.receive":
                try:
                    kind = hearing.kind_of(message)
                except hearing.HearingError as error:
                    watch.rejected("message")
                    logs.tell("a connection was ended", why=str(error))
                    await send({"type": "websocket.close", "code": _NOT_OURS})
                    return {"type": "websocket.disconnect", "code": _NOT_OURS}
                if kind == "rerun_script":
                    asked = time.perf_counter()
                    await self.turns.take(who)
                    watch.WAITS.observe(time.perf_counter() - asked)
                if kind:
                    break
            return message

        async def send_and_give(message: Message) -> None:
            if message["type"] == "websocket.send" and has_finished(message.get("bytes") or b""):
                self.turns.give(who)
                self._report(time.perf_counter() - asked)
            await send(message)

        watch.PAGES.inc()
        try:
            await self.app(scope, receive_in_turn, send_and_give)
        finally:
            watch.PAGES.dec()
            self.turns.give(who)

    def _report(self, seconds: float) -> None:
        watch.RUNS.observe(seconds)
        if seconds > SLOW:
            logs.tell("a page took long", seconds=round(seconds, 2))


def has_finished(data: bytes) -> bool:
    """Whether a message to the browser says that a script came to its end, and not that it begins anew."""
    if len(data) > _SMALL:
        return False
    message = ForwardMsg.FromString(data)
    early = ForwardMsg.FINISHED_EARLY_FOR_RERUN
    return message.WhichOneof("type") == "script_finished" and message.script_finished != early

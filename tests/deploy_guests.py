"""Visitors of a front with replicas: they keep the front's cookie, and come back as a page does."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.visitor import Visitor, VisitorError
from tests.deploy_servers import PATIENCE, ask


class Guest(Visitor):
    """A visitor whose browser keeps the cookie that says which replica is his."""

    def __init__(self, address: str, page: str = "", cookie: str = "") -> None:
        super().__init__(address, page, cookie)
        self.losses = 0

    async def open(self, *arguments: Any, **named: Any) -> Any:
        run = await super().open(*arguments, **named)
        assert self._socket and self._socket.response
        for cookie in self._socket.response.headers.get_all("Set-Cookie"):
            self._cookie = cookie.split(";")[0]
        return run

    @property
    def replica(self) -> str:
        """Where he is, as his cookie says."""
        return self._cookie.removeprefix("cnnviz_replica=")

    async def comes_back(self) -> Any:
        """Open the page that lost its server, as often as it takes."""
        self.losses += 1
        self.abandon()
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.open()
            except VisitorError:
                assert time.monotonic() < give_up, "he does not come back"
                await asyncio.sleep(0.1)


def lives_at(port: int, session: str) -> bool:
    """Whether a replica knows this session: it takes its uploads."""
    return upload(port, session, b"x")[0] == 204


def upload(port: int, session: str, data: bytes, token: str | None = None, **cookies: str) -> tuple[int, bytes]:
    """Send a file as Streamlit's page does; with a token of one's own where none is given."""
    token = XSRF if token is None else token
    body = b"--x\r\nContent-Disposition: form-data; name=f; filename=f.png\r\n\r\n" + data + b"\r\n--x--\r\n"
    jar = {"_streamlit_xsrf": XSRF, **cookies}
    status, _, said = ask(
        port, f"/_stcore/upload_file/{session}/{'0' * 8}", "PUT", body,
        {
            "Content-Type": "multipart/form-data; boundary=x", "X-Xsrftoken": token,
            "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()),
        },
    )  # fmt: skip
    return status, said


XSRF = "2|00000000|0123456789abcdef0123456789abcdef|1790000000"

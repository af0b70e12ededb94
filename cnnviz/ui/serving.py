"""What the server adds to Streamlit's own: our browser files, compression, security headers."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnnviz.ui.components import EDITION, browser_files

HEADERS = {
    # Streamlit and Plotly style their elements from script, compile expressions, and run a component's
    # loader from a blob: address. Nothing may come from, or go to, another machine.
    b"content-security-policy": b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    b"media-src 'self' data: blob:; connect-src 'self' ws: wss: data: blob:; worker-src 'self' blob:; "
    b"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(self), microphone=(), geolocation=()",
}


@cache
def compressed(path: Path) -> bytes:
    """A file, gzipped once."""
    return gzip.compress(path.read_bytes(), compresslevel=7)


async def browser_file(request: Request) -> Response:
    """One of our browser files. Its address holds the files' hash, so what it answers never changes.

    A page that was opened before the server was renewed asks under the old hash, and gets the new file.
    """
    path = browser_files().get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    current = request.path_params["edition"] == EDITION
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if current else "no-store",
        "vary": "accept-encoding",
    }
    body = await asyncio.to_thread(compressed, path)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return Response(body, media_type=mimetypes.guess_type(path.name)[0], headers=headers)


class SecurityHeaders:
    """Add HEADERS to every HTTP answer that does not say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((n, v) for n, v in HEADERS.items() if n not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class CompressedScripts:
    """Gzip Streamlit's own scripts and styles, which it serves as they are: 2 MB less for every first visit.

    Each is compressed once: their names hold their hash.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._wants(scope):
            return await self.app(scope, receive, send)
        path = scope["path"]
        if path not in self.kept:
            start, body = await self._ask(scope, receive)
            if start["status"] != 200:
                await send(start)
                return await send({"type": "http.response.body", "body": body})
            drop = {b"content-length", b"accept-ranges", b"etag"}
            headers = [(name, value) for name, value in start["headers"] if name not in drop]
            small = await asyncio.to_thread(gzip.compress, body, 7)
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
            self.kept[path] = [*headers, (b"content-length", str(len(small)).encode())], small
        headers, small = self.kept[path]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": small})

    @staticmethod
    def _wants(scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET":
            return False
        headers = dict(scope["headers"])
        plain = b"gzip" in headers.get(b"accept-encoding", b"") and b"range" not in headers
        return plain and "/static/" in scope["path"] and scope["path"].endswith((".js", ".css"))

    async def _ask(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The whole answer of the app behind."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        # Asked without conditions: the answer is kept for those who have nothing yet.
        headers = [(n, v) for n, v in scope["headers"] if n not in (b"if-none-match", b"if-modified-since")]
        await self.app({**scope, "headers": headers}, receive, keep)
        return messages[0], b"".join(message.get("body", b"") for message in messages[1:])

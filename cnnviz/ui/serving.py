"""What the server adds to Streamlit's own: our browser files, compression, security headers."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import re
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnnviz.hosting import HOSTING
from cnnviz.ui.components import EDITION, browser_files

HEADERS = {
    # Streamlit and Plotly style their elements from script, compile expressions, and run a component's
    # loader from a blob: address. Nothing may come from, or go to, another machine.
    b"content-security-policy": b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    b"media-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    b"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors " + HOSTING.frame_ancestors.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(self), microphone=(), geolocation=()",
}
FOREVER = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
GZIPPED = {"content-encoding": "gzip"}
STREAMLIT_FILES = Path(st.__file__).parent / "static" / "static"


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
    headers = FOREVER if request.path_params["edition"] == EDITION else {"cache-control": "no-store"}
    body = await asyncio.to_thread(compressed, path)
    if _takes_gzip(request.headers):
        headers = headers | GZIPPED
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

    Their names hold their hash, so each is compressed once. What is no such file goes on to Streamlit.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        base = st.get_option("server.baseUrlPath").strip("/")
        prefix = f"/{base}/static/" if base else "/static/"
        packed = (path for path in STREAMLIT_FILES.rglob("*") if path.suffix in {".js", ".css"})
        self.files = {prefix + path.relative_to(STREAMLIT_FILES).as_posix(): path for path in packed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in self.files
        if not asks or not _takes_gzip(Headers(scope=scope)):
            return await self.app(scope, receive, send)
        path = self.files[scope["path"]]
        body = await asyncio.to_thread(compressed, path)
        answer = Response(body, media_type=mimetypes.guess_type(path.name)[0], headers=FOREVER | GZIPPED)
        await answer(scope, receive, send)


def _takes_gzip(headers: Headers) -> bool:
    offers = [offer.replace(" ", "").lower() for offer in headers.get("accept-encoding", "").split(",")]
    takes = any(offer.split(";")[0] == "gzip" and not re.search(r";q=0(\.0*)?$", offer) for offer in offers)
    return takes and "range" not in headers

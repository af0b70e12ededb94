"""The ASGI app: `python -m cnnviz` and `streamlit run app.py` both serve it."""

from __future__ import annotations

import asyncio
import gc
import gzip
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import streamlit as st
import torch
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnnviz.ui import components, warm_up

SITE = Path(__file__).parent / "cnnviz" / "ui" / "site.py"

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


class SecurityHeaders:
    """Add HEADERS to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((n, v) for n, v in HEADERS.items() if n not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


@cache
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), compresslevel=6)


async def browser_file(request: Request) -> Response:
    """One of our browser files, gzipped once. Its address holds the files' hash, so it never changes."""
    path = components.browser_files().get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
    body = await asyncio.to_thread(_compressed, path)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return Response(body, media_type=mimetypes.guess_type(path.name)[0], headers=headers)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Pay for the first visitor's imports, first convolution and Plotly's compression before he comes."""
    # A map is small: a second thread costs more than it brings, and takes the core of another visitor.
    torch.set_num_threads(1)
    await asyncio.to_thread(warm_up)
    await asyncio.to_thread(_compressed, components.PLOTLY_JS)
    gc.collect()
    gc.freeze()  # what the imports made lives as long as the process: no collection need look at it
    yield


app = st.App(
    SITE,
    lifespan=lifespan,
    routes=[Route(f"{components.ROUTE}/{{name}}", browser_file)],
    middleware=[Middleware(SecurityHeaders)],
)

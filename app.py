"""The ASGI app: `python -m cnnviz` and `streamlit run app.py` both serve it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import streamlit as st
import torch
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cnnviz.heaps import keep_less
from cnnviz.ui import components, health, image_picker, logs, mended, serving, tidying, warm_up
from cnnviz.ui.turns import TakeTurns

keep_less()
# Seconds that a thread may keep Python from another that waits. With Python's own 5 ms, each word to be sent waits as
# long for some page's script.
SWITCH: Final = 0.0005
# New objects between two collections. With Python's own 700 they took 4 % of a classroom's time, up to 60 ms at once.
RARELY: Final = 10_000
SITE = Path(__file__).parent / "cnnviz" / "ui" / "site.py"


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Pay for the first visitor's imports, first convolution and Plotly's compression before he comes."""
    # A map is small: a second thread costs more than it brings, and takes the core of another visitor.
    torch.set_num_threads(1)
    sys.setswitchinterval(SWITCH)
    mended.mend()
    await asyncio.to_thread(warm_up)
    await asyncio.to_thread(serving.compressed, components.PLOTLY_JS)
    logs.set_up()
    gc.collect()
    gc.set_threshold(RARELY)
    gc.freeze()  # what the imports made lives as long as the process: no collection need look at it
    tidy = asyncio.create_task(tidying.tidy_up())
    yield
    tidy.cancel()


async def thumbnails(_request: Request) -> Response:
    """The samples' small pictures, under whatever address a page asks for them."""
    return Response(image_picker.thumbnails(), media_type="image/jpeg", headers=serving.FOREVER)


app = st.App(
    SITE,
    lifespan=lifespan,
    routes=[
        Route("/ui/{edition}/{name:path}", serving.browser_file),
        Route("/thumbnails/{edition}.jpg", thumbnails),
        Route("/healthz", health.health),
        Route("/healthz/live", health.live),
        Route("/healthz/ready", health.ready),
        Route("/metrics", health.metrics),
    ],
    middleware=[Middleware(serving.SecurityHeaders), Middleware(serving.CompressedScripts), Middleware(TakeTurns)],
)

"""What a host's machinery asks: whether the server lives, whether it is ready, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from streamlit import runtime

from cnnviz.hosting import HOSTING
from cnnviz.ui import watch
from cnnviz.ui.training import POOL

NOW: Final = {"cache-control": "no-store"}


class _Trainings(Collector):
    """Those under way and those that wait, as they are when somebody asks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = GaugeMetricFamily("cnnviz_trainings", "Trainings, by what they do.", labels=["state"])
        states = [job.state for job in POOL.jobs()]
        for state in ("waiting", "running", "paused"):
            found.add_metric([state], states.count(state))
        yield found


watch.REGISTRY.register(_Trainings())


async def metrics(_request: Request) -> Response:
    """All numbers, as Prometheus reads them."""
    return Response(generate_latest(watch.REGISTRY), headers={"content-type": CONTENT_TYPE_LATEST, **NOW})


async def live(_request: Request) -> Response:
    """That the process serves at all."""
    return PlainTextResponse("live\n", headers=NOW)


async def ready(_request: Request) -> Response:
    """Whether a page may be sent here: 200, or 503 while the server starts or stops.

    A full server is ready: the pages that are open there need it, and who comes later is told.
    """
    text, status = ("ready\n", 200) if await _is_ready() else ("not ready\n", 503)
    return PlainTextResponse(text, status, headers=NOW)


async def health(_request: Request) -> Response:
    """Both, and how full it is."""
    is_ready = await _is_ready()
    pages = int(watch.REGISTRY.get_sample_value("cnnviz_pages") or 0)
    said = {"live": True, "ready": is_ready, "pages": pages, "places": HOSTING.sessions}
    return JSONResponse(said, 200 if is_ready else 503, headers=NOW)


async def _is_ready() -> bool:
    return runtime.exists() and (await runtime.get_instance().is_ready_for_browser_connection)[0]

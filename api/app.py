"""The routes: the latest signal of each symbol, health, readiness, metrics."""

import time
from collections.abc import Callable

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from volcast.metrics import exposition

from .metrics import ViewCollector
from .responses import LatestResponse, response_of
from .view import View


class Unknown(BaseModel):
    """Why there is no answer, and what could be asked instead."""

    detail: str
    known: list[str]


class Ready(BaseModel):
    """Whether the log has been read to its end."""

    ready: bool
    signals: int = Field(description="Signals read so far.")


def create_app(view: View, collectors: tuple[Collector, ...] = (), now: Callable[[], float] = time.monotonic) -> FastAPI:
    """-> the ASGI app over `view`; `collectors` add to /metrics what else runs in this process."""
    registry = CollectorRegistry()
    for collector in (ViewCollector(view, now), *collectors):
        registry.register(collector)
    # Every route is `async`, so it runs on the loop that changes the view: none sees a half-made change.
    app = FastAPI(title="volcast", description="Streaming volatility forecasts: the latest signal of each symbol.")

    @app.get("/latest")
    async def latest_of_all() -> dict[str, LatestResponse]:
        """The latest signal of every symbol, by symbol; empty before the first."""
        return {symbol: response_of(latest, view, now()) for symbol in view.symbols if (latest := view.get(symbol))}

    @app.get("/latest/{symbol}", response_model=LatestResponse, responses={404: {"model": Unknown}})
    async def latest_of_one(symbol: str) -> LatestResponse | Response:
        """The latest signal of one symbol."""
        latest = view.get(symbol)
        if latest:
            return response_of(latest, view, now())
        known = view.symbols
        detail = f"no signal of {symbol!r:.60}; known symbols: {', '.join(known) or 'none yet'}"
        return JSONResponse(Unknown(detail=detail, known=known).model_dump(), 404)

    @app.get("/health", response_class=PlainTextResponse)
    async def health() -> str:
        """The process is alive."""
        return "alive\n"

    @app.get("/ready", responses={503: {"model": Ready}})
    async def ready(response: Response) -> Ready:
        """Whether the API has read all that was on the log when it began; 503 before."""
        response.status_code = 200 if view.caught_up else 503
        return Ready(ready=view.caught_up, signals=view.signals)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """For Prometheus."""
        return exposition(registry)

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, list[str]]:
        return {"symbols": view.symbols, "endpoints": ["/latest", "/latest/{symbol}", "/health", "/ready", "/metrics", "/docs"]}

    return app

"""The HTTP application: the latest signal of each symbol, health, readiness and metrics."""

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Path, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from volcast.metrics import exposition

from .metrics import ViewCollector
from .responses import LatestResponse, response_of
from .view import View

_DESCRIPTION = """
Volatility forecasts that are updated with each closed one-minute candle.

`GET /latest/{symbol}` answers with the latest signal of a symbol. Read its `status` first: it says whether the numbers can be
used.
"""


class UnknownSymbolResponse(BaseModel):
    """There is no signal for the requested symbol."""

    detail: str = Field(description="A sentence that names the requested symbol and those that have a signal.")
    known: list[str] = Field(description="The symbols that have a signal, sorted.")


class ReadyResponse(BaseModel):
    """Whether the API has caught up with the log."""

    ready: bool = Field(description="Whether every signal that was on the log when the API started has been read.")
    signals: int = Field(description="Number of signals read so far.")


def create_app(view: View, collectors: tuple[Collector, ...] = (), now: Callable[[], float] = time.monotonic) -> FastAPI:
    """Return the ASGI application over `view`.

    `collectors` add the metrics of other parts of this process to /metrics. `now` is the clock by which the view notes arrivals.
    """
    registry = CollectorRegistry()
    for collector in (ViewCollector(view, now), *collectors):
        registry.register(collector)
    # Every route is `async`, so it runs on the event loop that changes the view, and never sees a change half made.
    app = FastAPI(title="volcast", description=_DESCRIPTION)

    @app.get("/latest", summary="Latest signal of every symbol")
    async def latest_of_all() -> dict[str, LatestResponse]:
        """Return the latest signal of every symbol, by symbol. The object is empty before the first signal."""
        return {symbol: response_of(latest, view, now()) for symbol in view.symbols if (latest := view.get(symbol))}

    @app.get(
        "/latest/{symbol}",
        summary="Latest signal of one symbol",
        response_model=LatestResponse,
        responses={404: {"model": UnknownSymbolResponse, "description": "The symbol has no signal yet, or does not exist."}},
    )
    async def latest_of_one(
        symbol: Annotated[str, Path(description="A symbol as it is on the log, such as BTCUSDT or BTCUSDT.BINANCE.")],
    ) -> LatestResponse | Response:
        """Return the latest signal of one symbol."""
        latest = view.get(symbol)
        if latest:
            return response_of(latest, view, now())
        known = view.symbols
        detail = f"no signal for {symbol!r:.60}; symbols with a signal: {', '.join(known) or 'none yet'}"
        return JSONResponse(UnknownSymbolResponse(detail=detail, known=known).model_dump(), 404)

    @app.get("/health", summary="Liveness of the process", response_class=PlainTextResponse)
    async def health() -> str:
        """Answer 200 as long as the process can answer. Whether it has read the log is the subject of /ready."""
        return "alive\n"

    @app.get(
        "/ready",
        summary="Readiness to serve",
        responses={503: {"model": ReadyResponse, "description": "The API is still reading signals that were on the log before."}},
    )
    async def ready(response: Response) -> ReadyResponse:
        """Answer 200 once the API has read every signal that was on the log when it started, and 503 before."""
        response.status_code = 200 if view.caught_up else 503
        return ReadyResponse(ready=view.caught_up, signals=view.signals)

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Return all metrics in Prometheus' text format."""
        return exposition(registry)

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, list[str]]:
        return {"symbols": view.symbols, "endpoints": ["/latest", "/latest/{symbol}", "/health", "/ready", "/metrics", "/docs"]}

    return app

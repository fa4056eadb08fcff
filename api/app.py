"""The HTTP application: the latest signal of each symbol, health, readiness and metrics."""

import json
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from volcast.metrics.exposition import Exposition
from volcast.metrics.process import process_registry
from volcast.metrics.requests import CountedApp, RequestCollector
from volcast.metrics.shared_body import SharedBody

from .clock import read_clocks
from .metrics import ViewCollector
from .page.files import page_routes
from .responses import LatestResponse, response_of
from .routes.drift import drift_routes
from .routes.history import history_routes
from .routes.probability import probability_routes
from .routes.stream import stream_routes
from .status import Now
from .symbols import LISTED_SYMBOLS, UnknownSymbolResponse, find_latest, unknown_symbol
from .view import View

_DESCRIPTION = """
Volatility forecasts that are updated with each closed one-minute candle.

`GET /latest/{symbol}` answers with the latest signal of a symbol. Read its `status` first: it says whether the numbers can be
used.
"""


class ReadyResponse(BaseModel):
    """Whether the API has caught up with the log."""

    ready: bool = Field(description="Whether every signal that was on the log when the API started has been read.")
    signals: int = Field(description="Number of signals read so far.")
    unreadable: int = Field(description="Number of records of the topic signals that could not be read.")
    unreadable_symbols: list[str] = Field(
        description=f"The first {LISTED_SYMBOLS} symbols whose newest record could not be read, sorted."
    )


def create_app(view: View, collectors: tuple[Collector, ...] = (), now: Callable[[], Now] = read_clocks) -> FastAPI:
    """Return the ASGI application over `view`, which another thread may be writing.

    `collectors` add the metrics of other parts of this process to /metrics. `now` reads the two clocks of the view.
    """
    requests = RequestCollector()
    all_metrics = Exposition(process_registry(ViewCollector(view, now), requests, *collectors))
    all_latest = SharedBody(lambda: _latest_of_all(view, now()), "application/json")
    app = FastAPI(title="volcast", description=_DESCRIPTION)
    app.add_middleware(_HeadAsGet)
    app.add_middleware(CountedApp, requests=requests)
    app.include_router(probability_routes(view, now))
    app.include_router(drift_routes(view, now))
    app.include_router(history_routes(view))
    app.include_router(stream_routes(view))
    app.include_router(page_routes())

    @app.get("/latest", summary="Latest signal of every symbol", response_model=dict[str, LatestResponse])
    async def latest_of_all() -> Response:
        """Return the latest signal of every symbol, by symbol. The object is empty before the first signal."""
        return await all_latest.response()

    @app.get(
        "/latest/{symbol}",
        summary="Latest signal of one symbol",
        response_model=LatestResponse,
        responses={404: {"model": UnknownSymbolResponse, "description": "The symbol has no signal yet, or does not exist."}},
    )
    async def latest_of_one(
        symbol: Annotated[str, Path(description="A symbol such as BTCUSDT or BTCUSDT.BINANCE, in capital or small letters.")],
    ) -> LatestResponse | Response:
        """Return the latest signal of one symbol."""
        latest = find_latest(view, symbol)
        return response_of(latest, view, now()) if latest else unknown_symbol(view, symbol)

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
        return ReadyResponse(
            ready=view.caught_up,
            signals=view.signals,
            unreadable=view.unreadable,
            unreadable_symbols=view.unreadable_symbols[:LISTED_SYMBOLS],
        )

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Return all metrics in Prometheus' text format, or in OpenMetrics if the header Accept names it."""
        return await all_metrics.response(request.headers.get("accept", ""))

    return app


class _HeadAsGet:
    """Middleware that routes HEAD as GET, which FastAPI does not do by itself; the server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope["is_head"] = True
            scope["method"] = "GET"  # in place: the middleware around this one finds the route in the same scope
        await self._app(scope, receive, send)


def _latest_of_all(view: View, now: Now) -> Iterator[bytes]:
    """Yield the JSON object with the latest signal of every symbol, symbol by symbol."""
    before = "{"
    for symbol in view.symbols:
        if latest := view.get(symbol):
            yield f"{before}{json.dumps(symbol)}:{response_of(latest, view, now).model_dump_json()}".encode()
            before = ","
    yield b"{}" if before == "{" else b"}"

"""The routes: the latest signal of each symbol, health, readiness, metrics."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from msgspec.structs import asdict
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from .metrics import ViewCollector
from .view import Latest, Status, View


class OutcomeAnswer(BaseModel):
    """What became of the forecast made 60 minutes before."""

    timestamp: str = Field(description="Opening of the candle after which the forecast was made, ISO 8601, UTC.")
    realized_volatility: float = Field(description="Square root of the sum of the 60 squared log returns that came.")
    volatility: float = Field(description="The forecast.")
    volatility_ewma: float = Field(description="The forecast of the baseline, EWMA(0.995).")
    qlike: float = Field(description="QLIKE loss of the forecast; 0 is perfect.")
    qlike_ewma: float = Field(description="QLIKE loss of the baseline.")


class LatestAnswer(BaseModel):
    """The latest signal of one symbol."""

    symbol: str
    timestamp: str = Field(description="The candle's opening, ISO 8601, UTC.")
    source: str = Field(description="Where the candle comes from: a file's name or a venue.")
    live: bool = Field(description="The candle comes from a venue as it happens, not from a replay.")
    close: float
    rolling_mean: float | None = Field(description="Mean of the last W closes, this one included; null until there are W.")
    signal: int = Field(description="1 where close > rolling_mean, else 0.")
    signal_rate: float | None = Field(description="Share of ones since the start.")
    signal_rate_window: float | None = Field(description="Share of ones among the last `rate_window` signals.")
    volatility: float = Field(description="Forecast for the next hour: √E[sum of the next 60 squared log returns].")
    volatility_annualized: float = Field(description="volatility × √8760.")
    warm: bool = Field(description="The rolling mean is full and the forecaster has learned from a day of outcomes.")
    candles: int = Field(description="Candles accepted since the start.")
    ones: int = Field(description="Signals of 1 since the start.")
    gaps: int = Field(description="Times that minutes were missing.")
    missing_minutes: int = Field(description="Minutes missing, all gaps together.")
    outcomes: int = Field(description="Forecasts answered since the start.")
    outcome: OutcomeAnswer | None = Field(description="Of the forecast that came due with this candle.")
    age_seconds: float = Field(description="Since the signal reached the API.")
    status: Status


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
    async def latest_of_all() -> dict[str, LatestAnswer]:
        """The latest signal of every symbol, by symbol; empty before the first."""
        return {symbol: _answer(view, latest, now()) for symbol in view.symbols if (latest := view.get(symbol))}

    @app.get("/latest/{symbol}", response_model=LatestAnswer, responses={404: {"model": Unknown}})
    async def latest_of_one(symbol: str) -> LatestAnswer | Response:
        """The latest signal of one symbol."""
        latest = view.get(symbol)
        if latest:
            return _answer(view, latest, now())
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
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, list[str]]:
        return {"symbols": view.symbols, "endpoints": ["/latest", "/latest/{symbol}", "/health", "/ready", "/metrics", "/docs"]}

    return app


def iso8601(time_ms: int) -> str:
    """`2024-01-31T23:59:00Z`."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answer(view: View, latest: Latest, now_s: float) -> LatestAnswer:
    """The signal's own fields, its times in words, and what depends on the clock."""
    fields = asdict(latest.signal)
    outcome = asdict(fields["outcome"]) if fields["outcome"] else None
    fields["outcome"] = outcome and OutcomeAnswer(timestamp=iso8601(outcome.pop("open_time_ms")), **outcome)
    timestamp = iso8601(fields.pop("open_time_ms"))
    return LatestAnswer(timestamp=timestamp, age_seconds=now_s - latest.arrived_s, status=view.status(latest, now_s), **fields)

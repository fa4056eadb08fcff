"""The route POST /predict: a body goes to a worker, and what depends on the time is added to its answer."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.responses import HorizonEnd, HorizonOver, QuantilesResponse, iso8601
from api.routes.problems import ProblemKind, ProblemResponse, invalid_request, problem_answers
from api.status import MAX_CLOCK_SKEW_S, Now, Status
from volcast.core.codec import MAX_TIME_MS
from volcast.core.forecast.forecaster import MAX_HORIZON_MINUTES, MIN_HORIZON_MINUTES
from volcast.core.timeline import MAX_MISSING_SHARE
from volcast.core.types import MINUTE_MS

from .pool import PoolBusyError, PoolFailedError, PredictPool
from .request import (
    EARLIEST_MS,
    LEAST_PRICE,
    MAX_LEVEL,
    MAX_REQUEST_CANDLES,
    MIN_LEVEL,
    MIN_REQUEST_CANDLES,
    PRICE_LIMIT,
    VOLUME_LIMIT,
)
from .worker import REFUSED

_EXAMPLE_MS = 1_706_745_480_000


class PredictCandleBody(BaseModel):
    """A candle of one minute, as the rows of /history have it; their other fields may be there, and are not used."""

    open_time_ms: int = Field(
        ge=EARLIEST_MS,
        lt=MAX_TIME_MS,
        multiple_of=MINUTE_MS,
        description="Start of the minute, in milliseconds since 1970-01-01 UTC.",
    )
    open: float = Field(ge=LEAST_PRICE, lt=PRICE_LIMIT, description="The candle's open.")
    high: float = Field(ge=LEAST_PRICE, lt=PRICE_LIMIT, description="The candle's high.")
    low: float = Field(ge=LEAST_PRICE, lt=PRICE_LIMIT, description="The candle's low.")
    close: float = Field(ge=LEAST_PRICE, lt=PRICE_LIMIT, description="The candle's close.")
    volume: float = Field(ge=0, lt=VOLUME_LIMIT, description="Volume in the base currency.")
    quote_volume: float | None = Field(
        None, ge=0, lt=VOLUME_LIMIT, description="Volume in the quote currency; by default volume × close."
    )


def _example(minute: int, close: float) -> JsonDict:
    prices = {"open": 42_580.0, "high": 42_591.5, "low": 42_570.0, "close": close}
    return {"open_time_ms": _EXAMPLE_MS + minute * MINUTE_MS, **prices, "volume": 12.5}


class PredictRequestBody(BaseModel):
    """Candles, and what is to be forecast after the last of them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"candles": [_example(0, 42_581.0), _example(1, 42_575.5)]}}
    )
    candles: list[PredictCandleBody] = Field(
        min_length=MIN_REQUEST_CANDLES, max_length=MAX_REQUEST_CANDLES, description="Consecutive minutes, the oldest first."
    )
    horizon_minutes: int = Field(
        60, ge=MIN_HORIZON_MINUTES, le=MAX_HORIZON_MINUTES, description="H: the number of minutes that the forecast covers."
    )
    interval_level: float = Field(0.9, ge=MIN_LEVEL, le=MAX_LEVEL, description="Probability of the intervals.")
    quantiles: bool = Field(default=False, description="Whether the answer has the quantiles.")
    allow_gaps: bool = Field(
        default=False,
        description="Whether minutes may be missing; no forecast across a gap is learned from, as in the engine.",
    )


def _body_schema() -> dict[str, Any]:
    """Return the schema of the body: the route reads the bytes itself, so FastAPI knows nothing of it."""
    schema = PredictRequestBody.model_json_schema()
    schema["properties"]["candles"]["items"] = schema.pop("$defs")[PredictCandleBody.__name__]
    return schema


class PredictResponse(BaseModel):
    """The forecast after the candles that were sent. Fields without a description here mean the same as those of /latest."""

    timestamp: str = Field(description="Start of the last candle's minute, ISO 8601, UTC.")
    status: Status = Field(
        description="The first that applies: clock_skew (the last candle ends in the future), stale (it is older than the "
        "setting stale_after_s), sparse (most minutes of the last day are missing), warming (not yet warm), ok."
    )
    age_seconds: float = Field(description="Seconds since the end of the last candle's minute, by this machine's clock.")
    valid_until: str | None = Field(
        description="From then on the numbers must not be used, as in /latest. Null: not even now (clock_skew, or suspect)."
    )
    candles: int = Field(description="Number of candles that were sent.")
    model: str = Field(description="Name of the model.")
    coefficients: str = Field(description="Which coefficients were used, in a sentence: never those of a live symbol.")
    close: float = Field(description="Close of the last candle.")
    horizon_minutes: int = Field(description="H: the number of minutes that the forecast covers.")
    horizon_end: HorizonEnd
    horizon_over: HorizonOver
    interval_level: float = Field(description="Probability of the intervals.")
    price_lower: float = Field(description="Lower bound of the close after H minutes; see interval_level.")
    price_upper: float = Field(description="Upper bound of the close after H minutes; see interval_level.")
    volatility: float = Field(
        description="Forecast of realized volatility, √E[sum of the next H squared one-minute log returns]."
    )
    volatility_lower: float = Field(description="Lower bound of the realized volatility; see interval_level.")
    volatility_median: float = Field(description="Median forecast, which the realized volatility is as likely to exceed as not.")
    volatility_upper: float = Field(description="Upper bound of the realized volatility; see interval_level.")
    volatility_annualized: float = Field(description="volatility × √(525600 / H).")
    quantiles: QuantilesResponse | None = Field(description="As in /latest, if asked for, else null.")
    warm: bool = Field(description="Whether a day of outcomes was learned from, and at most half of the last day is missing.")
    outcomes: int = Field(description="Number of forecasts within the candles that came due, and were learned from.")
    suspect: bool = Field(description="Whether a price of the last candle is far outside the market's scale.")
    suspect_candles: int = Field(description="Number of candles with such a price.")
    gaps: int = Field(description="Number of gaps between the candles.")
    missing_minutes: int = Field(description="Number of minutes missing in these gaps.")
    missing_share: float = Field(description="Share of the minutes of the last day, or since the first candle, without a candle.")


def predict_routes(now: Callable[[], Now], stale_after_s: float, pool: PredictPool | None = None) -> APIRouter:
    """Return the route; `now` reads the two clocks. `pool` has the workers, by default its own."""
    router, workers = APIRouter(), pool or PredictPool()

    @router.post(
        "/predict",
        summary="Forecast after candles of your own",
        response_model=PredictResponse,
        responses={
            **problem_answers({422: "The body cannot be used; detail says what is wrong, and where."}, "RequestProblem"),
            **problem_answers({503: "Too many forecasts are being computed, or one was given up; see Retry-After."}),
        },
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _body_schema()}}}},
    )
    async def predict(request: Request) -> Response:
        """Return what the model forecasts after the last of these candles. No live symbol is used or changed."""
        body = await request.body()
        try:
            answer = await workers.ask(body, request.is_disconnected)
        except PoolBusyError as error:
            return _no_worker(error, error.retry_after_s)
        except PoolFailedError as error:
            return _no_worker(error, 1)
        except asyncio.CancelledError:  # the server ends, and only it cancels a request
            return _no_worker(PoolFailedError("this server ends; ask again"), 1)
        if answer[:1] == REFUSED:
            wrong = msgspec.json.decode(answer[1:])
            return invalid_request(wrong["detail"], wrong["parameter"])
        if not answer:
            return Response(status_code=499)  # the client has gone; nobody reads this
        found = msgspec.json.decode(answer[1:])
        return Response(
            msgspec.json.encode(_with_time(found, now(), stale_after_s)),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    return router


def _with_time(found: dict[str, Any], now: Now, stale_after_s: float) -> dict[str, Any]:
    """Return the answer of a worker with what depends on the time."""
    open_time_ms, horizon = found.pop("open_time_ms"), found["horizon_minutes"]
    end_ms = open_time_ms + MINUTE_MS
    horizon_end_ms, age_s = end_ms + horizon * MINUTE_MS, now.wall_s - end_ms / 1_000
    status = _status(found, age_s, stale_after_s)
    never = status is Status.CLOCK_SKEW or found["suspect"]
    valid_until_ms = min(end_ms + int(stale_after_s * 1_000), horizon_end_ms)
    return {
        "timestamp": iso8601(open_time_ms),
        "status": status.value,
        "age_seconds": age_s,
        "valid_until": None if never else iso8601(valid_until_ms),
        "horizon_end": iso8601(horizon_end_ms),
        "horizon_over": now.wall_s * 1_000 >= horizon_end_ms,
        **found,
    }


def _status(found: dict[str, Any], age_s: float, stale_after_s: float) -> Status:
    if age_s < -MAX_CLOCK_SKEW_S:
        return Status.CLOCK_SKEW
    if age_s > stale_after_s:
        return Status.STALE
    if found["missing_share"] > MAX_MISSING_SHARE:
        return Status.SPARSE
    return Status.OK if found["warm"] else Status.WARMING


def _no_worker(error: Exception, retry_after_s: int) -> Response:
    return ProblemResponse(503, str(error), ProblemKind.TOO_MANY_FORECASTS, {"retry-after": str(retry_after_s)})

"""The answers of /latest: their fields in the order in which a trader reads them, and how a signal becomes an answer.

First come the symbol, the age and the status, then the range of the price and the volatility, then the rest. The fields of a
signal are described in `volcast.core.types`; only those that the API adds are described here.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec.structs import asdict
from pydantic import BaseModel, Field

from volcast.core.types import MINUTE_MS, HorizonForecast, Outcome, Shadow, Signal

from .fields import described_as
from .view import Latest, Status, View

HorizonEnd = Annotated[
    str, Field(description="End of the horizon: H minutes after the end of the candle's minute, ISO 8601, UTC.")
]


@described_as(Outcome)
class OutcomeResponse(BaseModel):
    """The result of the forecast that came due with the candle."""

    timestamp: str = Field(description="Start of the last minute before the forecast, ISO 8601, UTC.")
    realized_volatility: float
    volatility: float
    volatility_ewma: float
    qlike: float
    qlike_ewma: float
    covered: bool
    price_covered: bool


@described_as(HorizonForecast)
class HorizonResponse(BaseModel):
    """The forecast for another horizon, made after the same candle."""

    horizon_minutes: int
    horizon_end: HorizonEnd
    price_lower: float
    price_upper: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    outcomes: int
    outcome: OutcomeResponse | None


@described_as(Shadow)
class ShadowResponse(BaseModel):
    """The forecast of a challenger model for the signal's own horizon."""

    model: str
    volatility: float
    qlike: float | None
    covered: bool | None


@described_as(Signal)
class LatestResponse(BaseModel):
    """The latest signal of one symbol."""

    symbol: str
    timestamp: str = Field(description="Start of the candle's minute, ISO 8601, UTC.")
    status: Status = Field(
        description="The first that applies: restoring (signals are still being read, or the consumer rebuilds the symbol), "
        "stale (a live source has sent nothing for too long), warming (not yet warm), replaying (candles of the past), ok."
    )
    age_seconds: float = Field(description="Seconds since this API received the signal.")
    source: str
    live: bool
    close: float
    horizon_minutes: int
    horizon_end: HorizonEnd
    interval_level: float
    price_lower: float
    price_upper: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    volatility_annualized_deseasonalized: float
    noise_ratio: float
    rolling_mean: float | None
    signal: int
    signal_rate: float | None
    signal_rate_window: float | None
    warm: bool
    candles: int
    signal_ones: int
    gaps: int
    missing_minutes: int
    outcomes: int
    outcome: OutcomeResponse | None
    other_horizons: list[HorizonResponse]
    shadows: list[ShadowResponse]


def iso8601(time_ms: int) -> str:
    """Return a time in milliseconds since 1970 as text.

    >>> iso8601(1_706_745_540_000)
    '2024-01-31T23:59:00Z'
    """
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def response_of(latest: Latest, view: View, now_s: float) -> LatestResponse:
    """Return the answer for a symbol's latest signal; `now_s` is the time by the clock of the view."""
    signal = latest.signal
    fields = _forecast(signal, signal.open_time_ms)
    fields["timestamp"] = iso8601(fields.pop("open_time_ms"))
    fields["other_horizons"] = [HorizonResponse(**_forecast(each, signal.open_time_ms)) for each in signal.other_horizons]
    fields["shadows"] = [ShadowResponse(**asdict(each)) for each in signal.shadows]
    return LatestResponse(age_seconds=now_s - latest.arrived_s, status=view.status(latest, now_s), **fields)


def _forecast(forecast: Signal | HorizonForecast, open_time_ms: int) -> dict[str, Any]:
    """Return the fields of a forecast that was made after the candle of `open_time_ms`."""
    fields = asdict(forecast)
    fields["horizon_end"] = iso8601(open_time_ms + (1 + forecast.horizon_minutes) * MINUTE_MS)
    fields["outcome"] = _outcome(forecast.outcome) if forecast.outcome else None
    return fields


def _outcome(outcome: Outcome) -> OutcomeResponse:
    fields = asdict(outcome)
    return OutcomeResponse(timestamp=iso8601(fields.pop("open_time_ms")), **fields)

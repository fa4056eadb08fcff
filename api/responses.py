"""The answers of /latest: their fields in the order in which a trader reads them, and how a signal becomes an answer.

First come the symbol, the age and the status, then the range of the price and the volatility, then the rest. The fields of a
signal are described in `volcast.core.types`; only those that the API adds are described here.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec.structs import asdict
from pydantic import BaseModel, Field

from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal

from .fields import described_as, field_descriptions
from .status import Latest, Now, Status
from .stream.row import Row
from .view import View

HorizonEnd = Annotated[
    str, Field(description="End of the horizon: H minutes after the end of the candle's minute, ISO 8601, UTC.")
]
HorizonOver = Annotated[
    bool, Field(description="Whether horizon_end has passed by this machine's clock: then the forecast is of the past.")
]


ValidUntil = Annotated[
    str | None,
    Field(
        description="From then on the numbers must not be used, ISO 8601, UTC: the candle's end plus the setting stale_after_s, "
        "or horizon_end if that comes first. Null: not even now (status restoring, unreadable or clock_skew, or suspect)."
    ),
]


class SymbolStateResponse(BaseModel):
    """What every answer about one symbol says of its latest signal; the fields mean the same as those of /latest."""

    symbol: str = Field(description="The symbol.")
    timestamp: str = Field(description="Start of the latest candle's minute, ISO 8601, UTC.")
    status: Status = Field(description="As in /latest.")
    age_seconds: float = Field(description="As in /latest.")
    valid_until: ValidUntil
    sequence: int = Field(description="As in /latest.")
    model: str = Field(description="As in /latest.")


def symbol_state(latest: Latest, view: View, now: Now, horizon_minutes: int | None = None) -> dict[str, Any]:
    """Return the fields of a SymbolStateResponse; `valid_until` is that of the horizon, by default of the signal's own."""
    signal, status = latest.signal, view.status(latest, now)
    valid_until_ms = latest.valid_until_ms(horizon_minutes or signal.horizon_minutes, status, view.stale_after_s)
    return {
        "symbol": signal.symbol,
        "timestamp": iso8601(signal.open_time_ms),
        "status": status,
        "age_seconds": latest.age_s(now),
        "valid_until": iso8601(valid_until_ms) if valid_until_ms is not None else None,
        "sequence": latest.row.sequence,
        "model": signal.model,
    }


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


@described_as(Quantiles)
class QuantilesResponse(BaseModel):
    """The distribution of one horizon: quantiles at the same levels of four things."""

    levels: list[float]
    log_return: list[float]
    log_high: list[float]
    log_low: list[float]
    realized_volatility: list[float]


@described_as(HorizonForecast)
class HorizonResponse(BaseModel):
    """The forecast for another horizon, made after the same candle."""

    horizon_minutes: int
    horizon_end: HorizonEnd
    horizon_over: HorizonOver
    valid_until: ValidUntil
    price_lower: float
    price_upper: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    quantiles: QuantilesResponse
    outcomes: int
    outcome: OutcomeResponse | None


@described_as(Shadow)
class ShadowResponse(BaseModel):
    """The forecast of a challenger model for the signal's own horizon."""

    model: str
    volatility: float
    qlike: float | None
    covered: bool | None
    outcomes: int


@described_as(DriftAlarm)
class DriftAlarmResponse(BaseModel):
    """A drift alarm that is on; its numbers are those at its beginning."""

    detector: str
    tier: Tier
    timestamp: str = Field(description="Start of the minute with which it began, ISO 8601, UTC.")
    what: str
    quantity: str
    before: float
    after: float
    statistic: float
    threshold: float
    false_alarms_per_month: float | None


@described_as(Signal)
class LatestResponse(BaseModel):
    """The latest signal of one symbol."""

    symbol: str
    timestamp: str = Field(description="Start of the candle's minute, ISO 8601, UTC.")
    status: Status = Field(
        description="The first that applies: restoring (signals are still being read, or the consumer rebuilds the symbol), "
        "unreadable (the symbol's newest record cannot be read), clock_skew (the candle ends in the future: a clock or a date is "
        "wrong), stale (the last candle of a live source is too old), finished (a signal of the past, and no more are arriving), "
        "sparse (most minutes of the last day are missing), warming (not yet warm), replaying (signals of the past are "
        "arriving), ok (the candle is recent)."
    )
    age_seconds: float = Field(
        description="Seconds since the end of the candle's minute, by this machine's clock; negative with clock_skew."
    )
    valid_until: ValidUntil
    sequence: Annotated[int, Field(description=field_descriptions(Row)["sequence"])]
    source: str
    live: bool
    close: float
    model: str
    horizon_minutes: int
    horizon_end: HorizonEnd
    horizon_over: HorizonOver
    interval_level: float
    price_lower: float
    price_upper: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    volatility_annualized_deseasonalized: float
    usual_volatility: Annotated[float | None, Field(description=field_descriptions(Row)["usual_volatility"])]
    quantiles: QuantilesResponse
    noise_ratio: float
    open: float
    high: float
    low: float
    volume: float
    rolling_mean: float | None
    signal: int
    signal_rate: float | None
    signal_rate_window: float | None
    warm: bool
    candles: int
    signal_ones: int
    gaps: int
    missing_minutes: int
    missing_share: float
    suspect: bool
    suspect_candles: int
    drift_alarms: list[DriftAlarmResponse]
    data_drift_ratio: float
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


def response_of(latest: Latest, view: View, now: Now) -> LatestResponse:
    """Return the answer for a symbol's latest signal at the moment `now`."""
    signal, status = latest.signal, view.status(latest, now)

    def forecast(one: Signal | HorizonForecast) -> dict[str, Any]:
        fields = asdict(one)
        fields["horizon_end"] = iso8601(latest.horizon_end_ms(one.horizon_minutes))
        valid_until_ms = latest.valid_until_ms(one.horizon_minutes, status, view.stale_after_s)
        fields["valid_until"] = iso8601(valid_until_ms) if valid_until_ms is not None else None
        fields["horizon_over"] = latest.is_horizon_over(one.horizon_minutes, now)
        fields["outcome"] = _outcome(one.outcome) if one.outcome else None
        fields["quantiles"] = QuantilesResponse(**asdict(one.quantiles))
        return fields

    fields = forecast(signal)
    fields["timestamp"] = iso8601(fields.pop("open_time_ms"))
    fields["other_horizons"] = [HorizonResponse(**forecast(each)) for each in signal.other_horizons]
    fields["drift_alarms"] = [alarm_response(each) for each in signal.drift_alarms]
    fields["shadows"] = [ShadowResponse(**asdict(each)) for each in signal.shadows]
    fields |= {"sequence": latest.row.sequence, "usual_volatility": latest.row.usual_volatility}
    return LatestResponse(age_seconds=latest.age_s(now), status=status, **fields)


def alarm_response(alarm: DriftAlarm) -> DriftAlarmResponse:
    """Return the answer for a drift alarm."""
    fields = asdict(alarm)
    return DriftAlarmResponse(timestamp=iso8601(fields.pop("open_time_ms")), **fields)


def _outcome(outcome: Outcome) -> OutcomeResponse:
    fields = asdict(outcome)
    return OutcomeResponse(timestamp=iso8601(fields.pop("open_time_ms")), **fields)

"""What /latest tells of a symbol: the fields in the order in which a trader reads them, and how a signal becomes an answer.

First whose number it is, how old, and what to think of it; then where the price may be and how far it may move; then the rest.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec.structs import asdict
from pydantic import BaseModel, Field

from volcast.core.types import MINUTE_MS, HorizonForecast, Outcome, Signal

from .view import Latest, Status, View


class OutcomeResponse(BaseModel):
    """What became of the forecast made H minutes before."""

    timestamp: str = Field(description="Opening of the candle after which the forecast was made, ISO 8601, UTC.")
    realized_volatility: float = Field(description="Square root of the sum of the H squared one-minute log returns that came.")
    volatility: float = Field(description="The forecast.")
    volatility_ewma: float = Field(description="The forecast of the baseline, EWMA(0.995).")
    qlike: float = Field(description="QLIKE loss of the forecast; 0 is perfect.")
    qlike_ewma: float = Field(description="QLIKE loss of the baseline.")
    covered: bool = Field(description="The realized volatility lay within the forecast's interval.")
    price_covered: bool = Field(description="The price lay within the forecast's interval.")


_PRICE = "The close at `horizon_end` lies from `price_lower` to `price_upper` with the probability `interval_level`."
_VOLATILITY = (
    "The realized volatility will lie from `volatility_lower` to `volatility_upper` with the probability `interval_level`."
)
HorizonMinutes = Annotated[int, Field(description="H, the minutes that the forecast is about.")]
HorizonEnd = Annotated[str, Field(description="When they are over: H minutes after the candle's closing, ISO 8601, UTC.")]
PriceBound = Annotated[float, Field(description=_PRICE)]
Volatility = Annotated[float, Field(description="Forecast: √E[sum of the next H squared one-minute log returns].")]
VolatilityBound = Annotated[float, Field(description=_VOLATILITY)]
VolatilityMedian = Annotated[float, Field(description="As likely to be exceeded by the realized volatility as not.")]
VolatilityAnnualized = Annotated[float, Field(description="volatility × √(525600 / H).")]
OutcomeCount = Annotated[int, Field(description="Forecasts answered since the start.")]
MaybeOutcome = Annotated[OutcomeResponse | None, Field(description="Of the forecast that came due with this candle.")]


class HorizonResponse(BaseModel):
    """The forecast of a further horizon, after the same candle."""

    horizon_minutes: HorizonMinutes
    horizon_end: HorizonEnd
    price_lower: PriceBound
    price_upper: PriceBound
    volatility: Volatility
    volatility_lower: VolatilityBound
    volatility_median: VolatilityMedian
    volatility_upper: VolatilityBound
    volatility_annualized: VolatilityAnnualized
    outcomes: OutcomeCount
    outcome: MaybeOutcome


class ShadowResponse(BaseModel):
    """The forecast of a challenger, for the signal's own horizon."""

    model: str
    volatility: float = Field(description="Its forecast.")
    qlike: float | None = Field(description="QLIKE loss of the one that came due with this candle; compare with `outcome.qlike`.")
    covered: bool | None = Field(description="The realized volatility lay within the interval of that one.")


class LatestResponse(BaseModel):
    """The latest signal of one symbol."""

    symbol: str
    timestamp: str = Field(description="The candle's opening, ISO 8601, UTC.")
    status: Status
    age_seconds: float = Field(description="Since the signal reached the API.")
    source: str = Field(description="Where the candle comes from: a file's name or a venue.")
    live: bool = Field(description="The candle comes from a venue as it happens, not from a replay.")
    close: float
    horizon_minutes: HorizonMinutes
    horizon_end: HorizonEnd
    interval_level: float = Field(description="Probability of the intervals.")
    price_lower: PriceBound
    price_upper: PriceBound
    volatility: Volatility
    volatility_lower: VolatilityBound
    volatility_median: VolatilityMedian
    volatility_upper: VolatilityBound
    volatility_annualized: VolatilityAnnualized
    volatility_annualized_deseasonalized: float = Field(
        description="The same with what the time of day and week adds taken out: comparable from hour to hour."
    )
    noise_ratio: float = Field(
        description="Volatility by one-minute over that by five-minute returns, of late: above 1 where the price bounces."
    )
    rolling_mean: float | None = Field(description="Mean of the last W closes, this one included; null until there are W.")
    signal: int = Field(description="1 where close > rolling_mean, else 0.")
    signal_rate: float | None = Field(description="Share of ones since the start.")
    signal_rate_window: float | None = Field(description="Share of ones among the last `rate_window` signals.")
    warm: bool = Field(description="The rolling mean is full and the forecaster has learned from a day of outcomes.")
    candles: int = Field(description="Candles accepted since the start.")
    signal_ones: int = Field(description="Signals of 1 since the start.")
    gaps: int = Field(description="Times that minutes were missing.")
    missing_minutes: int = Field(description="Minutes missing, all gaps together.")
    outcomes: OutcomeCount
    outcome: MaybeOutcome
    other_horizons: list[HorizonResponse] = Field(description="The other horizons, as set.")
    shadows: list[ShadowResponse] = Field(description="The challengers, as set.")


def iso8601(time_ms: int) -> str:
    """`2024-01-31T23:59:00Z`."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def response_of(latest: Latest, view: View, now_s: float) -> LatestResponse:
    """The signal's own fields, its times in words, and what depends on the clock."""
    signal = latest.signal
    fields = _forecast(signal, signal.open_time_ms)
    fields["timestamp"] = iso8601(fields.pop("open_time_ms"))
    fields["other_horizons"] = [HorizonResponse(**_forecast(each, signal.open_time_ms)) for each in signal.other_horizons]
    fields["shadows"] = [ShadowResponse(**asdict(each)) for each in signal.shadows]
    return LatestResponse(age_seconds=now_s - latest.arrived_s, status=view.status(latest, now_s), **fields)


def _forecast(forecast: Signal | HorizonForecast, open_time_ms: int) -> dict[str, Any]:
    """A horizon's fields; `open_time_ms` is that of the candle after which it was made."""
    fields = asdict(forecast)
    fields["horizon_end"] = iso8601(open_time_ms + (1 + forecast.horizon_minutes) * MINUTE_MS)
    fields["outcome"] = _outcome(forecast.outcome) if forecast.outcome else None
    return fields


def _outcome(outcome: Outcome) -> OutcomeResponse:
    fields = asdict(outcome)
    return OutcomeResponse(timestamp=iso8601(fields.pop("open_time_ms")), **fields)

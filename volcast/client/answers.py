"""The answers of the API as types. Fields that are not described here mean what docs/reference/api.md says of them.

Fields that a newer API adds are ignored, so that an older client goes on working; a field that is missing is an error.
"""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from .clocks import read_ticks
from .freshness import CURRENT, Receipt, age_s, check_accepted, require_current, seconds_left

_RECEIPT = "receipt"


class CheckableAnswer(Struct, frozen=True, dict=True):
    """An answer about one symbol which can become too old in the hands of its reader."""

    symbol: str
    timestamp: datetime
    """Start of the candle's minute."""
    status: str
    age_seconds: float
    """Seconds since the end of the candle's minute when the API answered; `age_now_s` counts on."""
    valid_until: datetime | None

    @property
    def age_now_s(self) -> float:
        """Seconds since the end of the candle's minute, now."""
        return age_s(self, self._receipt, read_ticks())

    @property
    def seconds_left(self) -> float:
        """For how many seconds more the numbers may be used; 0 or less: not any more, or not even when they came."""
        return seconds_left(self, self._receipt, read_ticks())

    def require_current(self, accept: Collection[str] = CURRENT) -> None:
        """Raise StaleForecastError unless the numbers may be used now.

        Call it right before an order, if the answer was not asked for right before. `accept` names the statuses that are good
        enough, as for `Client.latest`.
        """
        require_current(self, self._receipt, read_ticks(), check_accepted(accept))

    @property
    def _receipt(self) -> Receipt:
        receipt: Receipt = self.__dict__[_RECEIPT]
        return receipt


_Checkable = TypeVar("_Checkable", bound=CheckableAnswer)


def received(answer: _Checkable, receipt: Receipt) -> _Checkable:
    """Note on an answer when it was asked for; return it."""
    answer.__dict__[_RECEIPT] = receipt
    return answer


class ForecastOutcome(Struct, frozen=True):
    """The result of the forecast that came due with the candle."""

    timestamp: datetime
    realized_volatility: float
    volatility: float
    volatility_ewma: float
    qlike: float
    qlike_ewma: float
    covered: bool
    price_covered: bool


class ForecastQuantiles(Struct, frozen=True):
    """The distribution of one horizon: quantiles at the same levels of four things."""

    levels: tuple[float, ...]
    log_return: tuple[float, ...]
    log_high: tuple[float, ...]
    log_low: tuple[float, ...]
    realized_volatility: tuple[float, ...]


class OtherHorizon(Struct, frozen=True):
    """The forecast for another horizon, made after the same candle."""

    horizon_minutes: int
    horizon_end: datetime
    valid_until: datetime | None
    price_lower: float
    price_upper: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    quantiles: ForecastQuantiles
    outcomes: int
    outcome: ForecastOutcome | None


class Challenger(Struct, frozen=True):
    """The forecast of a challenger model."""

    model: str
    volatility: float
    qlike: float | None
    covered: bool | None
    outcomes: int


class AlarmOn(Struct, frozen=True):
    """A drift alarm that is on; its numbers are those at its beginning."""

    detector: str
    tier: str
    timestamp: datetime
    what: str
    quantity: str
    before: float
    after: float
    statistic: float
    threshold: float
    false_alarms_per_month: float | None
    runbook: str = ""
    """Of `drift` only: section of the documentation."""
    replay: str = ""
    """Of `drift` only: command that computes the alarm again."""


class LatestForecast(CheckableAnswer, frozen=True, dict=True):
    """The latest signal of one symbol. Volatilities are of log returns over the horizon, not in percent and not annualized."""

    sequence: int
    source: str
    live: bool
    close: float
    horizon_minutes: int
    horizon_end: datetime
    interval_level: float
    price_lower: float
    price_upper: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    volatility_annualized_deseasonalized: float
    usual_volatility: float | None
    quantiles: ForecastQuantiles
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
    drift_alarms: tuple[AlarmOn, ...]
    data_drift_ratio: float
    outcomes: int
    outcome: ForecastOutcome | None
    other_horizons: tuple[OtherHorizon, ...]
    shadows: tuple[Challenger, ...]
    model: str = ""
    """The champion."""


class SymbolSummary(CheckableAnswer, frozen=True, dict=True):
    """One of the symbols in the list of all. It was not checked: call `require_current` before its numbers are used."""

    sequence: int
    model: str
    close: float
    horizon_minutes: int
    horizon_end: datetime
    interval_level: float
    price_lower: float
    price_upper: float
    volatility: float
    usual_volatility: float | None
    unusual: bool | None
    drift_alarms: int


class PriceProbability(CheckableAnswer, frozen=True, dict=True):
    """How likely a price is, by the latest forecast."""

    sequence: int
    model: str
    question: str
    price: float
    upper_price: float | None
    probability: float
    relation: str
    extrapolated: bool
    close: float
    horizon_minutes: int
    horizon_end: datetime


class AlarmCounts(Struct, frozen=True):
    """How many drift alarms are on, by tier."""

    page: int
    ticket: int
    info: int


class AlarmEvent(Struct, frozen=True):
    """A drift alarm began or ended."""

    symbol: str
    event: str
    timestamp: datetime
    alarm: AlarmOn


class DriftAlarms(CheckableAnswer, frozen=True, dict=True):
    """The drift alarms of a symbol that are on, and its last events, the newest first."""

    sequence: int
    model: str
    data_drift_ratio: float
    alarms_on: AlarmCounts
    alarms: tuple[AlarmOn, ...]
    events_since: datetime
    events: tuple[AlarmEvent, ...]

"""The rows of /history and /stream as types, and how a reader knows whether one follows another.

Each row counts the minutes for which there was no candle, so two rows of a symbol show whether rows between them are missing:
the minutes between them, less those that the count has grown by.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import Struct

ROW_MS = 60_000
"""There is one row for each minute."""


class RowResult(Struct, frozen=True):
    """The result of the forecast that came due with the candle."""

    open_time_ms: int
    realized_volatility: float
    volatility: float
    qlike: float
    qlike_ewma: float
    covered: bool
    price_covered: bool


class RowHorizonForecast(Struct, frozen=True):
    """The forecast for another horizon."""

    horizon_minutes: int
    volatility: float
    volatility_lower: float
    volatility_upper: float
    price_lower: float
    price_upper: float
    outcome: RowResult | None


class RowChallenger(Struct, frozen=True):
    """A challenger's forecast for the row's own horizon."""

    model: str
    volatility: float
    qlike: float | None


class AlarmMark(Struct, frozen=True):
    """A drift alarm that is on."""

    detector: str
    tier: str
    open_time_ms: int
    what: str


class ForecastRow(Struct, frozen=True):
    """One signal of the past, or one that has just come. Fields that are not described mean what docs/reference/api.md says.

    A row says nothing of the present: whether a forecast may be used is the answer of `latest`.
    """

    sequence: int
    symbol: str
    open_time_ms: int
    """Start of the candle's minute, in milliseconds since 1970 UTC. With the symbol it names the signal for ever; `sequence` is
    of one process."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    rolling_mean: float | None
    signal: int
    signal_rate: float | None
    signal_rate_window: float | None
    model: str
    horizon_minutes: int
    interval_level: float
    volatility: float
    volatility_median: float
    volatility_lower: float
    volatility_upper: float
    price_lower: float
    price_upper: float
    usual_volatility: float | None
    outcome: RowResult | None
    gaps: int
    missing_minutes: int
    suspect: bool
    warm: bool
    data_drift_ratio: float
    other_horizons: tuple[RowHorizonForecast, ...]
    shadows: tuple[RowChallenger, ...]
    drift_alarms: tuple[AlarmMark, ...]
    age_seconds: float | None = None
    """Seconds from the end of the candle's minute to the row's arrival here, by the API's clock; None if it has not told."""

    @property
    def timestamp(self) -> datetime:
        """Start of the candle's minute."""
        return datetime.fromtimestamp(self.open_time_ms / 1_000, UTC)


@dataclass(frozen=True, slots=True)
class MissedRows:
    """Rows of a symbol that a stream could not bring, because the API does not keep them any more."""

    symbol: str
    after_open_time_ms: int | None
    """The last row before; None if there was none."""
    before_open_time_ms: int
    """The row that comes next."""
    count: int | None
    """How many are missing; None if that is not known."""

    def __str__(self) -> str:
        count = "rows" if self.count is None else "1 row" if self.count == 1 else f"{self.count} rows"
        after = "its beginning" if self.after_open_time_ms is None else _text(self.after_open_time_ms)
        may_be = "may be" if self.count is None else "is" if self.count == 1 else "are"
        return f"{count} of {self.symbol} between {after} and {_text(self.before_open_time_ms)} {may_be} missing"


def missed_between(before: ForecastRow, row: ForecastRow) -> MissedRows | None:
    """Return which rows are missing between two rows of a symbol; None if none are."""
    minutes = (row.open_time_ms - before.open_time_ms) // ROW_MS - 1
    without_candle = row.missing_minutes - before.missing_minutes
    if minutes == without_candle:
        return None
    # A count that is lower than before, or higher than time allows, has begun anew.
    count = minutes - without_candle if 0 <= without_candle < minutes else None
    return MissedRows(row.symbol, before.open_time_ms, row.open_time_ms, count)


def _text(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%dT%H:%M}Z"

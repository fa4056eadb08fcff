"""The values that the core takes and returns: candles in, signals out. `codec` defines their wire format."""

from typing import Annotated, Literal

from msgspec import Struct

from volcast.core.drift.alarms import DriftAlarm
from volcast.core.drift.thresholds import Thresholds
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow, doc

MINUTE_MS = 60_000
YEAR_MINUTES = 525_600


class Candle(Struct, frozen=True):
    """A closed one-minute candle that has passed every check which needs no memory.

    The exact rolling mean uses `close_units`; the forecaster uses the prices as floats.
    """

    symbol: str
    open_time_ms: int
    """Beginning of the minute, in milliseconds since 1970-01-01 UTC."""
    open: float
    high: float
    low: float
    close: float
    close_units: int
    """The close as an integer, exactly price × 10^decimals of the symbol."""
    volume: float
    """Volume in the base currency."""
    quote_volume: float
    """Volume in the quote currency."""
    source: str
    """Where the candle comes from: a venue or the name of a file."""
    live: bool
    """Whether it was sent live by a venue, not replayed."""
    closed_by: str
    """How the producer knew that it was closed: `file`, or a rule of the venue."""


class Gap(Struct, frozen=True):
    """Minutes that a producer cannot deliver, from `from_ms` (inclusive) to `to_ms` (exclusive)."""

    symbol: str
    from_ms: int
    to_ms: int
    source: str
    reason: str


class Revision(Struct, frozen=True):
    """A candle that a venue has changed after closing it. It is counted and changes no signal."""

    candle: Candle


class Signal(Struct, frozen=True):
    """All that is known of a symbol once a candle has closed: a function of its accepted candles so far, and of nothing else."""

    symbol: Annotated[str, doc("The candle's symbol.")]
    open_time_ms: Annotated[int, doc("Start of the candle's minute, in milliseconds since 1970-01-01 UTC.")]
    source: Annotated[str, doc("Where the candle comes from: a venue or the name of a file.")]
    live: Annotated[bool, doc("Whether the candle was sent live by a venue, not replayed.")]
    open: Annotated[float, doc("The candle's open.")]
    high: Annotated[float, doc("The candle's high.")]
    low: Annotated[float, doc("The candle's low.")]
    close: Annotated[float, doc("The candle's close.")]
    volume: Annotated[float, doc("The candle's volume in the base currency.")]
    rolling_mean: Annotated[float | None, doc("Mean of the last W closes, this one included; null until there are W.")]
    signal: Annotated[int, doc("1 if close > rolling_mean, compared exactly, else 0; 0 until there are W closes.")]
    signal_rate: Annotated[float | None, doc("Share of signals that are 1 since the start of the log; null while none counts.")]
    signal_rate_window: Annotated[float | None, doc("Share of 1 among the last rate_window signals; null while none counts.")]
    model: Annotated[str, doc("Name of the model that made the forecast, the champion.")]
    horizon_minutes: Annotated[int, doc("H: the number of minutes that the forecast covers.")]
    interval_level: Annotated[float, doc("Probability that the realized volatility, or the close, is between its bounds.")]
    volatility: Annotated[float, doc("Forecast of realized volatility, √E[sum of the next H squared one-minute log returns].")]
    volatility_median: Annotated[float, doc("Median forecast, which the realized volatility is as likely to exceed as not.")]
    volatility_lower: Annotated[float, doc("Lower bound of the realized volatility of the next H minutes; see interval_level.")]
    volatility_upper: Annotated[float, doc("Upper bound of the realized volatility of the next H minutes; see interval_level.")]
    volatility_annualized: Annotated[float, doc("volatility × √(525600 / H).")]
    volatility_annualized_deseasonalized: Annotated[
        float, doc("volatility_annualized without the usual effect of the time of day and week, so that hours can be compared.")
    ]
    price_lower: Annotated[float, doc("Lower bound of the close after H minutes; see interval_level.")]
    price_upper: Annotated[float, doc("Upper bound of the close after H minutes; see interval_level.")]
    quantiles: Annotated[Quantiles, doc("The distribution of return, highest high, lowest low and realized volatility.")]
    noise_ratio: Annotated[
        float, doc("Recent volatility by one-minute over that by five-minute returns: above 1 if prices bounce, 0 while unknown.")
    ]
    warm: Annotated[bool, doc("Whether there are W closes and a day of learned outcomes, and missing_share is at most 0.5.")]
    candles: Annotated[int, doc("Number of candles accepted since the start of the log.")]
    signal_ones: Annotated[int, doc("Number of signals that are 1 since the start of the log.")]
    gaps: Annotated[int, doc("Number of gaps since the start of the log, each of one or more missing minutes.")]
    missing_minutes: Annotated[int, doc("Number of minutes missing in these gaps.")]
    missing_share: Annotated[float, doc("Share of the minutes of the last day, or since the first candle, without a candle.")]
    suspect: Annotated[bool, doc("Whether a price of this candle is far outside the market's scale, so the forecast ignores it.")]
    suspect_candles: Annotated[int, doc("Number of candles with such a price since the start of the log.")]
    drift_alarms: Annotated[tuple[DriftAlarm, ...], doc("The drift alarms that are on; docs/drift.md explains them.")]
    data_drift_ratio: Annotated[float, doc("Share of the monitored inputs of the forecast that drift now, 0 to 1.")]
    outcomes: Annotated[int, doc("Number of forecasts that have come due since the start of the log.")]
    outcome: Annotated[Outcome | None, doc("Result of the forecast that came due with this candle; null if none did.")]
    other_horizons: Annotated[tuple[HorizonForecast, ...], doc("The forecasts of the other configured horizons.")] = ()
    shadows: Annotated[tuple[Shadow, ...], doc("The forecasts of the configured challenger models.")] = ()


class Restoring(Struct, frozen=True):
    """The state of a symbol could not be used and is being rebuilt from the log, or, if `done`, the rebuild is complete."""

    symbol: str
    done: bool


class EngineConfig(Struct, frozen=True):
    """The settings of an engine. They determine its signals, so a snapshot holds them and fits no others."""

    window: int = 5
    """W: number of closes in the rolling mean."""
    warmup: Literal["zero", "exclude"] = "zero"
    """Whether the first W-1 signals count as 0 in the rates (`zero`) or are left out of them (`exclude`)."""
    rate_window: int = 1_440
    """Number of signals in `signal_rate_window`."""
    horizons: tuple[int, ...] = (60,)
    """Horizons of the forecasts in minutes; the first is the signal's own."""
    interval_level: float = 0.9
    """Probability of the intervals."""
    quantile_levels: tuple[float, ...] = QUANTILE_LEVELS
    """Levels of the champion's quantiles, ascending."""
    model: str = "two_stage"
    """The model that leads until a promotion, a name in `volcast.core.models.MODELS`."""
    shadows: tuple[str, ...] = ()
    """Challengers, models that forecast beside the champion and may be promoted."""
    prior: str = "bundled"
    """The prior of a new symbol: `bundled`, `none`, or the fingerprint of the one that is given to the engine."""
    drift_thresholds: Thresholds | Literal["shipped"] = "shipped"
    """The thresholds of the drift detectors."""

"""The values that travel the path: a candle in, a signal out. How they look on the wire stands in `codec`."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

MINUTE_MS = 60_000
YEAR_MINUTES = 525_600


class Candle(Struct, frozen=True):
    """A closed one-minute candle that has passed every check which needs no memory.

    `close_units` is the close as an integer, price × 10^decimals, exactly; the prices as floats serve the forecaster.
    """

    symbol: str
    open_time_ms: int
    """When the minute began, milliseconds since 1970-01-01 UTC; a whole minute."""
    open: float
    high: float
    low: float
    close: float
    close_units: int
    volume: float
    """In the base currency."""
    quote_volume: float
    """In the quote currency."""
    source: str
    """Where it comes from: a file's name or a venue."""
    live: bool
    """It comes from a venue as it happens, not from a replay."""
    closed_by: str
    """How its producer knew that it was closed: `file`, or a rule of the venue."""


class Gap(Struct, frozen=True):
    """Minutes that a producer knows it can't deliver: the first missing and the first present one after them."""

    symbol: str
    from_ms: int
    to_ms: int
    source: str
    reason: str


class Revision(Struct, frozen=True):
    """A venue's later word on a candle that it had called closed. Counted; it never rewrites history."""

    candle: Candle


class Skip(StrEnum):
    """A candle that is sound but out of time, and not taken in. How often depends on delivery, so no `Signal` tells it."""

    DUPLICATE = "duplicate"
    """Its minute has been taken in already; the first candle of a minute counts, whatever a second one says."""
    LATE = "late"
    """Its minute was missing when a later one was taken in."""
    TOO_FAR_AHEAD = "too_far_ahead"
    """It lies more than a month after the last: one wrong date must not make all that follow late. The next one from there,
    if it comes, is believed."""


class Outcome(Struct, frozen=True):
    """What became of the forecast made a horizon before the signal it stands in.

    Volatilities are square roots of the variance summed over the horizon; the losses are
    QLIKE = RV/f - log(RV/f) - 1 on variances (Patton, 2011), 0 for a perfect forecast.
    """

    open_time_ms: int
    """The candle after which the forecast was made."""
    realized_volatility: float
    volatility: float
    volatility_ewma: float
    """The forecast of the baseline, EWMA(0.995) of squared one-minute returns."""
    qlike: float
    qlike_ewma: float
    covered: bool
    """The realized volatility lay within the forecast's interval."""
    price_covered: bool
    """The price lay between the forecast's bounds."""


class HorizonForecast(Struct, frozen=True):
    """The forecast of a further horizon: fields as in `Signal`."""

    horizon_minutes: int
    volatility: float
    volatility_median: float
    volatility_lower: float
    volatility_upper: float
    volatility_annualized: float
    price_lower: float
    price_upper: float
    outcomes: int
    outcome: Outcome | None


class Shadow(Struct, frozen=True):
    """A challenger's forecast for the signal's own horizon, and what became of the one that came due."""

    model: str
    volatility: float
    qlike: float | None
    covered: bool | None


class Signal(Struct, frozen=True):
    """All that is known of a symbol once a candle has closed: a function of the accepted candles up to it, nothing else."""

    symbol: str
    open_time_ms: int
    """The candle's opening."""
    source: str
    live: bool
    """The candle came from a venue, not from a replay."""
    close: float
    rolling_mean: float | None
    """Of the last W closes, this one included; None until there are W."""
    signal: int
    """1 where close > rolling_mean, decided in integers; else 0, and 0 during the warm-up."""
    signal_rate: float | None
    """Share of ones since the start; None while nothing counts."""
    signal_rate_window: float | None
    """Share of ones among the last `rate_window` counted signals."""
    horizon_minutes: int
    """H: what the forecast is about; realized volatility is the root of the sum of the next H squared one-minute log returns."""
    interval_level: float
    """Probability of the intervals."""
    volatility: float
    """The root of the expected realized variance; positive and finite from the first candle on."""
    volatility_median: float
    """As likely to be exceeded by the realized volatility as not."""
    volatility_lower: float
    volatility_upper: float
    """The realized volatility lies between them with the probability `interval_level`."""
    volatility_annualized: float
    """volatility × sqrt(525600 / H)."""
    volatility_annualized_deseasonalized: float
    """The same with what the time of day and week adds taken out: comparable from hour to hour."""
    price_lower: float
    price_upper: float
    """The close after the horizon lies between them with the probability `interval_level`."""
    noise_ratio: float
    """Volatility by one-minute over that by five-minute returns, of late: above 1 where the price bounces; 0 while unknown."""
    warm: bool
    """The rolling mean has its W closes and the forecaster a day of answers."""
    candles: int
    """Accepted so far."""
    signal_ones: int
    """Signals of 1 so far."""
    gaps: int
    """Times that minutes were missing so far."""
    missing_minutes: int
    """Minutes missing so far, all gaps together."""
    outcomes: int
    """Forecasts answered so far."""
    outcome: Outcome | None
    """Of the forecast that came due with this candle, if one did."""
    other_horizons: tuple[HorizonForecast, ...] = ()
    """Of the other horizons, as configured."""
    shadows: tuple[Shadow, ...] = ()
    """Of the challengers, as configured."""


class Restoring(Struct, frozen=True):
    """The state of a symbol could not be used and is being rebuilt from the log; or, `done`, it is whole again."""

    symbol: str
    done: bool


class EngineConfig(Struct, frozen=True):
    """What an engine is told once. Another config makes other signals, so a snapshot carries its own and fits no other."""

    window: int = 5
    """W, closes in the rolling mean."""
    warmup: Literal["zero", "exclude"] = "zero"
    """The first W-1 signals: count as 0, or leave the rates' denominators."""
    rate_window: int = 1_440
    """Signals in `signal_rate_window`."""
    horizons: tuple[int, ...] = (60,)
    """Minutes; the first is the signal's own."""
    interval_level: float = 0.9
    """Probability of the intervals."""
    model: str = "two_stage"
    """A name in the table of `volcast.core.models`."""
    shadows: tuple[str, ...] = ()
    """Models that forecast beside it."""
    prior: str = "bundled"
    """What a new symbol starts from: `bundled`, `none`, or the fingerprint of one that is given to the engine."""

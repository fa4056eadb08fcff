"""The forecast after one candle, and the questions that it answers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import exp
from typing import NamedTuple, TypeVar

from numpy.random import Generator

from volcast.core.drift.alarms import DriftAlarm
from volcast.core.forecast.distribution.paths import Paths
from volcast.core.forecast.distribution.questions import (
    Loss,
    PositionSide,
    PriceOutlook,
    PriceRange,
    Probability,
    volatility_distribution,
)
from volcast.core.forecast.distribution.scenarios import scenario_paths
from volcast.core.forecast.results import HorizonForecast, Outcome
from volcast.core.types import MINUTE_MS, Signal

from .errors import NoForecastError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Answer = TypeVar("_Answer")


class VolatilityRange(NamedTuple):
    """An interval of realized volatility over the horizon."""

    lower: float
    upper: float
    extrapolated: bool


class Forecast:
    """What is forecast after one candle, over one horizon; `at(minutes)` is the same for another horizon.

    Volatility is that of the whole horizon: 0.004 means that the root of the sum of the squared minute returns is 0.4 %.

    Args:
        symbol: The symbol.
        open_time_ms: The beginning of the candle's minute.
        record: The signal, as the stream has it; None if the candle waits for the next one to confirm its date. Then whatever
            asks for a number raises NoForecastError.
        stale_after_ms: How long after the end of its candle a forecast may be used.
        profile: The symbol's diurnal profile of |return|, for scenario paths.
        closes: Returns the closes of so many minutes up to a time, with their times, for a picture.
        horizon_minutes: By default the first horizon of the record.
    """

    def __init__(
        self,
        symbol: str,
        open_time_ms: int,
        record: Signal | None,
        *,
        stale_after_ms: int,
        profile: Sequence[float] = (),
        closes: Callable[[int, int], list[tuple[int, float]]] | None = None,
        horizon_minutes: int | None = None,
    ) -> None:
        self.symbol, self.open_time_ms = symbol, open_time_ms
        self._record, self._stale_after_ms, self._profile = record, stale_after_ms, profile
        self._horizon, self._closes = horizon_minutes, closes

    @property
    def waiting(self) -> bool:
        """Whether the candle waits for the next one to confirm its date, so that there is no forecast yet."""
        return self._record is None

    @property
    def record(self) -> Signal:
        """The signal with all its fields, as the stream has it. Raises NoForecastError while the candle waits."""
        if self._record is None:
            raise NoForecastError(
                f"there is no forecast of {self.symbol} yet: the candle of {self.open_time:%Y-%m-%d %H:%M} UTC is the first one, "
                "or lies more than 15 minutes after the last, so its date waits for the next candle to confirm it"
            )
        return self._record

    @property
    def horizons(self) -> tuple[int, ...]:
        """The horizons of which there is a forecast, in minutes."""
        return tuple(self._all())

    @property
    def horizon_minutes(self) -> int:
        """The number of minutes that this forecast is about."""
        return self._horizon or self.record.horizon_minutes

    def at(self, horizon_minutes: int) -> "Forecast":
        """Return the forecast for another horizon. Raises NoForecastError if there is none."""
        if horizon_minutes not in self._all():
            known = ", ".join(map(str, self.horizons))
            raise NoForecastError(
                f"{self.symbol} has no forecast for {horizon_minutes} minutes, only for {known}: "
                f"Forecaster(horizons=(…, {horizon_minutes})) makes one"
            )
        return Forecast(
            self.symbol,
            self.open_time_ms,
            self._record,
            stale_after_ms=self._stale_after_ms,
            profile=self._profile,
            closes=self._closes,
            horizon_minutes=horizon_minutes,
        )

    @property
    def open_time(self) -> datetime:
        """The beginning of the candle's minute, in UTC."""
        return _utc(self.open_time_ms)

    @property
    def horizon_end(self) -> datetime:
        """The end of the minutes that the forecast is about, in UTC."""
        return _utc(self.open_time_ms + (1 + self.horizon_minutes) * MINUTE_MS)

    @property
    def valid_until(self) -> datetime | None:
        """When the forecast must not be used any more: the next candles are overdue then, or the horizon is over.

        None if it must not be used at all: the candle has a price far outside the market's scale.
        """
        if self.record.suspect:
            return None
        return min(_utc(self.open_time_ms + MINUTE_MS + self._stale_after_ms), self.horizon_end)

    def is_valid(self, now: datetime) -> bool:
        """Return whether the forecast may be used at a time. Raises ValueError if `now` has no time zone."""
        if now.tzinfo is None:
            raise ValueError("now has no time zone; datetime.now(UTC) has one")
        return not self.waiting and self.valid_until is not None and now < self.valid_until

    @property
    def close(self) -> float:
        """The candle's close."""
        return self.record.close

    @property
    def volatility(self) -> float:
        """Forecast of the realized volatility over the horizon: the root of its expected square."""
        return self._part.volatility

    @property
    def volatility_median(self) -> float:
        """The median of the realized volatility, which it is as likely to exceed as not."""
        return self._part.volatility_median

    @property
    def volatility_annualized(self) -> float:
        """The volatility scaled to a year: times √(525600 / horizon)."""
        return self._part.volatility_annualized

    @property
    def signal(self) -> int:
        """1 if the close is above the rolling mean, else 0."""
        return self.record.signal

    @property
    def rolling_mean(self) -> float | None:
        """The mean of the last closes, this one included; None until there are enough."""
        return self.record.rolling_mean

    @property
    def warm(self) -> bool:
        """Whether the rolling mean is full, and the forecaster has learned from a day of outcomes."""
        return self.record.warm

    @property
    def outcomes(self) -> int:
        """The number of forecasts of this horizon whose outcome is known: what was learned of this market."""
        return self._part.outcomes

    @property
    def outcome(self) -> Outcome | None:
        """The result of the forecast that came due with this candle; None if none did, as before the first horizon is over."""
        return self._part.outcome

    @property
    def drift_alarms(self) -> tuple[DriftAlarm, ...]:
        """The drift alarms that are on."""
        return self.record.drift_alarms

    def volatility_interval(self, level: float | None = None) -> VolatilityRange:
        """Return the central interval of the realized volatility that has this probability; by default the settings' level.

        Raises NoForecastError if the level is not between 0 and the highest that is trusted.
        """
        part = self._part
        if level is None or level == self.record.interval_level:
            return VolatilityRange(part.volatility_lower, part.volatility_upper, extrapolated=False)
        law, tail = volatility_distribution(part.quantiles), 0.5 - level / 2.0
        lowest = max(law.min_level, 1.0 - law.max_level)
        if not (0.0 < level < 1.0 and tail >= lowest - 1e-12):  # of rounding
            raise NoForecastError(f"the level of an interval must be above 0 and at most {1.0 - 2.0 * lowest:g}; got {level:g}")
        low, high = exp(law.quantile(tail)), exp(law.quantile(1.0 - tail))
        return VolatilityRange(low, high, law.is_extrapolated(tail) or law.is_extrapolated(1.0 - tail))

    def price_interval(self, level: float | None = None) -> PriceRange:
        """Return the central interval in which the close after the horizon lies with this probability; by default the settings'.

        Raises NoForecastError if the level is not between 0 and the highest that is trusted, or the candle is suspect.
        """
        prices = self._prices
        if level is None or level == self.record.interval_level:
            return PriceRange(self._part.price_lower, self._part.price_upper, extrapolated=False)
        return _answered(lambda: prices.price_range(level))

    def probability_above(self, price: float) -> Probability:
        """Return the probability that the close after the horizon is above a price."""
        return _answered(lambda: self._prices.above(price))

    def probability_below(self, price: float) -> Probability:
        """Return the probability that the close after the horizon is at or below a price."""
        return _answered(lambda: self._prices.below(price))

    def probability_between(self, lower: float, upper: float) -> Probability:
        """Return the probability that the close after the horizon is above `lower` and at most `upper`."""
        return _answered(lambda: self._prices.between(lower, upper))

    def probability_touch(self, price: float) -> Probability:
        """Return the probability that a price is reached within the horizon, be it for a moment."""
        return _answered(lambda: self._prices.touched(price))

    def loss(self, level: float = 0.99, side: PositionSide | str = PositionSide.LONG) -> Loss:
        """Return value at risk and expected shortfall of a long or short position, as shares of its value.

        Raises NoForecastError if the level is not between 0.5 and the highest that is trusted.
        """
        if side not in tuple(PositionSide):
            raise NoForecastError(f"the side of a position is 'long' or 'short'; got {side!r}")
        return _answered(lambda: self._prices.loss(level, PositionSide(side)))

    def value_at_risk(self, level: float = 0.99, side: PositionSide | str = PositionSide.LONG) -> float:
        """Return the loss over the horizon that is not exceeded with this probability, as a share of the position's value."""
        return self.loss(level, side).value_at_risk

    def expected_shortfall(self, level: float = 0.99, side: PositionSide | str = PositionSide.LONG) -> float:
        """Return the mean loss over the horizon where the value at risk is exceeded, as a share of the position's value."""
        return self.loss(level, side).expected_shortfall

    def paths(self, count: int, seed: int | Generator) -> Paths:
        """Draw scenario paths: minute candles that might follow. Raises NoForecastError for a count out of range."""
        record = self.record
        return _answered(
            lambda: scenario_paths(record, count, seed, horizon_minutes=self.horizon_minutes, profile=self._profile or None)
        )

    @property
    def _part(self) -> Signal | HorizonForecast:
        return self._all()[self.horizon_minutes]

    @property
    def _prices(self) -> PriceOutlook:
        if self.record.suspect:
            raise NoForecastError(
                f"the price of {self.symbol} at {self.open_time:%Y-%m-%d %H:%M} UTC is far outside the market's scale, so that "
                "nothing is said about prices; the next candle answers"
            )
        return PriceOutlook(self._part.quantiles, self.record.close)

    def _all(self) -> dict[int, Signal | HorizonForecast]:
        record = self.record
        return {record.horizon_minutes: record} | {each.horizon_minutes: each for each in record.other_horizons}

    def closes(self, minutes: int) -> list[tuple[int, float]]:
        """Return the last closes up to this candle, as far as they are remembered: open_time_ms and price, oldest first."""
        return self._closes(self.open_time_ms, minutes) if self._closes else []

    def _repr_html_(self) -> str:
        from .html import forecast_html  # noqa: PLC0415  # it draws this class

        return forecast_html(self)

    def __repr__(self) -> str:
        from .describe import describe  # noqa: PLC0415  # it describes this class

        return f"<Forecast {describe(self)}>"


def _answered(ask: Callable[[], _Answer]) -> _Answer:
    """Return the answer. Raise NoForecastError, with the reason, for a question that has none."""
    try:
        return ask()
    except ValueError as error:
        raise NoForecastError(str(error)) from None


def _utc(time_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=time_ms)

"""The engine of one symbol: a candle in, a signal out.

`step` works in a fixed order, on which the validity of the forecasts depends: skip a candle that is out of time, resolve the
forecast that has come due, learn from it, take in the candle, forecast.
"""

from collections import deque
from math import exp, log, sqrt
from typing import Any

from volcast.core.forecast.forecaster import Forecaster, ResolvedForecasts
from volcast.core.forecast.prior import BUNDLED, NONE, Prior, bundled, fingerprint

from .outcomes import annualized, make_horizon_forecast, make_outcome, make_shadow
from .rolling import RollingMean, SignalRate
from .types import MINUTE_MS, Candle, EngineConfig, Signal, Skip

WARM_OUTCOMES = 1_440
"""Resolved forecasts from which on the forecaster counts as warm: a day of minutes."""
MAX_REMEMBERED_GAPS = 32
"""Number of latest gaps that are remembered, to distinguish a late candle from a duplicate."""
MAX_JUMP_MS = 31 * 86_400_000
"""A candle further ahead than this is accepted only if the one before it was as far ahead."""


class Engine:
    """The state of one symbol. It is bounded, and a function of the config and the accepted candles alone.

    Args:
        symbol: The symbol of all candles and signals.
        config: The engine's settings.
        price_decimals: Decimals of `Candle.close_units`.
        prior: The prior that the config names by its fingerprint. Raises ValueError if it is missing or a different one.

    >>> engine = Engine("BTCUSDT", EngineConfig(window=2), price_decimals=2)
    >>> candle = Candle("BTCUSDT", 0, 1.0, 1.0, 1.0, 1.0, 100, 0.0, 0.0, "example", False, "file")
    >>> signal = engine.step(candle)
    >>> signal.signal, signal.rolling_mean, signal.candles
    (0, None, 1)
    >>> engine.step(candle)
    <Skip.DUPLICATE: 'duplicate'>
    """

    def __init__(self, symbol: str, config: EngineConfig, price_decimals: int, prior: Prior | None = None) -> None:
        self.symbol = symbol
        self.config = config
        self.price_decimals = price_decimals
        self.candles = 0
        self.gaps = 0
        self.missing_minutes = 0
        self._first_ms = 0
        self._last_ms = 0
        self._last_close = 0.0
        self._jump_ms = -1
        """Opening of the candle before this one if it was skipped as too far ahead, else negative."""
        self._remembered_gaps: deque[tuple[int, int]] = deque(maxlen=MAX_REMEMBERED_GAPS)
        self._mean = RollingMean(config.window)
        self._rate = SignalRate(config.rate_window)
        self.forecaster = Forecaster(
            config.horizons, config.interval_level, config.model, config.shadows, _select_prior(config.prior, prior)
        )

    def step(self, candle: Candle) -> Signal | Skip:
        """Process the next candle of this symbol. Return its signal, or the reason why it was skipped."""
        if self.candles and candle.open_time_ms <= self._last_ms:
            return self._skip(candle.open_time_ms)
        if self.candles and candle.open_time_ms - self._last_ms > MAX_JUMP_MS and not self._follows_jump(candle.open_time_ms):
            self._jump_ms = candle.open_time_ms
            return Skip.TOO_FAR_AHEAD
        self._jump_ms = -1
        resolved = self._observe(candle)
        signal = int(self._mean.push(candle.close_units))
        if self._mean.full or self.config.warmup == "zero":
            self._rate.push(signal)
        self.candles += 1
        self._last_ms, self._last_close = candle.open_time_ms, candle.close
        return self._signal(candle, signal, resolved)

    def _signal(self, candle: Candle, signal: int, resolved: ResolvedForecasts) -> Signal:
        predictions = self.forecaster.forecast()
        (horizon, main), *others = self.forecaster.champions.items()
        prediction = predictions.horizons[horizon]
        volatility = sqrt(prediction.variance)
        per_year = annualized(volatility, horizon)
        return Signal(
            symbol=self.symbol,
            open_time_ms=candle.open_time_ms,
            source=candle.source,
            live=candle.live,
            close=candle.close,
            rolling_mean=self._mean.value(self.price_decimals),
            signal=signal,
            signal_rate=self._rate.since_start,
            signal_rate_window=self._rate.in_window,
            horizon_minutes=horizon,
            interval_level=self.config.interval_level,
            volatility=volatility,
            volatility_median=prediction.median,
            volatility_lower=prediction.lower,
            volatility_upper=prediction.upper,
            volatility_annualized=per_year,
            volatility_annualized_deseasonalized=per_year * exp(-main.seasonal_effect(self.forecaster.market.minute)),
            price_lower=candle.close * exp(prediction.return_lower),
            price_upper=candle.close * exp(prediction.return_upper),
            noise_ratio=self.forecaster.market.noise.value,
            warm=self._mean.full and main.outcomes >= WARM_OUTCOMES,
            candles=self.candles,
            signal_ones=self._rate.ones,
            gaps=self.gaps,
            missing_minutes=self.missing_minutes,
            outcomes=main.outcomes,
            outcome=make_outcome(resolved.horizons.get(horizon), candle.open_time_ms, horizon),
            other_horizons=tuple(
                make_horizon_forecast(
                    learner, predictions.horizons[h], candle.close, make_outcome(resolved.horizons.get(h), candle.open_time_ms, h)
                )
                for h, learner in others
            ),
            shadows=tuple(
                make_shadow(name, shadow, make_outcome(resolved.shadows.get(name), candle.open_time_ms, horizon))
                for name, shadow in predictions.shadows.items()
            ),
        )

    @property
    def last_open_time_ms(self) -> int:
        """Opening of the last accepted candle, in milliseconds since 1970-01-01 UTC; 0 before the first."""
        return self._last_ms

    @property
    def last_close(self) -> float:
        """Close of the last accepted candle; 0 before the first."""
        return self._last_close

    def _follows_jump(self, open_time_ms: int) -> bool:
        """Return whether the candle before was skipped as too far ahead and this one follows it, so that the time is no error."""
        return self._jump_ms >= 0 and 0 < open_time_ms - self._jump_ms <= MAX_JUMP_MS

    def _observe(self, candle: Candle) -> ResolvedForecasts:
        """Pass the candle to the forecaster, with its return if the minute before is known; a gap discards pending forecasts."""
        log_return = None
        if not self.candles:
            self._first_ms = candle.open_time_ms
        elif missing := (candle.open_time_ms - self._last_ms) // MINUTE_MS - 1:
            self.gaps += 1
            self.missing_minutes += missing
            self._remembered_gaps.append((self._last_ms + MINUTE_MS, candle.open_time_ms))
        else:
            log_return = log(candle.close / self._last_close)
        prices_and_volume = (candle.open, candle.high, candle.low, candle.close, candle.quote_volume)
        return self.forecaster.observe(candle.open_time_ms // MINUTE_MS, prices_and_volume, log_return)

    def _skip(self, open_time_ms: int) -> Skip:
        """Return LATE if the minute lies in a gap or before all that is remembered, else DUPLICATE."""
        in_gap = any(start <= open_time_ms < end for start, end in self._remembered_gaps)
        forgotten = len(self._remembered_gaps) < self.gaps
        remembered_from_ms = self._remembered_gaps[0][0] if forgotten else self._first_ms
        return Skip.LATE if in_gap or open_time_ms < remembered_from_ms else Skip.DUPLICATE

    def dump(self) -> dict[str, Any]:
        """Return the state: plain fields and raw arrays."""
        return {
            "candles": self.candles,
            "gaps": self.gaps,
            "missing_minutes": self.missing_minutes,
            "first_ms": self._first_ms,
            "last_ms": self._last_ms,
            "last_close": self._last_close,
            "jump_ms": self._jump_ms,
            "remembered_gaps": list(self._remembered_gaps),
            "prices": self._mean.dump(),
            "counted": self._rate.counted,
            "ones": self._rate.ones,
            "signals": self._rate.dump(),
            "forecaster": self.forecaster.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.candles, self.gaps = int(state["candles"]), int(state["gaps"])
        self.missing_minutes = int(state["missing_minutes"])
        self._first_ms, self._last_ms = int(state["first_ms"]), int(state["last_ms"])
        self._last_close = float(state["last_close"])
        self._jump_ms = int(state["jump_ms"])
        self._remembered_gaps.extend((start, end) for start, end in state["remembered_gaps"])
        self._mean.load(state["prices"])
        self._rate.load(int(state["counted"]), int(state["ones"]), state["signals"])
        self.forecaster.load(state["forecaster"])


def _select_prior(name: str, given: Prior | None) -> Prior | None:
    if given is not None and fingerprint(given) != name:
        raise ValueError(f"the settings name the prior {name}, but {fingerprint(given)} was given")
    if given is None and name not in {BUNDLED, NONE}:
        raise ValueError(f"the settings name the prior {name}, but it was not given")
    return bundled() if name == BUNDLED else given

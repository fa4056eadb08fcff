"""The engine of one symbol: a candle in, a signal out.

`step` works in a fixed order, on which the validity of the forecasts depends: skip a candle that is out of time, let the model
lead that was promoted for it, resolve the forecast that has come due, learn from it, take in the candle, forecast.
"""

from math import exp, sqrt
from typing import Any

from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observer
from volcast.core.forecast.forecaster import ResolvedForecasts, SymbolForecaster
from volcast.core.forecast.intake import take_in
from volcast.core.forecast.learner import WARM_OUTCOMES
from volcast.core.forecast.outcomes import annualized, make_horizon_forecasts, make_outcome, make_shadows
from volcast.core.forecast.prior import Prior, select_prior
from volcast.core.market.price_check import PriceCheck

from .rolling import RollingMean, SignalRate
from .timeline import MAX_MISSING_SHARE, MAX_STEP_MS, Admission, Arrival, DateCheck, Skip, Timeline
from .types import Candle, EngineConfig, Signal


class Engine:
    """The state of one symbol. It is bounded, and a function of the config and the accepted candles alone.

    Args:
        symbol: The symbol of all candles and signals.
        config: The engine's settings.
        price_decimals: Decimals of `Candle.close_units`.
        prior: The prior that the config names by its fingerprint. Raises ValueError if it is missing or a different one.

    >>> engine = Engine("BTCUSDT", EngineConfig(window=2), price_decimals=2)
    >>> candle = Candle("BTCUSDT", 0, 1.0, 1.0, 1.0, 1.0, 100, 0.0, 0.0, "example", False, "file")
    >>> engine.step(candle).candles, engine.step(candle)
    (1, <Skip.DUPLICATE: 'duplicate'>)
    """

    def __init__(self, symbol: str, config: EngineConfig, price_decimals: int, prior: Prior | None = None) -> None:
        self.symbol = symbol
        self.config = config
        self.price_decimals = price_decimals
        self.candles = 0
        self.timeline, self.dates, self.prices = Timeline(), DateCheck(), PriceCheck()
        self._mean, self._rate = RollingMean(config.window), SignalRate(config.rate_window)
        prior, level, levels = select_prior(config.prior, prior), config.interval_level, config.quantile_levels
        self.forecaster = SymbolForecaster(config.horizons, level, config.model, config.shadows, prior, quantile_levels=levels)
        self._observer, self.drift = Observer(config.horizons[0]), DriftMonitor(config.drift_thresholds)

    def continues_at(self, open_time_ms: int) -> bool:
        """Return whether a candle of this minute would be admitted alone, as nearly all are: none waits, and its date is good."""
        return self.candles > 0 and not self.dates.waiting and 0 < open_time_ms - self.timeline.last_ms <= MAX_STEP_MS

    def admit(self, arrival: Arrival) -> Admission:
        """Return which candles to `step` through now that this one has arrived: none if its date is in doubt until the next."""
        if skip := self.timeline.skip(arrival.candle.open_time_ms):
            return Admission(skip=skip)
        return self.dates.push(arrival, self.timeline.last_ms if self.candles else None)

    def step(self, candle: Candle) -> Signal | Skip:
        """Process the next candle of this symbol. Return its signal, or the reason why it was skipped."""
        if skip := self.timeline.skip(candle.open_time_ms):
            return skip
        if self.forecaster.succession.waiting and self.forecaster.succeed(candle.open_time_ms):
            self.drift.forget_forecast()
        numbers = candle.open_time_ms, candle.open, candle.high, candle.low, candle.close, candle.quote_volume
        resolved = take_in(numbers, self.timeline, self.prices, self.forecaster)
        signal = int(self._mean.push(candle.close_units))
        if self._mean.full or self.config.warmup == "zero":
            self._rate.push(signal)
        self.candles += 1
        return self._signal(candle, signal, resolved)

    def _signal(self, candle: Candle, signal: int, resolved: ResolvedForecasts) -> Signal:
        predictions, timeline, market = self.forecaster.forecast(), self.timeline, self.forecaster.market
        (horizon, main), *others = self.forecaster.champions.items()
        prediction, due = predictions.horizons[horizon], resolved.horizons.get(horizon)
        volatility, seasonal_effect = sqrt(prediction.variance), main.seasonal_effect(market.minute)
        per_year = annualized(volatility, horizon)
        missing_share, suspect = timeline.missing_share, self.prices.is_suspect
        warm = self._mean.full and main.outcomes >= WARM_OUTCOMES and missing_share <= MAX_MISSING_SHARE
        trust = warm, suspect, missing_share
        self.drift.push(self._observer.observe(candle, market, (main, prediction, seasonal_effect), due, trust))
        return Signal(
            symbol=self.symbol,
            open_time_ms=candle.open_time_ms,
            source=candle.source,
            live=candle.live,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            rolling_mean=self._mean.value(self.price_decimals),
            signal=signal,
            signal_rate=self._rate.since_start,
            signal_rate_window=self._rate.in_window,
            model=self.forecaster.leader,
            horizon_minutes=horizon,
            interval_level=self.config.interval_level,
            volatility=volatility,
            volatility_median=prediction.median,
            volatility_lower=prediction.lower,
            volatility_upper=prediction.upper,
            volatility_annualized=per_year,
            volatility_annualized_deseasonalized=per_year * exp(-seasonal_effect),
            price_lower=self.last_close * exp(prediction.return_lower),
            price_upper=self.last_close * exp(prediction.return_upper),
            quantiles=main.quantiles,
            noise_ratio=market.noise.value,
            warm=warm,
            candles=self.candles,
            signal_ones=self._rate.ones,
            gaps=timeline.gaps,
            missing_minutes=timeline.missing_minutes,
            missing_share=missing_share,
            suspect=suspect,
            suspect_candles=self.prices.candles,
            drift_alarms=self.drift.alarms,
            data_drift_ratio=self.drift.data_drift_ratio,
            outcomes=main.outcomes,
            outcome=make_outcome(due, candle.open_time_ms, horizon),
            other_horizons=make_horizon_forecasts(others, predictions, resolved, self.last_close, candle.open_time_ms),
            shadows=make_shadows(self.forecaster.shadows, predictions, resolved, candle.open_time_ms),
        )

    @property
    def last_open_time_ms(self) -> int:
        """Opening of the last accepted candle, in milliseconds since 1970-01-01 UTC; 0 before the first."""
        return self.timeline.last_ms

    @property
    def last_close(self) -> float:
        """The last close that is not suspect; 0 before the first."""
        return self.prices.close

    def dump(self) -> dict[str, Any]:
        """Return the state: plain fields and raw arrays."""
        return {
            "candles": self.candles,
            "timeline": self.timeline.dump(),
            "trusted": self.prices.dump(),
            "waiting": self.dates.dump(),
            "prices": self._mean.dump(),
            "counted": self._rate.counted,
            "ones": self._rate.ones,
            "signals": self._rate.dump(),
            "forecaster": self.forecaster.dump(),
            "observer": self._observer.dump(),
            "drift": self.drift.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.candles = int(state["candles"])
        self.timeline.load(state["timeline"])
        self.prices.load(state["trusted"])
        self.dates.load(state["waiting"])
        self._mean.load(state["prices"])
        self._rate.load(int(state["counted"]), int(state["ones"]), state["signals"])
        self.forecaster.load(state["forecaster"])
        self._observer.load(state["observer"])
        self.drift.load(state["drift"])

"""Outcomes of a random market, and models that know its variance up to noise of their own, which lasts for some hours."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.signal import lfilter  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.scores import qlike_losses
from volcast.core.arrays import Floats
from volcast.lifecycle.comparison.outcomes import ModelForecasts, SymbolOutcomes

START_MS = 1_704_067_200_000
HOUR_MS = 3_600_000


def noise(rng: np.random.Generator, size: int, deviation: float, memory: float) -> Floats:
    """Return an autoregressive process of order 1 with this standard deviation."""
    shocks = rng.normal(0.0, deviation * np.sqrt(1.0 - memory**2), size)
    shocks[0] = rng.normal(0.0, deviation)
    found: Floats = lfilter([1.0], [1.0, -memory], shocks)
    return found


def outcomes_of(
    models: dict[str, float],
    *,
    hours: int = 720,
    seed: int = 1,
    symbol: str = "BTCUSDT",
    memory: float = 0.8,
    width: float = 1.645,
) -> SymbolOutcomes:
    """Return the outcomes of one symbol; `models` gives by name the standard deviation of a model's error in log variance."""
    rng = np.random.default_rng(seed)
    expected = 1e-5 * np.exp(noise(rng, hours, 1.0, 0.95))
    log_rv = np.log(np.sqrt(expected)) + rng.normal(-0.04, 0.3, hours)
    volatility = np.exp(log_rv)
    forecasts = {}
    for name, deviation in models.items():
        variance = expected * np.exp(noise(rng, hours, deviation, memory))
        median = np.sqrt(variance) * np.exp(-0.04)
        half = width * np.hypot(0.3, 0.5 * deviation)
        bounds = (median * np.exp(-half), median * np.exp(half), -1.645 * np.sqrt(variance), 1.645 * np.sqrt(variance))
        forecasts[name] = ModelForecasts(variance, median, *bounds, qlike_losses(volatility**2, variance))
    made_ms = START_MS + HOUR_MS * np.arange(1, hours + 1, dtype=np.int64)
    log_return = np.sqrt(expected) * rng.standard_normal(hours)
    return SymbolOutcomes(symbol, made_ms, volatility, log_return, forecasts)


def frames(outcomes: Sequence[SymbolOutcomes]) -> dict[str, pl.DataFrame]:
    """Return the outcomes as the rows that a backtest writes."""
    found: dict[str, pl.DataFrame] = {}
    for name in outcomes[0].models:
        found[name] = pl.concat(
            pl.DataFrame(
                {
                    "timestamp": each.made_ms - 60_000,
                    "symbol": [each.symbol] * each.made_ms.size,
                    "realized_volatility": each.volatility,
                    "forecast": np.sqrt(each.models[name].variance),
                    "median": each.models[name].median,
                    "lower": each.models[name].lower,
                    "upper": each.models[name].upper,
                    "log_return": each.log_return,
                    "return_lower": each.models[name].return_lower,
                    "return_upper": each.models[name].return_upper,
                    "qlike": each.models[name].losses,
                }
            )
            for each in outcomes
        )
    return found

"""A random stream with its outcomes, and models that are right up to noise of their own."""

from functools import cache

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.comparison import Comparison, compare
from volcast.backtest.evaluation.distribution.forecasts import QuantileForecasts
from volcast.backtest.evaluation.distribution.judged import DistributionScores
from volcast.backtest.facts import InputFile, RunFacts
from volcast.backtest.tracks import Track, Truth
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS

START_MS = 1_704_067_200_000
"""2024-01-01 00:00 UTC."""
DAY = 1_440


def truth_of(minutes: int, *, seed: int = 1, horizon_minutes: int = 60, start_ms: int = START_MS) -> tuple[Truth, Floats]:
    """Return the truth of a random stream, and its expected variance; realized variance is that times noise of mean 1.

    The price moves once a horizon, by the log return of that horizon. The extremes are those of a random walk that ends with it.
    """
    rng = np.random.default_rng(seed)
    hours = np.cumsum(rng.normal(0.0, 0.1, minutes // 60 + 1))
    expected = 1e-5 * np.exp(np.repeat(hours - hours.mean(), 60)[:minutes])
    realized = expected * np.exp(rng.normal(-0.08, 0.4, minutes))
    log_return = np.sqrt(expected) * rng.standard_normal(minutes)
    steps = np.zeros(minutes)
    at = np.arange(2 * horizon_minutes - 1, minutes, horizon_minutes)
    steps[at] = log_return[at - horizon_minutes]
    close = 100.0 * np.exp(np.cumsum(steps))
    bridge = [np.sqrt(log_return**2 + 2.0 * expected * rng.exponential(size=minutes)) for _ in range(2)]
    log_high, log_low = (log_return + bridge[0]) / 2.0, (log_return - bridge[1]) / 2.0
    for outcome in (realized, log_return, log_high, log_low):
        outcome[minutes - horizon_minutes :] = np.nan
    times = start_ms + 60_000 * np.arange(minutes, dtype=np.int64)
    truth = Truth(
        open_time_ms=times,
        close=close,
        realized_variance=realized,
        log_return=log_return,
        log_high=log_high,
        log_low=log_low,
        horizon_minutes=horizon_minutes,
    )
    return truth, expected


def quantiles_of(
    truth: Truth, expected: Floats, *, scale: float = 1.0, levels: tuple[float, ...] = QUANTILE_LEVELS
) -> QuantileForecasts:
    """Return the quantiles of someone who knows the stream, but for a factor of the volatility, at each hour's last minute."""
    at = np.flatnonzero(truth.open_time_ms // 60_000 % 60 == 59)
    p = np.array(levels)
    shapes = [ndtri(p), ndtri((1.0 + p) / 2.0), ndtri(p / 2.0), np.exp(0.5 * (-0.08 + 0.4 * ndtri(p)))]
    values = scale * np.sqrt(expected[at])[:, None, None] * np.stack(shapes)
    return QuantileForecasts(levels, truth.open_time_ms[at], values)


def track_of(name: str, expected: Floats, *, noise: float = 0.0, intervals: bool = True, seed: int = 2) -> Track:
    """Return the track of a model. `noise` is the standard deviation of its error in log variance."""
    rng = np.random.default_rng(seed)
    variance = expected * np.exp(rng.normal(-0.5 * noise**2, noise, expected.size) if noise else np.zeros(expected.size))
    median = np.sqrt(variance) * np.exp(-0.04)
    nothing = np.full(expected.size, np.nan)
    width = 1.645 * np.hypot(0.4, noise)
    return Track(
        name=name,
        variance=variance,
        median=median if intervals else nothing,
        lower=median * np.exp(-0.5 * width) if intervals else nothing,
        upper=median * np.exp(0.5 * width) if intervals else nothing,
        return_lower=-1.645 * np.sqrt(variance) if intervals else nothing,
        return_upper=1.645 * np.sqrt(variance) if intervals else nothing,
    )


def facts_of(truth: Truth) -> RunFacts:
    """Return facts that fit the truth."""
    n = truth.open_time_ms.size
    return RunFacts(
        symbol="TESTUSDT",
        files=(InputFile("test <1>.csv", "ab" * 32, n + 2),),
        rows=n + 2,
        accepted=n,
        skipped={"late": 2},
        first_open_time_ms=int(truth.open_time_ms[0]) if n else None,
        last_open_time_ms=int(truth.open_time_ms[-1]) if n else None,
        gaps=1,
        missing_minutes=7,
        suspect_candles=3,
        signal_ones=n // 2,
        signal_rate=n // 2 / n if n else None,
        signal_switches=n // 3,
        settings={"window": 5, "horizons": [60], "model": "champion"},
        versions={"volcast": "1.2.3"},
    )


@cache
def comparison_of(minutes: int, names: tuple[str, ...] = ("champion", "ewma", "no_interval")) -> Comparison:
    """Return a comparison. The first model is the champion and knows all quantiles; those from the third on give no interval."""
    truth, expected = truth_of(minutes)
    tracks = [
        track_of(name, expected, noise=0.3 * place, intervals=place < 2, seed=place + 7) for place, name in enumerate(names)
    ]
    return compare(
        truth, tracks, names[0], symbol="TESTUSDT", from_share=0.0, quantiles=quantiles_of(truth, expected), facts=facts_of(truth)
    )


def distribution_of(comparison: Comparison) -> DistributionScores:
    """Return the scores of the champion's quantiles, which a comparison of this module has."""
    assert comparison.distribution is not None
    return comparison.distribution

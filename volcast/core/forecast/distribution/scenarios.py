"""Scenario paths of a signal: its quantiles, its close, and how its horizons say that the variance is spread over the minutes.

It is the shortest way from a signal to a Monte Carlo calculation; `paths` and `minute_shares` do the work.
"""

from collections.abc import Sequence

from numpy.random import Generator

from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import MINUTE_MS, Signal

from .minute_shares import minute_shares
from .paths import Paths, draw_paths


def scenario_paths(
    signal: Signal,
    count: int,
    seed: int | Generator,
    *,
    horizon_minutes: int | None = None,
    profile: Sequence[float] | None = None,
) -> Paths:
    """Draw minute candles over a horizon of a signal.

    Forecasts for shorter horizons, such as 15 and 5 minutes beside 60, make the first minutes more accurate.

    Args:
        signal: Its candle must not be suspect: then its close is no price.
        count: The number of paths.
        seed: A seed, or a generator, whose state it changes.
        horizon_minutes: One of the signal's horizons; by default its own.
        profile: The symbol's diurnal profile of |return|, `engine.forecaster.market.features.diurnal_profile.means`; by default
            the one of the bundled prior.

    Raises ValueError for a suspect candle, a horizon that the signal lacks, or a count out of range.
    """
    if signal.suspect:
        raise ValueError(f"the last price of {signal.symbol} is far outside the market's scale, so no path can start there")
    forecasts: tuple[Signal | HorizonForecast, ...] = (signal, *signal.other_horizons)
    found = {each.horizon_minutes: each for each in forecasts}
    wanted = signal.horizon_minutes if horizon_minutes is None else horizon_minutes
    if wanted not in found:
        raise ValueError(f"{signal.symbol} has no forecast for {wanted} minutes; its horizons are {', '.join(map(str, found))}")
    variances = {minutes: each.volatility**2 for minutes, each in found.items()}
    shares = minute_shares(signal.open_time_ms // MINUTE_MS, wanted, profile, variances)
    return draw_paths(found[wanted].quantiles, signal.close, shares, count, seed)

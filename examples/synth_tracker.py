"""A tracker for the Synth game of CrunchDAO: densities of the price changes within the next hour, from volcast's scenario paths.

    pip install volcast crunch-synth

Submit `VolcastTracker`. The game sends minute prices, 30 days of them at first, and asks for the density of each price change
over 1, 5, 15, 30 and 60 minutes. An engine per asset steps through the prices as they come; its forecast is drawn as paths, and
each change is answered with a mixture of three normal densities that fits the paths. Only the one-hour profile is answered: use
`TrackerBase.track` to give others to another tracker. `python -m bench.arena CANDLES.csv` scores this file on past prices.

The prices are closes alone, so the engine knows neither ranges nor volumes. It gets candles whose range is the usual multiple of
their body, and a constant volume, with which these features say nothing.
"""

from collections.abc import Iterable, Mapping
from math import log, pi, sqrt
from typing import Any

import numpy as np

from volcast.core.engine import Engine
from volcast.core.forecast.distribution.scenarios import scenario_paths
from volcast.core.types import MINUTE_MS, Candle, EngineConfig, Signal

try:
    from crunch_synth import TrackerBase
except ModuleNotFoundError:  # not in the competition: `HourForecaster` can be used without it
    TrackerBase = object

HOUR_S, MINUTE_S = 3_600, 60
HORIZONS = (60, 15, 5)
"""The first is answered; the shorter ones say how much of its variance comes early."""
PATHS = 2_000
WICK = 0.28
"""Length of each wick over the body of a candle, with which the Garman-Klass estimator is that of BTCUSDT on average."""
UNITS = 10**8
WEIGHTS, NODES = np.array([1 / 6, 2 / 3, 1 / 6]), np.array([-sqrt(3), 0.0, sqrt(3)])
"""Gauss-Hermite quadrature with three nodes: a normal mixture over a lognormal volatility."""
MAX_LOG_STD = 0.9


class HourForecaster:
    """The forecasts of one asset from its closes.

    Args:
        symbol: Any name in capital letters.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.signal: Signal | None = None
        self._engine = Engine(symbol, EngineConfig(horizons=HORIZONS), price_decimals=8)
        self._close = 0.0
        self._densities: dict[int, list[dict[str, Any]]] = {}

    def push(self, time_s: int, price: float) -> None:
        """Add the price of a minute; `time_s` is its beginning in seconds since 1970.

        Prices that are not newer, not above 0, or far outside the market's scale are skipped.
        """
        if not price > 0.0:
            return
        open_ = self._close or price
        wick = WICK * abs(price - open_)
        high, low = max(open_, price) + wick, min(open_, price) - wick
        units = round(price * UNITS)
        candle = Candle(
            self.symbol, time_s // MINUTE_S * MINUTE_MS, open_, high, max(low, min(open_, price) / 2), price, units, 1.0, 1.0,
            "synth", live=True, closed_by="game",
        )  # fmt: skip
        answer = self._engine.step(candle)
        if isinstance(answer, Signal) and not answer.suspect:
            self.signal, self._close, self._densities = answer, price, {}

    def densities(self, step_s: int) -> list[dict[str, Any]]:
        """Return the densities of the price changes over each step of the next hour, as crunch-synth describes them.

        They are empty before the first price. Raises ValueError if an hour is not made of such steps.
        """
        if step_s <= 0 or step_s % MINUTE_S or HOUR_S % step_s:
            raise ValueError(f"an hour is not made of steps of {step_s} seconds")
        if self.signal is None:
            return []
        if not self._densities:
            self._densities = self._all_densities(self.signal)
        return self._densities[step_s]

    def _all_densities(self, signal: Signal) -> dict[int, list[dict[str, Any]]]:
        profile = self._engine.forecaster.market.features.diurnal_profile.means
        closes = scenario_paths(signal, PATHS, signal.open_time_ms // MINUTE_MS, profile=profile).close
        found = {}
        for minutes in (each for each in range(1, 61) if 60 % each == 0):
            changes = np.diff(closes[:, ::minutes], axis=1)
            step_s = minutes * MINUTE_S
            found[step_s] = [{"step": (k + 1) * step_s, **mixture(changes[:, k])} for k in range(changes.shape[1])]
        return found


def mixture(changes: "np.ndarray[Any, np.dtype[np.float64]]") -> dict[str, Any]:
    """Return the density of price changes (n,): three normal densities with the mean of |change| and the tails of the changes."""
    size, root_mean_square = float(np.abs(changes).mean()), float(np.sqrt((changes**2).mean()))
    normal_ratio = sqrt(2 / pi)
    log_std = min(sqrt(max(-2.0 * log(max(size, 1e-300) / max(root_mean_square, 1e-300) / normal_ratio), 0.0)), MAX_LOG_STD)
    factors = np.exp(log_std * NODES)
    scale = max(size / (normal_ratio * float(WEIGHTS @ factors)), 1e-12)
    parts = [
        {"density": {"type": "builtin", "name": "norm", "params": {"loc": 0.0, "scale": scale * float(factor)}}, "weight": weight}
        for factor, weight in zip(factors, WEIGHTS.tolist(), strict=True)
    ]
    return {"type": "mixture", "components": parts}


class VolcastTracker(TrackerBase):  # type: ignore[misc]  # crunch-synth has no types
    """The tracker to submit."""

    def __init__(self) -> None:
        super().__init__()
        self._forecasters: dict[str, HourForecaster] = {}

    def tick(self, data: Mapping[str, Iterable[tuple[int, float]]]) -> None:
        """Take in new prices, each with its time in seconds since 1970, by asset."""
        super().tick(data)
        for asset, prices in data.items():
            forecaster = self._forecasters.setdefault(asset, HourForecaster(asset))
            for time_s, price in sorted(prices):
                forecaster.push(time_s, price)

    def predict(self, asset: str, horizon: int, step: int) -> list[dict[str, Any]]:
        """Return the densities of an asset's price changes; none if it has no price yet, or for another horizon than an hour."""
        forecaster = self._forecasters.get(asset)
        return forecaster.densities(step) if forecaster and horizon == HOUR_S else []

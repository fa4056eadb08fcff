"""The contract between a learner and a model of one horizon, and the parameters from which a model may start."""

from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from volcast.core.arrays import Floats
from volcast.core.market.state import Market


class Estimate(NamedTuple):
    """A model's forecast of the horizon after a candle, before calibration.

    RV is the square root of the sum of the horizon's squared one-minute log returns; r is the horizon's log return.
    """

    log_median: float
    """Log of the median of RV."""
    log_excess: float
    """log(E[RV²] / median²)."""
    scale: float
    """E|log RV - log median|, positive."""
    spread: float
    """E|r| / median, positive."""


class Learned(Struct, frozen=True):
    """What the learner of one horizon has learned and the learner of another symbol may start from."""

    coefficients: dict[str, dict[str, float]]
    """By regression and feature."""
    profiles: dict[str, list[float]]
    """Means of the bins, by diurnal profile."""
    calibration: float
    """E[RV²] / forecast, before the forecast is multiplied by it."""
    shapes: dict[str, list[float]]
    """By family in `OUTCOMES`, quantiles of the standardised outcomes at `SHAPE_LEVELS`: see `forecast.distribution`."""


class Model(Protocol):
    """A model of one horizon, composed of River estimators. The learner keeps its rows until their outcomes are known."""

    names: tuple[str, ...]
    """The names of the numbers in a row."""

    def row(self, market: Market) -> Floats:
        """Return a new array (len(names),): all market data on which the forecast after the last candle depends."""

    def estimate(self, row: Floats) -> Estimate:
        """Return the forecast for a row. It is finite for every finite row, and the model does not change."""

    def learn(self, row: Floats, estimate: Estimate, log_volatility: float, log_return: float) -> None:
        """Learn that the horizon had this log RV and log return after `row`, for which `estimate` was returned then."""

    def learn_profile(self, minute: int, deviation: float) -> None:
        """Learn the volatility over the horizon after `minute` (UTC): its log ratio to the level at that minute."""

    def seasonal_effect(self, minute: int) -> float:
        """Return what the time of day and week adds to the log volatility over the horizon after `minute`; on average about 0."""

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """Return coefficients and profiles, in the form of `Learned`."""

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers, texts and raw arrays, which can be read without executing anything."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""

"""What a learner asks of a model, and what a model may start from."""

from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from volcast.core.arrays import Floats
from volcast.core.market.state import Market


class Estimate(NamedTuple):
    """A model's word on the horizon after a candle, before it is calibrated by what came of earlier ones."""

    log_median: float
    """log of the median of RV, the root of the horizon's summed squared one-minute log returns."""
    log_excess: float
    """log(E[RV²] / median²)."""
    scale: float
    """E|log RV - log median|, positive."""
    spread: float
    """E|r| / median, positive; r is the horizon's log return."""


class Learned(Struct, frozen=True):
    """What one horizon's learner knows that another symbol may start from."""

    coefficients: dict[str, dict[str, float]]
    """By regression, by feature."""
    profiles: dict[str, list[float]]
    calibration: float
    quantiles: dict[str, list[float]]
    """By level of the interval: lower and upper of the volatility's error, of the return."""


class Model(Protocol):
    """A forecaster of one horizon; its parts are River estimators. What it looked at is kept for it until the answer is there."""

    names: tuple[str, ...]
    """Of the numbers in a row."""

    def row(self, market: Market) -> Floats:
        """(len(names),): all that the forecast after the market's last candle depends on, beside what was learned."""

    def estimate(self, row: Floats) -> Estimate:
        """Finite, whatever the row; changes nothing."""

    def learn(self, row: Floats, made: Estimate, log_volatility: float, log_return: float) -> None:
        """After `row`, on which `made` had been said, the horizon's log RV and log return were these."""

    def notice(self, minute: int, departure: float) -> None:
        """The volatility over the horizon after `minute` stood by `departure` (log ratio) above the level till then."""

    def usual(self, minute: int) -> float:
        """What the time of day and week adds to the log volatility over the horizon after `minute`; about 0 on average."""

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """Coefficients and profiles, as `Learned` has them."""

    def dump(self) -> dict[str, Any]:
        """Its state: numbers, texts and raw arrays, nothing that a reader would have to execute."""

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""

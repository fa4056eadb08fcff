"""What the hour of the day, or of the week, adds to a target."""

from array import array
from collections.abc import Sequence
from typing import Any

from river import base

_DAY_MINUTES = 1_440
_SUNDAY_MINUTE = 3 * _DAY_MINUTES
"""1970-01-04, by any clock."""
_WEEK_DAYS = 7


class DiurnalProfile(base.Regressor):
    """The exponentially weighted mean of a target in each bin of a clock's period.

        p[bin] ← p[bin] + g · (y - p[bin]),   g = max(1 - 2^(-1 / half_life), 1 / (visits[bin] + prior_visits))

    A bin starts at 0 as if that had been seen `prior_visits` times. `clock` names the feature that has the minutes since
    1970-01-01 00:00 of the clock, whole; a sample without it is not learned from, and forecast as 0. With `weekend`, Saturdays
    and Sundays have a period of their own. O(1).

    References: T. Andersen & T. Bollerslev, Intraday Periodicity and Volatility Persistence in Financial Markets, J. Empirical
    Finance 4 (1997).

    Args:
        clock: The name of the feature.
        period_minutes: A day, or a week that begins with a Sunday; it is a multiple of `bin_minutes`.
        bin_minutes: In one bin the profile is flat.
        weekend: Keep two periods: one for the days from Monday to Friday, one for the others.
        half_life: In visits of a bin.
        prior_visits: What the start at 0 weighs.

    >>> profile = DiurnalProfile(bin_minutes=60, half_life=100.0, prior_visits=0.0)
    >>> for hour in range(240):
    ...     profile.learn_one({"minute": 60 * hour}, float(hour % 24 == 15))
    >>> profile.predict_one({"minute": 15 * 60 + 59}), profile.predict_one({"minute": 16 * 60})
    (1.0, 0.0)
    """

    def __init__(
        self,
        clock: str = "minute",
        period_minutes: int = _DAY_MINUTES,
        bin_minutes: int = 10,
        half_life: float = 200.0,
        prior_visits: float = 30.0,
        *,
        weekend: bool = False,
    ) -> None:
        self.clock = clock
        self.period_minutes = period_minutes
        self.bin_minutes = bin_minutes
        self.half_life = half_life
        self.prior_visits = prior_visits
        self.weekend = weekend
        bins = period_minutes // bin_minutes
        self._weekend_bins = bins if weekend else 0
        self._gain = 1.0 - 0.5 ** (1.0 / half_life)
        self.means = array("d", bytes(8 * (bins + self._weekend_bins)))
        self.visits = array("d", self.means)

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn that at the time of `x` the target was `y`."""
        minute = x.get(self.clock)
        if minute is not None:
            self.learn_at(int(minute), float(y))

    def predict_one(self, x: dict[Any, Any]) -> float:
        """What the time of `x` adds to the target."""
        minute = x.get(self.clock)
        return 0.0 if minute is None else self.at(int(minute))

    def bin_of(self, minute: int) -> int:
        """The bin of a minute of the clock."""
        weekend = self._weekend_bins and (minute // _DAY_MINUTES + 4) % _WEEK_DAYS in (0, 6)
        return (minute - _SUNDAY_MINUTE) % self.period_minutes // self.bin_minutes + (self._weekend_bins if weekend else 0)

    def at(self, minute: int) -> float:
        """As `predict_one`, at a minute of the clock."""
        return self.means[self.bin_of(minute)]

    def learn_at(self, minute: int, y: float) -> None:
        """As `learn_one`, at a minute of the clock."""
        self.learn_bin(self.bin_of(minute), y)

    def learn_bin(self, at: int, y: float) -> None:
        """As `learn_one`, in a bin."""
        self.visits[at] += 1.0
        gain = max(self._gain, 1.0 / (self.visits[at] + self.prior_visits))
        self.means[at] += gain * (y - self.means[at])

    def start_from(self, means: Sequence[float]) -> None:
        """Begin with what another profile has learned, as if each bin had been visited `prior_visits` times more."""
        if len(means) != len(self.means):
            raise ValueError("the profile has another number of bins")
        self.means = array("d", means)

    def dump(self) -> dict[str, Any]:
        """Its state: raw arrays, means and visits by bin."""
        return {"means": self.means.tobytes(), "visits": self.visits.tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        means, visits = array("d", state["means"]), array("d", state["visits"])
        if not len(means) == len(visits) == len(self.means):
            raise ValueError("the profile has another number of bins")
        self.means, self.visits = means, visits

"""The mean of a target by time of day or of week, in bins: what `DiurnalProfile` keeps, for callers that have the minute."""

from array import array
from collections.abc import Sequence
from typing import Any, Final

_DAY_MINUTES: Final = 1_440
_SUNDAY_MINUTE: Final = 3 * _DAY_MINUTES
"""1970-01-04, the first Sunday, in minutes since 1970-01-01 of the same clock."""
_WEEK_DAYS: Final = 7


class DiurnalMeans:
    """The exponentially weighted mean of a target in each bin of a clock's period.

        p[bin] ← p[bin] + g · (y - p[bin]),   g = max(1 - 2^(-1 / half_life), 1 / (visits[bin] + prior_visits))

    A bin starts at 0 with the weight of `prior_visits` samples. Minutes are whole minutes since 1970-01-01 00:00 of the clock.
    With `weekend`, Saturdays and Sundays have a period of their own. Learning and predicting cost O(1).

    References: T. Andersen & T. Bollerslev, Intraday Periodicity and Volatility Persistence in Financial Markets, J. Empirical
    Finance 4 (1997).

    Args:
        period_minutes: A day, or a week beginning with Sunday; a multiple of `bin_minutes`.
        bin_minutes: Width of a bin; the profile is constant within it.
        half_life: The number of samples in a bin after which a sample counts half.
        prior_visits: Weight of the start at 0, in samples of a bin.
        weekend: Keep two periods: one for Monday to Friday, one for Saturday and Sunday.

    >>> means = DiurnalMeans(bin_minutes=60, half_life=100.0, prior_visits=0.0)
    >>> for hour in range(240):
    ...     means.learn_at(60 * hour, float(hour % 24 == 15))
    >>> means.at(15 * 60 + 59), means.at(16 * 60)
    (1.0, 0.0)
    """

    def __init__(
        self,
        period_minutes: int = _DAY_MINUTES,
        bin_minutes: int = 10,
        half_life: float = 200.0,
        prior_visits: float = 30.0,
        *,
        weekend: bool = False,
    ) -> None:
        bins = period_minutes // bin_minutes
        self._period_minutes, self._bin_minutes, self._prior_visits = period_minutes, bin_minutes, prior_visits
        self._weekend_bins = bins if weekend else 0
        self._gain = 1.0 - 0.5 ** (1.0 / half_life)
        self.means = array("d", bytes(8 * (bins + self._weekend_bins)))
        self.visits = array("d", self.means)

    def bin_of(self, minute: int) -> int:
        """Return the index of the bin of a minute of the clock; bins of weekends, if kept, follow the others."""
        weekend = self._weekend_bins and (minute // _DAY_MINUTES + 4) % _WEEK_DAYS in (0, 6)
        return (minute - _SUNDAY_MINUTE) % self._period_minutes // self._bin_minutes + (self._weekend_bins if weekend else 0)

    def at(self, minute: int) -> float:
        """Return the mean of the target at a minute of the clock."""
        return self.means[self.bin_of(minute)]

    def learn_at(self, minute: int, y: float) -> None:
        """Learn that the target was `y` at a minute of the clock."""
        self.learn_bin(self.bin_of(minute), y)

    def learn_bin(self, at: int, y: float) -> None:
        """Learn that the target was `y` in a bin."""
        visits = self.visits[at] = self.visits[at] + 1.0
        self.means[at] += max(self._gain, 1.0 / (visits + self._prior_visits)) * (y - self.means[at])

    def start_from(self, means: Sequence[float]) -> None:
        """Start from another profile's means, each with the weight of `prior_visits` samples.

        Raises ValueError if their number is not the number of bins.
        """
        if len(means) != len(self.means):
            raise ValueError("the profile has another number of bins")
        self.means = array("d", means)

    def dump(self) -> dict[str, Any]:
        """Return the state as raw arrays: mean and number of samples of each bin."""
        return {"means": self.means.tobytes(), "visits": self.visits.tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        means, visits = array("d", state["means"]), array("d", state["visits"])
        if not len(means) == len(visits) == len(self.means):
            raise ValueError("the profile has another number of bins")
        self.means, self.visits = means, visits

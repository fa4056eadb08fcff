"""The mean of a target by time of day or of week, as an estimator of River."""

from typing import Any

from river import base

from .diurnal_means import DiurnalMeans


class DiurnalProfile(base.Regressor):
    """`DiurnalMeans` with River's interface: the mean of a target in each bin of a clock's period.

    `clock` names the feature that holds the clock's time as whole minutes since 1970-01-01 00:00; a sample without it is not
    learned from and is predicted as 0. The other arguments are those of `DiurnalMeans`.

    >>> profile = DiurnalProfile(bin_minutes=60, half_life=100.0, prior_visits=0.0)
    >>> for hour in range(240):
    ...     profile.learn_one({"minute": 60 * hour}, float(hour % 24 == 15))
    >>> profile.predict_one({"minute": 15 * 60 + 59}), profile.predict_one({"minute": 16 * 60})
    (1.0, 0.0)
    """

    def __init__(
        self,
        clock: str = "minute",
        period_minutes: int = 1_440,
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
        self._means = DiurnalMeans(period_minutes, bin_minutes, half_life, prior_visits, weekend=weekend)

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn that the target was `y` at the time in `x`."""
        minute = x.get(self.clock)
        if minute is not None:
            self._means.learn_at(int(minute), float(y))

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the mean of the target at the time in `x`."""
        minute = x.get(self.clock)
        return 0.0 if minute is None else self._means.at(int(minute))

    def dump(self) -> dict[str, Any]:
        """Return the state as raw arrays: mean and number of samples of each bin."""
        return self._means.dump()

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._means.load(state)

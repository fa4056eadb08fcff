"""How the errors of the last days differ from the usual ones: what the histograms, which remember 60 days, learn too late.

After a change of the market the errors of log RV have another mean, and errors and returns another size. A few days show both.

    shift   = 0.5 · (mean error of the last days - usual one)            half-lives of 5 and 60 days
    width   = mean |error| of the last days / usual one                  10 and 60 days
    stretch = mean |standardised return| of the last days / usual one    10 and 60 days

A day has a sixth as many outcomes of four hours as of 40 minutes, and a mean of few says little: beyond an hour, shift and the
logarithms of width and stretch are smaller in proportion to the horizon. All three are a feedback from the outcomes to the
quantiles, as in adaptive conformal inference (Gibbs & Candès, 2021), but of location and scale, which moves all levels together:
none cross, and the tails keep their shape.
"""

from typing import Any, Final

_SHIFT_DAYS, _SIZE_DAYS, _USUAL_DAYS = 5.0, 10.0, 60.0
_SHIFT_SHARE: Final = 0.5
_FULL_MINUTES: Final = 60.0
_MAX_ERROR: Final = 4.0
"""Largest error that counts, in units of the usual one: no outcome moves a mean far."""
_MIN_SIZE: Final = 0.3


class Adaptation:
    """The recent and the usual errors of one horizon. While young, both are the same plain means, so that nothing is adapted.

    Args:
        horizon_minutes: The horizon.
        per_day: The number of outcomes a day.
        start_weight: The weight of the start, errors without a mean and of size 1, in outcomes.

    >>> adaptation = Adaptation(60, per_day=144.0, start_weight=144.0)
    >>> for day in range(30):
    ...     for _ in range(144):
    ...         adaptation.push(error=0.0, size=1.0 if day < 20 else 1.5, move=1.0)
    >>> adaptation.shift, round(adaptation.width, 2), adaptation.stretch
    (0.0, 1.08, 1.0)
    """

    def __init__(self, horizon_minutes: int, per_day: float, start_weight: float) -> None:
        self.shift = 0.0
        """What recent errors add to the usual ones, in units of the model's scale."""
        self.width = 1.0
        """By how much recent errors of log RV are larger than usual."""
        self.stretch = 1.0
        """By how much recent moves of the price are larger than usual, in units of the forecast."""
        self._means = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
        """Recent and usual mean of the error, of its size, and of the size of the move."""
        self._weight = start_weight
        self._gains = [1.0 - 0.5 ** (1.0 / (days * per_day)) for days in (_SHIFT_DAYS, _SIZE_DAYS, _USUAL_DAYS)]
        self._share = min(_FULL_MINUTES / horizon_minutes, 1.0)

    def push(self, error: float, size: float, move: float) -> None:
        """Add an outcome, in units of the model's scale: its error of log RV, apart from `shift`; the size of its error, apart
        from `width`; and that of its return, apart from `stretch`.
        """
        error = min(max(error, -_MAX_ERROR), _MAX_ERROR)
        size, move = min(size, _MAX_ERROR), min(move, _MAX_ERROR)
        self._weight += 1.0
        shift_gain, size_gain, usual_gain = [max(gain, 1.0 / self._weight) for gain in self._gains]
        means = self._means
        means[0] += shift_gain * (error - means[0])
        means[1] += usual_gain * (error - means[1])
        means[2] += size_gain * (size - means[2])
        means[3] += usual_gain * (size - means[3])
        means[4] += size_gain * (move - means[4])
        means[5] += usual_gain * (move - means[5])
        self._adapt()

    def _adapt(self) -> None:
        error, usual_error, size, usual_size, move, usual_move = self._means
        self.shift = self._share * _SHIFT_SHARE * (error - usual_error)
        self.width = (max(size, _MIN_SIZE) / max(usual_size, _MIN_SIZE)) ** self._share
        self.stretch = (max(move, _MIN_SIZE) / max(usual_move, _MIN_SIZE)) ** self._share

    def dump(self) -> dict[str, Any]:
        """Return the state: plain numbers."""
        return {"means": list(self._means), "weight": self._weight}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        error, usual_error, size, usual_size, move, usual_move = state["means"]
        self._means = [float(mean) for mean in (error, usual_error, size, usual_size, move, usual_move)]
        self._weight = float(state["weight"])
        self._adapt()

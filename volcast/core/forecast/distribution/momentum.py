"""How a recent move of the price skews the distribution of the next one.

After a fall the lower tail is longer and the upper one shorter, after a rise the reverse, while the middle moves a little
against the move. With M, the recent move in units of the expected one, a quantile q of the standardised outcome becomes

    q + M · (k · |q| · (|q| - 0.5) / (1 + |q| / 6) - d)

where k is that of the side of q. The constants were chosen on the first 40 % of the minutes of BTCUSDT from 2022 to 2024, for an
hour; they serve horizons of a quarter of an hour and of four hours as well.
"""

from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.market.features import HALF_LIVES, Features

MAX_MOMENTUM: Final = 2.0
_SLOW_WEIGHT: Final = 0.6
_FAST, _SLOW = 0.5, 4.0
"""Half-lives, in horizons, of the two means of the price from which the recent move is measured."""
_NEUTRAL, _BEND = 0.5, 6.0


class Skew(NamedTuple):
    """How momentum skews one family. |`upper`| and |`lower`| are below 1 / (6 · `MAX_MOMENTUM`): no quantiles cross."""

    upper: float
    """k of the quantiles above 0."""
    lower: float
    """k of the quantiles below 0."""
    shift: float
    """d: how far the middle moves against the momentum."""

    def per_momentum(self, quantiles: Floats) -> Floats:
        """Return what a momentum of 1 adds to quantiles of any shape.

        >>> Skew(0.06, 0.06, 0.1).per_momentum(np.array([-3.0, 0.0, 3.0])).round(2).tolist()
        [0.2, -0.1, 0.2]
        """
        size = np.abs(quantiles)
        stretch = size * (size - _NEUTRAL) / (1.0 + size / _BEND)
        return np.asarray(np.where(quantiles > 0.0, self.upper, self.lower) * stretch - self.shift)

    def undo(self, value: float, momentum: float) -> float:
        """Return the value q that momentum turned into `value`.

        >>> skew = Skew(0.06, 0.06, 0.1)
        >>> round(skew.undo(-2.0 + 1.5 * float(skew.per_momentum(np.array(-2.0))), 1.5), 9)
        -2.0
        """
        value += momentum * self.shift
        size = abs(value)
        stretch = momentum * self.upper if value > 0.0 else -momentum * self.lower
        b = 1.0 - stretch * _NEUTRAL - size / _BEND
        root = 2.0 * size / (b + sqrt(b * b + 4.0 * size * (1.0 / _BEND + stretch)))
        return root if value > 0.0 else -root


class Momentum:
    """The recent move of the price in units of the expected one, for one horizon: from -2 to 2, positive after a rise.

    It is the distance of the price from two exponentially weighted means, with half-lives of about half the horizon and four
    times the horizon.
    """

    def __init__(self, horizon_minutes: int) -> None:
        self._fast, self._slow = (_nearest(share * horizon_minutes) for share in (_FAST, _SLOW))
        fast, slow = (sqrt(horizon_minutes / HALF_LIVES[at]) for at in (self._fast, self._slow))
        self._weights = fast, _SLOW_WEIGHT * slow

    def after(self, features: Features, expected_move: float) -> float:
        """Return the momentum after the last candle; `expected_move` is E|r| of the horizon's log return, positive."""
        fast, slow = self._weights
        move = fast * features.distance(self._fast) + slow * features.distance(self._slow)
        return min(max(move / expected_move, -MAX_MOMENTUM), MAX_MOMENTUM)


def _nearest(half_life: float) -> int:
    return min(range(len(HALF_LIVES)), key=lambda at: abs(np.log(HALF_LIVES[at] / half_life)))

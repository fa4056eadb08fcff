"""Questions that a forecast's distribution answers: how likely is a price, is it touched, how large is a loss.

All are about the H minutes after the close. An answer claims no more than the quantiles support: a probability below the lowest
level that is trusted is given as "less than" that level, and a quantile further out is refused.
"""

from enum import StrEnum
from math import exp, isfinite, log
from typing import Final, NamedTuple

from .continuous import HIGH_TAILS, LOW_TAILS, RETURN_TAILS, VOLATILITY_TAILS, ContinuousDistribution
from .quantiles import Quantiles

_ROUNDING, _DIGITS = 1e-12, 12
_TINY: Final = 1e-12
"""A volatility has a logarithm; a horizon without any move has none."""


class QuestionError(ValueError):
    """A question that has no answer; the message is a sentence that says why."""


class Relation(StrEnum):
    """How the true probability relates to the stated one."""

    EQUAL = "equal"
    LESS = "less"
    """It is smaller than the stated one, which is the lowest that is trusted."""
    MORE = "more"
    """It is larger than the stated one, which is the highest that is trusted."""


class Probability(NamedTuple):
    """The answer to "how likely?"."""

    value: float
    """Between 0 and 1; if `relation` is not equal, a bound."""
    relation: Relation
    extrapolated: bool
    """Whether it is of an event rarer than the outermost quantile, so that it rests on the shape of a tail alone."""


class PriceRange(NamedTuple):
    """An interval of prices, in the quote currency."""

    lower: float
    upper: float
    extrapolated: bool


class PositionSide(StrEnum):
    """The direction of a position: a long one loses if the price falls, a short one if it rises."""

    LONG = "long"
    SHORT = "short"


class Loss(NamedTuple):
    """The loss of a position over the horizon, as a share of its value at the close; negative if it is a gain."""

    value_at_risk: float
    """The loss that is not exceeded with the probability asked for."""
    expected_shortfall: float
    """The mean loss in the other cases."""
    extrapolated: bool


class PriceOutlook:
    """What a forecast's quantiles say about prices. Prices are in the quote currency, as the close is.

    Raises ValueError if the close is not positive, or quantiles are not ascending.

    >>> levels = (0.005, 0.1, 0.5, 0.9, 0.995)
    >>> low, high = (-0.02, -0.01, -0.004, -0.001, 0.0), (0.0, 0.001, 0.004, 0.01, 0.02)
    >>> quantiles = Quantiles(levels, (-0.015, -0.006, 0.0, 0.006, 0.015), high, low, (0.001, 0.002, 0.004, 0.007, 0.01))
    >>> outlook = PriceOutlook(quantiles, close=100.0)
    >>> round(outlook.above(100.0).value, 6), round(outlook.touched(101.0).value, 2)
    (0.5, 0.1)
    """

    def __init__(self, quantiles: Quantiles, close: float) -> None:
        if not (isfinite(close) and close > 0.0):
            raise ValueError(f"a close must be above 0; got {close}")
        self.close = close
        self.log_return = ContinuousDistribution(quantiles.levels, quantiles.log_return, RETURN_TAILS)
        self.log_high = ContinuousDistribution(quantiles.levels, quantiles.log_high, HIGH_TAILS)
        self.log_low = ContinuousDistribution(quantiles.levels, quantiles.log_low, LOW_TAILS)

    @property
    def rarest(self) -> float:
        """The lowest probability of an event that is trusted, on either side."""
        return round(max(self.log_return.min_level, 1.0 - self.log_return.max_level), _DIGITS)

    def below(self, price: float) -> Probability:
        """Return the probability that the close after the horizon is at or below a price. Raises QuestionError for no price."""
        return self._probability(float(self.log_return.cdf(self._log(price))))

    def above(self, price: float) -> Probability:
        """Return the probability that the close after the horizon is above a price. Raises QuestionError for no price."""
        return self._probability(1.0 - float(self.log_return.cdf(self._log(price))))

    def between(self, lower: float, upper: float) -> Probability:
        """Return the probability that the close after the horizon is above `lower` and at most `upper`.

        Raises QuestionError if these are no prices, or not in this order.
        """
        begin, end = self._log(lower), self._log(upper)
        if not begin < end:
            raise QuestionError(f"the first of two prices must be the lower one; got {lower:.15g} and {upper:.15g}")
        return self._probability(float(self.log_return.cdf(end) - self.log_return.cdf(begin)))

    def touched(self, price: float) -> Probability:
        """Return the probability that a price is reached within the horizon, be it for a moment.

        It is at least the probability that the close lies beyond the price. Raises QuestionError for no price, and for the close
        itself, which is reached already.
        """
        x = self._log(price)
        if x == 0.0:
            raise QuestionError(f"{price:.15g} is the close of the last candle, so it is touched already; ask for another price")
        if x > 0.0:
            return self._probability(1.0 - min(float(self.log_high.cdf(x)), float(self.log_return.cdf(x))))
        return self._probability(max(float(self.log_low.cdf(x)), float(self.log_return.cdf(x))))

    def price_range(self, level: float) -> PriceRange:
        """Return the central interval in which the close after the horizon lies with this probability.

        Raises QuestionError if the level is not between 0 and the highest that is trusted.
        """
        tail = 0.5 - level / 2.0
        if not (isfinite(level) and level > 0.0 and tail >= self.rarest - _ROUNDING):
            raise QuestionError(
                f"the level of an interval must be above 0 and at most {1.0 - 2.0 * self.rarest:g}; got {level:g}"
            )
        low, high = self.log_return.quantile(tail), self.log_return.quantile(1.0 - tail)
        return PriceRange(self.close * exp(low), self.close * exp(high), self._is_extrapolated(tail))

    def loss(self, level: float, side: PositionSide) -> Loss:
        """Return value at risk and expected shortfall of a position at a level such as 0.99.

        Raises QuestionError if the level is not between 0.5 and the highest that is trusted.
        """
        tail = 1.0 - level
        if not (isfinite(level) and level >= 0.5 and tail >= self.rarest - _ROUNDING):  # noqa: PLR2004  # below it is no risk
            raise QuestionError(f"the level of a value at risk must be from 0.5 to {1.0 - self.rarest:g}; got {level:g}")
        law = self.log_return
        if side is PositionSide.LONG:
            value_at_risk, shortfall = 1.0 - exp(law.quantile(tail)), 1.0 - law.mean_below(tail)
        else:
            value_at_risk, shortfall = exp(law.quantile(level)) - 1.0, law.mean_above(level) - 1.0
        return Loss(value_at_risk, shortfall, self._is_extrapolated(tail))

    def _log(self, price: float) -> float:
        if not (isfinite(price) and price > 0.0):
            raise QuestionError(f"a price must be a number above 0; got {price:.15g}")
        return log(price / self.close)

    def _is_extrapolated(self, tail: float) -> bool:
        return self.log_return.is_extrapolated(tail) or self.log_return.is_extrapolated(1.0 - tail)

    def _probability(self, value: float) -> Probability:
        if value < self.rarest:
            return Probability(self.rarest, Relation.LESS, extrapolated=True)
        if value > 1.0 - self.rarest:
            return Probability(1.0 - self.rarest, Relation.MORE, extrapolated=True)
        return Probability(value, Relation.EQUAL, self._is_extrapolated(value))


def volatility_distribution(quantiles: Quantiles) -> ContinuousDistribution:
    """Return the distribution of realized volatility over the horizon."""
    return ContinuousDistribution(
        quantiles.levels, [log(max(each, _TINY)) for each in quantiles.realized_volatility], VOLATILITY_TAILS
    )

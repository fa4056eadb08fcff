"""From a learner's numbers to the fields of a signal."""

from math import exp, sqrt

from volcast.core.forecast.learner import Learner, Prediction, ResolvedForecast
from volcast.core.forecast.losses import qlike

from .types import MINUTE_MS, YEAR_MINUTES, HorizonForecast, Outcome, Shadow


def annualized(volatility: float, horizon_minutes: int) -> float:
    """σ·√(525 600 / H).

    >>> round(annualized(0.01, 60), 3)
    0.936
    """
    return volatility * sqrt(YEAR_MINUTES / horizon_minutes)


def outcome(answer: ResolvedForecast | None, open_time_ms: int, horizon_minutes: int) -> Outcome | None:
    """Of the forecast that fell due with the candle that opened at `open_time_ms`."""
    if answer is None:
        return None
    made, realized = answer.prediction, answer.realized_variance
    volatility = sqrt(realized)
    return Outcome(
        open_time_ms=open_time_ms - horizon_minutes * MINUTE_MS,
        realized_volatility=volatility,
        volatility=sqrt(made.variance),
        volatility_ewma=sqrt(answer.variance_ewma),
        qlike=qlike(realized, made.variance, horizon_minutes),
        qlike_ewma=qlike(realized, answer.variance_ewma, horizon_minutes),
        covered=made.lower <= volatility <= made.upper,
        price_covered=made.return_lower <= answer.log_return <= made.return_upper,
    )


def other_horizon(learner: Learner, made: Prediction, close: float, came: Outcome | None) -> HorizonForecast:
    """A horizon that is not the signal's own."""
    volatility = sqrt(made.variance)
    return HorizonForecast(
        horizon_minutes=learner.horizon_minutes,
        volatility=volatility,
        volatility_median=made.median,
        volatility_lower=made.lower,
        volatility_upper=made.upper,
        volatility_annualized=annualized(volatility, learner.horizon_minutes),
        price_lower=close * exp(made.return_lower),
        price_upper=close * exp(made.return_upper),
        outcomes=learner.answered,
        outcome=came,
    )


def shadow(name: str, made: Prediction, came: Outcome | None) -> Shadow:
    """A challenger."""
    qlike_then, covered = (came.qlike, came.covered) if came else (None, None)
    return Shadow(name, sqrt(made.variance), qlike_then, covered)

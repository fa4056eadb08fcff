"""The fields of a signal that follow from a learner's predictions and outcomes."""

from collections.abc import Mapping, Sequence
from math import exp, sqrt

from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import MINUTE_MS, YEAR_MINUTES

from .forecaster import Predictions, ResolvedForecasts
from .learner import Learner, Prediction, ResolvedForecast
from .losses import qlike


def annualized(volatility: float, horizon_minutes: int) -> float:
    """Return a horizon's volatility scaled to a year, σ·√(525 600 / H).

    >>> round(annualized(0.01, 60), 3)
    0.936
    """
    return volatility * sqrt(YEAR_MINUTES / horizon_minutes)


def make_outcome(resolved: ResolvedForecast | None, open_time_ms: int, horizon_minutes: int) -> Outcome | None:
    """Return the outcome of the forecast that came due with the candle that opened at `open_time_ms`; None if there is none.

    >>> prediction = Prediction(4e-4, 0.018, 0.01, 0.03, -0.02, 0.025)
    >>> outcome = make_outcome(ResolvedForecast(prediction, 9e-4, 1e-4, 0.03), 3_600_000, 60)
    >>> outcome.open_time_ms, outcome.volatility, outcome.realized_volatility, outcome.covered, outcome.price_covered
    (0, 0.02, 0.01, True, False)
    """
    if resolved is None:
        return None
    prediction, realized = resolved.prediction, resolved.realized_variance
    volatility = sqrt(realized)
    return Outcome(
        open_time_ms=open_time_ms - horizon_minutes * MINUTE_MS,
        realized_volatility=volatility,
        volatility=sqrt(prediction.variance),
        volatility_ewma=sqrt(resolved.variance_ewma),
        qlike=qlike(realized, prediction.variance, horizon_minutes),
        qlike_ewma=qlike(realized, resolved.variance_ewma, horizon_minutes),
        covered=prediction.lower <= volatility <= prediction.upper,
        price_covered=prediction.return_lower <= resolved.log_return <= prediction.return_upper,
    )


def make_horizon_forecasts(
    learners: Sequence[tuple[int, Learner]],
    predictions: Predictions,
    resolved: ResolvedForecasts,
    close: float,
    open_time_ms: int,
) -> tuple[HorizonForecast, ...]:
    """Return the forecasts of the learners' horizons, made at the price `close`, with the outcomes that came due.

    `learners` are by horizon in minutes. `open_time_ms` is the candle's, with which the outcomes came due.
    """
    forecasts = []
    for horizon, learner in learners:
        outcome = make_outcome(resolved.horizons.get(horizon), open_time_ms, horizon)
        forecasts.append(_horizon_forecast(learner, predictions.horizons[horizon], close, outcome))
    return tuple(forecasts)


def _horizon_forecast(learner: Learner, prediction: Prediction, close: float, outcome: Outcome | None) -> HorizonForecast:
    volatility = sqrt(prediction.variance)
    return HorizonForecast(
        horizon_minutes=learner.horizon_minutes,
        volatility=volatility,
        volatility_median=prediction.median,
        volatility_lower=prediction.lower,
        volatility_upper=prediction.upper,
        volatility_annualized=annualized(volatility, learner.horizon_minutes),
        price_lower=close * exp(prediction.return_lower),
        price_upper=close * exp(prediction.return_upper),
        quantiles=learner.quantiles,
        outcomes=learner.outcomes,
        outcome=outcome,
    )


def make_shadows(
    learners: Mapping[str, Learner],
    predictions: Predictions,
    resolved: ResolvedForecasts,
    open_time_ms: int,
) -> tuple[Shadow, ...]:
    """Return the challengers' forecasts, with the loss and the coverage of those that came due with the candle.

    `learners` are theirs for the signal's horizon, by model.
    """
    shadows = []
    for name, learner in learners.items():
        outcome = make_outcome(resolved.shadows.get(name), open_time_ms, learner.horizon_minutes)
        loss, covered = (outcome.qlike, outcome.covered) if outcome else (None, None)
        shadows.append(Shadow(name, sqrt(predictions.shadows[name].variance), loss, covered, learner.outcomes))
    return tuple(shadows)

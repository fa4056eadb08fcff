"""The forecast after the candles of a request: a function of them and of the bundled prior alone. Pure.

It stands apart from request.py because it needs the models, which take a second to import.
"""

from math import exp, sqrt

import msgspec
from msgspec import Struct

from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles
from volcast.core.forecast.intake import forecast_after
from volcast.core.forecast.learner import WARM_OUTCOMES
from volcast.core.forecast.outcomes import annualized
from volcast.core.forecast.prior import bundled
from volcast.core.timeline import MAX_MISSING_SHARE

from .request import PredictRequest

_LEARNED = "It has learned from {} outcomes within these candles, as a new symbol would; no live symbol's state is used."


class Predicted(Struct, frozen=True):
    """The part of the answer that does not depend on the time of the request; the fields mean the same as those of /latest."""

    candles: int
    open_time_ms: int
    model: str
    coefficients: str
    """Which coefficients were used, in a sentence."""
    horizon_minutes: int
    interval_level: float
    close: float
    volatility: float
    volatility_lower: float
    volatility_median: float
    volatility_upper: float
    volatility_annualized: float
    price_lower: float
    price_upper: float
    quantiles: Quantiles | None
    warm: bool
    outcomes: int
    suspect: bool
    suspect_candles: int
    gaps: int
    missing_minutes: int
    missing_share: float


def predicted(request: PredictRequest) -> Predicted:
    """Return what the model forecasts after the last candle."""
    horizon, level, prior = request.horizon_minutes, request.interval_level, bundled()
    levels = QUANTILE_LEVELS if request.quantiles else ()  # without them a tenth of the time is saved
    after = forecast_after(request.candles, horizon, level, prior, levels)
    prediction, last = after.prediction, request.candles[-1]
    volatility = sqrt(prediction.variance)
    known = f"starts from the bundled prior ({prior.source})"
    if horizon not in prior.learned:
        horizons = ", ".join(map(str, sorted(prior.learned)))
        known = f"starts without a prior, as the bundled one knows the horizons {horizons} only"
    return Predicted(
        candles=len(request.candles),
        open_time_ms=last.open_time_ms,
        model=prior.model,
        coefficients=f"The model {known}. {_LEARNED.format(after.outcomes)}",
        horizon_minutes=horizon,
        interval_level=level,
        close=last.close,
        volatility=volatility,
        volatility_lower=prediction.lower,
        volatility_median=prediction.median,
        volatility_upper=prediction.upper,
        volatility_annualized=annualized(volatility, horizon),
        price_lower=after.close * exp(prediction.return_lower),
        price_upper=after.close * exp(prediction.return_upper),
        quantiles=after.quantiles if request.quantiles else None,
        warm=after.outcomes >= WARM_OUTCOMES and after.missing_share <= MAX_MISSING_SHARE,
        outcomes=after.outcomes,
        suspect=after.suspect,
        suspect_candles=after.suspect_candles,
        gaps=after.gaps,
        missing_minutes=after.missing_minutes,
        missing_share=after.missing_share,
    )


def encode_predicted(found: Predicted) -> bytes:
    """Return the forecast as JSON."""
    return msgspec.json.encode(found)

"""What a signal carries beside its main forecast: other horizons, challengers, and the outcomes of forecasts that came due."""

from typing import Annotated

from msgspec import Meta, Struct

from .distribution.quantiles import Quantiles


def doc(description: str) -> Meta:
    """Return the description of a field. The API's schema, its metrics and the tables in docs/ are made from it."""
    return Meta(description=description)


class Outcome(Struct, frozen=True):
    """The result of a forecast, known once its horizon has passed. Volatilities are square roots of the horizon's variance."""

    open_time_ms: Annotated[int, doc("Start of the last minute before the forecast, in milliseconds since 1970-01-01 UTC.")]
    realized_volatility: Annotated[float, doc("Square root of the sum of the H squared one-minute log returns that followed.")]
    volatility: Annotated[float, doc("The volatility that was forecast.")]
    volatility_ewma: Annotated[float, doc("Forecast of the plain EWMA(0.995) of squared minute returns; not the model `ewma`.")]
    qlike: Annotated[float, doc("QLIKE loss of the forecast, RV/f - log(RV/f) - 1 on variances (Patton, 2011); 0 is perfect.")]
    qlike_ewma: Annotated[float, doc("QLIKE loss of the plain EWMA's forecast.")]
    covered: Annotated[bool, doc("Whether the realized volatility was within the forecast's interval.")]
    price_covered: Annotated[bool, doc("Whether the close after the horizon was within the forecast's price bounds.")]


class HorizonForecast(Struct, frozen=True):
    """The forecast for another horizon. Its fields mean the same as those of `Signal`, for this horizon."""

    horizon_minutes: int
    volatility: float
    volatility_median: float
    volatility_lower: float
    volatility_upper: float
    volatility_annualized: float
    price_lower: float
    price_upper: float
    quantiles: Quantiles
    outcomes: int
    outcome: Outcome | None


class Shadow(Struct, frozen=True):
    """A challenger's forecast for the signal's own horizon, and the result of its forecast that came due with the candle."""

    model: Annotated[str, doc("Name of the challenger model.")]
    volatility: Annotated[float, doc("Its forecast of the realized volatility of the next H minutes.")]
    qlike: Annotated[float | None, doc("QLIKE loss of its forecast that came due with this candle; null if none did.")]
    covered: Annotated[bool | None, doc("Whether the realized volatility was within its interval; null if none came due.")]
    outcomes: Annotated[int, doc("Number of its forecasts that have come due since the start of the log.")]

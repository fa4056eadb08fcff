"""What the registered model answers: a row of forecasts for each candle.

It stands alone because both the registration, for the signature, and the code that MLflow keeps with a model use it.
"""

from typing import TYPE_CHECKING

from volcast.library.forecaster import Forecaster

if TYPE_CHECKING:
    import pandas as pd

TIME = "open_time_ms"
FORECASTS = ("volatility", "volatility_median", "volatility_lower", "volatility_upper", "price_lower", "price_upper")


def predict_rows(forecaster: Forecaster, candles: "pd.DataFrame") -> "pd.DataFrame":
    """Return the time and symbol of each candle, the forecasts after it, and in `candle_status` what became of it.

    `candles` have open_time_ms, symbol, open, high, low, close and volume, and follow those that the forecaster has seen. A row
    that is refused has NaN. Raises CandleFrameError if these are no candles of one minute.
    """
    import pandas as pd  # noqa: PLC0415  # it is in an extra

    times = pd.to_datetime(candles[TIME], unit="ms", utc=True)
    found = forecaster.run(candles.drop(columns=TIME).assign(open_time=times))
    answer = pd.DataFrame({TIME: candles[TIME].to_numpy(), "symbol": candles["symbol"].to_numpy()})
    for name in FORECASTS:
        answer[name] = found[name].astype("float64").to_numpy()
    answer["candle_status"] = found["candle_status"].astype(object).to_numpy()
    return answer

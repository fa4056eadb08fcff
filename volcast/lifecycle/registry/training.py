"""A forecaster that has learned from the candles of a comparison, in a file, and some candles as an example of its input."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from volcast.library.errors import CandleFrameError, SavedForecasterError
from volcast.library.forecaster import Forecaster
from volcast.library.settings import PriorLike

from .tracking import RegistryError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE_ROWS = 3


class UnpackagedModelError(RegistryError):
    """A model cannot be registered, as the library does not have it, or the candles cannot be used."""


_COLUMNS = ("open", "high", "low", "close", "volume")


def train(candles: pl.DataFrame, model: str, horizon_minutes: int, path: Path, prior: str = "bundled") -> "pd.DataFrame":
    """Run candles through a new forecaster, write it to a file, and return the candles that follow as an example of input.

    Args:
        candles: Rows with symbol, open_time (a time, UTC), open, high, low, close and volume, sorted by symbol and time.
        model: One of the forecaster's models.
        horizon_minutes: What is forecast.
        path: The file.
        prior: What a new symbol starts from.

    The example is made of the last candle of a symbol, as the next minutes would be if nothing moved. Raises
    UnpackagedModelError if the library does not have the model, or the candles cannot be used.
    """
    if "@" in model:
        raise UnpackagedModelError(
            f"{model} is a model of your own, and MLflow would not have its code: it is compared, and it can lead the stream by "
            "`volcast models promote`, but it is not registered"
        )
    chosen: PriorLike = "bundled" if prior == "bundled" else "none" if prior == "none" else Path(prior)
    try:
        forecaster = Forecaster(model=model, horizons=horizon_minutes, prior=chosen)
        for (symbol,), part in candles.partition_by("symbol", as_dict=True).items():
            forecaster.run(part.select("open_time", *_COLUMNS), symbol=str(symbol))
        forecaster.save(path)
    except (CandleFrameError, SavedForecasterError, ValueError) as error:
        raise UnpackagedModelError(f"{model} cannot be registered: {error}") from None
    last = candles.filter(pl.col("symbol") == candles["symbol"][0]).tail(1)
    minutes = last.select(pl.col("open_time").dt.timestamp("ms"))["open_time"][0] + 60_000 * pl.Series(range(1, EXAMPLE_ROWS + 1))
    return pl.DataFrame(
        {
            "open_time_ms": minutes,
            "symbol": [last["symbol"][0]] * EXAMPLE_ROWS,
            **{name: [last["close"][0]] * EXAMPLE_ROWS for name in _COLUMNS[:4]},
            "volume": [last["volume"][0]] * EXAMPLE_ROWS,
        }
    ).to_pandas()

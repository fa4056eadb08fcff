"""Scored outcomes of several backtests, put side by side: each model's forecast of the same outcomes, symbol by symbol."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from volcast.backtest.evaluation.outcome_table import NUMBERS
from volcast.backtest.interval_scores import covered
from volcast.backtest.scores import qlike_losses
from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS

if TYPE_CHECKING:
    import polars as pl

_SAME = 1e-9
"""Relative: realized volatilities of the same candles differ by rounding alone."""
_KEYS = ("timestamp", "symbol")


class OutcomesError(ValueError):
    """Outcomes that cannot be compared: one sentence for the user."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelForecasts:
    """One model's forecasts of the outcomes of one symbol. Arrays are (n,); NaN where the model has no such forecast."""

    variance: Floats
    median: Floats
    lower: Floats
    upper: Floats
    return_lower: Floats
    return_upper: Floats
    losses: Floats
    """QLIKE."""


@dataclass(frozen=True, slots=True, eq=False)
class SymbolOutcomes:
    """The outcomes of one symbol that every model has forecast, in order of time. Arrays are (n,)."""

    symbol: str
    made_ms: NDArray[np.int64]
    """When the forecasts were made: the close of a candle, in milliseconds since 1970."""
    volatility: Floats
    """Realized, over the horizon."""
    log_return: Floats
    models: dict[str, ModelForecasts]

    def coverage(self, model: str) -> NDArray[np.bool_] | None:
        """Return by outcome whether realized volatility lies in the model's interval; None if it lacks one of them."""
        found = self.models[model]
        if not (np.isfinite(found.lower).all() and np.isfinite(found.upper).all()):
            return None
        return covered(self.volatility, found.lower, found.upper)


def read_outcomes(path: Path) -> "dict[str, pl.DataFrame]":
    """Return by model the rows of a file that `volcast backtest --outcomes` has written, CSV or Parquet.

    Raises OutcomesError if it cannot be read, has other columns, or has a row twice.
    """
    import polars as pl  # noqa: PLC0415  # slow to import

    try:
        read = pl.read_parquet(path) if path.suffix.lower() == ".parquet" else pl.read_csv(path, try_parse_dates=True)
    except FileNotFoundError:
        raise OutcomesError(f"{path} is not there") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split("\n", 1)[0].split())
        raise OutcomesError(f"{path} can't be read as scored outcomes: {reason}") from None
    lacking = [name for name in (*_KEYS, "model", *NUMBERS) if name not in read.columns]
    if lacking:
        needed = "a file of `volcast backtest --outcomes` is expected"
        raise OutcomesError(f"{path} has no column {', '.join(lacking)}: {needed}")
    if not isinstance(read.schema["timestamp"], pl.Datetime):
        raise OutcomesError(f"{path}: the column timestamp has no times")
    try:
        numbers = read.with_columns(pl.col("timestamp").dt.epoch("ms"), pl.col(*NUMBERS).cast(pl.Float64))
    except pl.exceptions.PolarsError:
        raise OutcomesError(f"{path}: a column of numbers has something else in it") from None
    if numbers.select(*_KEYS, "model").is_duplicated().any():
        raise OutcomesError(f"{path} has the same outcome of a model twice")
    return {str(name): part.drop("model") for (name,), part in numbers.partition_by("model", as_dict=True).items()}


def align(by_model: "Mapping[str, pl.DataFrame]") -> list[SymbolOutcomes]:
    """Return the outcomes that all models have forecast, by symbol in alphabetical order.

    Raises OutcomesError if there are none, or if the realized volatilities differ: then they are not of the same candles.
    """
    import polars as pl  # noqa: PLC0415  # as above

    names = list(by_model)
    joined = by_model[names[0]].select(*_KEYS, *(pl.col(name).alias(f"{name}@0") for name in NUMBERS))
    for place, name in enumerate(names[1:], 1):
        other = by_model[name].select(*_KEYS, *(pl.col(each).alias(f"{each}@{place}") for each in NUMBERS))
        joined = joined.join(other, on=_KEYS, how="inner")
    if joined.is_empty():
        raise OutcomesError(f"the models {', '.join(names)} have no outcome in common")
    joined = joined.sort("symbol", "timestamp")
    return [_symbol(str(symbol), part, names) for (symbol,), part in joined.partition_by("symbol", as_dict=True).items()]


def _symbol(symbol: str, rows: "pl.DataFrame", names: list[str]) -> SymbolOutcomes:
    volatility = rows["realized_volatility@0"].to_numpy()
    for place, name in enumerate(names):
        other = rows[f"realized_volatility@{place}"].to_numpy()
        if not np.allclose(other, volatility, rtol=_SAME, atol=0.0):
            raise OutcomesError(
                f"{symbol}: the realized volatilities of {name} and {names[0]} differ, so they are not of the same candles"
            )
    return SymbolOutcomes(
        symbol,
        rows["timestamp"].to_numpy().astype(np.int64) + MINUTE_MS,
        volatility,
        rows["log_return@0"].to_numpy(),
        {name: _forecasts(rows, place, volatility) for place, name in enumerate(names)},
    )


def _forecasts(rows: "pl.DataFrame", place: int, volatility: Floats) -> ModelForecasts:
    variance = rows[f"forecast@{place}"].to_numpy() ** 2
    columns = {name: rows[f"{name}@{place}"].to_numpy() for name in ("median", "lower", "upper", "return_lower", "return_upper")}
    return ModelForecasts(variance=variance, losses=qlike_losses(volatility**2, variance), **columns)

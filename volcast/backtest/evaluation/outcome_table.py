"""The scored outcomes one by one: what each model had forecast, and what happened. Other programs compare models with them.

The scores of `compare` are means over these rows, so two runs with one model each can be compared as if it had been one run.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from volcast.backtest.tracks import ScoredOutcomes, Track, Truth, gather, select
from volcast.core.arrays import Floats

NUMBERS = (
    "realized_volatility",
    "forecast",
    "median",
    "lower",
    "upper",
    "log_return",
    "return_lower",
    "return_upper",
    "qlike",
)
"""The columns of numbers: float64, NaN where a model has no such forecast; `forecast` is the root of the expected variance."""


def outcome_columns(truth: Truth, tracks: Sequence[Track], from_share: float) -> dict[str, Any]:
    """Return columns by name: `open_time_ms` of the candle after whose close a forecast was made, `model`, and `NUMBERS`.

    The rows are those that `compare` scores, model by model in the order of `tracks`, and in order of time for each. Raises
    ValueError if the tracks do not fit the truth.
    """
    at = select(truth, list(tracks), from_share).at
    found = [gather(truth, track, at) for track in tracks]
    numbers = [_numbers(each, truth.log_return[at]) for each in found]
    return {
        "open_time_ms": np.tile(truth.open_time_ms[at], len(tracks)),
        "model": [track.name for track in tracks for _ in range(at.size)],
        **{name: np.concatenate([each[i] for each in numbers]) for i, name in enumerate(NUMBERS)},
    }


def _numbers(found: ScoredOutcomes, log_return: Floats) -> list[Floats]:
    """Return the columns of one model, in the order of `NUMBERS`."""
    nothing = np.full(found.volatility.size, np.nan)
    bounds = found.interval.bounds if found.interval else (nothing, nothing)
    price_bounds = found.price_interval.bounds if found.price_interval else (nothing, nothing)
    median = nothing if found.median is None else found.median
    return [found.volatility, np.sqrt(found.variance), median, *bounds, log_return, *price_bounds, found.losses]

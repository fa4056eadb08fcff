"""The quantiles of a forecast: what a signal carries of the whole distribution.

They are about the H minutes after the signal's candle. Prices are relative to its close: log(price / close).
"""

from typing import Annotated

from msgspec import Meta, Struct

QUANTILE_LEVELS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995)
"""The levels of a forecast unless the settings say others."""


class Quantiles(Struct, frozen=True, gc=False):
    """Quantiles of one horizon, in ascending order: the outcome is below the i-th with probability `levels[i]`."""

    levels: Annotated[tuple[float, ...], Meta(description="Levels of the quantiles, ascending, between 0 and 1.")]
    log_return: Annotated[tuple[float, ...], Meta(description="Quantiles of log(close after H minutes / close).")]
    log_high: Annotated[tuple[float, ...], Meta(description="Quantiles of log(highest high of the next H minutes / close).")]
    log_low: Annotated[tuple[float, ...], Meta(description="Quantiles of log(lowest low of the next H minutes / close).")]
    realized_volatility: Annotated[
        tuple[float, ...],
        Meta(description="Quantiles of the square root of the sum of the next H squared one-minute log returns."),
    ]

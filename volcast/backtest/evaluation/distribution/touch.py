"""Scores of the probability that a price is touched within the horizon: a stop below, or a take-profit above.

The prices are at fixed distances from the close, in multiples of the usual volatility: the root of the mean realized variance of
the last 180 days, as known then. A stop at a fixed distance is likely to be hit in a storm and unlikely in a calm; a forecast
that knows the difference has skill. At a multiple of the forecast itself, the probability would be nearly the same always.
"""

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest.interval_scores import Booleans
from volcast.backtest.scores import finite_or_none, mean
from volcast.backtest.tracks import Truth, grid
from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import MINUTE_MS

from .baseline import SHAPE_DAYS

DISTANCES = (0.5, 1.0, 2.0)
"""In usual volatilities over the horizon."""
BINS = 10
"""Of the forecast probability, of equal width."""
ENOUGH_OF_A_BIN = 200
"""Outcomes from which on a bin is judged: the standard error of a share is then at most 3.5 points."""
MIN_KNOWN = 160
"""Outcomes from which the usual volatility is taken: about a week of hours."""
Direction = Literal["up", "down"]


class ReliabilityBin(Struct, frozen=True):
    """The outcomes whose forecast probability lay in one tenth of [0, 1]."""

    outcomes: int
    forecast: float
    """Mean forecast probability."""
    touched: float
    """The share of outcomes in which the price was touched."""
    z: float | None
    """(touched - forecast) / its standard error: about normal(0, 1) if the forecast is right and outcomes are independent."""


class TouchScores(Struct, frozen=True, kw_only=True):
    """The probability of one price, at a fixed distance from each close."""

    direction: Direction
    distance: float
    """In usual volatilities."""
    outcomes: int
    touched: float | None
    """The share of outcomes in which the price was touched."""
    brier: float | None
    """Mean of (probability - [touched])²."""
    skill: float | None
    """1 - Brier score / that of always forecasting the share of all outcomes, which is known in hindsight only."""
    largest_gap: float | None
    """The largest |touched - forecast| of bins with 200 outcomes; None if there is none."""
    largest_z: float | None
    """The largest |z| of these bins. With 200 outcomes a gap of 7 points is within chance, with 5 000 one of 1.4 points."""
    bins: list[ReliabilityBin]
    """Rising; bins without outcomes are left out."""


def usual_volatility(truth: Truth, at: NDArray[np.int64]) -> Floats:
    """Return the usual volatility over the horizon, as known after these candles (m,); NaN where too few outcomes were known.

    It is the root of the mean realized variance over the last 180 days, of outcomes that do not overlap.
    """
    minute = truth.open_time_ms // MINUTE_MS
    known = grid(truth)
    known = known[np.isfinite(truth.realized_variance[known])]
    sums = np.concatenate(([0.0], np.cumsum(truth.realized_variance[known])))
    starts = np.searchsorted(minute[known], minute[at] - SHAPE_DAYS * DAY_MINUTES)
    ends = np.searchsorted(minute[known] + truth.horizon_minutes, minute[at], side="right")
    count = ends - starts
    enough = count >= MIN_KNOWN
    return np.where(enough, np.sqrt(np.maximum(sums[ends] - sums[starts], 0.0) / np.maximum(count, 1)), np.nan)


def score_touches(direction: Direction, distance: float, probability: Floats, touched: Booleans) -> TouchScores:
    """Return the scores of forecast probabilities (m,) and whether the prices were touched (m,).

    Reference: G. Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78 (1950); the
    skill is that of A. Murphy, Skill Scores Based on the Mean Square Error, ibid. 116 (1988).
    """
    brier = mean((probability - touched) ** 2)
    share = mean(touched)
    always = share * (1.0 - share)
    bins = reliability(probability, touched)
    judged = [each for each in bins if each.outcomes >= ENOUGH_OF_A_BIN]
    return TouchScores(
        direction=direction,
        distance=distance,
        outcomes=probability.size,
        touched=finite_or_none(share),
        brier=finite_or_none(brier),
        skill=finite_or_none(1.0 - brier / always) if always > 0.0 else None,
        largest_gap=max((abs(each.touched - each.forecast) for each in judged), default=None),
        largest_z=max((abs(each.z) for each in judged if each.z is not None), default=None),
        bins=bins,
    )


def reliability(probability: Floats, touched: Booleans) -> list[ReliabilityBin]:
    """Return how often prices were touched, by tenths of the forecast probability; tenths without outcomes are left out."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    found = []
    for number in range(BINS):
        there = place == number
        if there.any():
            p, count = probability[there], int(there.sum())
            error = float(np.sqrt((p * (1.0 - p)).sum())) / count
            forecast, share = mean(p), mean(touched[there])
            found.append(ReliabilityBin(count, forecast, share, (share - forecast) / error if error > 0.0 else None))
    return found

"""Scores of forecast quantiles: CRPS, coverage by level with its tests, and the PIT between the levels.

Levels are (k,), rising; quantiles (m, k), one row for each outcome (m,), in order of time and without overlap of the horizons.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from volcast.backtest.evaluation.predictive import pinball
from volcast.backtest.interval_scores import christoffersen, kupiec
from volcast.backtest.scores import finite_or_none, mean
from volcast.core.arrays import Floats

OUTER = 0.025
"""The tails are the levels up to this, and those from 1 minus this on."""
_MEDIAN = 0.5
_ROUNDING = 1e-9


class LevelScores(Struct, frozen=True):
    """How often outcomes lay below the quantile of one level. p-values below 0.05 say that the forecast is wrong."""

    level: float
    below: float | None
    """Share of outcomes below the quantile; one that equals it counts half."""
    z: float | None
    """(below - level) / √(level · (1 - level) / outcomes): about normal(0, 1) if the forecast is right."""
    kupiec_p: float | None
    """Is the share of outcomes below the quantile the level? One that equals it counts on the side that is better for it: where a
    value has a probability of its own, it is the quantile of a range of levels."""
    christoffersen_p: float | None
    """Do outcomes beyond the quantile come independently of each other? Above the median, beyond is above."""
    pinball: float | None
    """Mean pinball loss, in the unit of the outcomes."""


def quantile_crps(y: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Return the CRPS of each outcome (m,) by the trapezoidal rule, in the unit of y; smaller is better.

        CRPS = 2 ∫ pinball(p) dp ≈ 2 Σ w_i · pinball(p_i)

    w_i is the length from the middle between p_{i-1} and p_i to that between p_i and p_{i+1}; the first one begins at 0 and the
    last one ends at 1. It needs no assumption of what lies between the quantiles, and is a proper score of them.

    References: F. Laio & S. Tamea, Verification Tools for Probabilistic Forecasts of Continuous Hydrological Variables, Hydrology
    and Earth System Sciences 11 (2007); T. Gneiting & R. Ranjan, Comparing Density Forecasts Using Threshold- and
    Quantile-Weighted Scoring Rules, J. Business & Economic Statistics 29 (2011).

    >>> quantile_crps(np.array([1.0]), np.array([[0.0, 2.0]]), (0.25, 0.75)).tolist()
    [0.5]
    """
    p = np.array(levels)
    weights = np.diff(np.concatenate(([0.0], (p[1:] + p[:-1]) / 2.0, [1.0])))
    return np.asarray(2.0 * pinball(y[:, None], quantiles, p) @ weights)


def tail_crps(y: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Return twice the mean pinball loss over the outer levels, at most 0.025 or at least 0.975 (m,); NaN if there are none."""
    p = np.array(levels)
    outer = (p <= OUTER + _ROUNDING) | (p >= 1.0 - OUTER - _ROUNDING)
    if not outer.any():
        return np.full(y.size, np.nan)
    return np.asarray(2.0 * pinball(y[:, None], quantiles[:, outer], p[outer]).mean(axis=1))


def shares_below(y: Floats, quantiles: Floats) -> Floats:
    """Return the share of outcomes below the quantile of each level (k,); one that equals it counts half."""
    if not y.size:
        return np.full(quantiles.shape[1], np.nan)
    return np.asarray(((y[:, None] < quantiles).mean(axis=0) + (y[:, None] <= quantiles).mean(axis=0)) / 2.0)


def score_levels(y: Floats, quantiles: Floats, levels: Sequence[float]) -> list[LevelScores]:
    """Return the scores of each level."""
    found = []
    for i, (level, below) in enumerate(zip(levels, shares_below(y, quantiles).tolist(), strict=True)):
        quantile = quantiles[:, i]
        beyond = y < quantile if level <= _MEDIAN else y > quantile
        fewest, most = int((y < quantile).sum()), int((y <= quantile).sum())
        misses = min(max(round(level * y.size), fewest), most)
        numbers = {
            "below": below,
            "z": (below - level) / np.sqrt(level * (1.0 - level) / y.size) if y.size else np.nan,
            "kupiec_p": kupiec(misses, y.size, 1.0 - level).p_value,
            "christoffersen_p": christoffersen(beyond).p_value,
            "pinball": mean(pinball(y, quantile, level)),
        }
        found.append(LevelScores(level, **{name: finite_or_none(value) for name, value in numbers.items()}))
    return found


def pit_between_levels(y: Floats, quantiles: Floats) -> list[float]:
    """Return how many outcomes lie between each two neighbouring quantiles, and beyond the first and the last: (k + 1) counts.

    One that equals a quantile counts half on either side: a price that falls from the first moment has its highest high at the
    close, and so have many low quantiles of it.

    >>> pit_between_levels(np.array([-1.0, 0.5, 1.0, 3.0]), np.tile([0.0, 1.0], (4, 1)))
    [1.0, 1.5, 1.5]
    """
    if not y.size:
        return [0.0] * (quantiles.shape[1] + 1)
    counts = np.diff(np.concatenate(([0.0], shares_below(y, quantiles) * y.size, [y.size])))
    return [round(2.0 * each) / 2.0 for each in counts.tolist()]


def bin_shares(levels: Sequence[float]) -> Floats:
    """Return the nominal share of outcomes of each bin of `pit_between_levels` (k + 1,).

    >>> bin_shares((0.25, 0.5)).tolist()
    [0.25, 0.25, 0.5]
    """
    return np.diff(np.concatenate(([0.0], levels, [1.0])))


def pit_chi_square(counts: Sequence[float], levels: Sequence[float]) -> float:
    """Return Σ (seen - expected)² / expected over the bins of the PIT; NaN without outcomes.

    If the forecasts are right and outcomes independent, it is about χ² with k degrees of freedom, whose mean is k.

    >>> round(pit_chi_square([30, 20, 50], (0.25, 0.5)), 6)
    2.0
    """
    total = sum(counts)
    if not total:
        return np.nan
    expected = total * bin_shares(levels)
    return float(((np.array(counts) - expected) ** 2 / expected).sum())

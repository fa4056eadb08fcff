"""Scores of forecast intervals: their coverage, their width, and tests of their misses.

Arrays are (n,), one entry for each outcome, in order of time. A score that is not defined for its input is NaN.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, xlogy  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES

from .scores import mean

Booleans = NDArray[np.bool_]

BLOCK_DAYS = 30
_ENOUGH_OF_A_BLOCK = 5 / 9
"""400 of the 720 hours of 30 days: the coverage of fewer means little."""


class LikelihoodRatio(NamedTuple):
    """A likelihood ratio, about χ² with one degree of freedom if the hypothesis holds, and its p-value."""

    statistic: float
    p_value: float


def covered(y: Floats, lower: Floats, upper: Floats) -> Booleans:
    """Return whether lower ≤ y ≤ upper."""
    return np.asarray((lower <= y) & (y <= upper))


def winkler(y: Floats, lower: Floats, upper: Floats, level: float) -> float:
    """Return the mean interval score, in the unit of y; smaller is better, and the true quantiles are best.

        W = (u - l) + 2/(1 - level) · [(l - y)⁺ + (y - u)⁺]

    References: R. Winkler, A Decision-Theoretic Approach to Interval Estimation, J. American Statistical Association 67 (1972);
    T. Gneiting & A. Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, ibid. 102 (2007).

    >>> round(winkler(np.array([1.5, 2.1]), np.array([1.0, 1.0]), np.array([2.0, 2.0]), 0.9), 3)
    2.0
    """
    outside = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    return mean(upper - lower + 2.0 / (1.0 - level) * outside)


def worst_block_coverage(inside: Booleans, minute: NDArray[np.int64], step_minutes: int) -> float:
    """Return the smallest coverage of consecutive 30-day blocks, which begin with the first outcome.

    `minute` is when each outcome's forecast was made; outcomes are at least `step_minutes` apart. A block with less than 5/9 of
    the outcomes that 30 days can have is left out; the result is NaN if none remains.
    """
    if not inside.size:
        return np.nan
    block = (minute - minute[0]) // (BLOCK_DAYS * DAY_MINUTES)
    counts = np.bincount(block)
    enough = counts >= _ENOUGH_OF_A_BLOCK * BLOCK_DAYS * DAY_MINUTES / step_minutes
    shares = np.bincount(block, weights=inside)[enough] / counts[enough]
    return float(shares.min()) if shares.size else np.nan


def worst_run_coverage(inside: Booleans, outcomes: int) -> float:
    """Return the smallest coverage of any `outcomes` in a row, which is at most that of complete blocks; NaN for fewer."""
    if inside.size < outcomes or outcomes < 1:
        return np.nan
    sums = np.concatenate(([0], np.cumsum(inside)))
    return float((sums[outcomes:] - sums[:-outcomes]).min() / outcomes)


def kupiec(misses: int, outcomes: int, level: float) -> LikelihoodRatio:
    """Test unconditional coverage: is the share of misses p = 1 - level?

        LR = 2 · [x ln(x/n) + (n - x) ln(1 - x/n) - x ln p - (n - x) ln(1 - p)],   x misses in n outcomes

    Reference: P. Kupiec, Techniques for Verifying the Accuracy of Risk Measurement Models, J. Derivatives 3 (1995).

    >>> [round(number, 3) for number in kupiec(20, 100, 0.9)]
    [8.881, 0.003]
    """
    if not outcomes:
        return LikelihoodRatio(np.nan, np.nan)
    hits, share = outcomes - misses, misses / outcomes
    unrestricted = _log_likelihood(misses, hits, share)
    return _likelihood_ratio(unrestricted - _log_likelihood(misses, hits, 1.0 - level))


def christoffersen(missed: Booleans) -> LikelihoodRatio:
    """Test the independence of misses: is a miss as likely after a miss as after a hit?

        LR = 2 · [n₀₁ ln π₀₁ + n₀₀ ln(1 - π₀₁) + n₁₁ ln π₁₁ + n₁₀ ln(1 - π₁₁) - (n₀₁ + n₁₁) ln π - (n₀₀ + n₁₀) ln(1 - π)]

    n_ij counts steps from i to j (1 is a miss), π_i1 = n_i1 / (n_i0 + n_i1), and π is the share of misses after the first
    outcome. Outcomes on both sides of a gap count as neighbours.

    Reference: P. Christoffersen, Evaluating Interval Forecasts, International Economic Review 39 (1998).
    """
    before, after = missed[:-1], missed[1:]
    if not after.size:
        return LikelihoodRatio(np.nan, np.nan)
    after_hit = int((~before & ~after).sum()), int((~before & after).sum())
    after_miss = int((before & ~after).sum()), int((before & after).sum())
    two_shares = sum(_log_likelihood(misses, hits, misses / max(hits + misses, 1)) for hits, misses in (after_hit, after_miss))
    misses, hits = after_hit[1] + after_miss[1], after_hit[0] + after_miss[0]
    return _likelihood_ratio(two_shares - _log_likelihood(misses, hits, misses / after.size))


def _log_likelihood(misses: int, hits: int, share: float) -> float:
    """Return the log likelihood of Bernoulli trials, with 0 ln 0 = 0."""
    return float(xlogy(misses, share) + xlogy(hits, 1.0 - share))


def _likelihood_ratio(gain: float) -> LikelihoodRatio:
    """Return the test of a gain in log likelihood, which by rounding may be slightly negative."""
    statistic = max(2.0 * gain, 0.0)
    return LikelihoodRatio(statistic, float(chdtrc(1.0, statistic)))

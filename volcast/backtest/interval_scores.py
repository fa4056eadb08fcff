"""Whether an interval keeps its word: its coverage, its price in width, and tests of its misses.

Arrays are (n,), one entry an outcome, in order of time. What is not defined on what it is given is NaN.
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
"""400 of the 720 hours of 30 days: the coverage of fewer says little."""


class LikelihoodRatio(NamedTuple):
    """A statistic that is about χ² with one degree of freedom where the hypothesis holds, and how likely a larger one is then."""

    statistic: float
    p_value: float


def covered(y: Floats, lower: Floats, upper: Floats) -> Booleans:
    """Whether lower ≤ y ≤ upper."""
    return np.asarray((lower <= y) & (y <= upper))


def winkler(y: Floats, lower: Floats, upper: Floats, level: float) -> float:
    """Mean interval score, in y's unit; smaller is better, and the true quantiles are best.

        W = (u - l) + 2/(1 - level) · [(l - y)⁺ + (y - u)⁺]

    References: R. Winkler, A Decision-Theoretic Approach to Interval Estimation, J. American Statistical Association 67 (1972);
    T. Gneiting & A. Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, ibid. 102 (2007).

    >>> round(winkler(np.array([1.5, 2.1]), np.array([1.0, 1.0]), np.array([2.0, 2.0]), 0.9), 3)
    2.0
    """
    outside = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    return mean(upper - lower + 2.0 / (1.0 - level) * outside)


def worst_block_coverage(inside: Booleans, minute: NDArray[np.int64], step_minutes: int) -> float:
    """The least coverage of the 30-day blocks that follow each other from the first outcome on.

    `minute` is when each outcome's forecast was made; outcomes are at least `step_minutes` apart. A block with less than 5/9 of
    the outcomes that 30 days can have is left out; NaN where none remains.
    """
    if not inside.size:
        return np.nan
    block = (minute - minute[0]) // (BLOCK_DAYS * DAY_MINUTES)
    counts = np.bincount(block)
    enough = counts >= _ENOUGH_OF_A_BLOCK * BLOCK_DAYS * DAY_MINUTES / step_minutes
    shares = np.bincount(block, weights=inside)[enough] / counts[enough]
    return float(shares.min()) if shares.size else np.nan


def worst_run_coverage(inside: Booleans, outcomes: int) -> float:
    """The least coverage of any `outcomes` in a row: never above that of the blocks without gaps; NaN for fewer in all."""
    if inside.size < outcomes or outcomes < 1:
        return np.nan
    sums = np.concatenate(([0], np.cumsum(inside)))
    return float((sums[outcomes:] - sums[:-outcomes]).min() / outcomes)


def kupiec(misses: int, outcomes: int, level: float) -> LikelihoodRatio:
    """Unconditional coverage: is the share of misses p = 1 - level?

        LR = 2 · [x ln(x/n) + (n - x) ln(1 - x/n) - x ln p - (n - x) ln(1 - p)],   x misses in n outcomes

    Reference: P. Kupiec, Techniques for Verifying the Accuracy of Risk Measurement Models, J. Derivatives 3 (1995).

    >>> [round(number, 3) for number in kupiec(20, 100, 0.9)]
    [8.881, 0.003]
    """
    if not outcomes:
        return LikelihoodRatio(np.nan, np.nan)
    hits, share = outcomes - misses, misses / outcomes
    as_it_is = _log_likelihood(misses, hits, share)
    return _likelihood_ratio(as_it_is - _log_likelihood(misses, hits, 1.0 - level))


def christoffersen(missed: Booleans) -> LikelihoodRatio:
    """Independence: does a miss make another one next time as likely as a hit does?

        LR = 2 · [n₀₁ ln π₀₁ + n₀₀ ln(1 - π₀₁) + n₁₁ ln π₁₁ + n₁₀ ln(1 - π₁₁) - (n₀₁ + n₁₁) ln π - (n₀₀ + n₁₀) ln(1 - π)]

    n_ij counts steps from i to j (1 a miss), π_i1 = n_i1 / (n_i0 + n_i1), π the share of misses after the first outcome. Outcomes
    on both sides of a gap count as neighbours.

    Reference: P. Christoffersen, Evaluating Interval Forecasts, International Economic Review 39 (1998).
    """
    before, after = missed[:-1], missed[1:]
    if not after.size:
        return LikelihoodRatio(np.nan, np.nan)
    calm = int((~before & ~after).sum()), int((~before & after).sum())
    troubled = int((before & ~after).sum()), int((before & after).sum())
    two_shares = sum(_log_likelihood(misses, hits, misses / max(hits + misses, 1)) for hits, misses in (calm, troubled))
    misses, hits = calm[1] + troubled[1], calm[0] + troubled[0]
    return _likelihood_ratio(two_shares - _log_likelihood(misses, hits, misses / after.size))


def _log_likelihood(misses: int, hits: int, share: float) -> float:
    """Of Bernoulli trials; 0 ln 0 = 0."""
    return float(xlogy(misses, share) + xlogy(hits, 1.0 - share))


def _likelihood_ratio(gain: float) -> LikelihoodRatio:
    """Rounding may make a gain of nothing a negative one."""
    statistic = max(2.0 * gain, 0.0)
    return LikelihoodRatio(statistic, float(chdtrc(1.0, statistic)))

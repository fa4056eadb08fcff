"""From outcomes to evidence: the losses of two models on the same outcomes, and how likely their difference is by chance.

Symbols move together, so the losses at one time are averaged over the symbols before anything is tested: a hundred symbols do not
make a hundred times the evidence of one.
"""

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.backtest.periods import DAY_MS
from volcast.backtest.scores import finite_or_none, mean
from volcast.core.arrays import Floats

from .outcomes import SymbolOutcomes
from .verdict import ChallengerEvidence, SymbolEvidence

_CONSTANT = 1e-24
"""A variance below this share of the squared mean is a rounding error."""


def evidence_of(
    outcomes: Sequence[SymbolOutcomes], model: str, champion: str, *, level: float, failures: Sequence[str] = ()
) -> ChallengerEvidence:
    """Return what is known of a challenger beside the champion; `level` is the nominal level of the intervals."""
    times = np.concatenate([each.made_ms for each in outcomes])
    challenger = np.concatenate([each.models[model].losses for each in outcomes])
    leader = np.concatenate([each.models[champion].losses for each in outcomes])
    unique, mine = mean_by_time(times, challenger)
    _, theirs = mean_by_time(times, leader)
    days = _days(unique)
    difference = loss_difference(mine, theirs, days)
    inside = [each.coverage(model) for each in outcomes]
    known = [each for each in inside if each is not None]
    coverage = mean(np.concatenate(known)) if len(known) == len(inside) else np.nan
    return ChallengerEvidence(
        model=model,
        champion=champion,
        outcomes=unique.size,
        days=days,
        is_same=bool((challenger == leader).all()),
        qlike=finite_or_none(mean(mine)),
        qlike_ratio=_ratio(mine, theirs),
        dm=finite_or_none(difference.statistic),
        p_better=finite_or_none(difference.p_below),
        p_worse=finite_or_none(1.0 - difference.p_below),
        level=level,
        coverage=finite_or_none(coverage),
        symbols=tuple(_symbol(each, model, champion) for each in outcomes),
        failures=tuple(failures),
    )


def mean_by_time(times: NDArray[np.int64], losses: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the times (m,), rising and each once, and the mean of the losses (m,) at each.

    >>> times, means = mean_by_time(np.array([60, 0, 60]), np.array([1.0, 5.0, 3.0]))
    >>> times.tolist(), means.tolist()
    ([0, 60], [5.0, 2.0])
    """
    unique, place, counts = np.unique(times, return_inverse=True, return_counts=True)
    return unique, np.bincount(place, weights=losses, minlength=unique.size) / counts


class Difference(NamedTuple):
    """The mean difference of two models' losses, tested."""

    statistic: float
    """Student's t if both are equally good; above 0 the second model is better. NaN if it is not defined."""
    degrees: int
    """Its degrees of freedom."""

    @property
    def p_below(self) -> float:
        """The probability of such a statistic or a smaller one if both are equally good; NaN if it is not defined."""
        from scipy.special import stdtr  # type: ignore[import-untyped]  # noqa: PLC0415  # SciPy ships no types, and is slow to import

        return float(stdtr(self.degrees, self.statistic)) if isfinite(self.statistic) else float("nan")


def loss_difference(losses: Floats, other: Floats, days: int) -> Difference:
    """Return the Diebold-Mariano test of two models' losses (n,) at the same times, in order, on so many days.

    The long-run variance of the differences d is that of their slow movements, slower than four days:

        Ω = 1/B Σ_{j=1..B} Λ_j²,   Λ_j = √(2/n) Σ_{t=1..n} d_t cos(π j (t - ½) / n),   t = d̄ / √(Ω / n)

    with B, half the days, degrees of freedom. Errors that last for a day do not make the test reject too often, as they do with
    Newey and West's weights at 24 lags: measured in docs/lifecycle/comparison.md.

    References: F. Diebold & R. Mariano, Comparing Predictive Accuracy, J. Business & Economic Statistics 13 (1995); E. Lazarus,
    D. Lewis, J. Stock & M. Watson, HAR Inference: Recommendations for Practice, J. Business & Economic Statistics 36 (2018).
    """
    difference = losses - other
    n, degrees = difference.size, max(1, days // 2)
    if n <= 2 * degrees or not np.isfinite(difference).all():
        return Difference(float("nan"), degrees)
    centre = mean(difference)
    phase = np.pi * (np.arange(n) + 0.5) / n
    weights = [sqrt(2.0 / n) * float((difference - centre) @ np.cos(j * phase)) for j in range(1, degrees + 1)]
    variance = sum(weight**2 for weight in weights) / degrees
    return Difference(centre / sqrt(variance / n) if variance > _CONSTANT * centre**2 else float("nan"), degrees)


def _days(made_ms: NDArray[np.int64]) -> int:
    return int(np.unique(made_ms // DAY_MS).size)


def _symbol(outcomes: SymbolOutcomes, model: str, champion: str) -> SymbolEvidence:
    mine, theirs = outcomes.models[model].losses, outcomes.models[champion].losses
    difference = loss_difference(mine, theirs, _days(outcomes.made_ms))
    return SymbolEvidence(
        outcomes.symbol,
        mine.size,
        mean(mine),
        _ratio(mine, theirs),
        finite_or_none(difference.statistic),
        finite_or_none(1.0 - difference.p_below),
    )


def _ratio(mine: Floats, theirs: Floats) -> float | None:
    whole = mean(theirs)
    return finite_or_none(mean(mine) / whole) if whole > 0.0 else None

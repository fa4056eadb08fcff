"""VaR and ES of whole distributions: right for who knows the distribution, rejected for who does not."""

import numpy as np
import pytest
from scipy.stats import t as student  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.evaluation.distribution.shortfall import PROBABILITIES, shortfalls_of
from volcast.backtest.evaluation.tail_risk import TailRisk
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS

N, DEGREES = 12_000, 5.0
"""Tails as of hourly returns of coins: with ξ = 0.2, as those of the core's distribution."""


def judged(scale: float = 1.0, *, stretch: float = 1.0) -> list[TailRisk]:
    """Return the tests of someone who knows the changing volatility but for a factor.

    `stretch` is what outcomes beyond the 5 % quantiles are multiplied with, which leaves the number of exceedances as it is.
    """
    volatility = 0.004 * np.exp(0.5 * np.sin(np.arange(N) / 100.0))
    shape = student.rvs(DEGREES, size=N, random_state=3)
    limit = student.ppf(0.95, DEGREES)
    shape = np.where(np.abs(shape) > limit, np.sign(shape) * (limit + stretch * (np.abs(shape) - limit)), shape)
    quantiles = scale * volatility[:, None] * student.ppf(QUANTILE_LEVELS, DEGREES)
    return shortfalls_of("model", QUANTILE_LEVELS, quantiles, volatility * shape, volatility)


def p_values(found: TailRisk) -> list[float]:
    values = [found.kupiec_p, found.christoffersen_p, found.conditional_p, found.z2_p, found.residual_p]
    assert None not in values
    return [value for value in values if value is not None]


def test_who_knows_the_distribution_passes_every_test() -> None:
    found = judged()
    assert [(each.side, each.probability) for each in found] == [
        (side, probability) for side in ("long", "short") for probability in PROBABILITIES
    ]
    for each in found:
        assert min(p_values(each)) > 0.005
        assert each.es_outcomes == each.outcomes == N
        assert each.mean_es_bp is not None
        assert each.mean_excess_bp == pytest.approx(each.mean_es_bp, rel=0.2)


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_a_volatility_that_is_wrong_by_a_quarter_is_rejected(scale: float) -> None:
    for each in judged(scale)[::3]:
        assert each.kupiec_p is not None
        assert each.z2_p is not None
        assert each.z2 is not None
        assert each.kupiec_p < 1e-3
        assert each.z2_p < 1e-3
        assert (each.z2 < 0.0) == (scale < 1.0), "negative where risk is underestimated"


def test_larger_losses_beyond_value_at_risk_are_rejected_by_expected_shortfall_alone() -> None:
    for each in judged(stretch=1.6)[::3]:
        assert each.kupiec_p is not None
        assert each.residual is not None
        assert each.residual_p is not None
        assert each.kupiec_p > 0.005
        assert each.residual > 0.0
        assert each.residual_p < 1e-3

"""Many distributions at once are those that the core makes one by one."""

import numpy as np
import pytest

from volcast.backtest.evaluation.distribution.rows import DistributionRows
from volcast.core.forecast.distribution.continuous import (
    HIGH_TAILS,
    LOW_TAILS,
    RETURN_TAILS,
    VOLATILITY_TAILS,
    ContinuousDistribution,
    Tails,
)
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS

QUANTILES = np.sort(0.01 * np.random.default_rng(1).standard_t(3, (30, len(QUANTILE_LEVELS))), axis=1)
QUANTILES[3, 4:7] = QUANTILES[3, 4]  # some are equal


@pytest.mark.parametrize("tails", [RETURN_TAILS, HIGH_TAILS, LOW_TAILS, VOLATILITY_TAILS])
def test_rows_are_the_distributions_of_the_core(tails: Tails) -> None:
    rows = DistributionRows(QUANTILE_LEVELS, QUANTILES, tails)
    single = [ContinuousDistribution(QUANTILE_LEVELS, row, tails) for row in QUANTILES]
    for value in (-0.2, -0.03, -0.01, 0.0, 0.002, 0.05, 0.3):
        expected = [float(each.cdf(value)) for each in single]
        np.testing.assert_allclose(rows.cdf(np.full(len(QUANTILES), value)), expected, atol=1e-12)
    for level in (0.001, 0.003, 0.005, 0.05, 0.3, 0.7, 0.99, 0.995, 0.999):
        np.testing.assert_allclose(rows.quantile(level), [float(each.quantile(level)) for each in single], atol=1e-12)
        np.testing.assert_allclose(rows.mean_below(level), [each.mean_below(level) for each in single], rtol=1e-9)
        np.testing.assert_allclose(rows.mean_above(level), [each.mean_above(level) for each in single], rtol=1e-9)


def test_a_probability_at_a_quantile_is_its_level() -> None:
    rows = DistributionRows(QUANTILE_LEVELS, QUANTILES[:3], RETURN_TAILS)
    for i, level in enumerate(QUANTILE_LEVELS):
        np.testing.assert_allclose(rows.cdf(QUANTILES[:3, i]), level, atol=1e-9)

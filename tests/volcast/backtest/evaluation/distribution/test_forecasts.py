"""Quantiles are found by the candle after which they were forecast; arrays that do not fit are refused."""

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, START_MS, quantiles_of, truth_of
from volcast.backtest.evaluation.distribution.forecasts import (
    FAMILIES,
    HorizonQuantiles,
    QuantileForecasts,
    outcomes_of,
    quantile_columns,
    quantile_row,
)
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles

TIMES = START_MS + 3_600_000 * np.arange(3, dtype=np.int64)


def test_quantiles_are_those_of_the_candle_and_unknown_elsewhere() -> None:
    values = np.arange(24.0).reshape(3, 4, 2)
    found = QuantileForecasts((0.1, 0.9), TIMES, values).at(np.array([TIMES[2], TIMES[0] + 60_000, TIMES[0], TIMES[2] + 1]))
    np.testing.assert_array_equal(found[[0, 2]], values[[2, 0]])
    assert np.isnan(found[[1, 3]]).all()
    none = QuantileForecasts((0.1, 0.9), TIMES[:0], values[:0])
    assert np.isnan(none.at(TIMES)).all()


def test_the_first_of_several_horizons() -> None:
    values = np.arange(48.0).reshape(3, 2, 4, 2)
    first = HorizonQuantiles((0.1, 0.9), TIMES, values).first()
    assert first is not None
    np.testing.assert_array_equal(first.values, values[:, 0])
    assert HorizonQuantiles((), TIMES[:0], np.zeros((0, 2, 4, 0))).first() is None


def test_arrays_that_do_not_fit_are_named() -> None:
    values = np.zeros((3, 4, 2))
    with pytest.raises(ValueError, match="must rise, and lie between 0 and 1"):
        QuantileForecasts((0.9, 0.1), TIMES, values)
    with pytest.raises(ValueError, match="must rise, and lie between 0 and 1"):
        QuantileForecasts((0.0, 0.1), TIMES, values)
    with pytest.raises(ValueError, match=r"shape \(3, 4, 2\) where \(3, 4, 3\) is needed"):
        QuantileForecasts((0.1, 0.5, 0.9), TIMES, values)
    with pytest.raises(ValueError, match="must rise in time"):
        QuantileForecasts((0.1, 0.9), TIMES[::-1], values)


def test_columns_families_and_outcomes_have_one_order() -> None:
    row = quantile_row(Quantiles(levels=(0.5,), log_return=(1.0,), log_high=(2.0,), log_low=(3.0,), realized_volatility=(4.0,)))
    assert row == [(1.0,), (2.0,), (3.0,), (4.0,)]
    assert [name.partition("_")[0] for name in quantile_columns((0.5,), (60,))] == list(FAMILIES)
    assert quantile_columns(QUANTILE_LEVELS, (60,))[13] == "high_0.005"
    truth, expected = truth_of(DAY)
    outcomes = outcomes_of(truth)
    assert tuple(outcomes) == FAMILIES
    np.testing.assert_array_equal(outcomes["low"], truth.log_low)
    np.testing.assert_allclose(outcomes["rv"] ** 2, truth.realized_variance)
    assert quantiles_of(truth, expected).values.shape == (24, 4, 13)

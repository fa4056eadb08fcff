"""The shares of the minutes: time of day, quarters of an hour, news, and forecasts for shorter horizons."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.forecast.distribution.minute_shares import minute_shares
from volcast.core.market.clock import minute_of, utc_minute

FLAT = [0.0] * 288
QUIET = minute_of(date(2024, 1, 3))
CPI = utc_minute(date(2024, 1, 11), 8, 30)


@given(
    st.integers(25_000_000, 29_000_000),
    st.sampled_from((5, 15, 60, 240, 1_440)),
    st.dictionaries(st.sampled_from((5, 15, 60, 240)), st.floats(1e-12, 1.0)),
)
def test_shares_are_positive_and_sum_to_1(minute: int, horizon: int, variances: dict[int, float]) -> None:
    shares = minute_shares(minute, horizon, variances=variances)
    assert shares.shape == (horizon,)
    assert (shares > 0).all()
    assert shares.sum() == pytest.approx(1.0)


def test_a_busy_time_has_a_larger_share() -> None:
    profile = FLAT.copy()
    profile[1] = 0.5 * np.log(3.0)  # of |return|: three times the variance from 00:10 to 00:20 New York, on weekdays
    midnight = utc_minute(date(2024, 1, 3), 0, 0)
    shares = minute_shares(midnight - 1, 60, profile)
    assert shares[10:20].sum() / shares[40:50].sum() == pytest.approx(3.0)
    weekend = minute_shares(utc_minute(date(2024, 1, 6), 0, 0) - 1, 60, profile)
    assert weekend[10:20].sum() / weekend[40:50].sum() == pytest.approx(1.0, abs=0.01)


def test_the_first_minute_of_a_quarter_is_the_busiest() -> None:
    shares = minute_shares(QUIET - 1, 60, FLAT)
    assert set(np.flatnonzero(shares > shares.max() * 0.999)) == {0, 15, 30, 45}


def test_a_scheduled_release_has_its_minute() -> None:
    shares = minute_shares(CPI - 31, 60, FLAT)
    assert shares.argmax() == 30
    assert shares[30] == pytest.approx(0.4, abs=0.15)
    assert shares[31:41].sum() > 2 * shares[:10].sum()
    after = minute_shares(CPI, 60, FLAT)
    assert after[:10].sum() > 2 * after[30:40].sum()
    assert after.max() < 0.2


def test_forecasts_for_shorter_horizons_say_how_much_comes_early() -> None:
    shares = minute_shares(QUIET, 60, FLAT, {5: 0.2, 15: 0.4, 60: 1.0, 240: 9.0})
    assert [shares[:5].sum(), shares[:15].sum()] == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("variances", [{5: 0.0, 60: 1.0}, {15: 5.0, 60: 1.0}, {15: 0.5, 30: 0.1, 60: 1.0}])
def test_forecasts_that_contradict_each_other_leave_each_part_something(variances: dict[int, float]) -> None:
    plain, shares = minute_shares(QUIET, 60, FLAT), minute_shares(QUIET, 60, FLAT, variances)
    assert (shares > 0.03 * plain).all()
    assert shares.sum() == pytest.approx(1.0)


def test_without_the_forecast_for_the_horizon_others_say_nothing() -> None:
    assert (minute_shares(QUIET, 60, FLAT, {5: 0.2}) == minute_shares(QUIET, 60, FLAT)).all()


def test_a_profile_with_other_bins_is_refused() -> None:
    with pytest.raises(ValueError, match="another number of bins"):
        minute_shares(QUIET, 60, [0.0] * 10)

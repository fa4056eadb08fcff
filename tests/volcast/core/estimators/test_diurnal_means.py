"""The means against plain ones by bin, and the clock."""

import numpy as np
import pytest

from volcast.core.estimators.diurnal_means import DiurnalMeans

SUNDAY = 3 * 1_440


def test_it_is_the_mean_of_each_bin_until_the_half_life_takes_over() -> None:
    profile = DiurnalMeans(bin_minutes=60, half_life=1e9, prior_visits=2.0)
    rng = np.random.default_rng(1)
    seen: dict[int, list[float]] = {}
    for minute in range(0, 10 * 1_440, 7):
        y = float(rng.normal())
        profile.learn_at(minute, y)
        seen.setdefault(minute // 60 % 24, []).append(y)
    for hour, values in seen.items():
        assert profile.at(hour * 60 + 59) == pytest.approx(sum(values) / (len(values) + 2))


def test_old_samples_fade() -> None:
    profile = DiurnalMeans(half_life=5.0, prior_visits=0.0)
    for y in [8.0] * 200 + [0.0] * 5:
        profile.learn_at(0, y)
    assert profile.at(0) == pytest.approx(4.0)


def test_weekends_have_a_period_of_their_own_and_a_week_begins_with_its_sunday() -> None:
    profile = DiurnalMeans(bin_minutes=1_440, weekend=True)
    assert [profile.bin_of(SUNDAY + day * 1_440) for day in range(7)] == [1, 0, 0, 0, 0, 0, 1]
    week = DiurnalMeans(period_minutes=7 * 1_440, bin_minutes=60)
    assert [week.bin_of(SUNDAY + minute) for minute in (0, 59, 60, 7 * 1_440 - 1, 7 * 1_440)] == [0, 0, 1, 167, 0]

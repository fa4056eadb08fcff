"""The usual volatility: known after a day of warm signals, free of the daily rhythm, and never of the future."""

import pytest

from api.stream.usual import HOURS, MIN_HOURS, UsualLevels
from tests.notify import signal


def levels_of(hours: int, level: float = 0.5) -> UsualLevels:
    levels = UsualLevels()
    for hour in range(hours):
        levels.take(signal(60 * hour, volatility_annualized_deseasonalized=level))
    return levels


def test_it_is_known_after_a_day_of_warm_signals() -> None:
    now = signal(60 * MIN_HOURS)
    assert levels_of(MIN_HOURS - 1).usual(now) is None
    assert levels_of(MIN_HOURS).usual(now) == pytest.approx(now.volatility)
    cold = UsualLevels()
    for hour in range(MIN_HOURS):
        cold.take(signal(60 * hour, warm=False))
    assert cold.usual(now) is None


def test_a_busy_hour_of_the_day_is_no_news_but_a_volatile_market_is() -> None:
    levels = levels_of(100)
    busy = signal(6_000, volatility=0.02, volatility_annualized_deseasonalized=0.5)
    assert busy.volatility / (levels.usual(busy) or 0) == pytest.approx(1.0)
    wild = signal(6_000, volatility=0.02, volatility_annualized_deseasonalized=1.5)
    assert wild.volatility / (levels.usual(wild) or 0) == pytest.approx(3.0)


def test_a_signal_that_is_read_again_changes_nothing() -> None:
    levels = levels_of(MIN_HOURS)
    now = signal(60 * MIN_HOURS)
    before = levels.usual(now)
    for hour in range(MIN_HOURS):
        levels.take(signal(60 * hour, volatility_annualized_deseasonalized=9.0))
    assert levels.usual(now) == before


def test_what_is_older_than_two_weeks_does_not_count() -> None:
    levels = levels_of(MIN_HOURS)
    assert levels.usual(signal(60 * (HOURS - 1 + MIN_HOURS))) is None
    assert levels_of(3 * HOURS).usual(signal(60 * 3 * HOURS)) is not None

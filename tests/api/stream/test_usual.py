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


def test_the_median_is_that_of_the_last_two_weeks_at_each_signal() -> None:
    """It is kept for the hour, so it must change with the hour, and with a level that came late."""
    levels = UsualLevels()
    for hour in range(HOURS + MIN_HOURS):
        levels.take(signal(60 * hour, volatility_annualized_deseasonalized=float(1 + hour)))
        for minute in (0, 30):
            now = signal(60 * hour + minute, volatility=1.0, volatility_annualized_deseasonalized=1.0)
            recent = range(max(0, hour - HOURS + 1), hour + 1)
            expected = (2 + recent[0] + recent[-1]) / 2 if len(recent) >= MIN_HOURS else None
            assert levels.usual(now) == expected
    much_later = signal(60 * (2 * HOURS + MIN_HOURS))
    assert levels.usual(much_later) is None

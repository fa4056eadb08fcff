"""New York's clock against the time zone database."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from volcast.core.market.clock import day_of_week, is_weekend, minute_of, new_york_minute, utc_minute

NEW_YORK = ZoneInfo("America/New_York")


def test_new_york_time_agrees_with_the_time_zone_database_for_twenty_years() -> None:
    for minute in range(19_999_980, 19_999_980 + 20 * 525_960, 60):
        local = datetime.fromtimestamp(minute * 60, UTC).astimezone(NEW_YORK)
        assert new_york_minute(minute) == minute_of(local.date()) + local.hour * 60 + local.minute


def test_utc_minute_inverts_new_york_minute() -> None:
    for minute in range(28_401_120, 28_401_120 + 527_040, 1_440):
        local = datetime.fromtimestamp((minute + 1_000) * 60, UTC).astimezone(NEW_YORK)
        assert utc_minute(local.date(), local.hour, local.minute) == minute + 1_000


def test_days_of_the_week() -> None:
    monday = minute_of(datetime(2024, 1, 1, tzinfo=UTC).date())
    assert [day_of_week(monday + day * 1_440) for day in range(7)] == [1, 2, 3, 4, 5, 6, 0]
    assert [is_weekend(monday + day * 1_440) for day in range(7)] == [False] * 5 + [True] * 2

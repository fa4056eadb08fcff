"""The two clocks that daily volatility patterns follow, UTC and New York, in minutes since 1970-01-01 00:00 of each.

New York time follows the US law since 2007 in plain arithmetic, so that no time zone database can change a forecast: summer time
lasts from 2:00 on the second Sunday of March to 2:00 on the first Sunday of November.
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = 24 * HOUR_MINUTES
WEEK_MINUTES: Final = 7 * DAY_MINUTES
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_STANDARD_MINUTES, _SUMMER_MINUTES = -300, -240
"""Offsets of New York from UTC."""
_THURSDAY: Final = 4
"""The weekday of 1970-01-01; Sunday is 0."""
_SATURDAY: Final = 6
_DAYS_OF_WEEK: Final = 7


def new_york_minute(minute: int) -> int:
    """Return New York's minute since 1970-01-01 00:00 local time at a minute of UTC.

    >>> noon_utc = minute_of(date(2024, 7, 1)) + 720
    >>> (new_york_minute(noon_utc) - noon_utc) / 60
    -4.0
    """
    return minute + _offset_minutes(minute // 60)


def day_of_week(minute: int) -> int:
    """Return the weekday, 0 for Sunday to 6 for Saturday, by the clock to which `minute` belongs.

    >>> day_of_week(minute_of(date(2024, 1, 1)))
    1
    """
    return (minute // DAY_MINUTES + _THURSDAY) % _DAYS_OF_WEEK


def is_weekend(minute: int) -> bool:
    """Return whether it is Saturday or Sunday by the clock to which `minute` belongs."""
    return day_of_week(minute) in (0, _SATURDAY)


def minute_of(day: date) -> int:
    """Return the first minute of `day` by its own clock.

    >>> minute_of(date(1970, 1, 2))
    1440
    """
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_MINUTES


def utc_minute(day: date, hour: int, minute: int) -> int:
    """Return the minute of UTC at which New York's clock shows this time of this day.

    In the hour that summer time repeats it is the first of the two. Raises StopIteration for a time that summer time skips.
    """
    local = minute_of(day) + hour * 60 + minute
    return next(local - offset for offset in (_SUMMER_MINUTES, _STANDARD_MINUTES) if new_york_minute(local - offset) == local)


@lru_cache(maxsize=256)
def _offset_minutes(hour: int) -> int:
    year = datetime.fromtimestamp(hour * 3600, UTC).year
    begin = _sunday(year, 3, 2) + 2 * 60 - _STANDARD_MINUTES
    end = _sunday(year, 11, 1) + 2 * 60 - _SUMMER_MINUTES
    return _SUMMER_MINUTES if begin <= hour * 60 < end else _STANDARD_MINUTES


def _sunday(year: int, month: int, number: int) -> int:
    """Return the first minute of the month's first, second, … Sunday, counted from 1."""
    first = minute_of(date(year, month, 1))
    return first + (-day_of_week(first) % _DAYS_OF_WEEK + _DAYS_OF_WEEK * (number - 1)) * DAY_MINUTES

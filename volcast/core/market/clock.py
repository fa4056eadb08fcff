"""The clocks that volatility keeps, in minutes since 1970-01-01 00:00 of each: UTC and New York.

New York by the rule of law since 2007, in plain arithmetic, so that no time zone database can change a forecast: summer time
from 2:00 on the second Sunday of March to 2:00 on the first Sunday of November.
"""

from datetime import UTC, date, datetime
from functools import lru_cache

DAY_MINUTES = 1_440
WEEK_MINUTES = 7 * DAY_MINUTES
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_STANDARD_MINUTES, _SUMMER_MINUTES = -300, -240
_THURSDAY = 4
"""1970-01-01, where Sunday is 0."""
_SATURDAY = 6
_DAYS_OF_WEEK = 7


def new_york_minute(minute: int) -> int:
    """Minutes since 1970-01-01 00:00 on New York's clock, at `minute` of UTC.

    >>> noon_utc = minute_of(date(2024, 7, 1)) + 720
    >>> (new_york_minute(noon_utc) - noon_utc) / 60
    -4.0
    """
    return minute + _offset_minutes(minute // 60)


def day_of_week(minute: int) -> int:
    """0 for a Sunday to 6 for a Saturday, by the clock that `minute` is of."""
    return (minute // DAY_MINUTES + _THURSDAY) % _DAYS_OF_WEEK


def is_weekend(minute: int) -> bool:
    """Saturday or Sunday, by the clock that `minute` is of."""
    return day_of_week(minute) in (0, _SATURDAY)


def minute_of(day: date) -> int:
    """The first minute of `day`, by its own clock."""
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_MINUTES


def utc_minute(day: date, hour: int, minute: int) -> int:
    """UTC's minute at which New York's clock shows this time of this day (not in the hour that comes twice or not at all)."""
    local = minute_of(day) + hour * 60 + minute
    return next(local - offset for offset in (_SUMMER_MINUTES, _STANDARD_MINUTES) if new_york_minute(local - offset) == local)


@lru_cache(maxsize=256)
def _offset_minutes(hour: int) -> int:
    year = datetime.fromtimestamp(hour * 3600, UTC).year
    begin = _sunday(year, 3, 2) + 2 * 60 - _STANDARD_MINUTES
    end = _sunday(year, 11, 1) + 2 * 60 - _SUMMER_MINUTES
    return _SUMMER_MINUTES if begin <= hour * 60 < end else _STANDARD_MINUTES


def _sunday(year: int, month: int, number: int) -> int:
    """The first minute of the month's first, second, … Sunday."""
    first = minute_of(date(year, month, 1))
    return first + (-day_of_week(first) % _DAYS_OF_WEEK + _DAYS_OF_WEEK * (number - 1)) * DAY_MINUTES

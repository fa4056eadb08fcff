"""The data interval of an ingestion, which is an hour of UTC. Each is ingested at most once.

A day stands for its 24 hours, so that a day and an hour of it can never be ingested twice under two names. Pure.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from volcast.candle_files.timestamps import parse_open_time_ms

INTERVAL_MS = 3_600_000
_DAY_HOURS = 24
_EXPECTED = "an hour like 2026-11-05T13 or a day like 2026-11-05 is expected, in UTC"
_day = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_hour = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)", re.ASCII)


class DataInterval(NamedTuple):
    """An hour, [from_ms, to_ms) in milliseconds since 1970 UTC."""

    from_ms: int

    @property
    def to_ms(self) -> int:
        """The end of the hour, exclusive."""
        return self.from_ms + INTERVAL_MS

    @property
    def name(self) -> str:
        """The hour as names of objects have it.

        >>> DataInterval(1_762_347_600_000).name
        '2025-11-05T13'
        """
        return f"{datetime.fromtimestamp(self.from_ms / 1_000, UTC):%Y-%m-%dT%H}"


def intervals_of(text: str) -> tuple[DataInterval, ...]:
    """Return the hour that the text names, or the 24 hours of the day.

    An hour may be written with its minutes and an offset, as schedulers write the beginning of a data interval. Raises ValueError
    with what is expected.

    >>> [interval.name for interval in intervals_of("2025-11-05T14:00:00+01:00")], len(intervals_of("2025-11-05"))
    (['2025-11-05T13'], 24)
    """
    text = text.strip()
    if _day.fullmatch(text):
        first_ms = _parsed(f"{text} 00:00:00")
        return tuple(DataInterval(first_ms + hour * INTERVAL_MS) for hour in range(_DAY_HOURS))
    at_ms = _parsed(f"{hour[1]} {hour[2]}:00:00" if (hour := _hour.fullmatch(text)) else text)
    if at_ms % INTERVAL_MS:
        raise ValueError(f"{text!r} is not the beginning of an hour; {_EXPECTED}")
    return (DataInterval(at_ms),)


def last_interval(now_ms: int) -> DataInterval:
    """Return the last hour that is over at this time."""
    return DataInterval(now_ms // INTERVAL_MS * INTERVAL_MS - INTERVAL_MS)


def _parsed(text: str) -> int:
    try:
        return parse_open_time_ms(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; {_EXPECTED}") from None

"""When a candle opened: text to milliseconds since 1970-01-01 UTC, and back.

| Read                                     | Examples                                                                     |
|------------------------------------------|------------------------------------------------------------------------------|
| date and time                            | `2024-01-01 00:05:00`, `2024-01-01 00:05`                                    |
| ISO 8601, basic form and fractions too   | `2024-01-01T00:05:00Z`, `2024-01-01T02:05:00.000+02:00`, `20240101T000500Z`  |
| seconds since 1970, 9 or 10 digits       | `1704067500`, `1704067500.0`                                                 |
| milliseconds since 1970, 12 or 13 digits | `1704067500000`                                                              |
| microseconds since 1970, 15 or 16 digits | `1704067500000000`                                                           |

So epochs reach from 1973 to 2286, and numbers such as 20240101 are refused, not taken for a moment in 1970. What says no
offset is UTC.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_COMMON_LENGTH = len("2024-01-01 00:05:00")
_DAY_LENGTH = len("2024-01-01")
_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME = re.compile(r"[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"(\d{9,10}|\d{12,13}|\d{15,16})(?:\.(\d+))?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)[T ]([01]\d|2[0-3])(:?)([0-5]\d)(?:\6([0-5]\d)(?:[.,](\d+))?)?"
    r" ?(?:Z|UTC|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?",
    re.ASCII | re.IGNORECASE,
)
_EXPECTED = "YYYY-MM-DD HH:MM:SS, ISO 8601, or seconds, milliseconds or microseconds since 1970 are expected"


def parse_open_time_ms(text: str) -> int:
    """Milliseconds since 1970-01-01 UTC. Raises ValueError with what is expected.

    Fractions of a millisecond are dropped, yet a time that isn't on the minute never becomes one that is.

    >>> parse_open_time_ms("2024-01-01 00:05:00") == parse_open_time_ms("1704067500") == 1704067500000
    True
    """
    if len(text) == _COMMON_LENGTH:
        try:
            return _day_ms(text[:_DAY_LENGTH]) + _time_of_day_ms(text[_DAY_LENGTH:])
        except ValueError:
            pass
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        digits, fraction = number.groups(default="")
        return _with_fraction_ms(int(digits), (len(digits) - 9) // 3 * 3, fraction)
    if iso := _ISO.fullmatch(text):
        year, _, month, day, hour, _, minute, second, fraction, sign, offset_hour, offset_minute = iso.groups(default="0")
        seconds = _days(year, month, day) * 86_400 + int(hour) * 3_600 + int(minute) * 60 + int(second)
        offset = int(offset_hour) * 3_600 + int(offset_minute) * 60
        return _with_fraction_ms(seconds + (offset if sign == "-" else -offset), 0, fraction)
    raise ValueError(_EXPECTED)


@lru_cache(maxsize=64)
def _day_ms(text: str) -> int:
    parts = _DATE.fullmatch(text)
    if parts is None:
        raise ValueError(_EXPECTED)
    return _days(*parts.groups()) * _DAY_MS


@lru_cache(maxsize=2048)
def _time_of_day_ms(text: str) -> int:
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise ValueError(_EXPECTED)
    hour, minute, second = map(int, parts.groups())
    return ((hour * 60 + minute) * 60 + second) * 1_000


def _days(year: str, month: str, day: str) -> int:
    """Since 1970-01-01."""
    try:
        return date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        raise ValueError(f"there is no {year}-{month}-{day} in the calendar") from None


def _with_fraction_ms(count: int, decimals: int, fraction: str) -> int:
    """`count` in units of 10^-decimals seconds, `fraction` the digits behind its point."""
    scale: int = 10 ** len(fraction)
    per_second: int = 10**decimals * scale
    ms, finer = divmod((count * scale + int(fraction or "0")) * 1_000, per_second)
    return ms + 1 if finer and ms % _MINUTE_MS == 0 else ms


def format_open_time(open_time_ms: int) -> str:
    """As candle files have it. Raises ValueError if it isn't a whole second.

    >>> format_open_time(1704067500000)
    '2024-01-01 00:05:00'
    """
    seconds, finer = divmod(open_time_ms, 1_000)
    if finer:
        raise ValueError(f"{open_time_ms} ms since 1970 is no whole second")
    days, second = divmod(seconds, 86_400)
    return _day_text(days) + _time_text(second)


@lru_cache(maxsize=64)
def _day_text(days: int) -> str:
    return date.fromordinal(_EPOCH + days).isoformat()


@lru_cache(maxsize=2048)
def _time_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(" %H:%M:%S")

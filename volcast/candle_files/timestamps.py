"""When a candle opened: text to milliseconds since 1970-01-01 UTC, and back.

| Read                                     | Examples                                                                     |
|------------------------------------------|------------------------------------------------------------------------------|
| date and time                            | `2024-01-01 00:05:00`, `2024-01-01 00:05`                                    |
| ISO 8601, basic form and fractions too   | `2024-01-01T00:05:00Z`, `2024-01-01T02:05:00.000+02:00`, `20240101T000500Z`  |
| seconds since 1970, 9 or 10 digits       | `1704067500`, `1704067500.0`                                                 |
| milliseconds since 1970, 12 or 13 digits | `1704067500000`                                                              |
| microseconds since 1970, 15 or 16 digits | `1704067500000000`                                                           |

A time without an offset is UTC. Epochs reach from 1973 to 2286; a number such as 20240101 is refused, not read as a moment in
1970. `datetime.fromisoformat` does the calendar, behind a pattern, because it accepts more than a candle file should say: a date
without a time, week dates (`2024-W01-1`), any character between date and time, 24:00 (from Python 3.14 on), offsets of seconds.
"""

import re
from datetime import UTC, datetime, timedelta

_MINUTE_MS = 60_000
_COMMON_LENGTH = len("2024-01-01 00:05:00")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_NUMBER = re.compile(r"(\d{9,10}|\d{12,13}|\d{15,16})(?:\.(\d+))?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)[T ]((?:[01]\d|2[0-3])(:?)[0-5]\d)(?:(\6[0-5]\d)(?:[.,](\d+))?)?"
    r" ?(?:Z|UTC|([+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?))?",
    re.ASCII | re.IGNORECASE,
)
_EXPECTED = "YYYY-MM-DD HH:MM:SS, ISO 8601, or seconds, milliseconds or microseconds since 1970 are expected"


def parse_open_time_ms(text: str) -> int:
    """Return milliseconds since 1970-01-01 UTC. Raise ValueError, with what is expected, if the text is none of the forms above.

    Fractions of a millisecond are dropped, but a time that is not on the minute never becomes one that is.

    >>> parse_open_time_ms("2024-01-01 00:05:00") == parse_open_time_ms("1704067500") == 1704067500000
    True
    """
    if (  # the form of nearly all files: three times as fast as the pattern
        len(text) == _COMMON_LENGTH
        and text[4] == text[7] == "-"
        and text[10] in " T"
        and text[11:13] < "24"
        and text[13] == text[16] == ":"
    ):
        try:
            return (datetime.fromisoformat(text) - _NAIVE_EPOCH) // _MILLISECOND
        except ValueError:
            pass
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        digits, fraction = number.groups(default="")
        return _with_fraction_ms(int(digits), (len(digits) - 9) // 3 * 3, fraction)
    if iso := _ISO.fullmatch(text):
        year, _, month, day, clock, _, second, fraction, offset = iso.groups(default="")
        return _with_fraction_ms(_seconds(f"{year}-{month}-{day}", f"{clock}{second}{offset or 'Z'}"), 0, fraction)
    raise ValueError(_EXPECTED)


def _seconds(day: str, time: str) -> int:
    """Return seconds since 1970-01-01 UTC; `time` has an offset. Raise ValueError if there is no such day."""
    try:
        return (datetime.fromisoformat(f"{day}T{time}") - _EPOCH) // _SECOND
    except ValueError:
        raise ValueError(f"there is no {day} in the calendar") from None


def _with_fraction_ms(count: int, decimals: int, fraction: str) -> int:
    """Return milliseconds of `count` units of 10^-decimals seconds; `fraction` holds the digits behind the decimal point."""
    scale: int = 10 ** len(fraction)
    per_second: int = 10**decimals * scale
    ms, finer = divmod((count * scale + int(fraction or "0")) * 1_000, per_second)
    return ms + 1 if finer and ms % _MINUTE_MS == 0 else ms


def format_open_time(open_time_ms: int) -> str:
    """Return the time as candle files have it. Raise ValueError if it is not a whole second of the years 1 to 9999.

    >>> format_open_time(1704067500000)
    '2024-01-01 00:05:00'
    """
    seconds, finer = divmod(open_time_ms, 1_000)
    if finer:
        raise ValueError(f"{open_time_ms} ms since 1970 is not a whole second")
    try:
        return (_NAIVE_EPOCH + timedelta(seconds=seconds)).isoformat(sep=" ")
    except OverflowError:
        raise ValueError(f"{open_time_ms} ms since 1970 lies outside the years 1 to 9999") from None

"""When a candle opened: text to milliseconds since 1970-01-01 UTC, and back.

| Read                                     | Examples                                                                     |
|------------------------------------------|------------------------------------------------------------------------------|
| date and time                            | `2024-01-01 00:05:00`, `2024-01-01 00:05`                                    |
| ISO 8601, basic form and fractions too   | `2024-01-01T00:05:00Z`, `2024-01-01T02:05:00.000+02:00`, `20240101T000500Z`  |
| seconds since 1970, 9 or 10 digits       | `1704067500`, `1704067500.0`                                                 |
| milliseconds since 1970, 12 or 13 digits | `1704067500000`                                                              |
| microseconds since 1970, 15 or 16 digits | `1704067500000000`                                                           |
| nanoseconds since 1970, 18 or 19 digits  | `1704067500000000000`                                                        |

A time without an offset is UTC, unless the user names another time zone. Epochs reach from 1973 to 2286; a number such as
20240101 is refused, not read as a moment in 1970, unless the user names its unit. `datetime.fromisoformat` does the calendar,
behind a pattern, because it accepts more than a candle file should say: a date without a time, week dates (`2024-W01-1`), any
character between date and time, 24:00 (from Python 3.14 on), offsets of seconds.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MINUTE_MS = 60_000
_COMMON_LENGTH = len("2024-01-01 00:05:00")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_NUMBER = re.compile(r"(\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.(\d+))?", re.ASCII)
_ANY_NUMBER = re.compile(r"(\d{1,20})(?:\.(\d+))?", re.ASCII)
_DECIMALS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_ZONE_STEP_MS = 900_000
"""The clocks of a zone change at multiples of a quarter of an hour."""
_ISO = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)[T ]((?:[01]\d|2[0-3])(:?)[0-5]\d)(?:(\6[0-5]\d)(?:[.,](\d+))?)?"
    r" ?(?:Z|UTC|([+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?))?",
    re.ASCII | re.IGNORECASE,
)
_EXPECTED = "YYYY-MM-DD HH:MM:SS, ISO 8601, or a number of seconds to nanoseconds since 1970 are expected"


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
    return _parse_iso_ms(text)


def time_parser(timezone: str = "", unit: str | None = None) -> Callable[[str], int]:
    """Return `parse_open_time_ms`, or a function like it for times as the user describes them.

    Times without an offset are those of the zone, an IANA name. Numbers since 1970 are of the unit: s, ms, us or ns. The function
    raises ValueError, too, for a time that the zone's clocks show twice or never, and, if a zone is given, for a time that names
    its own, as a number since 1970 does: it is UTC. Raises zoneinfo.ZoneInfoNotFoundError for an unknown zone.

    >>> time_parser("Europe/Berlin")("2024-07-01 02:00:00") == parse_open_time_ms("2024-07-01 00:00:00")
    True
    """
    if not timezone and unit is None:
        return parse_open_time_ms
    zone = ZoneInfo(timezone) if timezone else None

    def parse(text: str) -> int:
        text = text.strip()
        if number := _ANY_NUMBER.fullmatch(text):
            if zone is not None:
                raise ValueError("a number since 1970 is UTC, so that no time zone can be given")
            if unit is not None:
                return _with_fraction_ms(int(number[1]), _DECIMALS[unit], number[2] or "")
            return parse_open_time_ms(text)
        at_ms = _parse_iso_ms(text)
        if zone is None:
            return at_ms
        if _names_zone(text):
            raise ValueError("it names its own time zone, so that no other can be given")
        return at_ms - _offset_ms(zone, at_ms // _ZONE_STEP_MS)

    return parse


def _names_zone(text: str) -> bool:
    iso = _ISO.fullmatch(text)
    return iso is not None and (iso[9] is not None or text[-1:] in "Zz" or text[-3:].upper() == "UTC")


@lru_cache(maxsize=256)
def _offset_ms(zone: ZoneInfo, step: int) -> int:
    """Return the zone's offset from UTC in this quarter of an hour of its clocks. Raise ValueError if they show it not once."""
    local = _NAIVE_EPOCH + step * timedelta(milliseconds=_ZONE_STEP_MS)
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None or first != second:
        forward = first is not None and second is not None and second > first
        times = "do not show this time" if forward else "show this time twice"
        raise ValueError(f"the clocks of {zone.key} {times} that day; give times in UTC, or with an offset")
    return first // _MILLISECOND


def _parse_iso_ms(text: str) -> int:
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

"""Scheduled releases of US economic news: consumer prices (CPI), employment (NFP) and the Federal Reserve's statement (FOMC).

These three move crypto markets within a minute, and their times are published in advance, so a forecast may use them.
`releases.csv`, beside this file, holds their dates and New York times:

    CPI    Bureau of Labor Statistics, Consumer Price Index, 8:30
    NFP    Bureau of Labor Statistics, Employment Situation, 8:30
    FOMC   Federal Open Market Committee, statement after a scheduled meeting, 14:00

It lists only dates that were known before the release, hence no unscheduled meeting. A release that is missing makes its hour an
ordinary one. The table is a part of the model, not a setting. It covers 2018 to 2026, and each following year must be added when
the Bureau of Labor Statistics and the Federal Reserve have published it.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib.resources import files
from typing import Final

from .clock import minute_of, utc_minute

RELEASE_WEIGHTS: Final = {"CPI": 1.0, "NFP": 0.7, "FOMC": 1.0}
"""Value of the feature `news` by release: how strongly the release moves the market, relative to the strongest."""


@lru_cache(maxsize=64)
def release_weight(minute: int, horizon_minutes: int) -> float:
    """Return the largest weight of the releases in the horizon after a candle, 0 if there is none.

    `minute` is the candle's opening in minutes since 1970-01-01 UTC; a release counts if its minute lies in
    minute + 1 … minute + horizon_minutes. The result is one of `RELEASE_WEIGHTS`, without a unit.

    >>> first_cpi_of_2024 = utc_minute(date(2024, 1, 11), 8, 30)
    >>> [release_weight(first_cpi_of_2024 - ahead, 60) for ahead in (61, 60, 1, 0)]
    [0.0, 1.0, 1.0, 0.0]
    """
    at = bisect_right(_MINUTES, minute)
    weight = 0.0
    while at < len(_MINUTES) and _MINUTES[at] <= minute + horizon_minutes:
        weight = max(weight, _WEIGHTS[at])
        at += 1
    return weight


def _read_table() -> list[tuple[int, float]]:
    """Return the minute (UTC) and the weight of each release in `releases.csv`, in order of time."""
    _, *rows = files("volcast.core.market").joinpath("releases.csv").read_text(encoding="ascii").splitlines()
    table = []
    for row in rows:
        day, clock, release = row.split(",")
        at = time.fromisoformat(clock)
        table.append((utc_minute(date.fromisoformat(day), at.hour, at.minute), RELEASE_WEIGHTS[release]))
    return sorted(table)


_TABLE: Final = _read_table()
_MINUTES: Final = [minute for minute, _ in _TABLE]
_WEIGHTS: Final = [weight for _, weight in _TABLE]
COVERED_UNTIL: Final = minute_of(date(datetime.fromtimestamp(_MINUTES[-1] * 60, UTC).year + 1, 1, 1))
"""The minute from which on the table knows no release: the end of its last year, in minutes since 1970-01-01 UTC."""

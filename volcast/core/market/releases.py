"""When the news comes that everybody waits for: US inflation (CPI), the labour market (NFP), the Federal Reserve (FOMC).

These three move crypto markets within the minute, and their hour is published ahead: a forecast may know it. Only days that were
known before they came are in the table, so no unscheduled meeting. A time that is not in it is an hour like any other. The table
is part of the model: extend it with a release, not by setting. It goes from 2018 to the end of 2026, and wants each next year as
soon as the Bureau of Labor Statistics and the Federal Reserve have published it; without that, every hour after is a plain one.
"""

from bisect import bisect_right
from datetime import date, timedelta

from .clock import utc_minute

_CPI = """
2018-01-12 2018-02-14 2018-03-13 2018-04-11 2018-05-10 2018-06-12 2018-07-12 2018-08-10 2018-09-13 2018-10-11
2018-11-14 2018-12-12 2019-01-11 2019-02-13 2019-03-12 2019-04-10 2019-05-10 2019-06-12 2019-07-11 2019-08-13
2019-09-12 2019-10-10 2019-11-13 2019-12-11 2020-01-14 2020-02-13 2020-03-11 2020-04-10 2020-05-12 2020-06-10
2020-07-14 2020-08-12 2020-09-11 2020-10-13 2020-11-12 2020-12-10 2021-01-13 2021-02-10 2021-03-10 2021-04-13
2021-05-12 2021-06-10 2021-07-13 2021-08-11 2021-09-14 2021-10-13 2021-11-10 2021-12-10 2022-01-12 2022-02-10
2022-03-10 2022-04-12 2022-05-11 2022-06-10 2022-07-13 2022-08-10 2022-09-13 2022-10-13 2022-11-10 2022-12-13
2023-01-12 2023-02-14 2023-03-14 2023-04-12 2023-05-10 2023-06-13 2023-07-12 2023-08-10 2023-09-13 2023-10-12
2023-11-14 2023-12-12 2024-01-11 2024-02-13 2024-03-12 2024-04-10 2024-05-15 2024-06-12 2024-07-11 2024-08-14
2024-09-11 2024-10-10 2024-11-13 2024-12-11 2025-01-15 2025-02-12 2025-03-12 2025-04-10 2025-05-13 2025-06-11
2025-07-15 2025-08-12 2025-09-11 2025-10-24 2025-12-18 2026-01-13 2026-02-13 2026-03-11 2026-04-10 2026-05-12
2026-06-10 2026-07-14 2026-08-12 2026-09-11 2026-10-14 2026-11-10 2026-12-10
"""
"""Bureau of Labor Statistics, Consumer Price Index, 8:30."""
_FOMC = """
2018-01-31 2018-03-21 2018-05-02 2018-06-13 2018-08-01 2018-09-26 2018-11-08 2018-12-19 2019-01-30 2019-03-20
2019-05-01 2019-06-19 2019-07-31 2019-09-18 2019-10-30 2019-12-11 2020-01-29 2020-04-29 2020-06-10 2020-07-29
2020-09-16 2020-11-05 2020-12-16 2021-01-27 2021-03-17 2021-04-28 2021-06-16 2021-07-28 2021-09-22 2021-11-03
2021-12-15 2022-01-26 2022-03-16 2022-05-04 2022-06-15 2022-07-27 2022-09-21 2022-11-02 2022-12-14 2023-02-01
2023-03-22 2023-05-03 2023-06-14 2023-07-26 2023-09-20 2023-11-01 2023-12-13 2024-01-31 2024-03-20 2024-05-01
2024-06-12 2024-07-31 2024-09-18 2024-11-07 2024-12-18 2025-01-29 2025-03-19 2025-05-07 2025-06-18 2025-07-30
2025-09-17 2025-10-29 2025-12-10 2026-01-28 2026-03-18 2026-04-29 2026-06-17 2026-07-29 2026-09-16 2026-10-28
2026-12-09
"""
"""Federal Open Market Committee, statement after a scheduled meeting, 14:00."""
_NFP_YEARS = range(2018, 2027)
_NFP_MOVED = {
    date(2020, 7, 3): date(2020, 7, 2),
    date(2025, 7, 4): date(2025, 7, 3),
    date(2025, 10, 3): date(2025, 11, 20),
    date(2025, 11, 7): date(2025, 12, 16),
    date(2025, 12, 5): None,
    date(2026, 2, 6): date(2026, 2, 11),
    date(2026, 7, 3): date(2026, 7, 2),
}
"""Where a holiday or a shutdown moved the rule's day."""
_NEW_YEAR_DAYS = 3
_CPI_WEIGHT, _NFP_WEIGHT, _FOMC_WEIGHT = 1.0, 0.7, 1.0


def news_ahead(minute: int, horizon_minutes: int) -> float:
    """The weight of the greatest release within the `horizon_minutes` after the candle that opened at `minute` (UTC); else 0.

    >>> first_cpi_of_2024 = utc_minute(date(2024, 1, 11), 8, 30)
    >>> [news_ahead(first_cpi_of_2024 - ahead, 60) for ahead in (61, 60, 1, 0)]
    [0.0, 1.0, 1.0, 0.0]
    """
    at = bisect_right(_MINUTES, minute)
    weight = 0.0
    while at < len(_MINUTES) and _MINUTES[at] <= minute + horizon_minutes:
        weight = max(weight, _WEIGHTS[at])
        at += 1
    return weight


def employment_day(year: int, month: int) -> date | None:
    """NFP, 8:30: the third Friday after the week (to Saturday) with the 12th of the month before, not in the year's first days.

    >>> employment_day(2024, 3).isoformat()
    '2024-03-08'
    """
    twelfth = date(year - (month == 1), (month - 2) % 12 + 1, 12)
    saturday = twelfth + timedelta((5 - twelfth.weekday()) % 7)
    friday = saturday + timedelta(20)
    if month == 1 and friday.day <= _NEW_YEAR_DAYS:
        friday += timedelta(7)
    return _NFP_MOVED.get(friday, friday)


def _table() -> dict[int, float]:
    weights = {utc_minute(date.fromisoformat(day), 8, 30): _CPI_WEIGHT for day in _CPI.split()}
    weights |= {utc_minute(date.fromisoformat(day), 14, 0): _FOMC_WEIGHT for day in _FOMC.split()}
    days = (employment_day(year, month) for year in _NFP_YEARS for month in range(1, 13))
    for day in days:
        if day:
            weights.setdefault(utc_minute(day, 8, 30), _NFP_WEIGHT)
    return dict(sorted(weights.items()))


_TABLE = _table()
_MINUTES = list(_TABLE)
_WEIGHTS = list(_TABLE.values())

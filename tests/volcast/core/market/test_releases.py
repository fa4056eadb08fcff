"""The table of releases: days that are known, windows, and the rule of the labour market's Fridays."""

from datetime import date

import pytest

from volcast.core.market.clock import utc_minute
from volcast.core.market.releases import employment_day, news_ahead

FOMC = utc_minute(date(2024, 3, 20), 14, 0)


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (2018, 1, "2018-01-05"),
        (2018, 3, "2018-03-09"),
        (2020, 1, "2020-01-10"),
        (2021, 1, "2021-01-08"),
        (2022, 7, "2022-07-08"),
        (2023, 3, "2023-03-10"),
        (2023, 4, "2023-04-07"),
        (2024, 3, "2024-03-08"),
        (2025, 1, "2025-01-10"),
        (2025, 7, "2025-07-03"),
        (2025, 10, "2025-11-20"),
        (2025, 12, "None"),
        (2026, 2, "2026-02-11"),
        (2026, 5, "2026-05-08"),
        (2026, 7, "2026-07-02"),
    ],
)
def test_the_labour_market(year: int, month: int, day: str) -> None:
    assert str(employment_day(year, month)) == day


def test_a_release_is_ahead_while_the_horizon_holds_its_first_minute() -> None:
    ahead = [offset for offset in range(-100, 10) if news_ahead(FOMC + offset, 60)]
    assert (ahead[0], ahead[-1], len(ahead)) == (-60, -1, 60)
    assert news_ahead(FOMC - 1_000, 1_440) == 1.0


def test_the_weightiest_counts() -> None:
    nfp = utc_minute(date(2024, 3, 8), 8, 30)
    assert news_ahead(nfp - 1, 60) == 0.7
    assert news_ahead(nfp - 1, 1_440 * 7) == 1.0  # CPI on the 12th


def test_the_table_goes_from_2018_to_the_end_of_2026() -> None:
    first, last = utc_minute(date(2018, 1, 5), 8, 30), utc_minute(date(2026, 12, 10), 8, 30)
    assert [news_ahead(minute, 1) for minute in (first - 2, first - 1, last - 1, last)] == [0.0, 0.7, 1.0, 0.0]
    assert news_ahead(first - 2 * 1_440, 1_440) == news_ahead(last, 365 * 1_440) == 0.0


@pytest.mark.parametrize("minute", [0, 1, 10**9])
def test_far_from_the_table_there_is_no_news(minute: int) -> None:
    assert news_ahead(minute, 60) == 0.0

"""The table of releases: `releases.csv` agrees with the rules and the exceptions it follows, and horizons that hold a release."""

from datetime import date, timedelta
from importlib.resources import files

import pytest

from volcast.core.market.clock import minute_of, utc_minute
from volcast.core.market.releases import COVERED_UNTIL, RELEASE_WEIGHTS, release_weight

YEARS = range(2018, 2027)
FRIDAY = 4
NFP_MOVED = {
    date(2020, 7, 3): date(2020, 7, 2),  # Independence Day
    date(2025, 7, 4): date(2025, 7, 3),  # Independence Day
    date(2025, 10, 3): date(2025, 11, 20),  # the shutdown of 2025
    date(2025, 11, 7): date(2025, 12, 16),
    date(2025, 12, 5): None,
    date(2026, 2, 6): date(2026, 2, 11),  # the shutdown of 2026
    date(2026, 7, 3): date(2026, 7, 2),  # Independence Day
}
"""Where a holiday or a shutdown moved the day that the rule gives, or cancelled it."""
FOMC = utc_minute(date(2024, 3, 20), 14, 0)


def employment_day(year: int, month: int) -> date | None:
    """Return the day of NFP: the third Friday after the week (to Saturday) that holds the 12th of the month before.

    In January it is a week later if that Friday is one of the first three days of the year.
    """
    twelfth = date(year - (month == 1), (month - 2) % 12 + 1, 12)
    saturday = twelfth + timedelta((5 - twelfth.weekday()) % 7)
    friday = saturday + timedelta(20)
    if month == 1 and friday.day <= 3:
        friday += timedelta(7)
    return NFP_MOVED.get(friday, friday)


def rows() -> list[list[str]]:
    text = files("volcast.core.market").joinpath("releases.csv").read_text()
    return [line.split(",") for line in text.splitlines()]


def days_of(release: str) -> list[date]:
    return [date.fromisoformat(day) for day, _, name in rows()[1:] if name == release]


def test_the_table_is_sorted_and_has_one_row_for_each_release() -> None:
    header, *body = rows()
    assert header == ["date", "time", "release"]
    assert body == sorted(body)
    assert len({(day, clock) for day, clock, _ in body}) == len(body)
    assert {(clock, release) for _, clock, release in body} == {("08:30", "CPI"), ("08:30", "NFP"), ("14:00", "FOMC")}
    assert {release for _, _, release in body} == set(RELEASE_WEIGHTS)


def test_employment_is_released_on_the_days_of_the_rule_but_for_the_exceptions() -> None:
    expected = [day for year in YEARS for month in range(1, 13) if (day := employment_day(year, month))]
    assert days_of("NFP") == sorted(expected)
    assert all(day.weekday() == FRIDAY for day in expected if day not in NFP_MOVED.values())


def test_consumer_prices_are_released_once_a_month_on_a_working_day_of_its_middle() -> None:
    days = days_of("CPI")
    moved = {date(2025, 10, 24), date(2025, 12, 18)}  # the shutdown of 2025, which cancelled November's
    months = {(day.year, day.month) for day in days}
    assert len(months) == len(days)
    assert months == {(year, month) for year in YEARS for month in range(1, 13)} - {(2025, 11)}
    assert moved <= set(days)
    assert all(day.weekday() <= FRIDAY and (10 <= day.day <= 15 or day in moved) for day in days)


def test_the_federal_reserve_meets_eight_times_a_year_on_a_wednesday_or_a_thursday() -> None:
    days = days_of("FOMC")
    assert [sum(day.year == year for day in days) for year in YEARS] == [8, 8, 7, 8, 8, 8, 8, 8, 8]  # March 2020 was unscheduled
    assert {day for day in days if day.weekday() != 2} == {date(2018, 11, 8), date(2020, 11, 5), date(2024, 11, 7)}
    assert all(day.weekday() == 3 for day in (date(2018, 11, 8), date(2020, 11, 5), date(2024, 11, 7)))  # a week of elections


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
def test_the_rule_gives_the_days_that_were_published(year: int, month: int, day: str) -> None:
    assert str(employment_day(year, month)) == day


def test_a_release_counts_while_the_horizon_holds_its_minute() -> None:
    ahead = [offset for offset in range(-100, 10) if release_weight(FOMC + offset, 60)]
    assert (ahead[0], ahead[-1], len(ahead)) == (-60, -1, 60)
    assert release_weight(FOMC - 1_000, 1_440) == 1.0


def test_of_several_releases_the_largest_weight_counts() -> None:
    nfp = utc_minute(date(2024, 3, 8), 8, 30)
    assert release_weight(nfp - 1, 60) == 0.7
    assert release_weight(nfp - 1, 1_440 * 7) == 1.0  # CPI on the 12th


def test_the_table_covers_2018_to_the_end_of_2026() -> None:
    first, last = utc_minute(date(2018, 1, 5), 8, 30), utc_minute(date(2026, 12, 10), 8, 30)
    assert [release_weight(minute, 1) for minute in (first - 2, first - 1, last - 1, last)] == [0.0, 0.7, 1.0, 0.0]
    assert release_weight(first - 2 * 1_440, 1_440) == release_weight(last, 365 * 1_440) == 0.0


@pytest.mark.parametrize("minute", [0, 1, 10**9])
def test_outside_the_table_there_is_no_release(minute: int) -> None:
    assert release_weight(minute, 60) == 0.0


def test_the_table_says_where_it_ends() -> None:
    assert minute_of(date(YEARS[-1] + 1, 1, 1)) == COVERED_UNTIL
    assert release_weight(COVERED_UNTIL - 1, 1_440) == 0.0

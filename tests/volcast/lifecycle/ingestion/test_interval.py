"""The hours of an ingestion: what a user or a scheduler may write, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.lifecycle.ingestion.interval import INTERVAL_MS, DataInterval, intervals_of, last_interval

HOUR = DataInterval(1_762_347_600_000)


@pytest.mark.parametrize(
    "text",
    ["2025-11-05T13", "2025-11-05T13:00", "2025-11-05 13:00:00", "2025-11-05T13:00:00+00:00", "2025-11-05T15:00:00.000+02:00"],
)
def test_an_hour_may_be_written_as_schedulers_do(text: str) -> None:
    assert intervals_of(text) == (HOUR,)


@pytest.mark.parametrize("text", ["", "2025-11-05T13:30", "2025-13-05", "2025-11-05T24", "yesterday", "2025-11-05T13:00:00.001Z"])
def test_what_is_no_hour_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="an hour like 2026-11-05T13 or a day like 2026-11-05 is expected"):
        intervals_of(text)


def test_a_day_is_its_hours() -> None:
    hours = intervals_of("2025-11-05")
    assert [hour.name for hour in hours] == [f"2025-11-05T{hour:02}" for hour in range(24)]
    assert hours[13] == HOUR


@given(st.integers(min_value=INTERVAL_MS, max_value=7_258_118_400_000))
def test_the_last_hour_is_over_and_no_later_one_is(now_ms: int) -> None:
    last = last_interval(now_ms)
    assert last.to_ms <= now_ms < last.to_ms + INTERVAL_MS
    assert intervals_of(last.name) == (last,)

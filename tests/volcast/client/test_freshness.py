"""When an answer may be used: the wall clock of the client's machine does not matter, time that has passed does."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.client.errors import StaleForecastError
from volcast.client.freshness import (
    CURRENT,
    MEANINGS,
    Receipt,
    Ticks,
    age_s,
    check_accepted,
    now_there_s,
    receipt_of,
    require_current,
    seconds_left,
)

CANDLE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SENT = Ticks(1_000.0, 50_000.0)
seconds = st.floats(0, 100_000)


class Said(NamedTuple):
    """What an answer says of itself: 10 s after the end of its candle, valid for 170 s more."""

    symbol: str = "A"
    timestamp: datetime = CANDLE
    status: str = "ok"
    age_seconds: float = 10.0
    valid_until: datetime | None = CANDLE + timedelta(seconds=60 + 180)


def later(seconds: float, wall_seconds: float | None = None) -> Ticks:
    return Ticks(SENT.monotonic_s + seconds, SENT.wall_s + (seconds if wall_seconds is None else wall_seconds))


@given(seconds, st.floats(-1e9, 1e9))
def test_where_the_wall_clock_stands_does_not_matter(passed: float, wrong_by: float) -> None:
    sent, now = Ticks(1_000.0, wrong_by), Ticks(1_000.0 + passed, wrong_by + passed)
    assert seconds_left(Said(), Receipt(sent), now) == pytest.approx(170 - passed, abs=1e-5)


@given(seconds, seconds)
def test_the_longer_time_of_both_clocks_counts(by_one: float, by_other: float) -> None:
    left = seconds_left(Said(), Receipt(SENT), later(by_one, by_other))
    assert left == pytest.approx(170 - max(by_one, by_other), abs=1e-5)


@given(seconds)
def test_a_clock_that_is_set_back_makes_nothing_younger(back: float) -> None:
    assert seconds_left(Said(), Receipt(SENT), later(200, -back)) == pytest.approx(-30)


@given(st.floats(0, 1_000), st.floats(0, 1_000), seconds)
def test_what_a_cache_says_makes_an_answer_older_never_younger(kept: float, dated: float, passed: float) -> None:
    date = CANDLE + timedelta(seconds=60 + dated)
    receipt = Receipt(SENT, date, kept)
    assert age_s(Said(), receipt, later(passed)) >= 10 + kept + passed - 1e-5
    assert age_s(Said(), receipt, later(passed)) >= dated + passed - 1e-5


def test_an_answer_may_be_used_until_its_time_has_run_out() -> None:
    require_current(Said(), Receipt(SENT), later(169.9), CURRENT)
    with pytest.raises(StaleForecastError) as refused:
        require_current(Said(), Receipt(SENT), later(170), CURRENT)
    assert str(refused.value) == (
        "do not use the forecast of A: valid_until has passed, 2026-01-31 12:04:00 UTC; its candle is 3.0 minutes old"
    )
    assert refused.value.circumstances.age_seconds == 180


@pytest.mark.parametrize("status", MEANINGS)
def test_only_ok_is_accepted_unless_others_are_named(status: str) -> None:
    past = Said(status=status, age_seconds=9e6)
    with pytest.raises(StaleForecastError):
        require_current(past, Receipt(SENT), later(0), CURRENT)
    unknown = Said(status="new_status")
    with pytest.raises(StaleForecastError, match="status is new_status \\(a status that this client does not know\\)"):
        require_current(unknown, Receipt(SENT), later(0), CURRENT)


@pytest.mark.parametrize("status", ["replaying", "finished", "stale"])
def test_an_accepted_status_of_the_past_is_of_the_past(status: str) -> None:
    require_current(Said(status=status, age_seconds=9e6), Receipt(SENT), later(0), {status})
    with pytest.raises(StaleForecastError, match="far outside the market's scale"):
        require_current(Said(status=status, valid_until=None), Receipt(SENT), later(0), {status})


@pytest.mark.parametrize("status", ["warming", "sparse"])
def test_an_accepted_status_of_now_still_has_an_end(status: str) -> None:
    require_current(Said(status=status), Receipt(SENT), later(0), {status})
    with pytest.raises(StaleForecastError, match="valid_until has passed"):
        require_current(Said(status=status), Receipt(SENT), later(171), {status})


def test_a_price_out_of_scale_is_refused_though_the_status_is_ok() -> None:
    with pytest.raises(StaleForecastError, match="valid_until is null"):
        require_current(Said(valid_until=None), Receipt(SENT), later(0), CURRENT)


@pytest.mark.parametrize(
    ("age", "words"), [(-40, "40 s in the future"), (61, "61 s old"), (7_200, "2.0 hours old"), (9e6, "104.2 days old")]
)
def test_ages_in_words(age: float, words: str) -> None:
    with pytest.raises(StaleForecastError, match=f"; its candle is {words}$"):
        require_current(Said(status="stale", age_seconds=age), Receipt(SENT), later(0), CURRENT)


@pytest.mark.parametrize(
    ("headers", "date", "kept_s"),
    [
        ({}, None, 0),
        ({"date": "Sat, 31 Jan 2026 12:01:10 GMT", "age": "12"}, CANDLE + timedelta(seconds=70), 12),
        ({"date": "yesterday", "age": "-5"}, None, 0),
        ({"date": "Sat, 31 Jan 2026 12:01:10 -0000", "age": "1e9"}, CANDLE + timedelta(seconds=70), 0),
        ({"age": "9" * 400}, None, 999_999_999),
    ],
)
def test_headers(headers: dict[str, str], date: datetime | None, kept_s: float) -> None:
    assert receipt_of(headers, SENT) == Receipt(SENT, date, kept_s)


def test_the_time_there() -> None:
    assert now_there_s(Receipt(SENT), later(5)) is None
    assert now_there_s(Receipt(SENT, CANDLE, 3), later(5)) == CANDLE.timestamp() + 8


def test_accepted_statuses_are_checked() -> None:
    assert check_accepted("warming") == {"warming"}
    with pytest.raises(ValueError, match="'live' is no status"):
        check_accepted({"ok", "live"})

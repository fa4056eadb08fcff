from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.live.candle import CandleEvent, ClosedBy, ClosedCandle, MissingMinutes, RevisedCandle
from producer.live.resume import ResumePoint
from producer.live.sequencer import MAX_WAITING, REMEMBERED_MINUTES, CandleSequencer, MinuteRange
from tests.producer.live.candles import MINUTE_MS, at, candle
from tests.producer.live.parts import DEADLINES

REACHABLE_FROM_MS = 0


def sequencer_of(*, close: str | None = "99", is_new: bool = False, sends_empty_minutes: bool = True) -> CandleSequencer:
    resume_point = ResumePoint(at(0), None if close is None else Decimal(close), is_new)
    return CandleSequencer(resume_point, DEADLINES, sends_empty_minutes=sends_empty_minutes)


def minutes(events: list[CandleEvent]) -> list[int]:
    return [(event.open_time_ms - at(0)) // MINUTE_MS for event in events if isinstance(event, ClosedCandle)]


def test_live_candles_in_order_are_written_at_once() -> None:
    sequencer = sequencer_of()
    assert minutes([*sequencer.candle_closed(candle(0)), *sequencer.candle_closed(candle(1))]) == [0, 1]
    assert sequencer.next_request(at(2) + 1_000) is None


def test_a_candle_behind_a_gap_waits_until_it_is_filled() -> None:
    sequencer = sequencer_of()
    assert sequencer.candle_closed(candle(2)) == []
    assert sequencer.next_request(at(3)) == MinuteRange(at(0), at(2))
    assert minutes(
        sequencer.page_received([candle(0), candle(1)], MinuteRange(at(0), at(2)), REACHABLE_FROM_MS, at(3) + 100)
    ) == [0, 1, 2]


def test_two_candles_in_reverse_order_need_no_request() -> None:
    sequencer = sequencer_of()
    assert minutes([*sequencer.candle_closed(candle(1)), *sequencer.candle_closed(candle(0))]) == [0, 1]


def test_a_minute_without_a_live_candle_is_requested_after_the_timeout() -> None:
    sequencer = sequencer_of()
    assert sequencer.next_request(at(1) + 9_999) is None
    assert sequencer.next_request_in_ms(at(1)) == 10_000
    assert sequencer.next_request(at(1) + 10_000) == MinuteRange(at(0), at(1))


def test_the_same_minute_is_requested_again_only_after_a_pause() -> None:
    sequencer = sequencer_of()
    now_ms = at(1) + 10_000
    assert sequencer.page_received([], MinuteRange(at(0), at(0)), REACHABLE_FROM_MS, now_ms) == []
    assert sequencer.next_request(now_ms + 4_999) is None
    assert sequencer.next_request_in_ms(now_ms) == 5_000
    assert sequencer.next_request(now_ms + 5_000) == MinuteRange(at(0), at(1))


def test_a_page_with_candles_is_followed_by_the_next_request_at_once() -> None:
    sequencer = sequencer_of()
    now_ms = at(500)
    sequencer.page_received([candle(minute) for minute in range(100)], MinuteRange(at(0), at(100)), REACHABLE_FROM_MS, now_ms)
    assert sequencer.next_request(now_ms) == MinuteRange(at(100), at(499))


def test_a_second_candle_of_a_minute_is_counted() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(0))
    assert sequencer.candle_closed(candle(0)) == []
    assert sequencer.counts == {"duplicate": 1}


def test_another_candle_of_a_minute_is_a_revision() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(0, "100"))
    assert sequencer.candle_closed(candle(0, "101")) == [RevisedCandle(candle(0, "101"))]
    assert sequencer.candle_closed(candle(0, "101")) == []


def test_a_recheck_during_a_request_is_kept() -> None:
    sequencer = sequencer_of()
    for minute in range(4):
        sequencer.candle_closed(candle(minute))
    sequencer.recheck(at(2), at(4))
    request = sequencer.next_request(at(4) + 3_000)
    sequencer.recheck(at(1), at(4) + 3_100)
    assert request == MinuteRange(at(2), at(4))
    sequencer.page_received([candle(2), candle(3)], request, REACHABLE_FROM_MS, at(4) + 3_200)
    assert sequencer.next_request(at(4) + 20_000) == MinuteRange(at(1), at(4))


def test_a_recheck_lasts_until_all_written_minutes_are_final() -> None:
    sequencer = sequencer_of()
    for minute in range(3):
        sequencer.candle_closed(candle(minute))
    sequencer.check_overlap(at(3) - 4_000)
    sequencer.page_received([candle(0), candle(1)], MinuteRange(at(0), at(2)), REACHABLE_FROM_MS, at(3))
    assert sequencer.next_request(at(3) + 5_000) == MinuteRange(at(2), at(3))


def test_a_recheck_of_minutes_that_were_never_written_requests_nothing() -> None:
    sequencer = sequencer_of(close=None, is_new=True)
    sequencer.check_overlap(at(0))
    assert sequencer.next_request(at(0) + 3_000) is None
    assert sequencer.next_request_in_ms(at(0) + 3_000) == MINUTE_MS + 10_000 - 3_000


def test_all_remembered_minutes_are_audited_at_intervals() -> None:
    sequencer = sequencer_of()
    sequencer.next_request(at(0))
    for minute in range(100):
        sequencer.candle_closed(candle(minute))
    assert sequencer.next_request_in_ms(at(15) - 500) == 500
    assert sequencer.next_request(at(100)) == MinuteRange(at(100 - REMEMBERED_MINUTES), at(100))
    sequencer.page_received([candle(60, "101")], MinuteRange(at(40), at(100)), REACHABLE_FROM_MS, at(100))
    assert sequencer.next_request(at(100)) is None


def test_a_built_candle_that_differs_causes_a_request_and_no_revision() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(0, "100", ClosedBy.REST))
    assert sequencer.candle_closed(candle(0, "101", ClosedBy.LATER_TRADE)) == []
    assert sequencer.next_request(at(1) + 100) == MinuteRange(at(0), at(1))


def test_volumes_that_differ_by_rounding_are_no_revision() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(0, volume="12.34567891"))
    assert sequencer.candle_closed(candle(0, volume="12.3456789")) == []
    assert sequencer.candle_closed(candle(0, volume="12.4")) != []


def test_the_venues_candle_is_compared_with_the_live_one() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(1, "100"))
    events = sequencer.page_received([candle(0), candle(1, "105")], MinuteRange(at(0), at(2)), REACHABLE_FROM_MS, at(3))
    assert events == [candle(0), candle(1, "100"), RevisedCandle(candle(1, "105"))]


def test_after_a_reconnect_the_last_minutes_are_requested_again() -> None:
    sequencer = sequencer_of()
    for minute in range(10):
        sequencer.candle_closed(candle(minute))
    sequencer.check_overlap(at(10))
    assert sequencer.next_request(at(10)) is None
    assert sequencer.next_request(at(10) + 3_000) == MinuteRange(at(5), at(10))
    rows = [candle(minute, "100" if minute != 7 else "103") for minute in range(5, 10)]
    assert sequencer.page_received(rows, MinuteRange(at(0), at(10)), REACHABLE_FROM_MS, at(10) + 3_100) == [
        RevisedCandle(rows[2])
    ]
    assert sequencer.next_request(at(10) + 9_000) is None


def test_a_recheck_is_kept_until_the_venue_has_answered() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(0))
    sequencer.recheck(at(0), at(1))
    assert sequencer.next_request(at(1) + 3_000) == MinuteRange(at(0), at(1))
    assert sequencer.request_failed("no answer", at(1) + 3_000) == []
    assert sequencer.next_request(at(1) + 8_000) == MinuteRange(at(0), at(1))


def test_a_gap_is_given_up_once_its_budget_is_used_up() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(2))
    sequencer.next_request(at(3))
    assert sequencer.request_failed("HTTP 500", at(3) + 59_999) == []
    assert sequencer.request_failed("HTTP 500", at(3) + 60_000) == [MissingMinutes(at(0), at(2), "HTTP 500"), candle(2)]


def test_a_failed_backfill_of_a_new_symbol_is_a_gap_too() -> None:
    sequencer = sequencer_of(close=None, is_new=True)
    sequencer.candle_closed(candle(2))
    sequencer.next_request(at(3))
    assert sequencer.request_failed("HTTP 500", at(3) + 60_000) == [MissingMinutes(at(0), at(2), "HTTP 500"), candle(2)]


def test_a_long_gap_has_a_larger_budget() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(500))
    sequencer.next_request(at(501))
    assert sequencer.budget_left_ms(at(501)) == 500_000


def test_without_a_candle_behind_them_missing_minutes_are_not_given_up() -> None:
    sequencer = sequencer_of()
    sequencer.next_request(at(5))
    assert sequencer.request_failed("HTTP 500", at(500)) == []


def test_a_venue_that_lacks_a_candle_leaves_a_gap() -> None:
    sequencer = sequencer_of()
    assert sequencer.page_received([candle(0), candle(3)], MinuteRange(at(0), at(4)), REACHABLE_FROM_MS, at(5)) == [
        candle(0),
        MissingMinutes(at(1), at(3), "the venue has no candle"),
        candle(3),
    ]


def test_a_missing_newest_candle_is_requested_again_before_it_is_a_gap() -> None:
    sequencer = sequencer_of()
    sequencer.candle_closed(candle(1))
    now_ms = at(2) + 3_000
    sequencer.next_request(now_ms)
    assert sequencer.page_received([], MinuteRange(at(0), at(1)), REACHABLE_FROM_MS, now_ms) == []
    assert sequencer.page_received([], MinuteRange(at(0), at(1)), REACHABLE_FROM_MS, now_ms + 60_000) == [
        MissingMinutes(at(0), at(1), "the venue has no candle"),
        candle(1),
    ]


def test_an_empty_minute_of_which_the_venue_has_no_candle_is_flat() -> None:
    sequencer = sequencer_of(close="99.5", sends_empty_minutes=False)
    (first, second) = sequencer.page_received([candle(1)], MinuteRange(at(0), at(2)), REACHABLE_FROM_MS, at(3))
    assert isinstance(first, ClosedCandle)
    assert (first.open, first.close, first.volume, first.synthetic) == (Decimal("99.5"), Decimal("99.5"), Decimal(0), True)
    assert second == candle(1)


def test_after_a_gap_no_flat_candle_is_made() -> None:
    sequencer = sequencer_of(sends_empty_minutes=False)
    sequencer.candle_closed(candle(2))
    sequencer.next_request(at(3))
    sequencer.request_failed("HTTP 500", at(3) + 60_000)
    sequencer.check_overlap(at(3))
    assert sequencer.page_received([candle(2)], MinuteRange(at(0), at(3)), REACHABLE_FROM_MS, at(4) + 10_000) == []
    behind = sequencer_of(close=None, sends_empty_minutes=False)
    assert behind.page_received([candle(2)], MinuteRange(at(0), at(3)), REACHABLE_FROM_MS, at(4)) == [
        MissingMinutes(at(0), at(2), "the venue has no candle"),
        candle(2),
    ]


def test_minutes_that_the_venue_no_longer_keeps_are_a_gap() -> None:
    sequencer = sequencer_of()
    events = sequencer.page_received([candle(5)], MinuteRange(at(0), at(6)), at(5), at(7))
    assert events == [MissingMinutes(at(0), at(5), "older than what the venue keeps"), candle(5)]


@pytest.mark.parametrize("sends_empty_minutes", [True, False])
def test_before_the_first_candle_of_a_symbol_nothing_is_missing(*, sends_empty_minutes: bool) -> None:
    sequencer = sequencer_of(close=None, is_new=True, sends_empty_minutes=sends_empty_minutes)
    assert sequencer.page_received([], MinuteRange(at(0), at(300)), at(10), at(1_000)) == []
    assert sequencer.next_request(at(1_000)) == MinuteRange(at(295), at(999))
    assert sequencer.page_received([candle(320)], MinuteRange(at(0), at(330)), at(10), at(1_000))[:1] == [candle(320)]


def test_memory_is_bounded() -> None:
    sequencer = sequencer_of()
    for minute in range(1, MAX_WAITING + 100):
        sequencer.candle_closed(candle(minute))
    assert sequencer.waiting == MAX_WAITING
    assert sequencer.counts == {"dropped": 99}
    sequencer.candle_closed(candle(0))
    assert sequencer.waiting == 0
    assert len(sequencer._written) == REMEMBERED_MINUTES


@given(st.integers(0, 2**32), st.booleans())
def test_in_any_order_of_arrival_each_minute_is_written_once(seed: int, sends_empty_minutes: bool) -> None:  # noqa: FBT001  # hypothesis passes it by position
    """If the venue answers in the end, the written candles are the market's, in order."""
    random = Random(seed)
    candles = [candle(minute, str(100 + minute), ClosedBy.FLAG) for minute in range(40)]
    has_row = [sends_empty_minutes or random.random() > 0.2 for _ in candles]
    sequencer = sequencer_of(close="99", sends_empty_minutes=sends_empty_minutes)
    events: list[CandleEvent] = []
    now_ms = at(0)
    while sequencer.next_ms < at(40):
        now_ms += random.randrange(30_000)
        for minute in random.sample(range(40), 3):
            if candles[minute].end_ms <= now_ms and has_row[minute]:
                events += sequencer.candle_closed(candles[minute])
        if request := sequencer.next_request(now_ms):
            if random.random() < 0.3:
                events += sequencer.request_failed("busy", min(now_ms, at(0)))
                continue
            settled_ms = min((now_ms - DEADLINES.settle) // MINUTE_MS * MINUTE_MS, at(40))
            to_ms = min(request.to_ms, request.from_ms + random.randint(1, 10) * MINUTE_MS, settled_ms)
            rows = [
                row for row, there in zip(candles, has_row, strict=True) if there and request.from_ms <= row.open_time_ms < to_ms
            ]
            events += sequencer.page_received(rows, MinuteRange(request.from_ms, to_ms), REACHABLE_FROM_MS, now_ms)
    assert minutes(events) == list(range(40))
    assert all(isinstance(event, ClosedCandle) for event in events)
    assert [event.synthetic for event in events if isinstance(event, ClosedCandle)] == [not there for there in has_row]

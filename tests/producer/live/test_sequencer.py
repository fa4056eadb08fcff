from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.live.candle import CandleEvent, ClosedBy, ClosedCandle, MissingMinutes, RevisedCandle
from producer.live.resume import ResumePoint
from producer.live.sequencer import MAX_WAITING, REMEMBERED_MINUTES, CandleSequencer, Deadlines, MinuteRange
from tests.producer.bars import MINUTE, at, bar

WAITS = Deadlines(settle=3_000, patience=10_000, budget=60_000, retry=5_000)
FOREVER_AGO = 0


def series(*, close: str | None = "99", is_new: bool = False, tells_empty_minutes: bool = True) -> CandleSequencer:
    position = ResumePoint(at(0), None if close is None else Decimal(close), is_new)
    return CandleSequencer(position, WAITS, tells_empty_minutes=tells_empty_minutes)


def minutes(outs: list[CandleEvent]) -> list[int]:
    return [(out.open_time_ms - at(0)) // MINUTE for out in outs if isinstance(out, ClosedCandle)]


def test_live_candles_in_order_are_written_as_they_come() -> None:
    one = series()
    assert minutes([*one.heard(bar(0)), *one.heard(bar(1))]) == [0, 1]
    assert one.wanted(at(2) + 1_000) is None


def test_a_candle_behind_a_hole_waits_for_the_hole() -> None:
    one = series()
    assert one.heard(bar(2)) == []
    assert one.wanted(at(3)) == MinuteRange(at(0), at(2))
    assert minutes(one.answered([bar(0), bar(1)], MinuteRange(at(0), at(2)), FOREVER_AGO, at(3) + 100)) == [0, 1, 2]


def test_neighbours_that_changed_places_need_nobody() -> None:
    one = series()
    assert minutes([*one.heard(bar(1)), *one.heard(bar(0))]) == [0, 1]


def test_a_minute_without_a_live_candle_is_asked_for_after_a_while() -> None:
    one = series()
    assert one.wanted(at(1) + 9_999) is None
    assert one.due_in_ms(at(1)) == 10_000
    assert one.wanted(at(1) + 10_000) == MinuteRange(at(0), at(1))


def test_the_same_minute_is_not_asked_for_again_at_once() -> None:
    one = series()
    now_ms = at(1) + 10_000
    assert one.answered([], MinuteRange(at(0), at(0)), FOREVER_AGO, now_ms) == []
    assert one.wanted(now_ms + 4_999) is None
    assert one.due_in_ms(now_ms) == 5_000
    assert one.wanted(now_ms + 5_000) == MinuteRange(at(0), at(1))


def test_a_page_that_brought_something_is_followed_by_the_next_at_once() -> None:
    one = series()
    now_ms = at(500)
    one.answered([bar(minute) for minute in range(100)], MinuteRange(at(0), at(100)), FOREVER_AGO, now_ms)
    assert one.wanted(now_ms) == MinuteRange(at(100), at(499))


def test_a_second_candle_of_a_minute_is_counted() -> None:
    one = series()
    one.heard(bar(0))
    assert one.heard(bar(0)) == []
    assert one.counts == {"duplicate": 1}


def test_another_candle_of_a_minute_is_a_revision() -> None:
    one = series()
    one.heard(bar(0, "100"))
    assert one.heard(bar(0, "101")) == [RevisedCandle(bar(0, "101"))]
    assert one.heard(bar(0, "101")) == []


def test_a_doubt_that_comes_while_the_venue_is_asked_is_kept() -> None:
    one = series()
    for minute in range(4):
        one.heard(bar(minute))
    one.doubt(at(2), at(4))
    asked = one.wanted(at(4) + 3_000)
    one.doubt(at(1), at(4) + 3_100)
    assert asked == MinuteRange(at(2), at(4))
    one.answered([bar(2), bar(3)], asked, FOREVER_AGO, at(4) + 3_200)
    assert one.wanted(at(4) + 20_000) == MinuteRange(at(1), at(4))


def test_a_doubt_lasts_until_all_that_was_written_is_final() -> None:
    one = series()
    for minute in range(3):
        one.heard(bar(minute))
    one.look_back(at(3) - 4_000)
    one.answered([bar(0), bar(1)], MinuteRange(at(0), at(2)), FOREVER_AGO, at(3))
    assert one.wanted(at(3) + 5_000) == MinuteRange(at(2), at(3))


def test_a_doubt_of_what_was_never_written_wakes_nobody() -> None:
    one = series(close=None, is_new=True)
    one.look_back(at(0))
    assert one.wanted(at(0) + 3_000) is None
    assert one.due_in_ms(at(0) + 3_000) == MINUTE + 10_000 - 3_000


def test_now_and_then_all_that_is_remembered_is_compared_with_the_venues_own() -> None:
    one = series()
    one.wanted(at(0))
    for minute in range(100):
        one.heard(bar(minute))
    assert one.due_in_ms(at(15) - 500) == 500
    assert one.wanted(at(100)) == MinuteRange(at(100 - REMEMBERED_MINUTES), at(100))
    one.answered([bar(60, "101")], MinuteRange(at(40), at(100)), FOREVER_AGO, at(100))
    assert one.wanted(at(100)) is None


def test_a_sum_of_ours_proves_nothing_against_what_is_written() -> None:
    one = series()
    one.heard(bar(0, "100", ClosedBy.REST))
    assert one.heard(bar(0, "101", ClosedBy.LATER_TRADE)) == []
    assert one.wanted(at(1) + 100) == MinuteRange(at(0), at(1))


def test_volumes_that_differ_by_rounding_are_the_same() -> None:
    one = series()
    one.heard(bar(0, volume="12.34567891"))
    assert one.heard(bar(0, volume="12.3456789")) == []
    assert one.heard(bar(0, volume="12.4")) != []


def test_the_venues_candle_is_compared_with_the_live_one() -> None:
    one = series()
    one.heard(bar(1, "100"))
    outs = one.answered([bar(0), bar(1, "105")], MinuteRange(at(0), at(2)), FOREVER_AGO, at(3))
    assert outs == [bar(0), bar(1, "100"), RevisedCandle(bar(1, "105"))]


def test_after_a_lost_line_the_last_minutes_are_looked_at_again() -> None:
    one = series()
    for minute in range(10):
        one.heard(bar(minute))
    one.look_back(at(10))
    assert one.wanted(at(10)) is None
    assert one.wanted(at(10) + 3_000) == MinuteRange(at(5), at(10))
    rows = [bar(minute, "100" if minute != 7 else "103") for minute in range(5, 10)]
    assert one.answered(rows, MinuteRange(at(0), at(10)), FOREVER_AGO, at(10) + 3_100) == [RevisedCandle(rows[2])]
    assert one.wanted(at(10) + 9_000) is None


def test_a_doubt_is_kept_until_the_venue_has_answered_for_it() -> None:
    one = series()
    one.heard(bar(0))
    one.doubt(at(0), at(1))
    assert one.wanted(at(1) + 3_000) == MinuteRange(at(0), at(1))
    assert one.refused("no answer", at(1) + 3_000) == []
    assert one.wanted(at(1) + 8_000) == MinuteRange(at(0), at(1))


def test_a_hole_that_is_not_filled_is_given_up_once_its_budget_is_used_up() -> None:
    one = series()
    one.heard(bar(2))
    one.wanted(at(3))
    assert one.refused("HTTP 500", at(3) + 59_999) == []
    assert one.refused("HTTP 500", at(3) + 60_000) == [MissingMinutes(at(0), at(2), "HTTP 500"), bar(2)]


def test_a_backfill_that_is_refused_is_a_gap_also_of_a_new_symbol() -> None:
    one = series(close=None, is_new=True)
    one.heard(bar(2))
    one.wanted(at(3))
    assert one.refused("HTTP 500", at(3) + 60_000) == [MissingMinutes(at(0), at(2), "HTTP 500"), bar(2)]


def test_a_long_hole_is_worth_a_longer_wait() -> None:
    one = series()
    one.heard(bar(500))
    one.wanted(at(501))
    assert one.patience_ms(at(501)) == 500_000


def test_nothing_is_given_up_while_nothing_stands_behind_it() -> None:
    one = series()
    one.wanted(at(5))
    assert one.refused("HTTP 500", at(500)) == []


def test_a_venue_that_lacks_a_candle_leaves_a_gap() -> None:
    one = series()
    assert one.answered([bar(0), bar(3)], MinuteRange(at(0), at(4)), FOREVER_AGO, at(5)) == [
        bar(0),
        MissingMinutes(at(1), at(3), "the venue has no candle"),
        bar(3),
    ]


def test_a_venue_that_lacks_the_newest_is_asked_again_before_it_is_believed() -> None:
    one = series()
    one.heard(bar(1))
    now_ms = at(2) + 3_000
    one.wanted(now_ms)
    assert one.answered([], MinuteRange(at(0), at(1)), FOREVER_AGO, now_ms) == []
    assert one.answered([], MinuteRange(at(0), at(1)), FOREVER_AGO, now_ms + 60_000) == [
        MissingMinutes(at(0), at(1), "the venue has no candle"),
        bar(1),
    ]


def test_where_a_venue_has_no_candle_of_an_empty_minute_it_is_flat() -> None:
    one = series(close="99.5", tells_empty_minutes=False)
    (first, second) = one.answered([bar(1)], MinuteRange(at(0), at(2)), FOREVER_AGO, at(3))
    assert isinstance(first, ClosedCandle)
    assert (first.open, first.close, first.volume, first.synthetic) == (Decimal("99.5"), Decimal("99.5"), Decimal(0), True)
    assert second == bar(1)


def test_behind_a_gap_no_price_is_made_up() -> None:
    one = series(tells_empty_minutes=False)
    one.heard(bar(2))
    one.wanted(at(3))
    one.refused("HTTP 500", at(3) + 60_000)
    one.look_back(at(3))
    assert one.answered([bar(2)], MinuteRange(at(0), at(3)), FOREVER_AGO, at(4) + 10_000) == []
    behind = series(close=None, tells_empty_minutes=False)
    assert behind.answered([bar(2)], MinuteRange(at(0), at(3)), FOREVER_AGO, at(4)) == [
        MissingMinutes(at(0), at(2), "the venue has no candle"),
        bar(2),
    ]


def test_what_the_venue_no_longer_keeps_is_a_gap() -> None:
    one = series()
    outs = one.answered([bar(5)], MinuteRange(at(0), at(6)), at(5), at(7))
    assert outs == [MissingMinutes(at(0), at(5), "older than what the venue keeps"), bar(5)]


@pytest.mark.parametrize("tells_empty_minutes", [True, False])
def test_before_the_first_candle_of_all_nothing_is_missing(*, tells_empty_minutes: bool) -> None:
    one = series(close=None, is_new=True, tells_empty_minutes=tells_empty_minutes)
    assert one.answered([], MinuteRange(at(0), at(300)), at(10), at(1_000)) == []
    assert one.wanted(at(1_000)) == MinuteRange(at(295), at(999))
    assert one.answered([bar(320)], MinuteRange(at(0), at(330)), at(10), at(1_000))[:1] == [bar(320)]


def test_memory_is_bounded() -> None:
    one = series()
    for minute in range(1, MAX_WAITING + 100):
        one.heard(bar(minute))
    assert one.waiting == MAX_WAITING
    assert one.counts == {"dropped": 99}
    one.heard(bar(0))
    assert one.waiting == 0
    assert len(one._written) == REMEMBERED_MINUTES


@given(st.integers(0, 2**32), st.booleans())
def test_whatever_the_order_each_minute_is_written_once(seed: int, tells_empty_minutes: bool) -> None:  # noqa: FBT001  # hypothesis gives it
    """The law: with a venue that answers in the end, the series is the market's, in order, however it was heard."""
    random = Random(seed)
    truth = [bar(minute, str(100 + minute), ClosedBy.FLAG) for minute in range(40)]
    has_row = [tells_empty_minutes or random.random() > 0.2 for _ in truth]
    one = series(close="99", tells_empty_minutes=tells_empty_minutes)
    outs: list[CandleEvent] = []
    now_ms = at(0)
    while one.next_ms < at(40):
        now_ms += random.randrange(30_000)
        for minute in random.sample(range(40), 3):
            if truth[minute].end_ms <= now_ms and has_row[minute]:
                outs += one.heard(truth[minute])
        if span := one.wanted(now_ms):
            if random.random() < 0.3:
                outs += one.refused("busy", min(now_ms, at(0)))
                continue
            settled_ms = min((now_ms - WAITS.settle) // MINUTE * MINUTE, at(40))
            to_ms = min(span.to_ms, span.from_ms + random.randint(1, 10) * MINUTE, settled_ms)
            rows = [row for row, there in zip(truth, has_row, strict=True) if there and span.from_ms <= row.open_time_ms < to_ms]
            outs += one.answered(rows, MinuteRange(span.from_ms, to_ms), FOREVER_AGO, now_ms)
    assert minutes(outs) == list(range(40))
    assert all(isinstance(out, ClosedCandle) for out in outs)
    assert [out.synthetic for out in outs if isinstance(out, ClosedCandle)] == [not there for there in has_row]

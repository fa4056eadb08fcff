"""Minutes of which the venue has sent nothing usable: they are missing, and never taken for minutes without trades."""

from collections.abc import Sequence

import pytest

from producer.live.candle import CandleEvent, ClosedCandle, MissingMinutes
from producer.live.sequencer import CandleSequencer, MinuteRange
from tests.producer.live.candles import at, candle
from tests.producer.live.test_sequencer import minutes, sequencer_of

REASON = "what the venue has sent of it can't be used"


def receive(sequencer: CandleSequencer, rows: Sequence[int], to_minute: int, unusable: Sequence[int]) -> list[CandleEvent]:
    """Receive a page from the sequencer's next minute on, well after its end."""
    covered = MinuteRange(sequencer.next_ms, at(to_minute))
    return sequencer.page_received(
        [candle(row) for row in rows], covered, 0, at(to_minute) + 5_000, {at(each) for each in unusable}
    )


def gaps(events: Sequence[CandleEvent]) -> list[tuple[int, int, str]]:
    return [(event.from_ms, event.to_ms, event.reason) for event in events if isinstance(event, MissingMinutes)]


def test_an_unusable_minute_is_a_gap_and_no_flat_candle() -> None:
    """Minutes 1 and 6 have no row, and so no trade; nothing is known of 3 and 4."""
    events = receive(sequencer_of(sends_empty_minutes=False), [0, 2, 5], 7, [3, 4])
    assert minutes(events) == [0, 1, 2, 5, 6]
    assert gaps(events) == [(at(3), at(5), REASON)]
    assert [event.synthetic for event in events if isinstance(event, ClosedCandle)] == [False, True, False, False, True]


def test_behind_an_unusable_minute_the_price_is_not_known_until_the_next_row() -> None:
    events = receive(sequencer_of(sends_empty_minutes=False), [0, 4], 5, [1])
    assert minutes(events) == [0, 4]
    assert gaps(events) == [(at(1), at(2), REASON), (at(2), at(4), "the venue has no candle")]


def test_at_a_venue_with_candles_of_empty_minutes_the_reason_is_told_too() -> None:
    events = receive(sequencer_of(), [0, 1, 2, 8, 9], 10, [4, 5, 6, 7])
    assert minutes(events) == [0, 1, 2, 8, 9]
    assert gaps(events) == [(at(3), at(8), "the venue has no candle")]


@pytest.mark.parametrize("sends_empty_minutes", [False, True])
def test_the_newest_minutes_are_asked_for_again_before_they_are_given_up(*, sends_empty_minutes: bool) -> None:
    """A row may be half-formed while it is new."""
    sequencer = sequencer_of(sends_empty_minutes=sends_empty_minutes)
    assert minutes(receive(sequencer, [0], 2, [1])) == [0]
    assert sequencer.next_ms == at(1)
    assert minutes(receive(sequencer, [1], 2, [])) == [1]


def test_a_live_candle_of_an_unusable_minute_is_taken() -> None:
    sequencer = sequencer_of(sends_empty_minutes=False)
    assert sequencer.candle_closed(candle(1)) == []
    assert minutes(receive(sequencer, [0, 2], 3, [1])) == [0, 1, 2]


def test_a_live_candle_behind_unusable_minutes_is_written_after_the_gap() -> None:
    sequencer = sequencer_of(sends_empty_minutes=False)
    assert sequencer.candle_closed(candle(2)) == []
    events = receive(sequencer, [], 2, [0, 1])
    assert (gaps(events), minutes(events)) == ([(at(0), at(2), REASON)], [2])


def test_before_the_first_candle_of_a_symbol_an_unusable_minute_is_no_gap() -> None:
    events = receive(sequencer_of(close=None, is_new=True, sends_empty_minutes=False), [3], 4, [1, 2])
    assert (gaps(events), minutes(events)) == ([], [3])

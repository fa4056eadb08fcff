"""The desk with trades: what closes a minute, and what closes none. No socket; the clock stands where a test puts it."""

import pytest
from msgspec.structs import replace

from producer.feeds.contract import Message, MessageKind, VenueTrade
from producer.live.connection import Connection, Endpoint
from producer.live.dispatch import MAX_AHEAD_MS, MAX_BEHIND_MS
from producer.live.sequencer import MinuteRange
from tests.producer.bars import MINUTE, at, bar, trade
from tests.producer.desk_stage import PAIRS, WAITS, Stage, heard
from tests.producer.plain_lines import TLS


def test_candles_from_trades_with_the_times_of_the_frame_that_closed_them() -> None:
    stage = Stage()
    heard(stage, 30, 65, 100)
    assert stage.records == []
    stage.trades(trade(4, 2, 2.5, "7"), sent_ms=at(2) + 2_600)
    (record,) = stage.said
    assert (record["open_time_ms"], record["closed_by"], record["volume"]) == (at(1), "later_trade", "2")
    assert (record["sent_ms"], record["received_ms"]) == (at(2) + 2_600, stage.now_ms)
    assert stage.line.told == stage.line.heard == {"BTC-USD"}


def test_trades_of_two_pairs_in_a_frame_close_both() -> None:
    stage = Stage()
    for minute, second in ((0, 30.0), (1, 5.0), (2, 3.0)):
        one = trade(minute, minute, second)
        stage.trades(one, replace(one, pair="ETH-USD"))
    assert sorted(record["symbol"] for record in stage.said) == ["BTC-USD.X", "ETH-USD.X"]


def test_a_snapshot_tells_of_what_was_before_and_closes_nothing() -> None:
    stage = Stage()
    stage.trades(*(trade(minute, minute, 3) for minute in range(3)), snapshot=True, sent_ms=at(2))
    assert (stage.records, stage.line.heard, stage.line.tapes["BTC-USD"].next_ms) == ([], set(), None)
    assert sum(stage.tally.delays.counts) == 0


def test_trades_on_a_line_that_has_no_tape_for_them_are_strange() -> None:
    """Of a venue that tells candles; or of a pair that another line carries."""
    stage = Stage("binance")
    stage.trades(trade(1, 0, 1))
    other = Stage()
    line = Connection(other.feed, PAIRS[1:], Endpoint("", TLS, None), other.desk.hear, other.clock)
    other.trades(trade(1, 0, 1), line=line)
    assert stage.tally.frames["strange"] == other.tally.frames["strange"] == 1
    assert other.line.heard == line.heard == set()


TOO_FAR_MS = (MAX_AHEAD_MS + MINUTE + 1, 86_400_000, 31_536_000_000, -MAX_BEHIND_MS - 1, -86_400_000)


@pytest.mark.parametrize("off_ms", TOO_FAR_MS)
def test_a_trade_with_a_wrong_time_closes_nothing(off_ms: int) -> None:
    stage = Stage()
    heard(stage, 30, 65)
    stage.trades(replace(trade(3, 0, 0), time_us=(stage.now_ms + off_ms) * 1_000))
    assert (stage.records, stage.tally.frames["strange"]) == ([], 1)
    stage.trades(trade(4, 2, 3))
    assert stage.records == [], "its number is missing, so the minute may lack it: the venue is asked"
    stage.trades(trade(5, 3, 3), trade(6, 4, 3))
    assert (stage.records, stage.streams[0].series.waiting) == ([], 1)
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.settle) == MinuteRange(at(1), at(3))


def test_what_is_now_is_told_by_the_venues_clock_and_not_by_ours() -> None:
    stage = Stage()
    venue_ms = stage.now_ms
    stage.now_ms -= 7_200_000
    stage.clock.add(stage.now_ms / 1_000, stage.now_ms / 1_000, venue_ms, 1)
    heard(stage, 30, 65, 123)
    assert [record["received_ms"] for record in stage.said] == [venue_ms - 7_200_000]
    assert stage.opened == [1]


def frame(number: int, *trades: VenueTrade, sent_ms: int) -> Message:
    return Message(MessageKind.TRADES, "market_trades", trades=trades, sequence=number, sent_ms=sent_ms)


def test_a_hole_among_the_frames_costs_the_minutes_around_it() -> None:
    stage = Stage("coinbase")
    stage.hear(frame(1, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    stage.hear(Message(MessageKind.HEARTBEAT, "heartbeats", sequence=2, sent_ms=at(1) + 10_000))
    stage.hear(frame(4, trade(2, 1, 40), sent_ms=at(1) + 40_000))
    stage.hear(frame(5, trade(9, 2, 3), sent_ms=at(2) + 3_000))
    assert (stage.opened, stage.line.missed_frames) == ([], 1)
    stage.now_ms = at(3) + 5_000
    stage.hear(frame(6, trade(10, 3, 3), sent_ms=at(3) + 3_000))
    assert stage.streams[0].series.waiting == 1, "the minute after it is known, and waits for the venue's word on the other"


@pytest.mark.parametrize("kind", [MessageKind.ACK, MessageKind.HEARTBEAT, MessageKind.OTHER])
def test_frames_without_data_count_among_the_numbers(kind: MessageKind) -> None:
    stage = Stage("coinbase")
    stage.hear(frame(1, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    stage.hear(Message(kind, "x", sequence=2))
    stage.hear(frame(3, trade(2, 2, 3), sent_ms=at(2) + 3_000))
    assert stage.opened == [1]


def test_numbers_are_those_of_one_line() -> None:
    stage = Stage("coinbase")
    stage.hear(frame(900, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    other = stage.new_line()
    stage.hear(frame(0, trade(1, 0, 31), sent_ms=at(0) + 31_000), other)
    stage.hear(frame(901, trade(2, 2, 3), sent_ms=at(2) + 3_000))
    assert (stage.opened, stage.line.missed_frames, other.missed_frames) == ([1], 0, 0)


def test_two_lines_tell_the_same_candle_once() -> None:
    stage = Stage()
    other = stage.new_line()
    for number, second in enumerate((30, 65, 123), start=1):
        for line in (stage.line, other):
            stage.trades(trade(number, second // 60, second % 60), line=line)
    assert stage.opened == [1]
    assert stage.streams[0].series.counts == {"duplicate": 1}
    assert other.told == {"BTC-USD"}


def test_a_trade_that_comes_too_late_makes_the_venue_be_asked() -> None:
    stage = Stage("bitstamp")
    heard(stage, 30, 65, 123)
    stage.streams[0].stirred.clear()
    stage.streams[0].series._doubted_ms = None
    stage.trades(trade(9, 1, 50))
    series = stage.streams[0].series
    assert stage.streams[0].stirred.is_set()
    assert series.wanted(stage.now_ms) is None, "not before it is settled"
    assert series.wanted(stage.now_ms + WAITS.settle) == MinuteRange(at(1), at(2))


def test_a_line_that_begins_to_speak_makes_the_venue_be_asked_for_what_was_written_last() -> None:
    stage = Stage()
    heard(stage, 30, 65, 123)
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.settle) == MinuteRange(at(1), at(2))
    stage.streams[0].series.answered([bar(1)], MinuteRange(at(1), at(2)), 0, stage.now_ms)
    stage.trades(trade(4, 2, 4))
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.retry) is None, "once for a line"
    stage.trades(trade(5, 2, 5), line=stage.new_line())
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.retry) == MinuteRange(at(1), at(2))

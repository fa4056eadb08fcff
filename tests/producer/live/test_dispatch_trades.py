"""The dispatcher with trades: what closes a minute, and what does not. No socket; a test sets the clock."""

import pytest
from msgspec.structs import replace

from producer.feeds.contract import Message, MessageKind, VenueTrade
from producer.live.dispatch import MAX_AHEAD_MS, MAX_BEHIND_MS
from producer.live.sequencer import MinuteRange
from tests.producer.live.candles import MINUTE_MS, at, candle, trade
from tests.producer.live.dispatching import DISPATCHED_PAIRS, DispatcherSetup
from tests.producer.live.parts import DEADLINES


def test_candles_from_trades_with_the_times_of_the_frame_that_closed_them() -> None:
    setup = DispatcherSetup()
    setup.receive_trades_at(30, 65, 100)
    assert setup.records == []
    setup.receive_trades(trade(4, 2, 2.5, "7"), sent_ms=at(2) + 2_600)
    (record,) = setup.log
    assert (record["open_time_ms"], record["closed_by"], record["volume"]) == (at(1), "later_trade", "2")
    assert (record["sent_ms"], record["received_ms"]) == (at(2) + 2_600, setup.now_ms)
    assert setup.connection.pairs_with_closed_candle == setup.connection.pairs_with_data == {"BTC-USD"}


def test_trades_of_two_pairs_in_one_frame_close_both() -> None:
    setup = DispatcherSetup()
    for minute, second in ((0, 30.0), (1, 5.0), (2, 3.0)):
        one = trade(minute, minute, second)
        setup.receive_trades(one, replace(one, pair="ETH-USD"))
    assert sorted(record["symbol"] for record in setup.log) == ["BTC-USD.X", "ETH-USD.X"]


def test_a_snapshot_of_past_trades_closes_nothing() -> None:
    setup = DispatcherSetup()
    setup.receive_trades(*(trade(minute, minute, 3) for minute in range(3)), snapshot=True, sent_ms=at(2))
    assert (setup.records, setup.connection.pairs_with_data, setup.connection.builders["BTC-USD"].next_ms) == ([], set(), None)
    assert sum(setup.stats.delays.counts) == 0


def test_trades_on_a_connection_without_a_builder_for_them_are_strange() -> None:
    """Of a venue that sends candles, or of a pair that another connection carries."""
    setup = DispatcherSetup("binance")
    setup.receive_trades(trade(1, 0, 1))
    other = DispatcherSetup()
    connection = other.new_connection(*DISPATCHED_PAIRS[1:])
    other.receive_trades(trade(1, 0, 1), connection=connection)
    assert setup.stats.frames["strange"] == other.stats.frames["strange"] == 1
    assert other.connection.pairs_with_data == connection.pairs_with_data == set()


TOO_FAR_MS = (MAX_AHEAD_MS + MINUTE_MS + 1, 86_400_000, 31_536_000_000, -MAX_BEHIND_MS - 1, -86_400_000)


@pytest.mark.parametrize("off_ms", TOO_FAR_MS)
def test_a_trade_with_an_absurd_time_closes_nothing(off_ms: int) -> None:
    setup = DispatcherSetup()
    setup.receive_trades_at(30, 65)
    setup.receive_trades(replace(trade(3, 0, 0), time_us=(setup.now_ms + off_ms) * 1_000))
    assert (setup.records, setup.stats.frames["strange"]) == ([], 1)
    setup.receive_trades(trade(4, 2, 3))
    assert setup.records == [], "its number is missing, so the minute may lack a trade, and the venue is asked"
    setup.receive_trades(trade(5, 3, 3), trade(6, 4, 3))
    assert (setup.records, setup.subscriptions[0].sequencer.waiting) == ([], 1)
    assert setup.subscriptions[0].sequencer.next_request(setup.now_ms + DEADLINES.settle) == MinuteRange(at(1), at(3))


def test_absurd_times_are_judged_by_the_venues_clock() -> None:
    setup = DispatcherSetup()
    venue_ms = setup.now_ms
    setup.now_ms -= 7_200_000
    setup.clock.add(setup.now_ms / 1_000, setup.now_ms / 1_000, venue_ms, 1)
    setup.receive_trades_at(30, 65, 123)
    assert [record["received_ms"] for record in setup.log] == [venue_ms - 7_200_000]
    assert setup.minutes == [1]


def frame(number: int, *trades: VenueTrade, sent_ms: int) -> Message:
    return Message(MessageKind.TRADES, "market_trades", trades=trades, sequence=number, sent_ms=sent_ms)


def test_minutes_around_a_missing_frame_are_not_built() -> None:
    setup = DispatcherSetup("coinbase")
    setup.receive(frame(1, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    setup.receive(Message(MessageKind.HEARTBEAT, "heartbeats", sequence=2, sent_ms=at(1) + 10_000))
    setup.receive(frame(4, trade(2, 1, 40), sent_ms=at(1) + 40_000))
    setup.receive(frame(5, trade(9, 2, 3), sent_ms=at(2) + 3_000))
    assert (setup.minutes, setup.connection.missed_frames) == ([], 1)
    setup.now_ms = at(3) + 5_000
    setup.receive(frame(6, trade(10, 3, 3), sent_ms=at(3) + 3_000))
    assert setup.subscriptions[0].sequencer.waiting == 1, (
        "the minute after it is known, and waits for the venue's candle of the one before"
    )


@pytest.mark.parametrize("kind", [MessageKind.ACK, MessageKind.HEARTBEAT, MessageKind.OTHER])
def test_numbers_of_frames_without_data_count(kind: MessageKind) -> None:
    setup = DispatcherSetup("coinbase")
    setup.receive(frame(1, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    setup.receive(Message(kind, "x", sequence=2))
    setup.receive(frame(3, trade(2, 2, 3), sent_ms=at(2) + 3_000))
    assert setup.minutes == [1]


def test_frame_numbers_belong_to_one_connection() -> None:
    setup = DispatcherSetup("coinbase")
    setup.receive(frame(900, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    other = setup.new_connection()
    setup.receive(frame(0, trade(1, 0, 31), sent_ms=at(0) + 31_000), other)
    setup.receive(frame(901, trade(2, 2, 3), sent_ms=at(2) + 3_000))
    assert (setup.minutes, setup.connection.missed_frames, other.missed_frames) == ([1], 0, 0)


def test_a_candle_from_two_connections_is_written_once() -> None:
    setup = DispatcherSetup()
    other = setup.new_connection()
    for number, second in enumerate((30, 65, 123), start=1):
        for connection in (setup.connection, other):
            setup.receive_trades(trade(number, second // 60, second % 60), connection=connection)
    assert setup.minutes == [1]
    assert setup.subscriptions[0].sequencer.counts == {"duplicate": 1}
    assert other.pairs_with_closed_candle == {"BTC-USD"}


def test_a_trade_that_comes_too_late_causes_a_request() -> None:
    setup = DispatcherSetup("bitstamp")
    setup.receive_trades_at(30, 65, 123)
    setup.subscriptions[0].wake.clear()
    setup.subscriptions[0].sequencer._recheck_from_ms = None
    setup.receive_trades(trade(9, 1, 50))
    sequencer = setup.subscriptions[0].sequencer
    assert setup.subscriptions[0].wake.is_set()
    assert sequencer.next_request(setup.now_ms) is None, "not before the minute is settled"
    assert sequencer.next_request(setup.now_ms + DEADLINES.settle) == MinuteRange(at(1), at(2))


def test_the_first_data_of_a_connection_causes_a_request_for_the_last_minutes() -> None:
    setup = DispatcherSetup()
    setup.receive_trades_at(30, 65, 123)
    assert setup.subscriptions[0].sequencer.next_request(setup.now_ms + DEADLINES.settle) == MinuteRange(at(1), at(2))
    setup.subscriptions[0].sequencer.page_received([candle(1)], MinuteRange(at(1), at(2)), 0, setup.now_ms)
    setup.receive_trades(trade(4, 2, 4))
    assert setup.subscriptions[0].sequencer.next_request(setup.now_ms + DEADLINES.retry) is None, "once for each connection"
    setup.receive_trades(trade(5, 2, 5), connection=setup.new_connection())
    assert setup.subscriptions[0].sequencer.next_request(setup.now_ms + DEADLINES.retry) == MinuteRange(at(1), at(2))

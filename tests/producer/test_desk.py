"""The desk: frames of every kind in, records out. No socket; the clock stands where a test puts it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from producer.desk import MAX_AHEAD_MS, MAX_BEHIND_MS, Desk, Stream
from producer.feeds import VENUES
from producer.feeds.contract import Kind, Message, VenueCandle, VenueTrade
from producer.line import Line, Place
from producer.live_tally import LiveTally
from producer.position import Position
from producer.series import Hole, Revised, Series, Span, Waits
from producer.venue_clock import VenueClock
from tests.producer.bars import MINUTE, at, bar, trade
from tests.producer.plain_lines import TLS
from volcast.log.contract import KeyValue
from volcast.proof.live.loop import run

PAIRS = ("BTC-USD", "ETH-USD")
WAITS = Waits(settle=3_000, patience=10_000, budget=60_000, retry=5_000)


class Stage:
    """A desk with two streams, lines of one venue, and a clock that is set by hand."""

    def __init__(self, venue: str = "kraken") -> None:
        self.now_ms = at(2) + 10_000
        self.feed = VENUES[venue]
        self.tally = LiveTally()
        self.records: list[KeyValue] = []
        self.clock = VenueClock(lambda: self.now_ms / 1_000)
        position = Position(at(0 if self.feed.tells_candles else 1), None, is_new=True)
        self.streams = [Stream(f"{pair}.X", pair, Series(position, WAITS, tells_empty_minutes=False)) for pair in PAIRS]
        self.desk = Desk(
            "kraken", self.streams, self.clock, self.records.extend, tally=self.tally, wall=lambda: self.now_ms / 1_000
        )
        self.line = self.new_line()

    def new_line(self) -> Line:
        return Line(self.feed, PAIRS, Place("", TLS, None), self.desk.hear)

    def hear(self, message: Message, line: Line | None = None) -> None:
        async def main() -> None:
            self.desk.hear(line or self.line, message)

        run(main())

    def trades(self, *trades: VenueTrade, line: Line | None = None, **more: Any) -> None:
        self.hear(Message(Kind.TRADES, "trade", trades=trades, **more), line)

    def candle(self, minute: int, close: str = "100", *, closed: bool = True, pair: str = PAIRS[0], **more: Any) -> None:
        price = Decimal(close)
        candle = VenueCandle(pair, at(minute), price, price, price, price, Decimal(1), price, closed)
        self.hear(Message(Kind.CANDLES, "kline", candles=(candle,), **more))

    @property
    def said(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in self.records]

    @property
    def opened(self) -> list[int]:
        """The first stream's minutes on the log."""
        return [(record["open_time_ms"] - at(0)) // MINUTE for record in self.said if record["symbol"] == "BTC-USD.X"]


def heard(stage: Stage, *seconds: float, first: int = 1) -> None:
    """Trades of minutes 0, 1, …: one at each of these seconds."""
    for number, second in enumerate(seconds, first):
        stage.trades(trade(number, int(second // 60), second % 60))


@pytest.mark.parametrize("kind", set(Kind) - {Kind.CANDLES, Kind.TRADES, Kind.RECONNECT})
def test_what_is_no_data_writes_nothing_and_is_counted(kind: Kind) -> None:
    stage = Stage()
    stage.hear(Message(kind, "x", detail="why"))
    assert stage.tally.frames == {kind.value: 1}
    assert (stage.records, stage.line.heard, stage.line.notice) == ([], set(), None)
    assert not stage.line.changed.is_set()
    assert stage.streams[0].rhythm.since_s(1_000.0) == 0.0, "an acknowledgment is no sign of life of a stream"


def test_a_refusal_is_told_to_a_person(caplog: pytest.LogCaptureFixture) -> None:
    Stage().hear(Message(Kind.REFUSED, "subscribe", detail="Currency pair not supported XX/YY"))
    assert "the venue refuses: Currency pair not supported XX/YY" in caplog.text


@pytest.mark.parametrize(("detail", "notice"), [("an upgrade", "an upgrade"), ("", "64008")])
def test_a_notice_stirs_the_lane(detail: str, notice: str) -> None:
    stage = Stage()
    stage.hear(Message(Kind.RECONNECT, "64008", detail=detail))
    assert stage.line.notice == notice
    assert stage.line.changed.is_set()


def test_only_a_closed_candle_is_written_with_its_times() -> None:
    stage = Stage("binance")
    stage.candle(0, closed=False)
    assert (stage.records, stage.line.told, stage.line.heard) == ([], set(), {"BTC-USD"})
    stage.candle(0, "42.50", sent_ms=at(1) + 30)
    (record,) = stage.said
    assert (record["symbol"], record["open_time_ms"], record["close"], record["source"]) == (
        "BTC-USD.X",
        at(0),
        "42.50",
        "kraken",
    )
    assert (record["closed_by"], record["sent_ms"], record["received_ms"]) == ("flag", at(1) + 30, stage.now_ms)
    assert stage.line.told == {"BTC-USD"}
    assert stage.tally.written == {("BTC-USD.X", "flag"): 1}


def test_several_candles_of_a_frame_go_to_their_streams() -> None:
    stage = Stage("binance")
    one = Decimal(1)
    candles = tuple(VenueCandle(pair, at(0), one, one, one, one, one, one, closed=True) for pair in PAIRS)
    stage.hear(Message(Kind.CANDLES, "kline", candles=candles))
    assert [record["symbol"] for record in stage.said] == ["BTC-USD.X", "ETH-USD.X"]


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


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_pairs_that_nobody_asked_for_are_counted_as_strange(venue: str) -> None:
    stage = Stage(venue)
    stage.candle(0, pair="XYZ-USD")
    stage.trades(replace(trade(1, 0, 1), pair="XYZ-USD"))
    assert stage.tally.frames == {"candles": 1, "trades": 1, "strange": 2}
    assert stage.records == []


def test_trades_on_a_line_that_has_no_tape_for_them_are_strange() -> None:
    """Of a venue that tells candles; or of a pair that another line carries."""
    stage = Stage("binance")
    stage.trades(trade(1, 0, 1))
    other = Stage()
    line = Line(other.feed, PAIRS[1:], Place("", TLS, None), other.desk.hear)
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
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.settle) == Span(at(1), at(2))


@pytest.mark.parametrize("off_ms", [2 * MINUTE, 86_400_000, -MAX_BEHIND_MS - MINUTE])
def test_a_candle_with_a_wrong_time_is_none(off_ms: int) -> None:
    stage = Stage("binance")
    stage.candle(0)
    stage.candle(2 + off_ms // MINUTE + 1)
    assert (stage.opened, stage.tally.frames["strange"]) == ([0], 1)
    assert stage.streams[0].series.waiting == 0


def test_what_is_now_is_told_by_the_venues_clock_and_not_by_ours() -> None:
    stage = Stage()
    venue_ms = stage.now_ms
    stage.now_ms -= 7_200_000
    stage.clock.add(stage.now_ms / 1_000, stage.now_ms / 1_000, venue_ms, 1)
    heard(stage, 30, 65, 123)
    assert [record["received_ms"] for record in stage.said] == [venue_ms - 7_200_000]
    assert stage.opened == [1]


def frame(number: int, *trades: VenueTrade, sent_ms: int) -> Message:
    return Message(Kind.TRADES, "market_trades", trades=trades, sequence=number, sent_ms=sent_ms)


def test_a_hole_among_the_frames_costs_the_minutes_around_it() -> None:
    stage = Stage("coinbase")
    stage.hear(frame(1, trade(1, 0, 30), sent_ms=at(0) + 30_000))
    stage.hear(Message(Kind.HEARTBEAT, "heartbeats", sequence=2, sent_ms=at(1) + 10_000))
    stage.hear(frame(4, trade(2, 1, 40), sent_ms=at(1) + 40_000))
    stage.hear(frame(5, trade(9, 2, 3), sent_ms=at(2) + 3_000))
    assert (stage.opened, stage.line.numbering.missed) == ([], 1)
    stage.now_ms = at(3) + 5_000
    stage.hear(frame(6, trade(10, 3, 3), sent_ms=at(3) + 3_000))
    assert stage.streams[0].series.waiting == 1, "the minute after it is known, and waits for the venue's word on the other"


@pytest.mark.parametrize("kind", [Kind.ACK, Kind.HEARTBEAT, Kind.OTHER])
def test_frames_without_data_count_among_the_numbers(kind: Kind) -> None:
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
    assert (stage.opened, stage.line.numbering.missed, other.numbering.missed) == ([1], 0, 0)


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
    assert series.wanted(stage.now_ms + WAITS.settle) == Span(at(1), at(2))


def test_a_line_that_begins_to_speak_makes_the_venue_be_asked_for_what_was_written_last() -> None:
    stage = Stage()
    heard(stage, 30, 65, 123)
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.settle) == Span(at(1), at(2))
    stage.streams[0].series.answered([bar(1)], Span(at(1), at(2)), 0, stage.now_ms)
    stage.trades(trade(4, 2, 4))
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.retry) is None, "once for a line"
    stage.trades(trade(5, 2, 5), line=stage.new_line())
    assert stage.streams[0].series.wanted(stage.now_ms + WAITS.retry) == Span(at(1), at(2))


def test_a_candle_behind_a_hole_stirs_its_keeper() -> None:
    stage = Stage("binance")
    stage.candle(0)
    stage.streams[0].stirred.clear()
    stage.candle(2)
    assert stage.opened == [0]
    assert stage.streams[0].stirred.is_set()


@pytest.mark.parametrize(("sent_ms", "seconds"), [(at(2) + 9_750, 0.25), (at(2) + 11_000, 0.0)])
def test_how_long_a_frame_took(sent_ms: int, seconds: float) -> None:
    """By the venue's clock; never less than nothing."""
    stage = Stage()
    stage.hear(Message(Kind.HEARTBEAT, "heartbeat", sent_ms=sent_ms))
    assert stage.tally.delays.total_s == pytest.approx(seconds)
    assert sum(stage.tally.delays.counts) == 1


def test_what_is_written_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    flat = replace(bar(1), synthetic=True)
    outs: Sequence[Any] = [bar(0), flat, Hole(at(2), at(7), "it answered 503"), Revised(bar(0, "5"))]
    stage.desk.write(stage.streams[1], outs)
    who = "ETH-USD.X"
    assert stage.tally.written == {(who, "flag"): 2, (who, "synthetic"): 1, (who, "gap"): 1, (who, "revision"): 1}
    assert stage.tally.missing_minutes == {who: 5}
    assert [record["kind"] for record in stage.said] == ["candle", "candle", "gap", "revision"]
    assert {record.key for record in stage.records} == {who.encode()}
    assert stage.streams[1].stirred.is_set()
    assert "gap: it answered 503" in caplog.text


def test_nothing_to_write_disturbs_nobody() -> None:
    stage = Stage()
    stage.desk.write(stage.streams[0], [])
    assert stage.records == []
    assert not stage.streams[0].stirred.is_set()

"""The desk: frames of every kind in, records out. No socket; the clock stands where a test puts it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from producer.feeds.contract import Message, MessageKind, VenueCandle
from producer.live.candle import MissingMinutes, RevisedCandle
from producer.live.dispatch import MAX_BEHIND_MS
from tests.producer.bars import MINUTE, at, bar, trade
from tests.producer.desk_stage import PAIRS, Stage


@pytest.mark.parametrize("kind", set(MessageKind) - {MessageKind.CANDLES, MessageKind.TRADES, MessageKind.RECONNECT})
def test_what_is_no_data_writes_nothing_and_is_counted(kind: MessageKind) -> None:
    stage = Stage()
    stage.hear(Message(kind, "x", detail="why"))
    assert stage.tally.frames == {kind.value: 1}
    assert (stage.records, stage.line.heard, stage.line.notice) == ([], set(), None)
    assert not stage.line.changed.is_set()
    assert stage.streams[0].rhythm.since_s(1_000.0) == 0.0, "an acknowledgment is no sign of life of a stream"


def test_a_refusal_is_told_to_a_person(caplog: pytest.LogCaptureFixture) -> None:
    Stage().hear(Message(MessageKind.REFUSED, "subscribe", detail="Currency pair not supported XX/YY"))
    assert "the venue refuses: Currency pair not supported XX/YY" in caplog.text


@pytest.mark.parametrize(("detail", "notice"), [("an upgrade", "an upgrade"), ("", "64008")])
def test_a_notice_stirs_the_lane(detail: str, notice: str) -> None:
    stage = Stage()
    stage.hear(Message(MessageKind.RECONNECT, "64008", detail=detail))
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
    stage.hear(Message(MessageKind.CANDLES, "kline", candles=candles))
    assert [record["symbol"] for record in stage.said] == ["BTC-USD.X", "ETH-USD.X"]


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_pairs_that_nobody_asked_for_are_counted_as_strange(venue: str) -> None:
    stage = Stage(venue)
    stage.candle(0, pair="XYZ-USD")
    stage.trades(replace(trade(1, 0, 1), pair="XYZ-USD"))
    assert stage.tally.frames == {"candles": 1, "trades": 1, "strange": 2}
    assert stage.records == []


@pytest.mark.parametrize("off_ms", [2 * MINUTE, 86_400_000, -MAX_BEHIND_MS - MINUTE])
def test_a_candle_with_a_wrong_time_is_none(off_ms: int) -> None:
    stage = Stage("binance")
    stage.candle(0)
    stage.candle(2 + off_ms // MINUTE + 1)
    assert (stage.opened, stage.tally.frames["strange"]) == ([0], 1)
    assert stage.streams[0].series.waiting == 0


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
    stage = Stage("binance")
    stage.hear(Message(MessageKind.HEARTBEAT, "heartbeat", sent_ms=sent_ms))
    assert stage.tally.delays.total_s == pytest.approx(seconds)
    assert sum(stage.tally.delays.counts) == 1


def test_what_is_written_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    flat = replace(bar(1), synthetic=True)
    outs: Sequence[Any] = [bar(0), flat, MissingMinutes(at(2), at(7), "it answered 503"), RevisedCandle(bar(0, "5"))]
    stage.streams[1].write(outs)
    who = "ETH-USD.X"
    assert stage.tally.written == {(who, "flag"): 2, (who, "synthetic"): 1, (who, "gap"): 1, (who, "revision"): 1}
    assert stage.tally.missing_minutes == {who: 5}
    assert [record["kind"] for record in stage.said] == ["candle", "candle", "gap", "revision"]
    assert {record.key for record in stage.records} == {who.encode()}
    assert stage.streams[1].stirred.is_set()
    assert "gap: it answered 503" in caplog.text


def test_nothing_to_write_disturbs_nobody() -> None:
    stage = Stage()
    stage.streams[0].write([])
    assert stage.records == []
    assert not stage.streams[0].stirred.is_set()

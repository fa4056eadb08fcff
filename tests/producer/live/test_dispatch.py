"""The dispatcher: frames of every kind in, records out. No socket; a test sets the clock."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from producer.feeds.contract import Message, MessageKind, VenueCandle
from producer.live.candle import MissingMinutes, RevisedCandle
from producer.live.dispatch import MAX_BEHIND_MS
from tests.producer.live.candles import MINUTE_MS, at, candle, trade
from tests.producer.live.dispatching import DISPATCHED_PAIRS, DispatcherSetup

WITH_CONSEQUENCES = {MessageKind.CANDLES, MessageKind.TRADES, MessageKind.RECONNECT}


@pytest.mark.parametrize("kind", [kind for kind in MessageKind if kind not in WITH_CONSEQUENCES])
def test_frames_without_data_are_counted_and_write_nothing(kind: MessageKind) -> None:
    setup = DispatcherSetup()
    setup.receive(Message(kind, "x", detail="why"))
    assert setup.stats.frames == {kind.value: 1}
    assert (setup.records, setup.connection.pairs_with_data, setup.connection.notice) == ([], set(), None)
    assert not setup.connection.changed.is_set()
    assert setup.subscriptions[0].silence.silent_s(1_000.0) == 0.0, "an acknowledgment is not data"


def test_a_refusal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    DispatcherSetup().receive(Message(MessageKind.REFUSED, "subscribe", detail="Currency pair not supported XX/YY"))
    assert "the venue refused a message: Currency pair not supported XX/YY" in caplog.text


@pytest.mark.parametrize(("detail", "notice"), [("an upgrade", "an upgrade"), ("", "64008")])
def test_a_notice_is_kept_by_the_connection(detail: str, notice: str) -> None:
    setup = DispatcherSetup()
    setup.receive(Message(MessageKind.RECONNECT, "64008", detail=detail))
    assert setup.connection.notice == notice
    assert setup.connection.changed.is_set()


def test_only_a_closed_candle_is_written() -> None:
    setup = DispatcherSetup("binance")
    setup.receive_candle(0, closed=False)
    assert (setup.records, setup.connection.pairs_with_closed_candle, setup.connection.pairs_with_data) == (
        [],
        set(),
        {"BTC-USD"},
    )
    setup.receive_candle(0, "42.50", sent_ms=at(1) + 30)
    (record,) = setup.log
    assert (record["symbol"], record["open_time_ms"], record["close"], record["source"]) == (
        "BTC-USD.X",
        at(0),
        "42.50",
        "x",
    )
    assert (record["closed_by"], record["sent_ms"], record["received_ms"]) == ("flag", at(1) + 30, setup.now_ms)
    assert setup.connection.pairs_with_closed_candle == {"BTC-USD"}
    assert setup.stats.written == {("BTC-USD.X", "flag"): 1}


def test_candles_of_one_frame_go_to_their_symbols() -> None:
    setup = DispatcherSetup("binance")
    one = Decimal(1)
    candles = tuple(VenueCandle(pair, at(0), one, one, one, one, one, one, closed=True) for pair in DISPATCHED_PAIRS)
    setup.receive(Message(MessageKind.CANDLES, "kline", candles=candles))
    assert [record["symbol"] for record in setup.log] == ["BTC-USD.X", "ETH-USD.X"]


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_data_of_unknown_pairs_is_counted_as_strange(venue: str) -> None:
    setup = DispatcherSetup(venue)
    setup.receive_candle(0, pair="XYZ-USD")
    setup.receive_trades(replace(trade(1, 0, 1), pair="XYZ-USD"))
    assert setup.stats.frames == {"candles": 1, "trades": 1, "strange": 2}
    assert setup.records == []


@pytest.mark.parametrize("off_ms", [2 * MINUTE_MS, 86_400_000, -MAX_BEHIND_MS - MINUTE_MS])
def test_a_candle_with_an_absurd_time_is_ignored(off_ms: int) -> None:
    setup = DispatcherSetup("binance")
    setup.receive_candle(0)
    setup.receive_candle(2 + off_ms // MINUTE_MS + 1)
    assert (setup.minutes, setup.stats.frames["strange"]) == ([0], 1)
    assert setup.subscriptions[0].sequencer.waiting == 0


def test_a_candle_behind_a_gap_wakes_the_backfiller() -> None:
    setup = DispatcherSetup("binance")
    setup.receive_candle(0)
    setup.subscriptions[0].wake.clear()
    setup.receive_candle(2)
    assert setup.minutes == [0]
    assert setup.subscriptions[0].wake.is_set()


@pytest.mark.parametrize(("sent_ms", "seconds"), [(at(2) + 9_750, 0.25), (at(2) + 11_000, 0.0)])
def test_the_delay_of_a_frame_is_measured(sent_ms: int, seconds: float) -> None:
    """By the venue's clock, and never negative."""
    setup = DispatcherSetup("binance")
    setup.receive(Message(MessageKind.HEARTBEAT, "heartbeat", sent_ms=sent_ms))
    assert setup.stats.delays.total_s == pytest.approx(seconds)
    assert sum(setup.stats.delays.counts) == 1


def test_what_is_written_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    setup = DispatcherSetup()
    flat = replace(candle(1), synthetic=True)
    events: Sequence[Any] = [candle(0), flat, MissingMinutes(at(2), at(7), "it answered 503"), RevisedCandle(candle(0, "5"))]
    setup.subscriptions[1].write(events)
    who = "ETH-USD.X"
    assert setup.stats.written == {(who, "flag"): 2, (who, "synthetic"): 1, (who, "gap"): 1, (who, "revision"): 1}
    assert setup.stats.missing_minutes == {who: 5}
    assert [record["kind"] for record in setup.log] == ["candle", "candle", "gap", "revision"]
    assert {record.key for record in setup.records} == {who.encode()}
    assert setup.subscriptions[1].wake.is_set()
    assert "gap: it answered 503" in caplog.text


def test_writing_nothing_wakes_nothing() -> None:
    setup = DispatcherSetup()
    setup.subscriptions[0].write([])
    assert setup.records == []
    assert not setup.subscriptions[0].wake.is_set()

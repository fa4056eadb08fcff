"""The feed of Bybit: frames, subscriptions, pages."""

import json
from decimal import Decimal

import pytest

from producer.feeds.bybit import BYBIT
from producer.feeds.contract import FrameError, Message, MessageKind, Pair, Request, VenueError, VenueTrade
from tests.producer.feeds.frames import BYBIT as FRAMES
from tests.producer.feeds.frames import PAGES, first_minute


def test_candles_are_parsed() -> None:
    closed = BYBIT.parse(FRAMES["closed candle"])
    assert closed == Message(MessageKind.CANDLES, "kline", candles=(first_minute("ETHUSDT"),), sent_ms=1_767_225_660_020)
    [candle] = BYBIT.parse(FRAMES["open candle"]).candles
    assert (candle.open_time_ms, candle.closed) == (1_767_225_660_000, False)


def test_trades_are_parsed() -> None:
    message = BYBIT.parse(FRAMES["trades"])
    assert (message.kind, message.name, message.sent_ms, len(message.trades)) == (
        *(MessageKind.TRADES, "publicTrade", 1_767_225_661_501, 2),
    )
    first = VenueTrade("ETHUSDT", 2_290_000_000_067_299_876, 1_767_225_661_499_000, Decimal("2982.10"), Decimal("0.5"))
    assert message.trades[0] == first


@pytest.mark.parametrize(
    ("frame", "kind", "name", "detail"),
    [
        ("five minutes", MessageKind.OTHER, "kline.5", ""),
        ("trades of a derivative", MessageKind.OTHER, "publicTrade", ""),
        ("book", MessageKind.OTHER, "orderbook", ""),
        ("acknowledgment", MessageKind.ACK, "subscribe", "2"),
        ("refusal", MessageKind.REFUSED, "subscribe", "Invalid topic: kline.1.ETHXYZ"),
        ("refusal of nothing known", MessageKind.REFUSED, "error", "Params Error"),
        ("pong", MessageKind.PONG, "ping", ""),
        ("other pong", MessageKind.PONG, "pong", ""),
    ],
)
def test_other_frames_are_named(frame: str, kind: MessageKind, name: str, detail: str) -> None:
    message = BYBIT.parse(FRAMES[frame])
    assert (message.kind, message.name, message.detail, message.candles, message.trades) == (kind, name, detail, (), ())


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"confirm":true', '"confirm":"true"'),
        ('"confirm":true,', ""),
        ('"close":"2982.15"', '"close":"Infinity"'),
        ('"close":"2982.15"', '"close":2982.15'),
        ('"high":"2983"', '"high":"2980"'),
        ('"start":1767225600000', '"start":1767225600500'),
        ('"start":1767225600000', '"start":"1767225600000"'),
        ('"ts":1767225660020,', ""),
        ('"data":', '"dato":'),
    ],
)
def test_an_implausible_candle_is_refused(was: str, becomes: str) -> None:
    assert was in FRAMES["closed candle"]
    with pytest.raises(FrameError):
        BYBIT.parse(FRAMES["closed candle"].replace(was, becomes))


def test_a_row_of_another_interval_is_not_a_candle() -> None:
    """The row decides, whatever its topic is."""
    message = BYBIT.parse(FRAMES["closed candle"].replace('"interval":"1"', '"interval":"5"'))
    assert (message.kind, message.candles) == (MessageKind.OTHER, ())


def test_the_subscription_messages() -> None:
    assert BYBIT.spelling(Pair("ETH", "USDT")) == "ETHUSDT"
    messages = list(map(json.loads, BYBIT.subscriptions([f"A{number}USDT" for number in range(11)])))
    assert [len(message["args"]) for message in messages] == [10, 1]
    assert messages[1] == {"req_id": "2", "op": "subscribe", "args": ["kline.1.A10USDT"]}
    assert BYBIT.socket_path([]) == "/v5/public/spot"
    assert json.loads(BYBIT.ping or "") == {"op": "ping"}


def test_a_page_is_requested_and_parsed() -> None:
    params = {"category": "spot", "symbol": "ETHUSDT", "interval": "1", "start": "120000", "end": "299999", "limit": "1000"}
    assert BYBIT.page_request("ETHUSDT", 120_000, 300_000, 10**12) == Request("/v5/market/kline", params)
    rows = BYBIT.page(PAGES["bybit"]).candles
    assert [row.open_time_ms for row in rows] == [1_767_225_660_000, 1_767_225_600_000]
    assert rows[1] == first_minute("")


@pytest.mark.parametrize(
    ("code", "message", "too_many", "unknown"),
    [
        (10001, "params error: Symbol Is Invalid", False, True),
        (10001, "params error: limit", False, False),
        (10006, "Too many visits!", True, False),
        (10016, "Server error", False, False),
    ],
)
def test_a_refused_page_raises_venue_error(code: int, message: str, too_many: bool, unknown: bool) -> None:  # noqa: FBT001  a table's columns
    with pytest.raises(VenueError, match=message) as refused:
        BYBIT.page(json.dumps({"retCode": code, "retMsg": message, "result": {}, "time": 1}).encode())
    assert (refused.value.too_many, refused.value.unknown_pair) == (too_many, unknown)


def test_the_venues_time_is_requested_and_parsed() -> None:
    assert BYBIT.time_request() == Request("/v5/market/time", {})
    assert (
        BYBIT.time_ms(b'{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1767225661"},"time":1767225661123}')
        == 1_767_225_661_123
    )
    for body in (b'{"retCode":0}', b"<html>"):
        with pytest.raises(FrameError):
            BYBIT.time_ms(body)
    with pytest.raises(VenueError, match="10006"):
        BYBIT.time_ms(b'{"retCode":10006,"time":1767225661123}')
    with pytest.raises(FrameError):
        BYBIT.page(b'{"retCode":0,"result":{}}')

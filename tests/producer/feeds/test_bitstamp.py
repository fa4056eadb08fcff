"""The feed of Bitstamp: frames, subscriptions, pages."""

import json
from decimal import Decimal

import pytest

from producer.feeds.bitstamp import BITSTAMP
from producer.feeds.contract import FrameError, Message, MessageKind, Pair, VenueError, VenueTrade
from tests.producer.feeds.frames import BITSTAMP as FRAMES
from tests.producer.feeds.frames import PAGES, first_minute


def test_a_trade_is_parsed() -> None:
    trade = VenueTrade("ethusd", 300_000_001, 1_767_225_661_499_001, Decimal("2982.10"), Decimal("0.50000000"))
    assert BITSTAMP.parse(FRAMES["trade"]) == Message(MessageKind.TRADES, "trade", trades=(trade,))


def test_a_trade_with_size_0_is_parsed() -> None:
    frame = FRAMES["trade"].replace('"amount_str":"0.50000000"', '"amount_str":"0.00000000"')
    assert BITSTAMP.parse(frame).trades[0].size == 0


@pytest.mark.parametrize(
    ("frame", "kind", "name", "detail"),
    [
        ("book", MessageKind.OTHER, "diff_order_book", ""),
        ("acknowledgment", MessageKind.ACK, "bts:subscription_succeeded", "live_trades_ethusd"),
        ("refusal", MessageKind.REFUSED, "bts:error", "Bad subscription string."),
        ("reconnect", MessageKind.RECONNECT, "bts:request_reconnect", "the server asks for it"),
        ("pong", MessageKind.PONG, "bts:heartbeat", ""),
    ],
)
def test_other_frames_are_named(frame: str, kind: MessageKind, name: str, detail: str) -> None:
    assert BITSTAMP.parse(FRAMES[frame]) == Message(kind, name, detail=detail)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("live_trades_", "live_orders_"),
        ('"event":"trade"', '"event":"trades"'),
        ('"id":300000001', '"id":"300000001"'),
        ('"price_str":"2982.10"', '"price_str":"0"'),
        ('"price_str":"2982.10",', ""),
        ('"microtimestamp":"1767225661499001"', '"microtimestamp":"9999999999999999"'),
        ('"data":', '"dato":'),
    ],
)
def test_an_implausible_trade_is_refused(was: str, becomes: str) -> None:
    assert was in FRAMES["trade"]
    with pytest.raises(FrameError):
        BITSTAMP.parse(FRAMES["trade"].replace(was, becomes))


def test_the_subscription_messages() -> None:
    assert BITSTAMP.spelling(Pair("ETH", "USD")) == "ethusd"
    assert list(map(json.loads, BITSTAMP.subscriptions(["ethusd", "btcusd"]))) == [
        {"event": "bts:subscribe", "data": {"channel": "live_trades_ethusd"}},
        {"event": "bts:subscribe", "data": {"channel": "live_trades_btcusd"}},
    ]
    assert json.loads(BITSTAMP.ping or "") == {"event": "bts:heartbeat"}


def test_a_page_is_requested_and_parsed() -> None:
    request = BITSTAMP.page_request("ethusd", 120_000, 300_000, 10**12)
    assert request.path == "/api/v2/ohlc/ethusd/"
    assert request.params == {"step": "60", "limit": "1000", "start": "60", "end": "300"}
    rows = BITSTAMP.page(PAGES["bitstamp"]).candles
    assert rows[0] == first_minute("", quote=False)
    assert [row.open_time_ms for row in rows] == [1_767_225_600_000, 1_767_225_660_000]


@pytest.mark.parametrize(
    ("body", "too_many", "unknown"),
    [
        (b'{"status":"error","reason":"no way","code":"API0000"}', False, False),
        (b'{"code":"400.002","reason":"no way"}', True, False),
        (b'{"code":"404.001","errors":[{"message":"no way"}]}', False, True),
        (b'{"code":404,"error":"no way"}', False, True),
        (b'{"error":{"__all__":["no way: invalid currency pair"]}}', False, True),
    ],
)
def test_a_refused_page_raises_venue_error(body: bytes, too_many: bool, unknown: bool) -> None:  # noqa: FBT001  a table's columns
    with pytest.raises(VenueError, match="no way") as refused:
        BITSTAMP.page(body)
    assert (refused.value.too_many, refused.value.unknown_pair) == (too_many, unknown)


@pytest.mark.parametrize("body", [b"{}", b'{"data":{}}', b'{"data":{"ohlc":[{}]}}'])
def test_a_body_that_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        BITSTAMP.page(body)

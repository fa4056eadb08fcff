"""The feed of Coinbase: frames, subscriptions, pages."""

import json
from decimal import Decimal

import pytest

from producer.feeds.coinbase import COINBASE
from producer.feeds.contract import FrameError, Message, MessageKind, Pair, VenueError, VenueTrade
from tests.producer.feeds.frames import COINBASE as FRAMES
from tests.producer.feeds.frames import PAGES, first_minute


def test_trades_are_sorted_by_their_ids() -> None:
    first = VenueTrade("ETH-USD", 5_001, 1_767_225_661_400_001, Decimal("2982.10"), Decimal("0.5"))
    second = VenueTrade("ETH-USD", 5_002, 1_767_225_661_400_002, Decimal("2982.11"), Decimal("0.25"))
    assert COINBASE.parse(FRAMES["trades"]) == Message(
        MessageKind.TRADES, "market_trades", trades=(first, second), sent_ms=1_767_225_661_500, sequence=17
    )


def test_a_snapshot_is_marked() -> None:
    message = COINBASE.parse(FRAMES["snapshot"])
    assert (message.snapshot, message.sequence, message.sent_ms) == (True, 2, 1_767_225_660_000)
    assert [trade.time_us for trade in message.trades] == [1_767_225_659_999_999]


def test_a_batch_with_a_snapshot_and_an_update_is_not_a_snapshot() -> None:
    message = COINBASE.parse(FRAMES["snapshot and update"])
    assert (message.snapshot, [trade.id for trade in message.trades]) == (False, [5_003])


@pytest.mark.parametrize(
    ("frame", "kind", "name", "sequence", "detail"),
    [
        ("heartbeat", MessageKind.HEARTBEAT, "heartbeats", 18, ""),
        ("acknowledgment", MessageKind.ACK, "subscriptions", 0, "market_trades ETH-USD BTC-USD"),
        ("candles of five minutes", MessageKind.OTHER, "candles", 4, ""),
        ("refusal", MessageKind.REFUSED, "error", None, "Failed to subscribe no such product"),
        ("older heartbeat", MessageKind.HEARTBEAT, "heartbeat", None, ""),
        ("older acknowledgment", MessageKind.ACK, "subscriptions", None, ""),
        ("older book", MessageKind.OTHER, "l2update", None, ""),
    ],
)
def test_other_frames_are_named(frame: str, kind: MessageKind, name: str, sequence: int | None, detail: str) -> None:
    message = COINBASE.parse(FRAMES[frame])
    assert (message.kind, message.name, message.sequence, message.detail, message.trades) == (kind, name, sequence, detail, ())


def test_frames_of_the_older_feed_are_parsed() -> None:
    message = COINBASE.parse(FRAMES["match"])
    trade = VenueTrade("ETH-USD", 71, 1_767_225_663_000_009, Decimal("2982.5"), Decimal("0.1"))
    assert message == Message(MessageKind.TRADES, "match", trades=(trade,), sent_ms=1_767_225_663_000)
    assert COINBASE.parse(FRAMES["last match"]).snapshot


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"trade_id":"5002"', '"trade_id":"5_002"'),
        ('"trade_id":"5002"', '"trade_id":"-5002"'),
        ('"trade_id":"5002"', '"trade_id":""'),
        ('"price":"2982.11"', '"price":"0"'),
        ('"price":"2982.11"', '"price":2982.11'),
        ('"size":"0.25"', '"size":"-0.25"'),
        ("01.400002Z", "61.400002Z"),
        ("2026-01-01T00:01:01.400002Z", "2026-02-30T00:01:01.400002Z"),
        ("2026-01-01T00:01:01.400002Z", "2026-01-01 00:01:01.400002Z"),
        ("2026-01-01T00:01:01.400002Z", "2026-01-01T00:01:01.400002"),
        ("2026-01-01T00:01:01.400002Z", "1767225661"),
        ('"sequence_num":17', '"sequence_num":"17"'),
        ('"sequence_num":17,', ""),
        ("2026-01-01T00:01:01.500123Z", "soon"),
        ('"events":[', '"happenings":['),
        ('"trades":[', '"matches":['),
    ],
)
def test_implausible_trades_are_refused(was: str, becomes: str) -> None:
    assert was in FRAMES["trades"]
    with pytest.raises(FrameError):
        COINBASE.parse(FRAMES["trades"].replace(was, becomes))


def test_the_subscription_messages() -> None:
    assert COINBASE.spelling(Pair("ETH", "USD")) == "ETH-USD"
    assert list(map(json.loads, COINBASE.subscriptions(["ETH-USD", "BTC-USD"]))) == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "product_ids": ["ETH-USD", "BTC-USD"], "channel": "market_trades"},
    ]


def test_a_pair_in_usdc_is_refused() -> None:
    with pytest.raises(ValueError, match="ask for ETH-USD"):
        COINBASE.spelling(Pair("ETH", "USDC"))


def test_a_page_is_requested_and_parsed() -> None:
    request = COINBASE.page_request("ETH-USD", 120_000, 300_000, 10**12)
    assert request.path == "/api/v3/brokerage/market/products/ETH-USD/candles"
    assert request.params == {"start": "60", "end": "300", "granularity": "ONE_MINUTE", "limit": "350"}
    rows = COINBASE.page(PAGES["coinbase"]).candles
    assert rows[1] == first_minute("", quote=False)
    assert rows[0].open_time_ms == 1_767_225_660_000
    assert COINBASE.page(b'{"candles":[]}') == ([], [])


@pytest.mark.parametrize(
    ("body", "too_many", "unknown"),
    [
        (b'{"errors":[{"id":"rate_limit_exceeded","message":"no way"}]}', True, False),
        (b'{"error":"NOT_FOUND","error_details":"no way","message":"no way"}', False, True),
        (b'{"error":"INVALID_ARGUMENT","message":"no way: start argument is invalid"}', False, False),
    ],
)
def test_a_refused_page_raises_venue_error(body: bytes, too_many: bool, unknown: bool) -> None:  # noqa: FBT001  a table's columns
    with pytest.raises(VenueError, match="no way") as refused:
        COINBASE.page(body)
    assert (refused.value.too_many, refused.value.unknown_pair) == (too_many, unknown)


def test_a_body_that_is_no_page_is_refused() -> None:
    with pytest.raises(FrameError):
        COINBASE.page(b"{}")

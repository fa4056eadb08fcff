"""The feed of Kraken: frames, subscriptions, pages."""

import json
from decimal import Decimal

import pytest
from msgspec.structs import replace

from producer.feeds.contract import FrameError, Message, MessageKind, Pair, VenueError, VenueTrade
from producer.feeds.kraken import KRAKEN
from tests.producer.feeds.frames import KRAKEN as FRAMES
from tests.producer.feeds.frames import PAGES, first_minute


def test_trades_are_parsed() -> None:
    """Nanoseconds are cut off, and numbers are never floats."""
    first = VenueTrade("ETH/USD", 880, 1_767_225_661_400_001, Decimal("2982.10"), Decimal("0.50000000"))
    second = VenueTrade("ETH/USD", 881, 1_767_225_661_400_001, Decimal(2982), Decimal("0.00000015"))
    assert KRAKEN.parse(FRAMES["trades"]) == Message(MessageKind.TRADES, "trade", trades=(first, second))
    assert str(KRAKEN.parse(FRAMES["trades"]).trades[0].price) == "2982.10"


def test_a_number_keeps_all_its_digits() -> None:
    frame = FRAMES["trades"].replace("2982.10", "0.1000000000000000055511")
    assert KRAKEN.parse(frame).trades[0].price == Decimal("0.1000000000000000055511")


def test_a_snapshot_is_marked() -> None:
    message = KRAKEN.parse(FRAMES["snapshot"])
    assert (message.snapshot, [trade.id for trade in message.trades]) == (True, [879])


def test_a_candle_is_never_marked_as_closed() -> None:
    message = KRAKEN.parse(FRAMES["candle"])
    expected = replace(first_minute("ETH/USD", closed=False, quote=False), open_time_ms=1_767_225_660_000)
    assert message.candles == (replace(expected, volume=Decimal("41.25000001")),)
    assert (message.kind, message.name, message.sent_ms) == (MessageKind.CANDLES, "ohlc", 1_767_225_662_806)


@pytest.mark.parametrize(
    ("frame", "kind", "name", "sent_ms", "detail"),
    [
        ("candle of five minutes", MessageKind.OTHER, "ohlc_5", 1_767_225_662_000, ""),
        ("heartbeat", MessageKind.HEARTBEAT, "heartbeat", None, ""),
        ("status", MessageKind.OTHER, "status", None, ""),
        ("pong", MessageKind.PONG, "pong", 1_767_225_662_100, ""),
        ("acknowledgment", MessageKind.ACK, "subscribe", 1_767_225_660_200, "trade ETH/USD"),
        ("refusal", MessageKind.REFUSED, "subscribe", 1_767_225_660_200, "Currency pair not supported ETH/XYZ ETH/XYZ"),
    ],
)
def test_other_frames_are_named(frame: str, kind: MessageKind, name: str, sent_ms: int | None, detail: str) -> None:
    message = KRAKEN.parse(FRAMES[frame])
    assert (message.kind, message.name, message.sent_ms, message.detail) == (kind, name, sent_ms, detail)
    assert not message.candles
    assert not message.trades


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("2982.10", '"NaN"'),
        ("2982.10", '"2_982"'),
        ("2982.10", '" 2982"'),
        ("2982.10", "1e400"),
        ("2982.10", "1e-400"),
        ("2982.10", "-2982.10"),
        ("2982.10", "0"),
        ("2982.10", "null"),
        ("2982.10", "[2982]"),
        ("2982.10", "9" * 5_000),
        ("880", "880.5"),
        ("880", "-880"),
        ("880", "99999999999999999999"),
        ('"trade_id":880,', ""),
        ('"data":', '"dato":'),
    ],
)
def test_implausible_trades_are_refused(was: str, becomes: str) -> None:
    assert was in FRAMES["trades"]
    with pytest.raises(FrameError):
        KRAKEN.parse(FRAMES["trades"].replace(was, becomes))


def test_a_candle_that_opens_within_a_minute_is_refused() -> None:
    with pytest.raises(FrameError):
        KRAKEN.parse(FRAMES["candle"].replace("00:01:00.000000000Z", "00:01:00.000001Z"))


def test_the_subscription_messages() -> None:
    assert KRAKEN.spelling(Pair("ETH", "USD")) == "ETH/USD"
    [message] = KRAKEN.subscriptions(["ETH/USD", "BTC/USD"])
    params = {"channel": "trade", "symbol": ["ETH/USD", "BTC/USD"], "snapshot": False}
    assert json.loads(message) == {"method": "subscribe", "params": params, "req_id": 1}
    assert KRAKEN.socket_path([]) == "/v2"


@pytest.mark.parametrize(("pair", "name"), [("ETH/USD", "ETHUSD"), ("BTC/USD", "XBTUSD"), ("DOGE/BTC", "XDGXBT")])
def test_a_request_uses_the_names_of_the_http_interface(pair: str, name: str) -> None:
    request = KRAKEN.page_request(pair, 120_000, 300_000, 10**12)
    assert (request.path, request.params) == ("/0/public/OHLC", {"pair": name, "interval": "1", "since": "60"})


def test_a_page_is_requested_and_parsed() -> None:
    rows = KRAKEN.page(PAGES["kraken"]).candles
    assert rows[0] == first_minute("", quote=False)
    assert [row.open_time_ms for row in rows] == [1_767_225_600_000, 1_767_225_660_000]


@pytest.mark.parametrize(
    ("error", "too_many", "unknown"),
    [
        ("EQuery:Unknown asset pair", False, True),
        ("EAPI:Rate limit exceeded", True, False),
        ("EGeneral:Too many requests", True, False),
        ("EService: Throttled", True, False),
        ("EGeneral:Invalid arguments", False, False),
    ],
)
def test_a_refused_page_raises_venue_error(error: str, too_many: bool, unknown: bool) -> None:  # noqa: FBT001  a table's columns
    with pytest.raises(VenueError, match=error) as refused:
        KRAKEN.page(json.dumps({"error": [error]}).encode())
    assert (refused.value.too_many, refused.value.unknown_pair) == (too_many, unknown)


@pytest.mark.parametrize("body", [b'{"error":[],"result":{"last":1}}', b'{"error":[],"result":{"A":[],"B":[],"last":1}}'])
def test_a_page_without_a_pair_or_with_two_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        KRAKEN.page(body)

"""The feed of Binance: frames, subscriptions, pages."""

import json
from decimal import Decimal

import pytest

from producer.feeds.binance import BINANCE
from producer.feeds.contract import FrameError, Message, MessageKind, Pair, Request, VenueError, VenueTrade
from tests.producer.feeds.frames import BINANCE as FRAMES
from tests.producer.feeds.frames import PAGES, first_minute

CLOSED = first_minute("ETHUSDT")


def test_a_closed_candle_is_parsed() -> None:
    message = BINANCE.parse(FRAMES["closed candle"])
    assert message == Message(MessageKind.CANDLES, "kline", candles=(CLOSED,), sent_ms=1_767_225_660_041)
    assert str(message.candles[0].close) == "2982.15000000"


def test_an_open_candle_without_an_envelope_is_parsed() -> None:
    message = BINANCE.parse(FRAMES["open candle, bare"].encode())
    assert [(c.open_time_ms, c.closed) for c in message.candles] == [(1_767_225_660_000, False)]


def test_times_in_microseconds_are_parsed() -> None:
    frame = FRAMES["closed candle"]
    for stamp in ("1767225660041", "1767225600000", "1767225659999"):
        frame = frame.replace(stamp, f"{stamp}000")
    assert BINANCE.parse(frame).candles == (CLOSED,)
    assert BINANCE.parse(frame).sent_ms == 1_767_225_660_041


def test_trades_are_parsed() -> None:
    price, size = Decimal("2982.10"), Decimal("0.5")
    trade = BINANCE.parse(FRAMES["trade"])
    assert (trade.kind, trade.name) == (MessageKind.TRADES, "trade")
    assert trade.trades == (VenueTrade("ETHUSDT", 712, 1_767_225_661_499_000, price, size),)
    merged = BINANCE.parse(FRAMES["aggregate trade, bare"])
    assert merged.name == "aggTrade"
    assert merged.trades == (VenueTrade("ETHUSDT", 93, 1_767_225_661_499_000, price, size),)


@pytest.mark.parametrize(
    ("frame", "kind", "name", "detail"),
    [
        ("acknowledgment", MessageKind.ACK, "result", "3"),
        ("refusal", MessageKind.REFUSED, "error", "2 Invalid request: unknown property"),
        ("refusal within", MessageKind.REFUSED, "error", "3 Invalid JSON"),
        ("shutdown", MessageKind.RECONNECT, "serverShutdown", "the server shuts down"),
        ("shutdown, bare", MessageKind.RECONNECT, "serverShutdown", "the server shuts down"),
        ("book", MessageKind.OTHER, "depthUpdate", ""),
        ("best", MessageKind.OTHER, "bookTicker", ""),
        ("five minutes", MessageKind.OTHER, "kline_5m", ""),
    ],
)
def test_other_frames_are_named(frame: str, kind: MessageKind, name: str, detail: str) -> None:
    message = BINANCE.parse(FRAMES[frame])
    assert (message.kind, message.name, message.detail, message.candles, message.trades) == (kind, name, detail, (), ())


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"x":true', '"x":1'),
        ('"x":true', '"y":true'),
        ('"c":"2982.15000000"', '"c":2982.15'),
        ('"c":"2982.15000000"', '"c":"NaN"'),
        ('"c":"2982.15000000"', '"c":"2_982"'),
        ('"c":"2982.15000000"', '"c":" 2982"'),
        ('"c":"2982.15000000"', '"c":"2982\\n"'),
        ('"c":"2982.15000000"', '"c":"0.00"'),
        ('"c":"2982.15000000"', '"c":"-1"'),
        ('"c":"2982.15000000"', '"c":"1e16"'),
        ('"c":"2982.15000000"', '"c":"٢"'),
        ('"h":"2983.00000000"', '"h":"2980"'),
        ('"v":"41.25000000"', '"v":"-1"'),
        ('"t":1767225600000', '"t":1767225600001'),
        ('"t":1767225600000', '"t":1767225600000001'),
        ('"t":1767225600000', '"t":-60000'),
        ('"t":1767225600000', '"t":7258118400000000'),
        ('"E":1767225660041', '"E":9999999999999'),
    ],
)
def test_an_implausible_candle_is_refused(was: str, becomes: str) -> None:
    frame = FRAMES["closed candle"]
    assert was in frame
    with pytest.raises(FrameError):
        BINANCE.parse(frame.replace(was, becomes))


def test_a_trade_without_an_id_is_refused() -> None:
    with pytest.raises(FrameError):
        BINANCE.parse(FRAMES["trade"].replace('"t":712', '"a":712'))


def test_the_subscription_messages() -> None:
    assert BINANCE.spelling(Pair("ETH", "USDT")) == "ETHUSDT"
    [message] = BINANCE.subscriptions(["ETHUSDT", "BTCUSDT"])
    assert json.loads(message) == {"method": "SUBSCRIBE", "params": ["ethusdt@kline_1m", "btcusdt@kline_1m"], "id": 1}
    assert BINANCE.socket_path(["ETHUSDT"]) == "/stream"


def test_a_page_is_requested_and_parsed() -> None:
    expected = Request(
        "/api/v3/klines",
        {"symbol": "ETHUSDT", "interval": "1m", "startTime": "120000", "endTime": "299999", "limit": "1000"},
    )
    assert BINANCE.page_request("ETHUSDT", 120_000, 300_000, 10**12) == expected
    rows = BINANCE.page(PAGES["binance"]).candles
    assert rows[0] == first_minute("")
    assert [row.open_time_ms for row in rows] == [1_767_225_600_000, 1_767_225_660_000]


@pytest.mark.parametrize(("code", "too_many", "unknown"), [(-1121, False, True), (-1003, True, False), (-1000, False, False)])
def test_a_refused_page_raises_venue_error(code: int, too_many: bool, unknown: bool) -> None:  # noqa: FBT001  a table's columns
    with pytest.raises(VenueError, match="no way") as refused:
        BINANCE.page(json.dumps({"code": code, "msg": "no way"}).encode())
    assert (refused.value.too_many, refused.value.unknown_pair) == (too_many, unknown)


def test_the_venues_time_is_requested_and_parsed() -> None:
    assert BINANCE.time_request() == Request("/api/v3/time", {})
    assert BINANCE.time_ms(b'{"serverTime":1767225661000}') == 1_767_225_661_000
    with pytest.raises(FrameError):
        BINANCE.time_ms(b"{}")

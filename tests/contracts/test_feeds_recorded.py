"""Frames recorded from real venues, if they lie beside the repository: the number of frames of each kind is known."""

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.feeds import VENUES
from producer.feeds.contract import FrameError, Message, MessageKind
from tests.real_minutes import DATA, file_beside

FRAMES = DATA / "frames"

SESSIONS = {
    "BINANCE.ws.1.0.gz": {"open candle": 2, "trade": 2, "other depthUpdate": 177, "other bookTicker": 84},
    "BINANCE_US.ws.1.0.gz": {
        "closed candle": 1,
        "open candle": 4,
        "trade": 11,
        "other depthUpdate": 336,
        "other bookTicker": 128,
    },
    "COINBASE.ws.28.0.gz": {
        "trade": 31,
        "ack subscriptions": 3,
        "other l2update": 2_921,
        "other ticker": 31,
        "other snapshot": 10,
    },
    "OKX.ws.1.0.gz": {"trade": 74, "ack subscribe": 18, "other books": 290, "other tickers": 28},
    "BITSTAMP.ws.1.0.gz": {"trade": 10, "ack bts:subscription_succeeded": 20, "other diff_order_book": 717},
}
SINGLE = {
    "bybit-ws_kline.json": {"other kline.5": 1},
    "bybit-ws_public_trade.json": {"other trade": 1},
    "bybit-ws_subscription_ack.json": {"ack subscribe": 1},
    "bybit-ws_subscription_failure.json": {"refused subscribe": 1},
    "coinbase-ws_candles.json": {"other candles": 1},
    "coinbase-ws_heartbeats.json": {"heartbeat heartbeats": 1},
    "coinbase-ws_market_trades.json": {"trade": 2},
    "coinbase-ws_subscriptions.json": {"ack subscriptions": 1},
    "kraken-ws_ohlc_update.json": {"open candle": 1},
    "kraken-ws_pong.json": {"pong pong": 1},
    "kraken-ws_subscribe_response.json": {"ack subscribe": 1},
    "kraken-ws_trade_update.json": {"trade": 2},
    "okx-ws_candle.json": {"other candle1D": 1},
    "okx-ws_trades.json": {"trade": 1},
}


def recorded(name: str, request: pytest.FixtureRequest) -> Path:
    """Return the path of a recording; skip the test, with a visible note, if it is missing."""
    return file_beside(f"frames/{name}", "recorded frames", request)


def incoming(path: Path) -> Iterator[str]:
    """Yield the received frames: a line is a time, a colon and a frame. Lines with a URL record connects and sent messages."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("wss://"):
                yield line.partition(": ")[2].strip()


def counts_of(name: str, frame: str) -> Counter[str]:
    """Count candles and trades one by one, and other frames by their kind and name."""
    feed = VENUES[name.lower().replace(".", "-").replace("_", "-").partition("-")[0]]
    try:
        message = feed.parse(frame)
    except FrameError:
        return Counter({"error": 1})
    if message.kind is MessageKind.CANDLES:
        return Counter("closed candle" if candle.closed else "open candle" for candle in message.candles)
    if message.kind is MessageKind.TRADES:
        return Counter({"trade": len(message.trades)})
    return Counter({f"{message.kind} {message.name}": 1})


@pytest.mark.parametrize("name", SESSIONS)
def test_each_frame_of_a_session_is_parsed(name: str, request: pytest.FixtureRequest) -> None:
    found: Counter[str] = Counter()
    for frame in incoming(recorded(name, request)):
        found += counts_of(name, frame)
    assert found == Counter(SESSIONS[name])


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_frame_is_parsed(name: str, request: pytest.FixtureRequest) -> None:
    assert counts_of(name, recorded(name, request).read_text()) == Counter(SINGLE[name])


def test_all_recordings_are_used(request: pytest.FixtureRequest) -> None:
    recorded("BINANCE.ws.1.0.gz", request)
    assert {path.name for path in FRAMES.iterdir()} == {*SESSIONS, *SINGLE}


def test_the_values_of_a_closed_candle(request: pytest.FixtureRequest) -> None:
    messages: list[Message] = []
    for frame in incoming(recorded("BINANCE_US.ws.1.0.gz", request)):
        messages += [VENUES["binance"].parse(frame)]
    [closed] = [candle for message in messages for candle in message.candles if candle.closed]
    assert (closed.pair, closed.open_time_ms, str(closed.close), str(closed.volume)) == (
        *("OMGBUSD", 1_633_998_240_000, "13.76640000", "536.51000000"),
    )

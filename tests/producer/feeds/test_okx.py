"""The feed of OKX: frames, subscriptions, pages."""

import json
from decimal import Decimal

import pytest

from producer.feeds.contract import FrameError, Message, MessageKind, Pair, Request, VenueError, VenueTrade
from producer.feeds.okx import OKX
from tests.producer.feeds.frames import OKX as FRAMES
from tests.producer.feeds.frames import PAGES, first_minute

NOW_MS = 1_767_225_661_000
DAY_MS = 86_400_000


def test_candles_are_parsed() -> None:
    assert OKX.parse(FRAMES["closed candle"]) == Message(MessageKind.CANDLES, "candle1m", candles=(first_minute("ETH-USDT"),))
    [candle] = OKX.parse(FRAMES["open candle"]).candles
    assert (candle.open_time_ms, candle.closed) == (1_767_225_660_000, False)


def test_trades_are_parsed() -> None:
    trade = VenueTrade("ETH-USDT", 4_411, 1_767_225_661_499_000, Decimal("2982.1"), Decimal("0.5"))
    assert OKX.parse(FRAMES["trades"]) == Message(MessageKind.TRADES, "trades", trades=(trade,))


@pytest.mark.parametrize(
    ("frame", "kind", "name", "detail"),
    [
        ("a day", MessageKind.OTHER, "candle1Dutc", ""),
        ("ticker", MessageKind.OTHER, "tickers", ""),
        ("acknowledgment", MessageKind.ACK, "subscribe", "candle1m ETH-USDT"),
        ("refusal", MessageKind.REFUSED, "error", "60018 Wrong URL or channel doesn't exist"),
        ("upgrade", MessageKind.RECONNECT, "notice", "64008 This connection closes soon for an upgrade."),
        ("notice", MessageKind.OTHER, "notice", "60099 something else"),
        ("pong", MessageKind.PONG, "pong", ""),
    ],
)
def test_other_frames_are_named(frame: str, kind: MessageKind, name: str, detail: str) -> None:
    for text in (FRAMES[frame], FRAMES[frame].encode()):
        message = OKX.parse(text)
        assert (message.kind, message.name, message.detail, message.candles, message.trades) == (kind, name, detail, (), ())


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"1"]', '"2"]'),
        ('"1"]', '""]'),
        ('"1"]', "1]"),
        (',"1"]', "]"),
        ('"2982.15"', '"NaN"'),
        ('"2982.15"', '""'),
        ('"2983"', '"2980"'),
        ('"1767225600000"', '"1767225600500"'),
        ('"1767225600000"', '"1_767225600000"'),
        ('"1767225600000"', "1767225600000"),
        ('"data":', '"dato":'),
        ('"arg":', '"args":'),
    ],
)
def test_an_implausible_candle_is_refused(was: str, becomes: str) -> None:
    assert was in FRAMES["closed candle"]
    with pytest.raises(FrameError):
        OKX.parse(FRAMES["closed candle"].replace(was, becomes))


@pytest.mark.parametrize("frame", ['{"event":"trade"}', '{"event":"subscribe"}', "ping", '"pong"', "PONG"])
def test_unknown_frames_are_refused(frame: str) -> None:
    with pytest.raises(FrameError):
        OKX.parse(frame)


def test_the_subscription_messages() -> None:
    assert OKX.spelling(Pair("ETH", "USDT")) == "ETH-USDT"
    [message] = OKX.subscriptions(["ETH-USDT"])
    assert json.loads(message) == {"op": "subscribe", "args": [{"channel": "candle1m", "instId": "ETH-USDT"}]}
    assert OKX.socket_path([]) == "/ws/v5/business"


def test_the_newest_day_has_a_path_of_its_own() -> None:
    new, old = NOW_MS - NOW_MS % 60_000 - 600_000, NOW_MS - NOW_MS % 60_000 - DAY_MS
    window = {"after": str(new + 180_000), "before": str(new - 1), "limit": "300"}
    assert OKX.page_request("ETH-USDT", new, new + 180_000, NOW_MS) == Request(
        "/api/v5/market/candles", {"instId": "ETH-USDT", "bar": "1m", **window}
    )
    assert (OKX.page_rows(new, NOW_MS), OKX.page_rows(old, NOW_MS)) == (300, 100)
    older = OKX.page_request("ETH-USDT", old, old + 180_000, NOW_MS)
    assert (older.path, older.params["limit"]) == ("/api/v5/market/history-candles", "100")


def test_a_page_is_requested_and_parsed() -> None:
    rows = OKX.page(PAGES["okx"]).candles
    assert [(row.open_time_ms, row.closed) for row in rows] == [(1_767_225_660_000, True), (1_767_225_600_000, True)]
    assert rows[1] == first_minute("")


def test_a_page_marks_the_open_candle() -> None:
    body = PAGES["okx"].replace(b'"0","0","0","1"]', b'"0","0","0","0"]')
    assert [row.closed for row in OKX.page(body).candles] == [False, True]


@pytest.mark.parametrize(
    ("code", "too_many", "unknown"), [("50011", True, False), ("51001", False, True), ("51000", False, False)]
)
def test_a_refused_page_raises_venue_error(code: str, too_many: bool, unknown: bool) -> None:  # noqa: FBT001  a table's columns
    with pytest.raises(VenueError, match="no way") as refused:
        OKX.page(json.dumps({"code": code, "msg": "no way", "data": []}).encode())
    assert (refused.value.too_many, refused.value.unknown_pair) == (too_many, unknown)


def test_the_venues_time_is_requested_and_parsed() -> None:
    assert OKX.time_request() == Request("/api/v5/public/time", {})
    assert OKX.time_ms(b'{"code":"0","msg":"","data":[{"ts":"1767225661123"}]}') == 1_767_225_661_123
    for body in (b'{"code":"0","data":[]}', b"{}", b"<html>"):
        with pytest.raises(FrameError):
            OKX.time_ms(body)
    with pytest.raises(VenueError, match="50011"):
        OKX.time_ms(b'{"code":"50011","msg":"no","data":[]}')

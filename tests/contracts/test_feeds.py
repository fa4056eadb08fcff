"""The contract of a feed, tested on each venue."""

import json
import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.feeds import VENUES
from producer.feeds.contract import Feed, FrameError, MessageKind, Pair, VenueCandle, VenueError
from tests.contracts.venue_pages import MINUTE_MS, Market, answer, numbers, windows
from tests.producer.feeds.frames import FRAMES, PAGES

MIDNIGHT_MS = 1_767_225_600_000
BTC = {name: Pair("BTC", "USDT" if feed.sends_candles else "USD") for name, feed in VENUES.items()}
every_venue = pytest.mark.parametrize("feed", VENUES.values(), ids=VENUES)


def test_the_venues_by_name() -> None:
    assert list(VENUES) == ["binance", "coinbase", "kraken", "bybit", "okx", "bitstamp"]
    assert all(name == feed.name for name, feed in VENUES.items())


def test_which_venues_send_candles() -> None:
    assert [name for name, feed in VENUES.items() if feed.sends_candles] == ["binance", "bybit", "okx"]
    assert all(feed.sends_candles == feed.sends_empty_minutes for feed in VENUES.values())
    assert not VENUES["coinbase"].dense_trade_ids
    assert not VENUES["bitstamp"].dense_trade_ids
    assert VENUES["kraken"].dense_trade_ids


@every_venue
def test_addresses_are_complete_urls(feed: Feed) -> None:
    assert re.fullmatch(r"wss://[a-z0-9.-]+(:\d+)?", feed.socket_url)
    assert re.fullmatch(r"https://[a-z0-9.-]+", feed.rest_url)
    assert feed.socket_path([feed.spelling(BTC[feed.name])]).startswith("/")


@every_venue
def test_limits_are_complete_and_positive(feed: Feed) -> None:
    limits = feed.limits
    assert date.fromisoformat(limits.verified_on) >= date(2026, 11, 21)
    assert 0 < limits.topics_per_message <= limits.pairs_per_connection
    assert min(limits.messages_per_s, limits.connect_every_s, limits.requests_per_s) > 0
    assert limits.settle_s == (3 if feed.sends_candles else 10)
    assert all(limit is None or limit > 0 for limit in (limits.max_age_s, limits.ping_every_s, limits.history_minutes))
    assert (feed.ping is None) == (limits.ping_every_s is None)


@every_venue
@given(st.integers(1, 450))
@settings(max_examples=20)
def test_subscriptions_name_every_pair_once(feed: Feed, count: int) -> None:
    pairs = [feed.spelling(Pair(f"P{number:03}X", "EUR")) for number in range(count)]
    messages = feed.subscriptions(pairs)
    named = [re.findall(r"p\d{3}x", message.lower()) for message in messages]
    assert sorted(name for names in named for name in names) == [f"p{number:03}x" for number in range(count)]
    assert all(len(names) <= feed.limits.topics_per_message for names in named)
    assert all(isinstance(json.loads(message), dict) for message in messages)


@every_venue
def test_a_frame_may_be_text_or_bytes(feed: Feed) -> None:
    for frame in FRAMES[feed.name].values():
        assert feed.parse(frame) == feed.parse(frame.encode())


@every_venue
def test_the_frames_cover_every_kind_that_a_venue_sends(feed: Feed) -> None:
    kinds = {feed.parse(frame).kind for frame in FRAMES[feed.name].values()}
    assert {MessageKind.ACK, MessageKind.REFUSED, MessageKind.OTHER, MessageKind.TRADES} <= kinds
    assert (MessageKind.PONG in kinds) >= (feed.ping is not None)
    closed = {candle.closed for frame in FRAMES[feed.name].values() for candle in feed.parse(frame).candles}
    assert closed == ({True, False} if feed.sends_candles else {False} if feed.name == "kraken" else set())


@every_venue
def test_frames_spell_a_pair_as_the_feed_does(feed: Feed) -> None:
    pair = feed.spelling(Pair("ETH", "USDT" if feed.sends_candles else "USD"))
    for frame in FRAMES[feed.name].values():
        message = feed.parse(frame)
        assert {candle.pair for candle in message.candles} | {trade.pair for trade in message.trades} <= {pair}


@every_venue
def test_frames_of_another_venue_are_refused(feed: Feed) -> None:
    for other, frames in FRAMES.items():
        for frame in frames.values():
            if other != feed.name:
                with pytest.raises(FrameError):
                    feed.parse(frame)


@every_venue
def test_pages_of_another_venue_are_refused(feed: Feed) -> None:
    for other, page in PAGES.items():
        if other != feed.name:
            with pytest.raises(FrameError):
                feed.page(page)


NOTHING: tuple[str | bytes, ...] = (
    *("", " ", "{}", "[]", "null", "1", '"x"', "true", "[[]]", "[{}]", "<html><body>502 Bad Gateway</body></html>", "ping", "{"),
    *('{"data":{}}', '{"channel":""}', '{"event":""}', '{"stream":""}', '{"topic":""}', '{"e":""}', "NaN", "\ud800", "\x00"),
    *(b"", b"\xff\xfe", b"\x00" * 99, b"[" * 99_999, b'{"data":' * 99_999, b"9" * 9_999, b"\x1f\x8b\x08", b"\xef\xbb\xbf{}"),
)


@every_venue
@pytest.mark.parametrize("nothing", NOTHING, ids=range(len(NOTHING)))
def test_garbage_is_refused(feed: Feed, nothing: str | bytes) -> None:
    with pytest.raises(FrameError) as refused:
        feed.parse(nothing)
    assert 0 < len(str(refused.value)) < 200
    body = nothing if isinstance(nothing, bytes) else nothing.encode(errors="surrogatepass")
    with pytest.raises(FrameError):
        feed.time_ms(body)
    if body != b"[]" or feed.name != "binance":  # where that is a page without rows
        with pytest.raises(FrameError):
            feed.page(body)


def fetched(feed: Feed, market: Market, from_ms: int, to_ms: int, size: int) -> dict[int, VenueCandle]:
    """Return the candles of all pages by time, without those outside of each page's window."""
    found: dict[int, VenueCandle] = {}
    pair, now_ms = feed.spelling(BTC[feed.name]), market.now_ms
    for start, end in windows(from_ms, to_ms, lambda start: min(size, feed.page_rows(start, now_ms))):
        request = feed.page_request(pair, start, end, now_ms)
        rows, odd = feed.page(answer(feed.name, request, market))
        assert odd == []
        assert len({row.open_time_ms for row in rows}) == len(rows)
        found.update((row.open_time_ms, row) for row in rows if start <= row.open_time_ms < end)
    return found


def expected(feed: Feed, minute_ms: int, now_ms: int) -> VenueCandle:
    *prices, volume, quote = map(Decimal, numbers(minute_ms))
    open_, high, low, close = prices
    closed = feed.name != "okx" or minute_ms + MINUTE_MS <= now_ms
    return VenueCandle("", minute_ms, open_, high, low, close, volume, quote if feed.sends_candles else None, closed)


def minutes_with_candles(feed: Feed, first_ms: int, last_ms: int, missing: Collection[int]) -> list[int]:
    every = range(first_ms, last_ms + 1, MINUTE_MS)
    return [minute for i, minute in enumerate(every) if feed.sends_empty_minutes or i not in missing]


@every_venue
@given(st.data())
@settings(max_examples=40)
def test_pages_of_any_size_give_the_same_candles(feed: Feed, data: st.DataObject) -> None:
    """For any size, bounds and empty minutes. The first minutes lie before the window, and the last one is still open."""
    length = data.draw(st.integers(1, 700))
    before = data.draw(st.integers(0, 5))
    ago = data.draw(st.integers(0, 3_000)) if feed.limits.history_minutes is None else 0
    into_ms = data.draw(st.integers(0, MINUTE_MS - 1))
    size = data.draw(st.integers(1, 1_000) | st.integers(1, 50))
    missing = data.draw(st.sets(st.integers(0, 710), max_size=200))
    from_ms = MIDNIGHT_MS
    to_ms = from_ms + length * MINUTE_MS
    open_ms = to_ms + (ago - 1) * MINUTE_MS
    minutes = minutes_with_candles(feed, from_ms - before * MINUTE_MS, open_ms, missing)
    market = Market(minutes, open_ms + into_ms, inclusive=data.draw(st.booleans()))
    found = fetched(feed, market, from_ms, to_ms, size)
    assert found == {minute: expected(feed, minute, market.now_ms) for minute in minutes if from_ms <= minute < to_ms}


@every_venue
@pytest.mark.parametrize("into_ms", [0, 1, MINUTE_MS - 1])
@pytest.mark.parametrize("ahead_ms", [0, 20_000])
def test_history_reaches_as_far_back_as_the_limits_say(feed: Feed, into_ms: int, ahead_ms: int) -> None:
    """Also if the venue's clock is ahead of ours: a minute that it no longer serves would be taken for an empty one."""
    ours_ms = MIDNIGHT_MS + into_ms
    history = feed.limits.history_minutes or 2_000
    from_ms = -(-(ours_ms - history * MINUTE_MS) // MINUTE_MS) * MINUTE_MS
    minutes = range(from_ms - 999 * MINUTE_MS, ours_ms + ahead_ms + 1, MINUTE_MS)
    found = fetched(feed, Market(minutes, ours_ms + ahead_ms), from_ms, MIDNIGHT_MS, 1_000)
    assert sorted(found) == list(range(from_ms, MIDNIGHT_MS, MINUTE_MS))


@every_venue
def test_a_page_may_be_empty(feed: Feed) -> None:
    market = Market([], MIDNIGHT_MS)
    assert fetched(feed, market, MIDNIGHT_MS - 300_000, MIDNIGHT_MS, 1_000) == {}


@every_venue
def test_a_request_from_1970_has_no_negative_time(feed: Feed) -> None:
    """A minute before the window must not become a time before 1970."""
    request = feed.page_request(feed.spelling(BTC[feed.name]), 0, MINUTE_MS, MIDNIGHT_MS)
    assert all(not value.startswith("-") or key == "before" for key, value in request.params.items())


@every_venue
def test_the_response_to_a_time_request_is_parsed(feed: Feed) -> None:
    bodies = {
        "binance": b'{"serverTime":1767225661000}',
        "bybit": b'{"retCode":0,"retMsg":"OK","result":{},"time":1767225661000}',
        "okx": b'{"code":"0","msg":"","data":[{"ts":"1767225661000"}]}',
    }
    assert (feed.time_request() is not None) == (feed.name in bodies)
    if feed.name in bodies:
        assert feed.time_ms(bodies[feed.name]) == 1_767_225_661_000


def test_refusals_are_not_frame_errors() -> None:
    """A refused request has a known reason; a response that can't be parsed has none."""
    assert not issubclass(VenueError, FrameError)
    assert not issubclass(FrameError, VenueError)

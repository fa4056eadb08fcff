"""The producer's feeds at the exchange: two independent implementations of the same protocols agree."""

from decimal import Decimal

import httpx
import pytest

from producer.feeds import VENUES
from producer.feeds.contract import MessageKind, Pair, VenueCandle, VenueError
from tests.volcast.simulation.client import PAIRS, START_MS, connected, exchange, frames, now_s, virtual

MINUTE_MS = 60_000


@pytest.mark.parametrize("venue", VENUES)
@virtual
async def test_the_stream_agrees_with_the_exchanges_history(venue: str) -> None:
    feed = VENUES[venue]
    pairs = [feed.spelling(Pair(*pair)) for pair in PAIRS]
    async with exchange(venue) as server:
        async with connected(server, feed.socket_path(pairs), feed.subscriptions(pairs)) as socket:
            messages = [feed.parse(frame) for _, frame in await frames(socket, 200.0)]
        assert MessageKind.REFUSED not in {message.kind for message in messages}
        candles = [candle for message in messages for candle in message.candles if candle.closed]
        assert len(candles) == (6 if feed.sends_candles else 0)
        for candle in candles:
            version = server.history(candle.pair)[candle.open_time_ms][0]
            numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume)
            assert numbers == tuple(map(Decimal, version[:6]))
        trades = [trade for message in messages if not message.snapshot for trade in message.trades]
        assert bool(trades) != feed.sends_candles
        for pair in pairs if trades else ():
            open_ms = int(now_s() * 1_000) // MINUTE_MS * MINUTE_MS - MINUTE_MS
            sizes = [
                trade.size for trade in trades if trade.pair == pair and open_ms <= trade.time_us // 1_000 < open_ms + MINUTE_MS
            ]
            versions = server.history(pair).get(open_ms, ())
            assert sum(sizes) == sum(Decimal(version.volume) for version in versions[:1])


@pytest.mark.parametrize("venue", VENUES)
@virtual
async def test_pages_over_rest_agree_with_the_exchanges_history(venue: str) -> None:
    feed = VENUES[venue]
    pair = feed.spelling(Pair("BTC", "USD"))
    async with exchange(venue) as server, httpx.AsyncClient(base_url=server.rest_url, trust_env=False) as client:

        async def page(pair: str, from_ms: int, to_ms: int) -> bytes:
            request = feed.page_request(pair, from_ms, to_ms, int(now_s() * 1_000))
            return (await client.get(request.path, params=dict(request.params))).content

        history = server.history(pair)
        found: dict[int, VenueCandle] = {}
        for from_ms in range(START_MS, START_MS + 28 * MINUTE_MS, 7 * MINUTE_MS):
            rows = feed.page(await page(pair, from_ms, from_ms + 7 * MINUTE_MS)).candles
            found |= {row.open_time_ms: row for row in rows if from_ms <= row.open_time_ms < from_ms + 7 * MINUTE_MS}
        assert sorted(found) == [open_ms for open_ms in history if open_ms < START_MS + 28 * MINUTE_MS]
        for open_ms, row in found.items():
            version = history[open_ms][0]
            assert (row.open, row.high, row.low, row.close, row.volume) == tuple(map(Decimal, version[:5]))
            assert row.quote_volume in {None, Decimal(version.quote_volume)}
        with pytest.raises(VenueError) as caught:
            feed.page(await page(feed.spelling(Pair("ABC", "USD")), START_MS, START_MS + MINUTE_MS))
        assert caught.value.unknown_pair
        if request := feed.time_request():
            body = (await client.get(request.path, params=dict(request.params))).content
            assert abs(feed.time_ms(body) - now_s() * 1_000) <= 1_000

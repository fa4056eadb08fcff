"""The proof of the live producer can fail: each sin is found within a few seeds."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from producer.feeds.binance import BinanceFeed
from producer.feeds.bybit import BybitFeed
from producer.feeds.coinbase import CoinbaseFeed
from producer.feeds.contract import Feed, Message
from producer.feeds.kraken import KrakenFeed
from producer.live.candle import CandleEvent
from producer.live.connection import Connection
from producer.live.dispatch import Dispatcher
from producer.live.producer import LiveProducer
from producer.live.reconnect import Reconnector
from producer.live.resume import ResumePoint
from producer.live.sequencer import CandleSequencer
from producer.live.subscription import Subscription
from volcast.core.types import MINUTE_MS
from volcast.log.contract import Appender
from volcast.proof.simulated_venue.day import VenueProofConfig, live_day
from volcast.proof.virtual_time import run_with_sockets

SEEDS = 4


def first_difference(venue: str, make: Callable[..., LiveProducer]) -> str:
    days = (
        run_with_sockets(
            live_day(VenueProofConfig(venue, seed, hours=1.5, faults_per_hour=20.0, restarts_per_hour=3.0), make)
        ).difference
        for seed in range(SEEDS)
    )
    return next(filter(None, days), "none")


def with_feed(feed: Feed) -> Callable[..., LiveProducer]:
    """A producer that takes this feed for the venue's."""

    def make(log: Any, _: Feed, wish: Any, place: Any, rest: Any, **more: Any) -> LiveProducer:
        rest.feed = feed
        return LiveProducer(log, feed, wish, place, rest, **more)

    return make


class TakesOpenCandlesForClosed(BinanceFeed):
    def parse(self, frame: str | bytes) -> Message:
        message = super().parse(frame)
        closed = tuple(msgspec.structs.replace(candle, closed=True) for candle in message.candles)
        return msgspec.structs.replace(message, candles=closed)


class BelievesTheOpenRow(BybitFeed):
    limits = msgspec.structs.replace(BybitFeed.limits, settle_s=-60.0)


class CountsNoTrades(KrakenFeed):
    dense_trade_ids = False


class CountsNoFrames(CoinbaseFeed):
    def parse(self, frame: str | bytes) -> Message:
        return msgspec.structs.replace(super().parse(frame), sequence=None)


class SwapsHighAndOpen(CoinbaseFeed):
    def page(self, body: bytes) -> Any:
        return [msgspec.structs.replace(row, open=row.high) for row in super().page(body)]


@pytest.mark.parametrize(
    "feed",
    [TakesOpenCandlesForClosed(), BelievesTheOpenRow(), CountsNoTrades(), CountsNoFrames(), SwapsHighAndOpen()],
    ids=lambda feed: type(feed).__name__,
)
def test_a_feed_that_sins_is_found(feed: Feed) -> None:
    assert "minute" in first_difference(feed.name, with_feed(feed))


class ForgetsWhereItWas(LiveProducer):
    async def _stream(self, symbol: str, pair: str, appender: Appender, put: Any) -> Subscription:
        stream = await super()._stream(symbol, pair, appender, put)
        first_ms = (self.rest.clock.now_ms() // MINUTE_MS - 30) * MINUTE_MS
        stream.series = CandleSequencer(
            ResumePoint(first_ms, None, is_new=True), self._waits, tells_empty_minutes=self.feed.tells_empty_minutes
        )
        return stream


class TellsTheMinuteInWhichItBegan(LiveProducer):
    def _lanes(self, desk: Dispatcher) -> list[Reconnector]:
        hear = desk.hear

        def hear_and_sin(line: Connection, message: Message) -> None:
            hear(line, message)
            for trade in message.trades:
                tape = line.tapes[trade.pair]
                if tape.next_ms is not None and trade.pair not in line.told and not tape._minutes:
                    tape.next_ms = trade.time_us // 60_000_000 * 60_000

        desk.hear = hear_and_sin  # type: ignore[method-assign]  # the sin
        return super()._lanes(desk)


class NeverLooksBack(LiveProducer):
    def _lanes(self, desk: Dispatcher) -> list[Reconnector]:
        for stream in desk.streams.values():
            stream.series._doubt_from = lambda minute_ms: None  # type: ignore[method-assign]  # noqa: ARG005  # the sin
        return super()._lanes(desk)


class WritesTwice(LiveProducer):
    async def _stream(self, symbol: str, pair: str, appender: Appender, put: Any) -> Subscription:
        stream = await super()._stream(symbol, pair, appender, put)
        stream.series.__class__ = _Twice
        return stream


class _Twice(CandleSequencer):
    def heard(self, bar: Any) -> list[CandleEvent]:
        return super().heard(bar) or [bar]


@pytest.mark.parametrize(
    ("venue", "sinner"),
    [
        ("okx", ForgetsWhereItWas),
        ("bitstamp", TellsTheMinuteInWhichItBegan),
        ("bybit", NeverLooksBack),
        ("binance", WritesTwice),
    ],
)
def test_a_producer_that_sins_is_found(venue: str, sinner: Callable[..., LiveProducer]) -> None:
    assert first_difference(venue, sinner) != "none"

"""The proof of the live producer can fail: it finds each defect of a feed or a producer within a few seeds."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from producer.feeds.binance import BinanceFeed
from producer.feeds.bybit import BybitFeed
from producer.feeds.coinbase import CoinbaseFeed
from producer.feeds.contract import Feed, Message, VenuePage
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
from volcast.proof.simulated_venue.day import VenueProofConfig, simulate_day
from volcast.proof.virtual_time import run_with_sockets

SEEDS = 4


def first_difference(venue: str, make_producer: Callable[..., LiveProducer]) -> str:
    days = (
        run_with_sockets(
            simulate_day(VenueProofConfig(venue, seed, hours=1.5, faults_per_hour=20.0, restarts_per_hour=3.0), make_producer)
        ).difference
        for seed in range(SEEDS)
    )
    return next(filter(None, days), "none")


def with_feed(feed: Feed, producer: type[LiveProducer]) -> Callable[..., LiveProducer]:
    """Return a constructor of producers of this class that use this feed instead of the venue's."""

    def make_producer(log: Any, _: Feed, config: Any, endpoint: Any, rest: Any, **options: Any) -> LiveProducer:
        rest.feed = feed
        return producer(log, feed, config, endpoint, rest, **options)

    return make_producer


class TakesOpenCandlesAsClosed(BinanceFeed):
    def parse(self, frame: str | bytes) -> Message:
        message = super().parse(frame)
        closed = tuple(msgspec.structs.replace(candle, closed=True) for candle in message.candles)
        return msgspec.structs.replace(message, candles=closed)


class TakesTheOpenRowAsClosed(BybitFeed):
    limits = msgspec.structs.replace(BybitFeed.limits, settle_s=-60.0)


class IgnoresTradeIds(KrakenFeed):
    dense_trade_ids = False


class IgnoresSequenceNumbers(CoinbaseFeed):
    def parse(self, frame: str | bytes) -> Message:
        return msgspec.structs.replace(super().parse(frame), sequence=None)


class SwapsHighAndOpen(CoinbaseFeed):
    def page(self, body: bytes) -> VenuePage:
        page = super().page(body)
        return VenuePage([msgspec.structs.replace(row, open=row.high) for row in page.candles], page.odd)


@pytest.mark.parametrize(
    "feed",
    [TakesOpenCandlesAsClosed(), TakesTheOpenRowAsClosed(), IgnoresTradeIds(), IgnoresSequenceNumbers(), SwapsHighAndOpen()],
    ids=lambda feed: type(feed).__name__,
)
def test_a_defective_feed_is_found(feed: Feed) -> None:
    producer = AsksForTheOpenMinute if isinstance(feed, TakesTheOpenRowAsClosed) else LiveProducer
    assert "minute" in first_difference(feed.name, with_feed(feed, producer))


class AsksForTheOpenMinute(LiveProducer):
    """Without this second defect, an open row is never asked for: the venue's clock is measured first."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadlines = self._deadlines._replace(timeout=-50_000)


class IgnoresTheResumePoint(LiveProducer):
    async def _subscription(self, symbol: str, pair: str, appender: Appender, put: Any) -> Subscription:
        subscription = await super()._subscription(symbol, pair, appender, put)
        first_ms = (self.rest.clock.now_ms() // MINUTE_MS - 30) * MINUTE_MS
        subscription.sequencer = CandleSequencer(
            ResumePoint(first_ms, None, is_new=True), self._deadlines, sends_empty_minutes=self.feed.sends_empty_minutes
        )
        return subscription


class ReportsItsFirstPartialMinute(LiveProducer):
    def _reconnectors_of(self, dispatcher: Dispatcher) -> list[Reconnector]:
        on_message = dispatcher.on_message

        def on_message_with_defect(connection: Connection, message: Message) -> None:
            on_message(connection, message)
            for trade in message.trades:
                builder = connection.builders[trade.pair]
                if builder.next_ms is not None and trade.pair not in connection.pairs_with_closed_candle and not builder._minutes:
                    builder.next_ms = trade.time_us // 60_000_000 * 60_000

        dispatcher.on_message = on_message_with_defect  # type: ignore[method-assign]  # the defect
        return super()._reconnectors_of(dispatcher)


class NeverRechecks(LiveProducer):
    def _reconnectors_of(self, dispatcher: Dispatcher) -> list[Reconnector]:
        for subscription in dispatcher.subscriptions.values():
            subscription.sequencer._extend_recheck = lambda minute_ms: None  # type: ignore[method-assign]  # noqa: ARG005  # the defect
        return super()._reconnectors_of(dispatcher)


class WritesTwice(LiveProducer):
    async def _subscription(self, symbol: str, pair: str, appender: Appender, put: Any) -> Subscription:
        subscription = await super()._subscription(symbol, pair, appender, put)
        subscription.sequencer.__class__ = _Twice
        return subscription


class _Twice(CandleSequencer):
    def candle_closed(self, candle: Any) -> list[CandleEvent]:
        return super().candle_closed(candle) or [candle]


@pytest.mark.parametrize(
    ("venue", "defective"),
    [
        ("okx", IgnoresTheResumePoint),
        ("bitstamp", ReportsItsFirstPartialMinute),
        ("bybit", NeverRechecks),
        ("binance", WritesTwice),
    ],
)
def test_a_defective_producer_is_found(venue: str, defective: Callable[..., LiveProducer]) -> None:
    assert first_difference(venue, defective) != "none"

"""A dispatcher with two subscriptions and a clock that a test sets; no socket."""

from decimal import Decimal
from typing import Any

import msgspec

from producer.feeds import VENUES
from producer.feeds.contract import Message, MessageKind, VenueCandle, VenueTrade
from producer.live.connection import Connection, Endpoint
from producer.live.dispatch import Dispatcher
from producer.live.subscription import LiveStats
from producer.rest.clock import VenueClock
from tests.producer.live.candles import MINUTE_MS, at, trade
from tests.producer.live.parts import TLS, subscription
from volcast.log.contract import KeyValue
from volcast.proof.virtual_time import run_with_sockets

DISPATCHED_PAIRS = ("BTC-USD", "ETH-USD")


class DispatcherSetup:
    """A dispatcher, a connection of the venue, and the records that follow."""

    def __init__(self, venue: str = "kraken") -> None:
        self.feed = VENUES[venue]
        self.now_ms = at(2) + 10_000 if self.feed.sends_candles else at(0) + 30_000
        self.stats = LiveStats()
        self.records: list[KeyValue] = []
        self.clock = VenueClock(self.wall)
        next_ms = at(0 if self.feed.sends_candles else 1)
        self.subscriptions = [subscription(pair, "x", next_ms, self.records.extend, self.stats) for pair in DISPATCHED_PAIRS]
        self.dispatcher = Dispatcher("x", self.subscriptions, self.clock, stats=self.stats, wall=self.wall)
        self.connection = self.new_connection()

    def wall(self) -> float:
        return self.now_ms / 1_000

    def new_connection(self, *pairs: str) -> Connection:
        """For these pairs; all by default."""
        endpoint = Endpoint("", TLS, None)
        return Connection(self.feed, pairs or DISPATCHED_PAIRS, endpoint, self.dispatcher.on_message, self.clock)

    def receive(self, message: Message, connection: Connection | None = None) -> None:
        """Receive a frame at the time of its trades, unless that time is absurd."""
        times_ms = [each.time_us // 1_000 for each in message.trades]
        self.now_ms = max([self.now_ms, *(time_ms for time_ms in times_ms if time_ms - self.now_ms <= 2 * MINUTE_MS)])

        async def main() -> None:
            (connection or self.connection).receive(message)

        run_with_sockets(main())

    def receive_trades(self, *trades: VenueTrade, connection: Connection | None = None, **more: Any) -> None:
        self.receive(Message(MessageKind.TRADES, "trade", trades=trades, **more), connection)

    def receive_trades_at(self, *seconds: float) -> None:
        """One trade at each of these seconds after the market's start."""
        for number, second in enumerate(seconds, 1):
            self.receive_trades(trade(number, int(second // 60), second % 60))

    def receive_candle(
        self, minute: int, close: str = "100", *, closed: bool = True, pair: str = DISPATCHED_PAIRS[0], **more: Any
    ) -> None:
        price = Decimal(close)
        candle = VenueCandle(pair, at(minute), price, price, price, price, Decimal(1), price, closed)
        self.receive(Message(MessageKind.CANDLES, "kline", candles=(candle,), **more))

    @property
    def log(self) -> list[dict[str, Any]]:
        """The records, decoded."""
        return [msgspec.json.decode(record.value) for record in self.records]

    @property
    def minutes(self) -> list[int]:
        """The first subscription's minutes on the log."""
        return [(record["open_time_ms"] - at(0)) // MINUTE_MS for record in self.log if record["symbol"] == "BTC-USD.X"]

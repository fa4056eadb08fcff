"""A desk with two streams, and a clock that stands where a test puts it; no socket."""

from decimal import Decimal
from typing import Any

import msgspec

from producer.feeds import VENUES
from producer.feeds.contract import Message, MessageKind, VenueCandle, VenueTrade
from producer.live.connection import Connection, Endpoint
from producer.live.dispatch import Dispatcher
from producer.live.resume import ResumePoint
from producer.live.sequencer import CandleSequencer, Deadlines
from producer.live.stats import LiveStats
from producer.live.subscription import Subscription
from producer.rest.clock import VenueClock
from tests.producer.bars import MINUTE, at, trade
from tests.producer.plain_lines import TLS
from volcast.log.contract import KeyValue
from volcast.proof.virtual_time import run_with_sockets

PAIRS = ("BTC-USD", "ETH-USD")
WAITS = Deadlines(settle=3_000, patience=10_000, budget=60_000, retry=5_000)


class Stage:
    """A desk with two streams, lines of one venue, and a clock that is set by hand."""

    def __init__(self, venue: str = "kraken") -> None:
        self.feed = VENUES[venue]
        self.now_ms = at(2) + 10_000 if self.feed.tells_candles else at(0) + 30_000
        self.tally = LiveStats()
        self.records: list[KeyValue] = []
        self.clock = VenueClock(lambda: self.now_ms / 1_000)
        position = ResumePoint(at(0 if self.feed.tells_candles else 1), None, is_new=True)
        self.streams = [
            Subscription(
                f"{pair}.X",
                pair,
                "kraken",
                CandleSequencer(position, WAITS, tells_empty_minutes=False),
                self.records.extend,
                self.tally,
            )
            for pair in PAIRS
        ]
        self.desk = Dispatcher("kraken", self.streams, self.clock, tally=self.tally, wall=lambda: self.now_ms / 1_000)
        self.line = self.new_line()

    def new_line(self) -> Connection:
        return Connection(self.feed, PAIRS, Endpoint("", TLS, None), self.desk.hear, self.clock)

    def hear(self, message: Message, line: Connection | None = None) -> None:
        """When its trades were made, if that may be."""
        times_ms = [each.time_us // 1_000 for each in message.trades]
        self.now_ms = max([self.now_ms, *(time_ms for time_ms in times_ms if time_ms - self.now_ms <= 2 * MINUTE)])

        async def main() -> None:
            (line or self.line).receive(message)

        run_with_sockets(main())

    def trades(self, *trades: VenueTrade, line: Connection | None = None, **more: Any) -> None:
        self.hear(Message(MessageKind.TRADES, "trade", trades=trades, **more), line)

    def candle(self, minute: int, close: str = "100", *, closed: bool = True, pair: str = PAIRS[0], **more: Any) -> None:
        price = Decimal(close)
        candle = VenueCandle(pair, at(minute), price, price, price, price, Decimal(1), price, closed)
        self.hear(Message(MessageKind.CANDLES, "kline", candles=(candle,), **more))

    @property
    def said(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in self.records]

    @property
    def opened(self) -> list[int]:
        """The first stream's minutes on the log."""
        return [(record["open_time_ms"] - at(0)) // MINUTE for record in self.said if record["symbol"] == "BTC-USD.X"]


def heard(stage: Stage, *seconds: float, first: int = 1) -> None:
    """Trades of minutes 0, 1, …: one at each of these seconds."""
    for number, second in enumerate(seconds, first):
        stage.trades(trade(number, int(second // 60), second % 60))

"""Hands each frame of a venue's connections to the symbols that it concerns. No socket and no task of its own."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from producer.feeds.contract import Message, MessageKind, VenueCandle, VenueTrade
from producer.rest.clock import VenueClock
from volcast.core.types import MINUTE_MS

from .candle import ClosedBy, ClosedCandle, closed_candle_of, with_latency
from .connection import Connection
from .subscription import LiveStats, Subscription

MAX_AHEAD_MS = 60_000
"""A time that is farther ahead of the venue's own clock is garbage. As the time of a trade it would close hours of minutes."""
MAX_BEHIND_MS = 3_600_000
CLOCK_DOUBT_MS = 10_000
"""If the venue says that it sent a frame this long before or after its time by our measurement, its clock is measured again."""
_log = logging.getLogger(__name__)


class Dispatcher:
    """The subscriptions of one venue. `on_message` is called with each frame of each connection, in order."""

    def __init__(
        self,
        venue: str,
        subscriptions: Iterable[Subscription],
        clock: VenueClock,
        *,
        stats: LiveStats,
        wall: Callable[[], float],
    ) -> None:
        """`wall` is this machine's clock, in seconds since 1970."""
        self.subscriptions: Mapping[str, Subscription] = {each.pair: each for each in subscriptions}
        """By pair, as the venue spells it."""
        self.clock_doubt = asyncio.Event()
        """Set if what the venue sends contradicts the measured time of its clock."""
        self._venue, self._clock, self._stats, self._wall = venue, clock, stats, wall

    def on_message(self, connection: Connection, message: Message) -> None:
        """Take in a frame of `connection`: write the candles that it closes, and count it."""
        self._stats.frames[message.kind.value] += 1
        received_ms = int(self._wall() * 1_000)
        if message.sent_ms is not None and not message.snapshot:
            delay_ms = self._clock.now_ms() - message.sent_ms
            self._stats.delays.add(max(delay_ms, 0) / 1_000)
            if abs(delay_ms) > CLOCK_DOUBT_MS:
                self.clock_doubt.set()
        if message.kind is MessageKind.CANDLES:
            for candle in message.candles:
                self._on_candle(connection, candle, message.sent_ms, received_ms)
        elif message.kind is MessageKind.TRADES and not message.snapshot:
            self._on_trades(connection, message, received_ms)
        elif message.kind is MessageKind.REFUSED:
            _log.error("the venue refused a message: %s", message.detail, extra={"venue": self._venue})

    def _on_candle(self, connection: Connection, candle: VenueCandle, sent_ms: int | None, received_ms: int) -> None:
        subscription = self.subscriptions.get(candle.pair)
        now_ms = self._clock.now_ms()
        if subscription is None or not _is_plausible(candle.open_time_ms, now_ms):
            self._is_strange()
            return
        self._data_arrived(connection, subscription, now_ms)
        if candle.closed:
            connection.pairs_with_closed_candle.add(candle.pair)
            self._candle_closed(subscription, with_latency(closed_candle_of(candle, ClosedBy.FLAG), sent_ms, received_ms))

    def _on_trades(self, connection: Connection, message: Message, received_ms: int) -> None:
        for trade in message.trades:
            self._on_trade(connection, trade)
        for pair in dict.fromkeys(trade.pair for trade in message.trades if trade.pair in connection.builders):
            for candle in connection.builders[pair].closed_candles():
                connection.pairs_with_closed_candle.add(pair)
                self._candle_closed(self.subscriptions[pair], with_latency(candle, message.sent_ms, received_ms))

    def _on_trade(self, connection: Connection, trade: VenueTrade) -> None:
        subscription = self.subscriptions.get(trade.pair)
        now_ms = self._clock.now_ms()
        if subscription is None or trade.pair not in connection.builders or not _is_plausible(trade.time_us // 1_000, now_ms):
            self._is_strange()
            return
        self._data_arrived(connection, subscription, now_ms)
        late_for_ms = connection.builders[trade.pair].add_trade(trade, now_ms)
        if late_for_ms is not None:
            subscription.sequencer.recheck(late_for_ms, now_ms)
            subscription.wake.set()

    def _data_arrived(self, connection: Connection, subscription: Subscription, now_ms: int) -> None:
        subscription.silence.data_arrived(asyncio.get_running_loop().time())
        if subscription.pair not in connection.pairs_with_data:
            connection.pairs_with_data.add(subscription.pair)
            subscription.sequencer.check_overlap(now_ms)
            subscription.wake.set()

    def _is_strange(self) -> None:
        self._stats.frames["strange"] += 1
        self.clock_doubt.set()

    def _candle_closed(self, subscription: Subscription, candle: ClosedCandle) -> None:
        subscription.write(subscription.sequencer.candle_closed(candle))
        if subscription.sequencer.waiting:
            subscription.wake.set()


def _is_plausible(time_ms: int, now_ms: int) -> bool:
    return -MAX_BEHIND_MS <= time_ms - now_ms <= MAX_AHEAD_MS + MINUTE_MS

"""Where the lines of a venue come together: frames in, records out. It holds the series of each symbol; no socket, no task."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from producer.feeds.contract import Message, MessageKind, VenueCandle, VenueTrade
from producer.rest.clock import VenueClock
from volcast.core.types import MINUTE_MS

from .candle import ClosedBy, ClosedCandle, closed_candle_of, with_latency
from .connection import Connection
from .stats import LiveStats
from .subscription import Subscription

MAX_AHEAD_MS = 60_000
"""A venue's stamp that is farther ahead of its own clock is garbage; as with trades, one would close hours of minutes."""
MAX_BEHIND_MS = 3_600_000
_log = logging.getLogger(__name__)


class Dispatcher:
    """`wall` is this machine's clock, in seconds since 1970."""

    def __init__(
        self,
        venue: str,
        streams: Iterable[Subscription],
        clock: VenueClock,
        *,
        tally: LiveStats,
        wall: Callable[[], float],
    ) -> None:
        self.streams: Mapping[str, Subscription] = {stream.pair: stream for stream in streams}
        """By pair."""
        self._venue, self._clock, self._tally, self._wall = venue, clock, tally, wall

    def hear(self, line: Connection, message: Message) -> None:
        """A frame of `line`."""
        self._tally.frames[message.kind.value] += 1
        received_ms = int(self._wall() * 1_000)
        if message.sent_ms is not None and not message.snapshot:
            self._tally.delays.add(max(self._clock.now_ms() - message.sent_ms, 0) / 1_000)
        if message.kind is MessageKind.CANDLES:
            for candle in message.candles:
                self._hear_candle(line, candle, message.sent_ms, received_ms)
        elif message.kind is MessageKind.TRADES and not message.snapshot:
            self._hear_trades(line, message, received_ms)
        elif message.kind is MessageKind.REFUSED:
            _log.error("the venue refuses: %s", message.detail, extra={"venue": self._venue})

    def _hear_candle(self, line: Connection, candle: VenueCandle, sent_ms: int | None, received_ms: int) -> None:
        stream = self.streams.get(candle.pair)
        now_ms = self._clock.now_ms()
        if stream is None or not _is_now(candle.open_time_ms, now_ms):
            self._tally.frames["strange"] += 1
            return
        self._spoke(line, stream, now_ms)
        if candle.closed:
            line.told.add(candle.pair)
            self._heard(stream, with_latency(closed_candle_of(candle, ClosedBy.FLAG), sent_ms, received_ms))

    def _hear_trades(self, line: Connection, message: Message, received_ms: int) -> None:
        for trade in message.trades:
            self._hear_trade(line, trade)
        for pair in dict.fromkeys(trade.pair for trade in message.trades if trade.pair in line.tapes):
            for bar in line.tapes[pair].closed():
                line.told.add(pair)
                self._heard(self.streams[pair], with_latency(bar, message.sent_ms, received_ms))

    def _hear_trade(self, line: Connection, trade: VenueTrade) -> None:
        stream = self.streams.get(trade.pair)
        now_ms = self._clock.now_ms()
        if stream is None or trade.pair not in line.tapes or not _is_now(trade.time_us // 1_000, now_ms):
            self._tally.frames["strange"] += 1
            return
        self._spoke(line, stream, now_ms)
        late_for_ms = line.tapes[trade.pair].trade(trade, now_ms)
        if late_for_ms is not None:
            stream.series.doubt(late_for_ms, now_ms)
            stream.stirred.set()

    def _spoke(self, line: Connection, stream: Subscription, now_ms: int) -> None:
        stream.rhythm.heard(asyncio.get_running_loop().time())
        if stream.pair not in line.heard:
            line.heard.add(stream.pair)
            stream.series.look_back(now_ms)
            stream.stirred.set()

    def _heard(self, stream: Subscription, bar: ClosedCandle) -> None:
        stream.write(stream.series.heard(bar))
        if stream.series.waiting:
            stream.stirred.set()


def _is_now(time_ms: int, now_ms: int) -> bool:
    return -MAX_BEHIND_MS <= time_ms - now_ms <= MAX_AHEAD_MS + MINUTE_MS

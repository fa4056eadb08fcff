"""Counts what a connection brings of one market, and keeps what the checks need of it."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress

from producer.feeds.contract import Message, MessageKind
from producer.live.candle import ClosedBy, ClosedCandle, closed_candle_of
from producer.live.connection import Connection
from producer.live.sequence_gaps import SequenceGaps
from producer.rest.clock import VenueClock

_KEPT_DELAYS = 1_000
_KEPT_TEXTS = 5


class Recorder:
    """Records the frames of one market. Its `on_message` is the callback of a Connection."""

    def __init__(self, pair: str, clock: VenueClock) -> None:
        """`pair` is spelled as in the venue's frames."""
        self.frames: Counter[str] = Counter()
        """The number of frames by kind; those of kind OTHER by the venue's name for them."""
        self.acks: deque[str] = deque(maxlen=_KEPT_TEXTS)
        """The last acknowledgments of subscriptions."""
        self.refusals: deque[str] = deque(maxlen=_KEPT_TEXTS)
        """The last refusals of subscriptions."""
        self.data = 0
        """The number of candles, open or closed, and trades of the pair."""
        self.other_pairs: set[str] = set()
        """Pairs that came although they were not subscribed to."""
        self.delays_ms: deque[int] = deque(maxlen=_KEPT_DELAYS)
        """Milliseconds from the sending of a frame to its arrival, by the venue's clock."""
        self.trade_ids = SequenceGaps()
        self.numbered_frames = 0
        """The number of frames that have a sequence number."""
        self.trades = 0
        self.closed: ClosedCandle | None = None
        """The first closed candle."""
        self.closed_after_ms = 0
        """Milliseconds from the end of that candle's minute to its arrival, by the venue's clock."""
        self._pair, self._clock = pair, clock
        self._changed = asyncio.Event()

    def on_message(self, connection: Connection, message: Message) -> None:
        """Record a frame."""
        now_ms = self._clock.now_ms()
        self.frames[message.name if message.kind is MessageKind.OTHER else message.kind.value] += 1
        if message.sequence is not None:
            self.numbered_frames += 1
        if message.sent_ms is not None and not message.snapshot:
            self.delays_ms.append(now_ms - message.sent_ms)
        if message.kind is MessageKind.ACK:
            self.acks.append(message.detail or message.name)
        elif message.kind is MessageKind.REFUSED:
            self.refusals.append(message.detail or message.name)
        elif message.kind is MessageKind.CANDLES:
            self._record_candles(message)
        elif message.kind is MessageKind.TRADES and not message.snapshot:
            self._record_trades(connection, message)
        self.wake()

    def wake(self) -> None:
        """Let `until` check its condition again."""
        self._changed.set()

    async def until(self, condition: Callable[[], object], timeout_s: float) -> None:
        """Return when the condition holds, or after `timeout_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()

    def _record_candles(self, message: Message) -> None:
        for candle in message.candles:
            if candle.pair != self._pair:
                self.other_pairs.add(candle.pair)
                continue
            self.data += 1
            if candle.closed and not message.snapshot:
                self._candle_closed(closed_candle_of(candle, ClosedBy.FLAG))

    def _record_trades(self, connection: Connection, message: Message) -> None:
        builder = connection.builders.get(self._pair)
        for trade in message.trades:
            if trade.pair != self._pair:
                self.other_pairs.add(trade.pair)
                continue
            self.data += 1
            self.trades += 1
            self.trade_ids.add(trade.id, trade.time_us // 1_000)
            if builder:
                builder.add_trade(trade, self._clock.now_ms())
        for candle in builder.closed_candles() if builder else ():
            self._candle_closed(candle)

    def _candle_closed(self, candle: ClosedCandle) -> None:
        if self.closed is None:
            self.closed, self.closed_after_ms = candle, self._clock.now_ms() - candle.end_ms

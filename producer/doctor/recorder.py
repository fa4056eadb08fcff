"""The doctor's ear at a connection: what a line brings of one market, counted and kept as far as a judgement needs it."""

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
_KEPT_WORDS = 5


class Recorder:
    """Give `hear` to a line."""

    def __init__(self, pair: str, clock: VenueClock) -> None:
        """`pair` as the venue's frames spell it."""
        self.frames: Counter[str] = Counter()
        """By kind; those of no interest by their own name."""
        self.acks: deque[str] = deque(maxlen=_KEPT_WORDS)
        self.refusals: deque[str] = deque(maxlen=_KEPT_WORDS)
        self.data = 0
        """Candles, open ones too, or trades of the pair."""
        self.strangers: set[str] = set()
        """Pairs that were not asked for."""
        self.delays_ms: deque[int] = deque(maxlen=_KEPT_DELAYS)
        """From the venue's sending to here, by its clock."""
        self.ids = SequenceGaps()
        self.numbered = 0
        """Frames with a number."""
        self.trades = 0
        self.closed: ClosedCandle | None = None
        """The first closed candle."""
        self.closed_after_ms = 0
        """The minute's end, by the venue's clock."""
        self._pair, self._clock = pair, clock
        self._changed = asyncio.Event()

    def hear(self, line: Connection, message: Message) -> None:
        """A frame."""
        now_ms = self._clock.now_ms()
        self.frames[message.name if message.kind is MessageKind.OTHER else message.kind.value] += 1
        if message.sequence is not None:
            self.numbered += 1
        if message.sent_ms is not None and not message.snapshot:
            self.delays_ms.append(now_ms - message.sent_ms)
        if message.kind is MessageKind.ACK:
            self.acks.append(message.detail or message.name)
        elif message.kind is MessageKind.REFUSED:
            self.refusals.append(message.detail or message.name)
        elif message.kind is MessageKind.CANDLES:
            self._hear_candles(message)
        elif message.kind is MessageKind.TRADES and not message.snapshot:
            self._hear_trades(line, message)
        self.wake()

    def wake(self) -> None:
        """Whoever waits looks again."""
        self._changed.set()

    async def until(self, is_so: Callable[[], object], within_s: float) -> bool:
        """Wait until it is so, at most so long. -> whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        return bool(is_so())

    def _hear_candles(self, message: Message) -> None:
        for candle in message.candles:
            if candle.pair != self._pair:
                self.strangers.add(candle.pair)
                continue
            self.data += 1
            if candle.closed and not message.snapshot:
                self._close(closed_candle_of(candle, ClosedBy.FLAG))

    def _hear_trades(self, line: Connection, message: Message) -> None:
        tape = line.builders.get(self._pair)
        for trade in message.trades:
            if trade.pair != self._pair:
                self.strangers.add(trade.pair)
                continue
            self.data += 1
            self.trades += 1
            self.ids.add(trade.id, trade.time_us // 1_000)
            if tape:
                tape.add_trade(trade, self._clock.now_ms())
        for bar in tape.closed_candles() if tape else ():
            self._close(bar)

    def _close(self, bar: ClosedCandle) -> None:
        if self.closed is None:
            self.closed, self.closed_after_ms = bar, self._clock.now_ms() - bar.end_ms

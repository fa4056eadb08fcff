"""Keeps one series whole: waits until something is wanted, asks the venue for it, and writes what it says."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from producer.rest.client import RestClient, RestError, UnknownPair

from .append_queue import AppendQueue
from .candle import ClosedBy, ClosedCandle, closed_candle_of
from .connection import Connection
from .sequencer import MinuteRange
from .subscription import Subscription

_QUESTION_S = 20.0
"""Patience with one question where no candle waits for the answer."""
_MIN_QUESTION_S = 1.0
_log = logging.getLogger(__name__)


class Backfiller:
    """`lines` gives the living lines, the newest last."""

    def __init__(
        self,
        rest: RestClient,
        outbox: AppendQueue,
        lines: Callable[[], Sequence[Connection]],
        *,
        queue_s: float = 0.0,
    ) -> None:
        """`queue_s`: so long a question may wait for its turn."""
        self._rest, self._outbox, self._lines = rest, outbox, lines
        self._question_s = max(_QUESTION_S, queue_s)

    async def keep(self, stream: Subscription) -> None:
        """Until cancelled. Raises UnknownPair where the venue has never known the pair."""
        clock, series = self._rest.clock, stream.series
        is_known = False
        while True:
            now_ms = clock.now_ms()
            span = series.wanted(now_ms)
            if span is None:
                stream.stirred.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(series.due_in_ms(now_ms), 0) / 1_000 + 0.001):
                        await stream.stirred.wait()
                continue
            await self._outbox.room()
            left_s = series.patience_ms(now_ms) / 1_000 if series.waiting else self._question_s
            try:
                page = await self._rest.candles(stream.pair, span.from_ms, span.to_ms, patience_s=max(left_s, _MIN_QUESTION_S))
            except UnknownPair as unknown:
                if not is_known:
                    raise UnknownPair(f"{stream.symbol}: {unknown}") from None
                self._refused(stream, str(unknown))
            except RestError as refused:
                self._refused(stream, str(refused))
            else:
                is_known, stream.unanswered = True, False
                covered = MinuteRange(span.from_ms, page.covered_to_ms)
                rows = [closed_candle_of(row, ClosedBy.REST) for row in page.rows]
                stream.write(series.answered(rows, covered, page.reachable_from_ms, clock.now_ms()))

    def _refused(self, stream: Subscription, reason: str) -> None:
        """The hole may have to be given up; or the trades that were heard must do."""
        now_ms = self._rest.clock.now_ms()
        _log.log(
            logging.DEBUG if stream.unanswered else logging.WARNING, "not answered: %s", reason, extra={"symbol": stream.symbol}
        )
        stream.unanswered = True
        stream.write(stream.series.refused(reason, now_ms))
        if not stream.series.waiting and stream.series.patience_ms(now_ms) <= 0 and (bar := self._by_watermark(stream)):
            stream.write(stream.series.heard(bar))

    def _by_watermark(self, stream: Subscription) -> ClosedCandle | None:
        now_s = asyncio.get_running_loop().time()
        for line in self._lines():
            alive_ms = self._rest.clock.now_ms() - int((now_s - line.alive_s) * 1_000)
            tape = line.tapes.get(stream.pair)
            if tape and (bar := tape.closed_by_watermark(stream.series.next_ms, alive_ms)):
                return bar
        return None

"""Asks the venue over HTTP for the minutes that a symbol's sequencer misses, and writes what it answers."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from producer.rest.client import RestClient, RestError, UnknownPair

from .append_queue import AppendQueue
from .candle import ClosedBy, ClosedCandle, closed_candle_of
from .connection import Connection
from .sequencer import MinuteRange
from .subscription import Subscription

_REQUEST_TIMEOUT_S = 20.0
"""For one request while no live candle waits for its answer."""
_MIN_REQUEST_TIMEOUT_S = 1.0
_UNLISTED_PAUSE_S = 60.0
_MAX_UNLISTED_PAUSE_S = 3_600.0
_log = logging.getLogger(__name__)


class Backfiller:
    """Fills the gaps of all symbols of a venue, with one task (`run`) for each of them."""

    def __init__(
        self,
        rest: RestClient,
        queue: AppendQueue,
        connections: Callable[[], Sequence[Connection]],
        *,
        max_turn_wait_s: float = 0.0,
    ) -> None:
        """`connections` returns the present connections, the newest last.

        `max_turn_wait_s` is how long a request may wait for its turn at the venue's pace; that is no failure.
        """
        self._rest, self._queue, self._connections = rest, queue, connections
        self._request_timeout_s = max(_REQUEST_TIMEOUT_S, max_turn_wait_s)

    async def run(self, subscription: Subscription) -> None:
        """Fill the gaps of one symbol until cancelled.

        Raises UnknownPair if the venue does not know the pair, and the log has nothing of it. A pair that was known before is
        asked for again and again, but rarely.
        """
        clock, sequencer = self._rest.clock, subscription.sequencer
        is_known = not sequencer.is_new
        pauses = _unlisted_pauses()
        while True:
            now_ms = clock.now_ms()
            missing = sequencer.next_request(now_ms)
            if missing is None:
                subscription.wake.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(sequencer.next_request_in_ms(now_ms), 0) / 1_000 + 0.001):
                        await subscription.wake.wait()
                continue
            await self._queue.wait_for_room()
            timeout_s = sequencer.budget_left_ms(now_ms) / 1_000 if sequencer.waiting else self._request_timeout_s
            try:
                page = await self._rest.candles(
                    subscription.pair, missing.from_ms, missing.to_ms, timeout_s=max(timeout_s, _MIN_REQUEST_TIMEOUT_S)
                )
            except UnknownPair as unknown:
                if not is_known:
                    raise UnknownPair(f"{subscription.symbol}: {unknown}") from None
                self._request_failed(subscription, str(unknown))
                await _pause_unlisted(subscription, str(unknown), next(pauses))
            except RestError as error:
                self._request_failed(subscription, str(error))
            else:
                is_known, subscription.last_request_failed = True, False
                if subscription.unlisted:
                    _log.warning("the venue has this market again", extra={"symbol": subscription.symbol})
                    subscription.unlisted, pauses = "", _unlisted_pauses()
                covered = MinuteRange(missing.from_ms, page.covered_to_ms)
                rows = [closed_candle_of(row, ClosedBy.REST) for row in page.rows]
                subscription.count_odd_rows(page.odd_rows, page.odd_reason)
                subscription.write(sequencer.page_received(rows, covered, page.reachable_from_ms, clock.now_ms(), page.unusable))

    def _request_failed(self, subscription: Subscription, reason: str) -> None:
        """Give the gap up if its budget is used up, or close the next minute by the trades that a connection has received."""
        now_ms = self._rest.clock.now_ms()
        sequencer = subscription.sequencer
        level = logging.DEBUG if subscription.last_request_failed else logging.WARNING  # an outage is a warning only once
        _log.log(level, "REST request failed: %s", reason, extra={"symbol": subscription.symbol})
        subscription.last_request_failed = True
        subscription.write(sequencer.request_failed(reason, now_ms))
        if not sequencer.waiting and sequencer.budget_left_ms(now_ms) <= 0 and (candle := self._by_watermark(subscription)):
            subscription.write(sequencer.candle_closed(candle))

    def _by_watermark(self, subscription: Subscription) -> ClosedCandle | None:
        now_s = asyncio.get_running_loop().time()
        for connection in self._connections():
            alive_ms = self._rest.clock.now_ms() - int((now_s - connection.last_frame_s) * 1_000)
            builder = connection.builders.get(subscription.pair)
            if builder and (candle := builder.closed_by_watermark(subscription.sequencer.next_ms, alive_ms)):
                return candle
        return None


def _unlisted_pauses() -> Iterator[float]:
    """Yield the seconds until a market that is gone is asked for again: a minute, then twice as long each time, up to an hour."""
    pause_s = _UNLISTED_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, _MAX_UNLISTED_PAUSE_S)


async def _pause_unlisted(subscription: Subscription, reason: str, pause_s: float) -> None:
    """Wait before the next request for a market that is gone; not longer than until a candle of it comes from the stream."""
    if not subscription.unlisted:
        _log.warning(
            "a market that was there before is gone, and is asked for rarely: %s", reason, extra={"symbol": subscription.symbol}
        )
    subscription.unlisted = reason
    with suppress(TimeoutError):
        async with asyncio.timeout(pause_s):
            while not subscription.sequencer.waiting:
                subscription.wake.clear()
                await subscription.wake.wait()

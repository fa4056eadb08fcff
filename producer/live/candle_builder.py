"""Builds one-minute candles from the trades of one pair on one connection. Pure: all times are the venue's own.

A minute is closed by a trade that is later than its end by a grace period, so that trades that arrive slightly out of order
still count. A candle is built only of a minute of which this connection has received every trade: a minute that began after the
connection's first trade, without a missing number in what the venue numbers. All other minutes are requested over HTTP.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from producer.feeds.contract import VenueCandle, VenueTrade
from volcast.core.types import MINUTE_MS

from .candle import ClosedBy, ClosedCandle, closed_candle_of, flat_candle
from .sequence_gaps import SequenceGaps

GRACE_MS = 2_000
"""How much later than a minute's end a trade must be to close the minute."""
_MAX_EXPECTED = 2.0
"""If more trades than this were to be expected during a silence, at the usual rate, the silence is taken for a fault."""
_RATE_TRADES = 50
"""The number of most recent trades over which the usual rate is measured."""
_KEPT_MINUTES = 3
_MINUTE_US = MINUTE_MS * 1_000


class CandleBuilder:
    """The open minutes of one pair, and the candles that follow from them."""

    def __init__(self, frame_gaps: SequenceGaps, *, dense_ids: bool = False) -> None:
        """`frame_gaps` are the missing frames of the connection; `dense_ids`: the venue numbers a pair's trades, too."""
        self.next_ms: int | None = None
        """The minute that is closed next; None before the first trade."""
        self._trade_gaps = SequenceGaps() if dense_ids else None
        self._gaps = [frame_gaps, self._trade_gaps] if self._trade_gaps else [frame_gaps]
        self._minutes: dict[int, _Minute] = {}
        self._closed_ids: dict[int, set[int]] = {}
        """Ids of the trades in the minutes that were closed last."""
        self._newest_us = 0
        self._last: _Trade | None = None
        """The last trade before the minute `next_ms`."""
        self._recent_us: deque[int] = deque(maxlen=_RATE_TRADES)

    def add_trade(self, trade: VenueTrade, now_ms: int) -> int | None:
        """Take in a trade that was received at `now_ms`.

        Return the opening time of the minute to which it belongs if it came too late for that minute's candle, else None.
        """
        minute_ms = trade.time_us // _MINUTE_US * MINUTE_MS
        if self.next_ms is None:  # the first trade may itself be late, of a minute that was over when the connection began
            self.next_ms = max(minute_ms, now_ms // MINUTE_MS * MINUTE_MS) + MINUTE_MS
        if self._trade_gaps is not None:
            self._trade_gaps.add(trade.id, trade.time_us // 1_000)
        is_late = (minute_ms + MINUTE_MS + GRACE_MS) * 1_000 <= self._newest_us
        self._newest_us = max(self._newest_us, trade.time_us)
        self._recent_us.append(trade.time_us)
        if minute_ms < self.next_ms:
            self._last = max(last := _Trade(trade.time_us, trade.id, trade.price), self._last or last)
            return minute_ms if is_late and trade.id not in self._closed_ids.get(minute_ms, ()) else None
        minute = self._minutes.get(minute_ms)
        if minute is None:
            self._minutes[minute_ms] = minute = _Minute(trade)
        else:
            minute.add(trade)
        return None

    def closed_candles(self) -> Iterator[ClosedCandle]:
        """Yield the minutes that a later trade has closed, in order, without those that may lack a trade."""
        while self.next_ms is not None and (self.next_ms + MINUTE_MS + GRACE_MS) * 1_000 <= self._newest_us:
            yield from self._close_next(ClosedBy.LATER_TRADE)

    def closed_by_watermark(self, minute_ms: int, alive_ms: int) -> ClosedCandle | None:
        """Return the candle of `minute_ms`, or None if it can't be known to be closed.

        It is closed if the connection was alive at `alive_ms`, well after the minute's end, and the silence since the last trade
        is usual for this pair.
        """
        if self.next_ms != minute_ms or alive_ms < minute_ms + MINUTE_MS + GRACE_MS:
            return None
        if self._expected_trades(alive_ms) > _MAX_EXPECTED:
            return None
        return next(iter(self._close_next(ClosedBy.WATERMARK)), None)

    def _close_next(self, closed_by: ClosedBy) -> list[ClosedCandle]:
        """Close the minute `next_ms`. Return its candle; nothing if a trade of it may be missing."""
        minute_ms = self.next_ms
        assert minute_ms is not None  # noqa: S101  # both callers have checked it
        self.next_ms = minute_ms + MINUTE_MS
        minute = self._minutes.pop(minute_ms, None)
        self._closed_ids[minute_ms] = minute.ids if minute else set()
        if len(self._closed_ids) > _KEPT_MINUTES:
            del self._closed_ids[next(iter(self._closed_ids))]
        before = self._last
        if minute:
            self._last = max(minute.last, before or minute.last)
        if any(gaps.overlap(minute_ms - GRACE_MS, minute_ms + MINUTE_MS + GRACE_MS) for gaps in self._gaps):
            return []
        if minute:
            return [closed_candle_of(minute.candle(minute_ms), closed_by)]
        return [flat_candle(minute_ms, before.price, closed_by)] if before else []

    def _expected_trades(self, now_ms: int) -> float:
        """Return how many trades the usual rate would have brought since the last one."""
        trades = len(self._recent_us)
        span_us = max(self._recent_us) - min(self._recent_us) if trades > 1 else 0
        if not span_us:
            return 0.0
        return (trades - 1) / span_us * max(now_ms * 1_000 - self._newest_us, 0)


class _Trade(NamedTuple):
    """Ordered by time, and within a microsecond by id."""

    time_us: int
    id: int
    price: Decimal


class _Minute:
    """The trades of one minute, summed up exactly."""

    __slots__ = ("first", "high", "ids", "last", "low", "volume")

    def __init__(self, trade: VenueTrade) -> None:
        self.ids = {trade.id}
        self.first = self.last = _Trade(trade.time_us, trade.id, trade.price)
        self.high = self.low = trade.price
        self.volume = trade.size

    def add(self, trade: VenueTrade) -> None:
        """Add a trade; a trade that is here already is ignored."""
        if trade.id in self.ids:
            return
        self.ids.add(trade.id)
        this = _Trade(trade.time_us, trade.id, trade.price)
        self.first, self.last = min(self.first, this), max(self.last, this)
        self.high, self.low = max(self.high, trade.price), min(self.low, trade.price)
        self.volume += trade.size

    def candle(self, minute_ms: int) -> VenueCandle:
        first, last = self.first.price, self.last.price
        return VenueCandle("", minute_ms, first, self.high, self.low, last, self.volume, None, closed=True)

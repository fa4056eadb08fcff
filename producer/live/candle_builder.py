"""What one connection tells of one pair's trades, and the candles that follow from it. Pure: all times are the venue's own.

A minute is closed once a trade is later than its end by a grace, so that neighbours that changed places are still in time. Only
minutes are told of which this connection has heard everything: those behind the first trade that it heard, and without a hole
in what the venue numbers. All others are the venue's to tell, over HTTP.
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
"""How much later than a minute's end a trade must be to close it."""
_MAX_EXPECTED = 2.0
"""Trades that should have come in a silence, by the usual rhythm: with more of them it is no rest but a fault."""
_RHYTHM_TRADES = 50
_KEPT_MINUTES = 3
_MINUTE_US = MINUTE_MS * 1_000


class CandleBuilder:
    """`numbering` has the holes of the connection's frames; `dense_ids`: the venue numbers a pair's trades, too."""

    def __init__(self, numbering: SequenceGaps, *, dense_ids: bool = False) -> None:
        self.next_ms: int | None = None
        """The minute that it will tell next; None before the first trade."""
        self._ids = SequenceGaps() if dense_ids else None
        self._holes = [numbering, self._ids] if self._ids else [numbering]
        self._minutes: dict[int, _Minute] = {}
        self._told: dict[int, set[int]] = {}
        """Ids of the trades in the minutes told last."""
        self._newest_us = 0
        self._last: _Trade | None = None
        """Before the minute `next_ms`."""
        self._rhythm_us: deque[int] = deque(maxlen=_RHYTHM_TRADES)

    def trade(self, trade: VenueTrade, now_ms: int) -> int | None:
        """Take in a trade that was heard at `now_ms`. -> the minute that is told already and to which it belongs, if it comes
        too late for it.
        """
        minute_ms = trade.time_us // _MINUTE_US * MINUTE_MS
        if self.next_ms is None:  # the first one heard may itself be late, and of a minute that was over when the line began
            self.next_ms = max(minute_ms, now_ms // MINUTE_MS * MINUTE_MS) + MINUTE_MS
        if self._ids is not None:
            self._ids.saw(trade.id, trade.time_us // 1_000)
        is_late = (minute_ms + MINUTE_MS + GRACE_MS) * 1_000 <= self._newest_us
        self._newest_us = max(self._newest_us, trade.time_us)
        self._rhythm_us.append(trade.time_us)
        if minute_ms < self.next_ms:
            self._last = max(last := _Trade(trade.time_us, trade.id, trade.price), self._last or last)
            return minute_ms if is_late and trade.id not in self._told.get(minute_ms, ()) else None
        minute = self._minutes.get(minute_ms)
        if minute is None:
            self._minutes[minute_ms] = minute = _Minute(trade)
        else:
            minute.add(trade)
        return None

    def closed(self) -> Iterator[ClosedCandle]:
        """The minutes that a later trade has closed, in order; those with a hole are passed over."""
        while self.next_ms is not None and (self.next_ms + MINUTE_MS + GRACE_MS) * 1_000 <= self._newest_us:
            yield from self._tell(ClosedBy.LATER_TRADE)

    def closed_by_watermark(self, minute_ms: int, alive_ms: int) -> ClosedCandle | None:
        """The candle of `minute_ms`, if the connection was alive at `alive_ms`, well after its end, and the silence since the
        last trade is nothing unusual for this pair.
        """
        if self.next_ms != minute_ms or alive_ms < minute_ms + MINUTE_MS + GRACE_MS:
            return None
        if self._expected(alive_ms) > _MAX_EXPECTED:
            return None
        return next(iter(self._tell(ClosedBy.WATERMARK)), None)

    def _tell(self, closed_by: ClosedBy) -> list[ClosedCandle]:
        minute_ms = self.next_ms
        assert minute_ms is not None  # noqa: S101  # both callers have looked
        self.next_ms = minute_ms + MINUTE_MS
        minute = self._minutes.pop(minute_ms, None)
        self._told[minute_ms] = minute.ids if minute else set()
        if len(self._told) > _KEPT_MINUTES:
            del self._told[next(iter(self._told))]
        before = self._last
        if minute:
            self._last = max(minute.last, before or minute.last)
        if any(holes.touch(minute_ms - GRACE_MS, minute_ms + MINUTE_MS + GRACE_MS) for holes in self._holes):
            return []
        if minute:
            return [closed_candle_of(minute.candle(minute_ms), closed_by)]
        return [flat_candle(minute_ms, before.price, closed_by)] if before else []

    def _expected(self, now_ms: int) -> float:
        """Trades that the usual rhythm would have brought since the last one."""
        trades = len(self._rhythm_us)
        spent_us = max(self._rhythm_us) - min(self._rhythm_us) if trades > 1 else 0
        if not spent_us:
            return 0.0
        return (trades - 1) / spent_us * max(now_ms * 1_000 - self._newest_us, 0)


class _Trade(NamedTuple):
    """Ordered by time; of the same microsecond by id."""

    time_us: int
    id: int
    price: Decimal


class _Minute:
    """The trades of a minute, added up exactly."""

    __slots__ = ("first", "high", "ids", "last", "low", "volume")

    def __init__(self, trade: VenueTrade) -> None:
        self.ids = {trade.id}
        self.first = self.last = _Trade(trade.time_us, trade.id, trade.price)
        self.high = self.low = trade.price
        self.volume = trade.size

    def add(self, trade: VenueTrade) -> None:
        """Once more is as good as once."""
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

"""Where a live symbol resumes: after the last candle or gap that the log has of it, with its last few candles."""

from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from volcast.core.codec import MIN_TIME_MS, UNDECODABLE
from volcast.core.types import MINUTE_MS

from .candle import ClosedBy, ClosedCandle

_MAX_AHEAD_MS = 86_400_000
"""A record that is farther ahead of the clock than this is taken for another program's mistake."""
RECALLED_MINUTES = 60
"""So many of the last minutes are read back: the venue may have revised them while no producer ran."""


class ResumePoint(NamedTuple):
    """The minute to be written next, and what the log has of the minutes before it."""

    next_ms: int
    last_close: Decimal | None
    """None directly after a gap, and if the log has nothing of the symbol."""
    is_new: bool
    """True if the log has nothing of the symbol."""
    written: tuple[ClosedCandle, ...] = ()
    """The last minutes in ascending order, each with its last revision."""


class _Record(Struct, frozen=True):
    """A record of any kind; its values are checked when they are used."""

    kind: str
    open_time_ms: Any = None
    open: Any = None
    high: Any = None
    low: Any = None
    close: Any = None
    volume: Any = None
    quote_volume: Any = None
    to_ms: Any = None
    candle: Any = None


_decoder = msgspec.json.Decoder(_Record)


class ResumePointReader:
    """Finds the resume point of one symbol. Call it with the symbol's records, the last one first, until it returns True."""

    def __init__(self, now_ms: int) -> None:
        self._point: ResumePoint | None = None
        self._now_ms = now_ms
        self._candles: dict[int, ClosedCandle] = {}

    def __call__(self, value: bytes) -> bool:
        """Take in a record and return whether that is enough. Garbage is ignored, and so are times that the
        consumer rejects, and times far ahead.
        """
        try:
            record = _decoder.decode(value)
            if record.kind == "revision":
                self._remember(msgspec.convert({"kind": "candle", **record.candle}, _Record))
                return False
        except (*UNDECODABLE, TypeError):
            return False
        if record.kind == "candle" and self._is_minute(record.open_time_ms):
            if self._point is None:
                self._point = ResumePoint(record.open_time_ms + MINUTE_MS, _price(record.close), is_new=False)
            self._remember(record)
            return bool(record.open_time_ms <= self._point.next_ms - RECALLED_MINUTES * MINUTE_MS)
        if record.kind == "gap" and self._is_minute(record.to_ms):
            if self._point is None:
                self._point = ResumePoint(record.to_ms, None, is_new=False)
            return bool(record.to_ms <= self._point.next_ms - RECALLED_MINUTES * MINUTE_MS)
        return False

    def result(self) -> ResumePoint | None:
        """Return the resume point; None if no record gives one."""
        if self._point is None:
            return None
        next_ms = self._point.next_ms
        written = sorted(
            (each for each in self._candles.values() if each.open_time_ms < next_ms), key=lambda each: each.open_time_ms
        )
        last_close = written[-1].close if written and written[-1].end_ms == next_ms else self._point.last_close
        return self._point._replace(written=tuple(written), last_close=last_close)

    def _remember(self, record: _Record) -> None:
        """Keep a candle, unless a later record of the same minute, which is read earlier, is kept already."""
        if not self._is_minute(record.open_time_ms):
            return
        texts = (record.open, record.high, record.low, record.close, record.volume, record.quote_volume)
        numbers = [number for text in texts if (number := _number(text)) is not None]
        if len(numbers) == len(texts):
            open_, high, low, close, volume, quote_volume = numbers
            candle = ClosedCandle(record.open_time_ms, open_, high, low, close, volume, quote_volume, ClosedBy.REST)
            self._candles.setdefault(record.open_time_ms, candle)

    def _is_minute(self, time_ms: Any) -> bool:
        return type(time_ms) is int and time_ms % MINUTE_MS == 0 and MIN_TIME_MS <= time_ms <= self._now_ms + _MAX_AHEAD_MS


def _number(text: Any) -> Decimal | None:
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _price(text: Any) -> Decimal | None:
    price = _number(text)
    return price if price is not None and price > 0 else None

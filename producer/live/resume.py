"""Where a live symbol goes on: behind the last candle or gap that the log has of it, with the last few candles in mind."""

from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE
from volcast.core.types import MINUTE_MS

from .candle import ClosedBy, ClosedCandle

_MAX_AHEAD_MS = 86_400_000
"""A record that is farther ahead of the clock than this is some stranger's mistake."""
RECALLED_MINUTES = 60
"""Of what was written last: the venue may have revised it while nobody listened."""


class ResumePoint(NamedTuple):
    """The minute to be written next, and what is known of those before."""

    next_ms: int
    last_close: Decimal | None
    """None right behind a gap, and where the log has nothing."""
    is_new: bool
    """The log has nothing of the symbol."""
    written: tuple[ClosedCandle, ...] = ()
    """The last word on each of the last minutes, ascending."""


class _Record(Struct, frozen=True):
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
    """Looks at one symbol's records from the last one backwards, for as long as it returns False."""

    def __init__(self, now_ms: int) -> None:
        self.position: ResumePoint | None = None
        self._now_ms = now_ms
        self._words: dict[int, ClosedCandle] = {}

    def __call__(self, value: bytes) -> bool:
        """Take in a record; whether that is enough. What says nothing (garbage, a time far ahead) is passed over."""
        try:
            record = _decoder.decode(value)
            if record.kind == "revision":
                self._remember(msgspec.convert({"kind": "candle", **record.candle}, _Record))
                return False
        except (*UNDECODABLE, TypeError):
            return False
        if record.kind == "candle" and self._is_minute(record.open_time_ms):
            if self.position is None:
                self.position = ResumePoint(record.open_time_ms + MINUTE_MS, _price(record.close), is_new=False)
            self._remember(record)
            return bool(record.open_time_ms <= self.position.next_ms - RECALLED_MINUTES * MINUTE_MS)
        if record.kind == "gap" and self._is_minute(record.to_ms):
            if self.position is None:
                self.position = ResumePoint(record.to_ms, None, is_new=False)
            return bool(record.to_ms <= self.position.next_ms - RECALLED_MINUTES * MINUTE_MS)
        return False

    def result(self) -> ResumePoint | None:
        """None where no record says where to go on."""
        if self.position is None:
            return None
        next_ms = self.position.next_ms
        words = sorted((bar for bar in self._words.values() if bar.open_time_ms < next_ms), key=lambda bar: bar.open_time_ms)
        last_close = words[-1].close if words and words[-1].end_ms == next_ms else self.position.last_close
        return self.position._replace(written=tuple(words), last_close=last_close)

    def _remember(self, record: _Record) -> None:
        """A later record of the same minute was there first."""
        if not self._is_minute(record.open_time_ms):
            return
        texts = (record.open, record.high, record.low, record.close, record.volume, record.quote_volume)
        numbers = [number for text in texts if (number := _number(text)) is not None]
        if len(numbers) == len(texts):
            open_, high, low, close, volume, quote_volume = numbers
            bar = ClosedCandle(record.open_time_ms, open_, high, low, close, volume, quote_volume, ClosedBy.REST)
            self._words.setdefault(record.open_time_ms, bar)

    def _is_minute(self, time_ms: Any) -> bool:
        return type(time_ms) is int and time_ms % MINUTE_MS == 0 and 0 <= time_ms <= self._now_ms + _MAX_AHEAD_MS


def _number(text: Any) -> Decimal | None:
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _price(text: Any) -> Decimal | None:
    price = _number(text)
    return price if price is not None and price > 0 else None

"""The minutes of one symbol: which have a candle, which are missing, which candle comes too late, and whose date is in doubt.

A wrong date is no different from a real gap until the next candle arrives: it continues after the one, and before the other.
"""

from collections import deque
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from volcast.core.market.clock import DAY_MINUTES

from .types import MINUTE_MS, Candle

MAX_REMEMBERED_GAPS: Final = 32
"""Number of latest gaps that are remembered, to distinguish a late candle from a duplicate."""
MAX_STEP_MS: Final = 15 * MINUTE_MS
"""A candle further than this after the last accepted one waits for the next. A date wrong by less makes candles late."""
MAX_CONFIRMED_STEP_MS: Final = 31 * DAY_MINUTES * MINUTE_MS
"""The next candle confirms one that waits if it is later, by no more than this."""
MAX_MISSING_SHARE: Final = 0.5
"""A symbol of whose last day more is missing than this is sparse, and does not count as warm."""
_DAY = (1 << DAY_MINUTES) - 1


class Skip(StrEnum):
    """Why an engine skips a candle that is sound but out of time.

    How often that happens depends on delivery, so it is not part of a `Signal`.
    """

    DUPLICATE = "duplicate"
    """A candle of its minute has been accepted already; the first one of a minute counts, whatever a second one contains."""
    LATE = "late"
    """A later candle has been accepted before it."""


class Timeline:
    """The accepted candles' minutes. The state is bounded: a bit for each minute of the last day, and the last gaps.

    >>> timeline = Timeline()
    >>> [timeline.add(minute * 60_000) for minute in (0, 1, 4)]
    [0, 0, 2]
    >>> timeline.gaps, timeline.missing_minutes, timeline.missing_share
    (1, 2, 0.4)
    >>> timeline.skip(60_000), timeline.skip(120_000), timeline.skip(300_000)
    (<Skip.DUPLICATE: 'duplicate'>, <Skip.LATE: 'late'>, None)
    """

    def __init__(self) -> None:
        self.gaps = 0
        self.missing_minutes = 0
        self.last_ms = 0
        """Opening of the last accepted candle, in milliseconds since 1970-01-01 UTC; 0 before the first."""
        self._first_ms = 0
        self._present = 0
        """A bit for each minute of the last day, the newest being the lowest: 1 if it has a candle. 0 before the first."""
        self._remembered_gaps: deque[tuple[int, int]] = deque(maxlen=MAX_REMEMBERED_GAPS)

    def skip(self, open_time_ms: int) -> Skip | None:
        """Return why a candle of this minute must be skipped; None if it lies after all others.

        It is LATE if its minute lies in a gap or before all that is remembered, else a DUPLICATE.
        """
        if not self._present or open_time_ms > self.last_ms:
            return None
        in_gap = any(start <= open_time_ms < end for start, end in self._remembered_gaps)
        forgotten = len(self._remembered_gaps) < self.gaps
        remembered_from_ms = self._remembered_gaps[0][0] if forgotten else self._first_ms
        return Skip.LATE if in_gap or open_time_ms < remembered_from_ms else Skip.DUPLICATE

    def add(self, open_time_ms: int) -> int:
        """Add a candle that lies after all others. Return how many minutes are missing before it."""
        if not self._present:
            self._first_ms = self.last_ms = open_time_ms
            self._present = 1
            return 0
        minutes = (open_time_ms - self.last_ms) // MINUTE_MS
        if minutes > 1:
            self.gaps += 1
            self.missing_minutes += minutes - 1
            self._remembered_gaps.append((self.last_ms + MINUTE_MS, open_time_ms))
        self._present = ((self._present << min(minutes, DAY_MINUTES)) | 1) & _DAY
        self.last_ms = open_time_ms
        return minutes - 1

    @property
    def missing_share(self) -> float:
        """Share of the minutes of the last day, or of those since the first candle, that have none; 0 before the first."""
        minutes = min((self.last_ms - self._first_ms) // MINUTE_MS + 1, DAY_MINUTES)
        return (minutes - self._present.bit_count()) / minutes if self._present else 0.0

    def dump(self) -> dict[str, Any]:
        """Return the state: plain numbers, and the bits as bytes, little-endian."""
        return {
            "gaps": self.gaps,
            "missing_minutes": self.missing_minutes,
            "first_ms": self._first_ms,
            "last_ms": self.last_ms,
            "present": self._present.to_bytes(DAY_MINUTES // 8, "little"),
            "remembered_gaps": list(self._remembered_gaps),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.gaps, self.missing_minutes = int(state["gaps"]), int(state["missing_minutes"])
        self._first_ms, self.last_ms = int(state["first_ms"]), int(state["last_ms"])
        self._present = int.from_bytes(state["present"], "little")
        self._remembered_gaps.extend((start, end) for start, end in state["remembered_gaps"])


class Arrival(NamedTuple):
    """A candle, and the record in which it arrived."""

    candle: Candle
    offset: int | None
    """The record's offset on `candles`; None if the state came from another log."""
    value: bytes
    """The record's value."""


class Admission(NamedTuple):
    """What the arrival of a candle decides; all is empty if it waits for the next one."""

    accepted: tuple[Arrival, ...] = ()
    """To be taken in now, in this order: a candle that waited, this one, or both."""
    refused: tuple[Arrival, ...] = ()
    """Candles that waited and were not confirmed."""
    skip: Skip | None = None
    """Why this candle is skipped."""


class DateCheck:
    """The candles that wait for the next one of their symbol, because no candle before vouches for their date.

    A candle waits if it is the symbol's first, or more than `MAX_STEP_MS` after the last accepted one. The next candle confirms
    it by following it, and otherwise refutes it. While none has been accepted two may wait, since either may be the wrong one. So
    if one candle has a wrong date all others are accepted, wherever it is; only one that is wrong by less than
    `MAX_STEP_MS` makes some of the next ones late.

    >>> def arrival(minute):
    ...     four = (1.0, 1.0, 1.0, 1.0)
    ...     return Arrival(Candle("BTCUSDT", minute * 60_000, *four, 100, 1.0, 1.0, "example", False, "file"), minute, b"")
    >>> dates = DateCheck()
    >>> dates.push(arrival(10), None)
    Admission(accepted=(), refused=(), skip=None)
    >>> [each.offset for each in dates.push(arrival(11), None).accepted]
    [10, 11]
    >>> dates.push(arrival(99), 11 * 60_000).accepted
    ()
    >>> [[each.offset for each in those] for those in dates.push(arrival(12), 11 * 60_000)[:2]]
    [[12], [99]]
    """

    def __init__(self) -> None:
        self.waiting: tuple[Arrival, ...] = ()

    def push(self, arrival: Arrival, last_ms: int | None) -> Admission:
        """Decide about a candle that lies after the last accepted one, which opened at `last_ms`; None if there is none."""
        time_ms = arrival.candle.open_time_ms
        if any(each.candle.open_time_ms == time_ms for each in self.waiting):
            return Admission(skip=Skip.DUPLICATE)
        if last_ms is not None and time_ms - last_ms <= MAX_STEP_MS:
            refused, self.waiting = self.waiting, ()
            return Admission((arrival,), refused)
        followed = [each for each in self.waiting if 0 < time_ms - each.candle.open_time_ms <= MAX_CONFIRMED_STEP_MS]
        if followed:
            confirmed = max(followed, key=lambda each: each.candle.open_time_ms)
            refused, self.waiting = tuple(each for each in self.waiting if each is not confirmed), ()
            following = self.push(arrival, confirmed.candle.open_time_ms)
            return Admission((confirmed, *following.accepted), refused)
        kept = 1 if last_ms is not None else 2
        waiting = (*self.waiting, arrival)
        self.waiting = waiting[-kept:]
        return Admission(refused=waiting[:-kept])

    def clear(self) -> int:
        """Forget the candles that wait. Return their number."""
        count, self.waiting = len(self.waiting), ()
        return count

    def dump(self) -> list[Any]:
        """Return the state as plain values; the units of a price may exceed 64 bits, so they are text."""
        return [
            [*(getattr(each.candle, name) for name in _PLAIN), str(each.candle.close_units), each.offset, each.value]
            for each in self.waiting
        ]

    def load(self, state: list[Any]) -> None:
        """Restore a state that `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.waiting = tuple(_arrival(*each) for each in state)


def _arrival(*fields: Any) -> Arrival:
    *plain, units, offset, value = fields
    try:
        candle = msgspec.convert({**dict(zip(_PLAIN, plain, strict=True)), "close_units": int(units)}, Candle)
        return Arrival(candle, msgspec.convert(offset, int | None), msgspec.convert(value, bytes))
    except msgspec.ValidationError as error:
        raise ValueError(f"a candle that waits: {error}") from error


_PLAIN: Final = tuple(name for name in Candle.__struct_fields__ if name != "close_units")

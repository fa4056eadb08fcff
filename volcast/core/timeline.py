"""The minutes of one symbol: which of them have a candle, which are missing, and why a candle that comes too late is skipped."""

from collections import deque
from typing import Any

from volcast.core.market.clock import DAY_MINUTES

from .types import MINUTE_MS, Skip

MAX_REMEMBERED_GAPS = 32
"""Number of latest gaps that are remembered, to distinguish a late candle from a duplicate."""
_DAY = (1 << DAY_MINUTES) - 1


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

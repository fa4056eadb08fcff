"""What a reader must know before using a signal: its age and its status. Pure: times are arguments.

How old a signal is follows from the time of its candle; when this process read it says nothing about that.
"""

from enum import StrEnum
from math import inf
from typing import NamedTuple

from volcast.core.timeline import MAX_MISSING_SHARE
from volcast.core.types import MINUTE_MS, Signal

from .stream.row import Row

MAX_CLOCK_SKEW_S = 30.0
"""A candle that ends further than this in the future is a sign of a wrong clock or date."""
_REPLAY_PAUSE_S = 5.0
_REPLAY_PAUSES = 3


class Status(StrEnum):
    """What a reader must know before using a number. Of several that apply, the first one in this order is given."""

    RESTORING = "restoring"
    """The API is still reading the log, or the consumer is rebuilding the symbol's state: the signal may be an old one."""
    UNREADABLE = "unreadable"
    """The newest record of the symbol cannot be read: the signal is an older one."""
    CLOCK_SKEW = "clock_skew"
    """The candle ends in the future: this machine's clock or the candle's time is wrong, so the age is unknown."""
    STALE = "stale"
    """A live source has sent no candle for longer than `stale_after_s`, judged by the time of its last candle."""
    FINISHED = "finished"
    """The signal is of the past, from a replay, and no more signals are arriving."""
    SPARSE = "sparse"
    """Most of the minutes of the last day have no candle."""
    WARMING = "warming"
    """The rolling mean or the forecaster has not seen enough candles."""
    REPLAYING = "replaying"
    """Signals of the past are arriving from a replay."""
    OK = "ok"
    """The candle is recent, and so is the forecast."""


NEVER_VALID = (Status.RESTORING, Status.UNREADABLE, Status.CLOCK_SKEW)
"""With these nobody knows until when a signal holds: a newer one may be there already, or the clock is wrong."""


class Now(NamedTuple):
    """The same moment by two clocks. A wall clock may be set back; a monotonic clock knows nothing of candles."""

    wall_s: float
    """Seconds since 1970."""
    monotonic_s: float


class Latest(NamedTuple):
    """A symbol's latest signal, and when it arrived by the monotonic clock."""

    signal: Signal
    arrived_s: float
    next_until_s: float
    """Until then the next signal of a replay is expected; in the past if the replay has ended."""
    row: Row
    """Its row."""

    @classmethod
    def arrived(cls, signal: Signal, row: Row, arrived_s: float, before: "Latest | None", *, is_new: bool) -> "Latest":
        """Return the latest signal of a symbol at its arrival, after the one `before`.

        `is_new` is false for a signal that was on the log at the start: it says nothing about whether a replay is still going on.
        """
        spacing_s = arrived_s - before.arrived_s if before else 0.0
        next_until_s = arrived_s + max(_REPLAY_PAUSE_S, _REPLAY_PAUSES * spacing_s) if is_new else -inf
        return cls(signal, arrived_s, next_until_s, row)

    def age_s(self, now: Now) -> float:
        """Return the time since the end of the candle's minute; it is negative if the clock or the candle's time is wrong.

        It is at least the time since the signal arrived, so that a clock which was set back makes no signal younger.
        """
        age_s = now.wall_s - (self.signal.open_time_ms + MINUTE_MS) / 1_000
        return age_s if age_s < -MAX_CLOCK_SKEW_S else max(age_s, now.monotonic_s - self.arrived_s)

    def horizon_end_ms(self, horizon_minutes: int) -> int:
        """Return when the horizon of a forecast that was made after this candle ends, in milliseconds since 1970."""
        return self.signal.open_time_ms + (1 + horizon_minutes) * MINUTE_MS

    def is_horizon_over(self, horizon_minutes: int, now: Now) -> bool:
        """Return whether the minutes have passed that a forecast covers which was made after this candle."""
        return now.wall_s * 1_000 >= self.horizon_end_ms(horizon_minutes)

    def valid_until_ms(self, horizon_minutes: int, status: Status, stale_after_s: float) -> int | None:
        """Return the time from which on the forecast for a horizon must not be used, in milliseconds since 1970.

        It is when the signal would become stale, or the end of the horizon if that comes first. None: not even now.
        """
        if status in NEVER_VALID or self.signal.suspect:
            return None
        stale_ms = self.signal.open_time_ms + MINUTE_MS + int(stale_after_s * 1_000)
        return min(stale_ms, self.horizon_end_ms(horizon_minutes))

    def status(self, now: Now, stale_after_s: float, *, is_restoring: bool, is_unreadable: bool) -> Status:
        """Return the first status that applies. `is_restoring` and `is_unreadable` are what the view knows of the symbol."""
        age_s = self.age_s(now)
        is_past = age_s > stale_after_s
        applies = {
            Status.RESTORING: is_restoring,
            Status.UNREADABLE: is_unreadable,
            Status.CLOCK_SKEW: age_s < -MAX_CLOCK_SKEW_S,
            Status.STALE: self.signal.live and is_past,
            Status.FINISHED: is_past and now.monotonic_s > self.next_until_s,
            Status.SPARSE: self.signal.missing_share > MAX_MISSING_SHARE,
            Status.WARMING: not self.signal.warm,
            Status.REPLAYING: is_past,
            Status.OK: True,
        }
        return next(status for status in Status if applies[status])

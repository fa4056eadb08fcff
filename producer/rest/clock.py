"""What time it is at a venue, told by its answers: our own clock plus an offset that is measured.

An answer that came between two readings of our clock holds the venue's time of some moment between the two: so the offset is
known up to half the round trip, and up to half of what the venue's time is rounded to. The sample that leaves the least doubt
counts. A `Date` header is rounded to a second, so it counts only where nothing better is there.
"""

from collections.abc import Callable
from time import time
from typing import NamedTuple

_KEPT = 16
_KEPT_FOR_S = 3_600.0
_DRIFT_MS = 1_000.0
"""Two clocks may drift apart by so much while samples are kept; a sample farther off means that one of them was set anew."""


class ClockSample(NamedTuple):
    """One reading of the venue's clock."""

    at_s: float
    """Of our clock, when the answer was there."""
    offset_ms: float
    """Venue's clock minus ours."""
    doubt_ms: float
    """The true offset is no farther away, by what this sample knows."""


class VenueClock:
    """Our clock, set right by samples of the venue's; without any it is our clock."""

    def __init__(self, wall: Callable[[], float] = time) -> None:
        """`wall` tells seconds since 1970."""
        self._wall = wall
        self._samples: list[ClockSample] = []
        self._chosen: ClockSample | None = None
        """The best one, until another comes or it grows old: the time is asked for with every frame."""

    @property
    def samples(self) -> tuple[ClockSample, ...]:
        """Those of the last hour, the oldest first; a few."""
        now_s = self._wall()
        self._samples = [sample for sample in self._samples if 0 <= now_s - sample.at_s <= _KEPT_FOR_S]
        return tuple(self._samples)

    @property
    def offset_ms(self) -> float:
        """Venue's clock minus ours by the best sample; 0 before the first."""
        best = self._best()
        return best.offset_ms if best else 0.0

    @property
    def doubt_ms(self) -> float | None:
        """How far from the truth `offset_ms` may be; None before the first sample."""
        best = self._best()
        return best.doubt_ms if best else None

    def now_ms(self) -> int:
        """The venue's time, milliseconds since 1970-01-01 UTC."""
        return int(self._wall() * 1_000 + self.offset_ms)

    def earliest_ms(self, at_s: float) -> int | None:
        """When our clock showed `at_s`, the venue's showed this or a later time; None before the first sample."""
        best = self._best()
        return int(at_s * 1_000 + best.offset_ms - best.doubt_ms) if best else None

    def add(self, sent_s: float, received_s: float, venue_ms: int, resolution_ms: int) -> None:
        """Take a sample: asked and answered at these times of our clock, with `venue_ms`, rounded down to `resolution_ms`.

        Our clock may have been set back in between; such a sample is not taken.
        """
        round_trip_ms = (received_s - sent_s) * 1_000
        if round_trip_ms < 0:
            return
        offset_ms = venue_ms + resolution_ms / 2 - (sent_s + received_s) * 500
        sample = ClockSample(received_s, offset_ms, (round_trip_ms + resolution_ms) / 2)
        best = self._best()
        if best and abs(sample.offset_ms - best.offset_ms) > sample.doubt_ms + best.doubt_ms + _DRIFT_MS:
            self._samples.clear()
        self._samples = [*self.samples, sample]
        if len(self._samples) > _KEPT:
            self._samples.remove(max(self._samples, key=lambda kept: kept.doubt_ms))
        self._chosen = None

    def _best(self) -> ClockSample | None:
        if self._chosen is None or not 0 <= self._wall() - self._chosen.at_s <= _KEPT_FOR_S:
            self._chosen = min(self.samples, key=lambda sample: (sample.doubt_ms, -sample.at_s), default=None)
        return self._chosen

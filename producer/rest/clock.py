"""The time on a venue's clock: our own clock plus an offset that is measured from the venue's responses.

A response carries the venue's time of some moment between the request and the arrival of its headers. So the offset is known up
to half the round trip, plus half of what the venue's time is rounded to. Of the last samples the one with the least uncertainty
is used. A `Date` header is rounded to a second, so it is used only if there is nothing better.
"""

from collections.abc import Callable
from time import time
from typing import NamedTuple

_MAX_SAMPLES = 16
_MAX_AGE_S = 3_600.0
_DRIFT_MS = 1_000.0
"""The most that two clocks drift apart while samples are kept. A sample that differs by more means that one of them was set."""


class ClockSample(NamedTuple):
    """One reading of the venue's clock."""

    at_s: float
    """When the response arrived, by our clock, in seconds since 1970."""
    offset_ms: float
    """The venue's clock minus ours."""
    uncertainty_ms: float
    """The true offset differs from `offset_ms` by at most this much."""


class VenueClock:
    """The venue's clock: ours, corrected by the best sample of the last hour; without a sample, ours as it is."""

    def __init__(self, wall: Callable[[], float] = time) -> None:
        """`wall` returns seconds since 1970 by our clock."""
        self._wall = wall
        self._samples: list[ClockSample] = []
        self._chosen: ClockSample | None = None
        """The best sample, cached until a new one comes or it is too old, because the time is read with every frame."""

    @property
    def samples(self) -> tuple[ClockSample, ...]:
        """The samples of the last hour, at most 16, the oldest first."""
        now_s = self._wall()
        self._samples = [sample for sample in self._samples if 0 <= now_s - sample.at_s <= _MAX_AGE_S]
        return tuple(self._samples)

    @property
    def offset_ms(self) -> float:
        """The venue's clock minus ours by the best sample; 0 before the first one."""
        best = self._best()
        return best.offset_ms if best else 0.0

    @property
    def uncertainty_ms(self) -> float | None:
        """The largest error that `offset_ms` may have; None before the first sample."""
        best = self._best()
        return best.uncertainty_ms if best else None

    def now_ms(self) -> int:
        """Return the venue's time, in milliseconds since 1970-01-01 UTC."""
        return int(self._wall() * 1_000 + self.offset_ms)

    def earliest_ms(self, at_s: float) -> int | None:
        """Return the earliest time that the venue's clock may have shown when ours showed `at_s`; None without a sample."""
        best = self._best()
        return int(at_s * 1_000 + best.offset_ms - best.uncertainty_ms) if best else None

    def add(self, sent_s: float, received_s: float, venue_ms: int, resolution_ms: int) -> None:
        """Add a sample: a request sent and a response received at these times of our clock, and the venue's time in it.

        `venue_ms` is rounded down to `resolution_ms`. A sample during which our clock was set back is ignored.
        """
        round_trip_ms = (received_s - sent_s) * 1_000
        if round_trip_ms < 0:
            return
        offset_ms = venue_ms + resolution_ms / 2 - (sent_s + received_s) * 500
        sample = ClockSample(received_s, offset_ms, (round_trip_ms + resolution_ms) / 2)
        best = self._best()
        if best and abs(sample.offset_ms - best.offset_ms) > sample.uncertainty_ms + best.uncertainty_ms + _DRIFT_MS:
            self._samples.clear()
        self._samples = [*self.samples, sample]
        if len(self._samples) > _MAX_SAMPLES:
            self._samples.remove(max(self._samples, key=lambda sample: sample.uncertainty_ms))
        self._chosen = None

    def _best(self) -> ClockSample | None:
        if self._chosen is None or not 0 <= self._wall() - self._chosen.at_s <= _MAX_AGE_S:
            self._chosen = min(self.samples, key=lambda sample: (sample.uncertainty_ms, -sample.at_s), default=None)
        return self._chosen

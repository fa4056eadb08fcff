"""The time on a venue's clock: our own clock plus an offset that is measured from the venue's responses.

A response carries the venue's time of some moment between the request and the arrival of its headers. So the offset is known up
to half the round trip, plus half of what the venue's time is rounded to. Of the last samples the one with the least uncertainty
is used. A `Date` header is rounded to a second, so it is used only if there is nothing better.
"""

import time
from collections.abc import Callable
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


def elapsed_s() -> float:
    """Return seconds since some moment before this process began. Nobody can set this clock; it also runs during a suspend."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock:
    """Our wall clock as it was at the beginning, carried on by a clock that nobody can set.

    So a step of the machine's clock, forward or back, changes nothing here. A wrong start is corrected by `VenueClock`.
    """

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = elapsed_s) -> None:
        """`wall` returns seconds since 1970, `elapsed` seconds since any moment."""
        self._elapsed = elapsed
        self._offset_s = wall() - elapsed()

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return self._offset_s + self._elapsed()


class VenueClock:
    """The venue's clock: ours, corrected by the best sample of the last hour or before; without any, ours as it is."""

    def __init__(self, wall: Callable[[], float]) -> None:
        """`wall` returns seconds since 1970 by our clock, which should not jump: see SteadyClock."""
        self._wall = wall
        self._samples: list[ClockSample] = []
        self._chosen: ClockSample | None = None
        """The best sample, cached until a new one comes or it is too old, because the time is read with every frame."""

    @property
    def samples(self) -> tuple[ClockSample, ...]:
        """The samples of the last hour, at most 16, the oldest first; one if all are older."""
        now_s = self._wall()
        fresh = [sample for sample in self._samples if 0 <= now_s - sample.at_s <= _MAX_AGE_S]
        if not fresh and self._samples and now_s >= self._samples[-1].at_s:
            fresh = [
                _aged(min(self._samples, key=lambda sample: sample.uncertainty_ms), now_s)
            ]  # an old sample is better than none: our own clock may be wrong by days
        self._samples = fresh
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


def _aged(sample: ClockSample, now_s: float) -> ClockSample:
    """Return an old sample as if it were new, with the drift since then in its uncertainty."""
    return ClockSample(now_s, sample.offset_ms, sample.uncertainty_ms + _DRIFT_MS * (now_s - sample.at_s) / _MAX_AGE_S)

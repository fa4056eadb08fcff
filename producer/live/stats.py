"""What a live producer did since its process began, for its metrics."""

from collections import Counter
from dataclasses import dataclass, field

from volcast.durations import Durations


@dataclass(slots=True)
class LiveStats:
    """Counts of one venue. Streams are told by their symbols on the log."""

    frames: Counter[str] = field(default_factory=Counter)
    """By kind; `garbage` beside the kinds: what could not be read."""
    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(symbol, how it was closed); `synthetic`, `revision` and `gap` beside the ways of closing."""
    missing_minutes: Counter[str] = field(default_factory=Counter)
    """By symbol, of gap records."""
    connects: Counter[str] = field(default_factory=Counter)
    """By how an attempt ended: `ok`, or the kind of failure."""
    left: Counter[str] = field(default_factory=Counter)
    """Lines that were left, by why."""
    delays: Durations = field(default_factory=Durations)
    """From the venue's sending of a frame to its being here, clocks made equal."""

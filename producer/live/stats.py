"""Counters of one live producer since its process began. The metrics are made from them."""

from collections import Counter
from dataclasses import dataclass, field

from volcast.durations import Durations


@dataclass(slots=True)
class LiveStats:
    """Counts for one venue. Symbols are named as on the log."""

    frames: Counter[str] = field(default_factory=Counter)
    """Frames by kind; `garbage` counts frames that could not be read, `strange` data of unknown pairs or with absurd times."""
    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Candles by symbol and way of closing; `synthetic` ones count there, too. `revision` and `gap` count those records."""
    missing_minutes: Counter[str] = field(default_factory=Counter)
    """Minutes in gap records, by symbol."""
    connects: Counter[str] = field(default_factory=Counter)
    """Attempts to connect, by how they ended: `ok`, or the kind of failure."""
    replaced: Counter[str] = field(default_factory=Counter)
    """Connections that ended or were replaced, by the reason."""
    delays: Durations = field(default_factory=Durations)
    """Seconds from the venue's sending of a frame until it was received, by the venue's clock."""

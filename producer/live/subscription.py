"""One symbol of a live producer: its sequencer, its silence detector, and the way of its events to the log. Counters, too."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from volcast.core.types import MINUTE_MS
from volcast.log.contract import KeyValue
from volcast.timing.durations import Durations

from .candle import CandleEvent, ClosedCandle, MissingMinutes, RevisedCandle, record_of
from .sequencer import CandleSequencer
from .watchdog import SilenceDetector

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LiveStats:
    """Counters of one live producer since its process began. The metrics are made from them; symbols are named as on the log."""

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
    odd_rows: Counter[str] = field(default_factory=Counter)
    """Rows over HTTP that could not be used, by symbol; a row counts each time that it comes."""
    delays: Durations = field(default_factory=Durations)
    """Seconds from the venue's sending of a frame until it was received, by the venue's clock."""


@dataclass(slots=True)
class Subscription:
    """The state of one symbol. The dispatcher writes live candles to it, the backfiller those that were missing."""

    symbol: str
    """As on the log: `BTCUSDT.BINANCE`."""
    pair: str
    """As the venue spells it."""
    venue: str
    sequencer: CandleSequencer
    put: Callable[[list[KeyValue]], None]
    """Takes the records to be appended to the log."""
    stats: LiveStats
    silence: SilenceDetector = field(default_factory=SilenceDetector)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the sequencer may have something new to ask the venue for."""
    last_request_failed: bool = False
    """The venue did not answer the last REST request."""
    unlisted: str = ""
    """What the venue says if it has no such market any more; empty while it has."""

    def write(self, events: Iterable[CandleEvent]) -> None:
        """Put the records of these events into the queue, and count them. Raises Unavailable if the queue is too long."""
        records = []
        for event in events:
            records.append(record_of(event, self.symbol, self.venue))
            self._count(event)
        if records:
            self.put(records)
            self.wake.set()

    def count_odd_rows(self, rows: int, reason: str) -> None:
        """Count rows of a page that could not be used."""
        if rows:
            level = logging.DEBUG if self.stats.odd_rows[self.symbol] else logging.WARNING  # a page may be requested many times
            self.stats.odd_rows[self.symbol] += rows
            _log.log(level, "%d rows of the venue can't be used: %s", rows, reason, extra={"symbol": self.symbol})

    def _count(self, event: CandleEvent) -> None:
        if isinstance(event, ClosedCandle):
            self.stats.written[self.symbol, event.closed_by.value] += 1
            if event.synthetic:
                self.stats.written[self.symbol, "synthetic"] += 1
        elif isinstance(event, RevisedCandle):
            self.stats.written[self.symbol, "revision"] += 1
            _log.warning("candle revised", extra={"symbol": self.symbol, "open_time_ms": event.candle.open_time_ms})
        elif isinstance(event, MissingMinutes):
            self.stats.written[self.symbol, "gap"] += 1
            self.stats.missing_minutes[self.symbol] += (event.to_ms - event.from_ms) // MINUTE_MS
            _log.warning("gap: %s", event.reason, extra={"symbol": self.symbol, "from_ms": event.from_ms, "to_ms": event.to_ms})

"""The drift alarms that began and ended in the signals read so far. Bounded: the last events of each symbol and of all together.

Pure. One thread writes it, others may read it: events are never changed, and what is returned is a copy.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from volcast.core.drift.alarms import DriftAlarm, Tier, begun
from volcast.core.types import Signal

EVENTS_OF_A_SYMBOL = 20
EVENTS_OF_ALL = 100


class DriftEvent(NamedTuple):
    """An alarm has begun, or it is over."""

    symbol: str
    open_time_ms: int
    """Start of the minute with which it began or ended, in milliseconds since 1970."""
    alarm: DriftAlarm
    is_over: bool
    horizon_minutes: int
    interval_level: float


class DriftHistory:
    """The last events, and what has to be known of the signals that they were made from."""

    def __init__(self) -> None:
        self.begun_counts = Counter[tuple[str, Tier]]()
        """Alarms that began while signals arrived, by detector and tier; those in signals that were on the log before are not
        counted: each start of the process would count them once more."""
        self._first_ms: dict[str, int] = {}
        self._of_all = deque[DriftEvent](maxlen=EVENTS_OF_ALL)
        self._by_symbol: dict[str, deque[DriftEvent]] = {}

    def take(self, before: Signal | None, signal: Signal, *, is_new: bool) -> None:
        """Take in a symbol's next signal, and the one before it. `is_new` is false for one that was on the log at the start."""
        if before is None:
            self._first_ms[signal.symbol] = signal.open_time_ms
        known = before.drift_alarms if before else ()
        if known == signal.drift_alarms:
            return
        began, ended = begun(known, signal.drift_alarms), begun(signal.drift_alarms, known)
        # An alarm may have begun with a minute whose signal was not read.
        told = [(each, signal.open_time_ms, True) for each in ended] + [(each, each.open_time_ms, False) for each in began]
        events = [
            DriftEvent(signal.symbol, time_ms, alarm, is_over, signal.horizon_minutes, signal.interval_level)
            for alarm, time_ms, is_over in told
        ]
        if is_new and before:
            self.begun_counts.update((each.detector, each.tier) for each in began)
        self._of_all.extend(events)
        self._by_symbol.setdefault(signal.symbol, deque(maxlen=EVENTS_OF_A_SYMBOL)).extend(events)

    def first_ms(self, symbol: str) -> int:
        """Return the open time of the first signal that was read of a symbol. Raises KeyError before it."""
        return self._first_ms[symbol]

    def events(self, symbol: str | None = None) -> Sequence[DriftEvent]:
        """Return the last events of a symbol, or of all, the newest first, as they were read."""
        found = self._of_all if symbol is None else self._by_symbol.get(symbol, ())
        return tuple(found)[::-1]

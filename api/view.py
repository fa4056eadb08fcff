"""The latest signal of each symbol. Pure: signals and times in, answers out.

The signal of the latest candle wins, so reading a signal again changes nothing. A view is written by one thread and may be read
by others. What a status means is in status.py.
"""

from bisect import insort
from math import inf

from volcast.core.types import Restoring, Signal

from .statistics.candle_quality import CandleQuality
from .statistics.drift_history import DriftHistory
from .statistics.model_scores import DailyLosses
from .statistics.promotions import PromotionList
from .status import Latest, Now, Status
from .stream.history import RowHistory
from .stream.row import Row

_MAX_UNREADABLE_SYMBOLS = 10_000


class View:
    """What the API knows."""

    def __init__(self, stale_after_s: float, before: int = 0) -> None:
        """The row of the first signal has the sequence `before` + 1."""
        self.signals = 0
        """Number of signals read."""
        self.unreadable = 0
        """Number of records that could not be read."""
        self.caught_up = False
        """Whether every signal that was on the log at the start has been read."""
        self.drift, self.scores, self.quality = DriftHistory(), DailyLosses(), CandleQuality()
        """What is counted from the signals."""
        self.promotions = PromotionList()
        """Which model was to lead from when on, and who decided it."""
        self.rows = RowHistory(before)
        """The last rows of each symbol."""
        self.stale_after_s = stale_after_s
        """Age above which a signal is not of now, in seconds."""
        self._latest: dict[str, Latest] = {}
        self._symbols: list[str] = []
        self._rebuilding: set[str] = set()
        self._unreadable: set[str] = set()

    def put(self, signal: Signal | Restoring, arrived_s: float) -> None:
        """Take in a record of `signals` that arrived at `arrived_s`, by the monotonic clock."""
        if isinstance(signal, Restoring):
            (self._rebuilding.discard if signal.done else self._rebuilding.add)(signal.symbol)
            return
        self.signals += 1
        latest = self._latest.get(signal.symbol)
        if latest is None or signal.open_time_ms > latest.signal.open_time_ms:
            for each in (self.drift, self.scores, self.quality):
                each.take(latest.signal if latest else None, signal, is_new=self.caught_up)

            def publish(row: Row) -> None:
                self._latest[signal.symbol] = Latest.arrived(signal, row, arrived_s, latest, is_new=self.caught_up)
                if latest is None:
                    insort(self._symbols, signal.symbol)

            self.rows.put(signal, publish)
        if latest is None or signal.open_time_ms >= latest.signal.open_time_ms:
            self._unreadable.discard(signal.symbol)

    def put_unreadable(self, symbol: str | None, *, is_new: bool = True) -> None:
        """Take in that a record of `signals` could not be read; `symbol` is what its key names, if it names a symbol.

        `is_new` is false for a record that has been counted before.
        """
        self.unreadable += is_new
        if symbol and (symbol in self._latest or len(self._unreadable) < _MAX_UNREADABLE_SYMBOLS):
            self._unreadable.add(symbol)

    def finish_replays(self) -> None:
        """Take in that no more signals of a replay will come, so that this need not be found out by waiting."""
        for symbol, latest in self._latest.items():
            self._latest[symbol] = latest._replace(next_until_s=-inf)

    @property
    def symbols(self) -> list[str]:
        """All symbols that have a signal, sorted."""
        return self._symbols.copy()

    @property
    def unreadable_symbols(self) -> list[str]:
        """All symbols whose newest record could not be read, sorted; some of them may have no signal at all."""
        return sorted(self._unreadable.copy())

    def get(self, symbol: str) -> Latest | None:
        """Return the latest signal of a symbol; None if it has none yet."""
        return self._latest.get(symbol)

    def status(self, latest: Latest, now: Now) -> Status:
        """Return the status of a latest signal."""
        symbol = latest.signal.symbol
        is_restoring, is_unreadable = not self.caught_up or symbol in self._rebuilding, symbol in self._unreadable
        return latest.status(now, self.stale_after_s, is_restoring=is_restoring, is_unreadable=is_unreadable)

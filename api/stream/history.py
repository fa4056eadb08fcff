"""The last rows of each symbol, numbered in the order in which they were read. Bounded for each symbol and in all.

One thread puts rows, the thread of the HTTP server reads them: each method holds the lock for some microseconds, and copies what
it returns. A listener is told of new rows once, and again only after it has taken them: while it is busy they gather, so a
replay of thousands of signals a second wakes it no more often than it can work.
"""

import secrets
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Collection
from threading import Lock
from typing import NamedTuple

from volcast.core.types import Signal

from .row import Row, RowAlarm, chart_row, packed_row, unpacked_row
from .usual import UsualLevels

ROWS_OF_A_SYMBOL = 1_440
"""A day of minutes."""
ROWS_OF_ALL = 300_000
"""With more than 208 symbols each of them keeps fewer rows: 500 symbols keep about 9 hours."""
MAX_WAITING_ROWS = 100_000
"""Rows that wait for the listener; with more, it has to begin again."""
_SPARE_SHARE = 8
"""Rows are deleted many at a time, when there is an eighth too many."""
_GROWTH = 1.1
"""When the symbols become too many, room is made for a tenth more of them at once."""


def start_at_random() -> int:
    """Return where the sequences of a process begin: anywhere, so that those of another one are not taken for its own.

    It is a multiple of 10^9, so that a person can read the number of rows in the last digits, and below 2^53 for JavaScript.
    """
    return secrets.randbelow(4_500_000) * 1_000_000_000


class PositionLost(Exception):
    """The rows after a position are not all there any more, or the position is of another process; the message says which."""


class Stored(NamedTuple):
    """A row as it is kept."""

    sequence: int
    symbol: str
    open_time_ms: int
    packed: bytes
    drift_alarms: tuple[RowAlarm, ...]

    def row(self) -> Row:
        """Return the row itself."""
        return unpacked_row(*self)


class Waiting(NamedTuple):
    """The rows that a listener has not seen."""

    rows: list[Stored]
    is_all: bool
    """Whether no more are waiting."""
    lost: bool
    """Whether there were so many that they were dropped; the first row then does not follow the last one taken before."""


class _SymbolRows:
    """The rows of one symbol, oldest first; columns, which need less memory than tuples."""

    __slots__ = ("alarms", "dropped", "open_times_ms", "packed", "sequences")

    def __init__(self, before: int) -> None:
        self.sequences, self.open_times_ms, self.packed = array("q"), array("q"), list[bytes]()
        self.alarms = list[tuple[RowAlarm, ...]]()
        self.dropped = before
        """Sequence of the newest row that is not kept any more; before the first one, the sequence before all."""

    def append(self, stored: Stored) -> None:
        alarms = self.alarms[-1] if self.alarms and self.alarms[-1] == stored.drift_alarms else stored.drift_alarms
        self.sequences.append(stored.sequence)
        self.open_times_ms.append(stored.open_time_ms)
        self.packed.append(stored.packed)
        self.alarms.append(alarms)

    def trim(self, limit: int) -> None:
        surplus = len(self.packed) - limit
        if surplus > 0:
            self.dropped = self.sequences[surplus - 1]
            for column in (self.sequences, self.open_times_ms, self.packed, self.alarms):
                del column[:surplus]

    def stored(self, symbol: str, begin: int, end: int) -> list[Stored]:
        columns = (self.sequences, self.open_times_ms, self.packed, self.alarms)
        rows = zip(*(column[begin:end] for column in columns), strict=True)
        return [Stored(sequence, symbol, *rest) for sequence, *rest in rows]


class RowHistory:
    """The last rows of each symbol."""

    def __init__(self, before: int = 0, rows_of_all: int = ROWS_OF_ALL, rows_of_a_symbol: int = ROWS_OF_A_SYMBOL) -> None:
        """The first row has the sequence `before` + 1."""
        self._before = self._last = before
        self._rows_of_all, self._limit = rows_of_all, rows_of_a_symbol
        self._symbols: dict[str, _SymbolRows] = {}
        self._usual = UsualLevels()
        self._waiting = deque[Stored]()
        self._lost = self._is_told = False
        self._tell: Callable[[], None] | None = None
        self._lock = Lock()

    @property
    def last_sequence(self) -> int:
        """The sequence of the newest row."""
        return self._last

    @property
    def row_count(self) -> int:
        """Number of rows that are kept, of all symbols."""
        with self._lock:
            return sum(len(rows.packed) for rows in self._symbols.values())

    def put(self, signal: Signal, publish: Callable[[Row], None] = lambda _: None) -> Row:
        """Keep the row of a symbol's next signal, and return it. Called by one thread only.

        `publish` shows the row elsewhere. Who sees it there or here finds it in the other place, too.
        """
        self._usual.take(signal)
        row = chart_row(signal, self._last + 1, self._usual.usual(signal))
        stored = Stored(row.sequence, row.symbol, row.open_time_ms, packed_row(row), row.drift_alarms)
        tell = None
        with self._lock:
            publish(row)
            self._keep(stored)
            self._last = row.sequence
            if self._tell:
                self._waiting.append(stored)
                if len(self._waiting) > MAX_WAITING_ROWS:
                    self._waiting.clear()
                    self._lost = True
                if not self._is_told:
                    self._is_told, tell = True, self._tell
        if tell:
            tell()
        return row

    def page(self, symbol: str, from_ms: int, to_ms: int, after: int | None, limit: int) -> tuple[list[Stored], bool]:
        """Return at most `limit` rows of a symbol, oldest first, and whether there are more of them.

        They open from `from_ms` on and before `to_ms`, and come after the row with the sequence `after`, which continues a page.
        Raises PositionLost if the row that follows is not kept any more.
        """
        with self._lock:
            rows = self._symbols.get(symbol)
            if after is not None:
                self._check(after, [rows] if rows else [])
            if rows is None:
                return [], False
            begin = bisect_left(rows.open_times_ms, from_ms)
            if after is not None:
                begin = max(begin, bisect_right(rows.sequences, after))
            end = bisect_left(rows.open_times_ms, to_ms)
            return rows.stored(symbol, begin, min(begin + limit, end)), begin + limit < end

    def last(self, symbol: str, count: int) -> list[Stored]:
        """Return the last `count` rows of a symbol, oldest first."""
        with self._lock:
            rows = self._symbols.get(symbol)
            return rows.stored(symbol, max(0, len(rows.packed) - count), len(rows.packed)) if rows else []

    def newest(self, symbols: Collection[str] | None) -> tuple[list[Stored], int]:
        """Return the newest row of each of the symbols, of all if None, in the order of their sequences; and the position now."""
        with self._lock:
            found = self._of(symbols)
            newest = [each for name, rows in found.items() for each in rows.stored(name, len(rows.packed) - 1, len(rows.packed))]
            return sorted(newest), self._last

    def following(self, position: int, symbols: Collection[str] | None, limit: int) -> tuple[list[Stored], int]:
        """Return the next rows of the symbols, of all if None, after a position, about `limit`; and the position after them.

        Raises PositionLost if some of them are not kept any more.
        """
        with self._lock:
            found = self._of(symbols)
            self._check(position, found.values())
            # Sequences are consecutive over all symbols: so many of them contain about `limit` rows of these symbols.
            last = min(self._last, position + limit * max(1, len(self._symbols) // max(1, len(found))))
            following = [
                each
                for name, rows in found.items()
                for each in rows.stored(name, bisect_right(rows.sequences, position), bisect_right(rows.sequences, last))
            ]
            return sorted(following), last

    def listen(self, position: int, tell: Callable[[], None]) -> bool:
        """Call `tell` when new rows wait, if `position` is that of the newest row; return whether it is."""
        with self._lock:
            if position == self._last:
                self._tell = tell
            return position == self._last

    def stop_listening(self) -> None:
        """Call nobody any more, and drop what waits."""
        with self._lock:
            self._tell = None
            self._waiting.clear()
            self._lost = self._is_told = False

    def take_waiting(self, limit: int) -> Waiting:
        """Return at most `limit` rows that wait; once there are no more, the listener is told of the next ones."""
        with self._lock:
            rows = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            lost, self._lost = self._lost, False
            self._is_told = bool(self._waiting)
            return Waiting(rows, not self._waiting, lost)

    def _of(self, symbols: Collection[str] | None) -> dict[str, _SymbolRows]:
        if symbols is None:
            return self._symbols
        return {name: rows for name in symbols if (rows := self._symbols.get(name))}

    def _check(self, position: int, found: Collection[_SymbolRows]) -> None:
        if not self._before <= position <= self._last:
            raise PositionLost(f"{position} is no sequence of this process, which has been started since, or is another one")
        if any(position < rows.dropped for rows in found):
            raise PositionLost(f"rows that follow {position} are not kept any more")

    def _keep(self, stored: Stored) -> None:
        rows = self._symbols.get(stored.symbol)
        if rows is None:
            rows = self._symbols[stored.symbol] = _SymbolRows(self._before)
            if len(self._symbols) * self._limit > self._rows_of_all:
                self._limit = max(1, int(self._rows_of_all / (_GROWTH * len(self._symbols))))
                for each in self._symbols.values():
                    each.trim(self._limit)
        rows.append(stored)
        if len(rows.packed) > self._limit + self._limit // _SPARE_SHARE:
            rows.trim(self._limit)

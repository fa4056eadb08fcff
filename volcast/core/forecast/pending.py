"""Ring buffers, indexed by minute, of what is kept until a forecast's outcome is known: one of arrays, one of plain numbers."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from volcast.core.arrays import Floats

_EMPTY: Final = -(2**63)


class PendingRows:
    """Arrays by minute since 1970-01-01 UTC. Each is kept until a later one takes its slot, minute // every_minutes % slots.

    Args:
        slots: The number of rows kept.
        width: The length of a row.
        every_minutes: The distance of rows in minutes; of two rows that are nearer, the later may replace the earlier.

    >>> pending = PendingRows(slots=2, width=1)
    >>> pending.put(7, np.array([0.5]))
    >>> pending.at(7), pending.at(9)
    (array([0.5]), None)
    """

    def __init__(self, slots: int, width: int, every_minutes: int = 1) -> None:
        self._every_minutes = every_minutes
        self._minutes = [_EMPTY] * slots
        self._rows: Floats = np.zeros((slots, width))

    def put(self, minute: int, row: Floats) -> None:
        """Store a copy of a row (width,)."""
        slot = minute // self._every_minutes % len(self._minutes)
        self._minutes[slot] = minute
        self._rows[slot] = row

    def at(self, minute: int) -> Floats | None:
        """Return a view of the minute's row (width,), None if there is none."""
        slot = minute // self._every_minutes % len(self._minutes)
        return self._rows[slot] if self._minutes[slot] == minute else None

    def clear(self) -> None:
        """Discard all."""
        self._minutes = [_EMPTY] * len(self._minutes)

    def dump(self) -> dict[str, Any]:
        """Return the state as raw arrays."""
        return {"minutes": np.array(self._minutes, np.int64).tobytes(), "rows": self._rows.tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        minutes = np.frombuffer(state["minutes"], np.int64).reshape(len(self._minutes))
        self._rows = np.frombuffer(state["rows"], np.float64).reshape(self._rows.shape).copy()
        self._minutes = minutes.tolist()


class PendingNumbers:
    """Tuples of a few numbers by minute, one slot a minute. At this size, an array written every minute would be slower.

    >>> pending = PendingNumbers(slots=2, width=1)
    >>> pending.put(7, (0.5,))
    >>> pending.at(7), pending.at(9)
    ((0.5,), None)
    """

    def __init__(self, slots: int, width: int) -> None:
        self._width = width
        self._minutes = [_EMPTY] * slots
        self._rows: list[Sequence[float]] = [(0.0,) * width] * slots

    def put(self, minute: int, row: Sequence[float]) -> None:
        """Store `width` numbers."""
        slot = minute % len(self._minutes)
        self._minutes[slot] = minute
        self._rows[slot] = row

    def at(self, minute: int) -> Sequence[float] | None:
        """Return the minute's numbers, None if there are none."""
        slot = minute % len(self._minutes)
        return self._rows[slot] if self._minutes[slot] == minute else None

    def clear(self) -> None:
        """Discard all."""
        self._minutes = [_EMPTY] * len(self._minutes)

    def dump(self) -> dict[str, Any]:
        """Return the state as raw arrays."""
        return {"minutes": np.array(self._minutes, np.int64).tobytes(), "rows": np.array(self._rows).tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        minutes = np.frombuffer(state["minutes"], np.int64).reshape(len(self._minutes))
        rows = np.frombuffer(state["rows"], np.float64).reshape(len(self._minutes), self._width)
        unused, is_used = (0.0,) * self._width, map(any, rows.view(np.int64).tolist())  # of bits, as -0.0 is not unused
        self._minutes = minutes.tolist()
        self._rows = [tuple(row) if used else unused for row, used in zip(rows.tolist(), is_used, strict=True)]

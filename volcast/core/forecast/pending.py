"""What waits for its answer: a ring by the minute it was written at. One of arrays, one of a few numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from volcast.core.arrays import Floats

_EMPTY = -(2**63)


class PendingRows:
    """Rows by the minute (since 1970), kept until a later minute needs the slot: minute // every_minutes % slots.

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
        """Keep a row (width,)."""
        slot = minute // self._every_minutes % len(self._minutes)
        self._minutes[slot] = minute
        self._rows[slot] = row

    def at(self, minute: int) -> Floats | None:
        """The row of that minute, a view; None where it has none."""
        slot = minute // self._every_minutes % len(self._minutes)
        return self._rows[slot] if self._minutes[slot] == minute else None

    def clear(self) -> None:
        """None will be answered."""
        self._minutes = [_EMPTY] * len(self._minutes)

    def dump(self) -> dict[str, Any]:
        """Its state: raw arrays."""
        return {"minutes": np.array(self._minutes, np.int64).tobytes(), "rows": self._rows.tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        minutes = np.frombuffer(state["minutes"], np.int64).reshape(len(self._minutes))
        self._rows = np.frombuffer(state["rows"], np.float64).reshape(self._rows.shape).copy()
        self._minutes = minutes.tolist()


class PendingNumbers:
    """The same for a few numbers each minute, as tuples: written and read every minute, where an array costs more than it saves.

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
        """Keep `width` numbers."""
        slot = minute % len(self._minutes)
        self._minutes[slot] = minute
        self._rows[slot] = row

    def at(self, minute: int) -> Sequence[float] | None:
        """The numbers of that minute; None where it has none."""
        slot = minute % len(self._minutes)
        return self._rows[slot] if self._minutes[slot] == minute else None

    def clear(self) -> None:
        """None will be answered."""
        self._minutes = [_EMPTY] * len(self._minutes)

    def dump(self) -> dict[str, Any]:
        """Its state: raw arrays."""
        return {"minutes": np.array(self._minutes, np.int64).tobytes(), "rows": np.array(self._rows).tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        minutes = np.frombuffer(state["minutes"], np.int64).reshape(len(self._minutes))
        rows = np.frombuffer(state["rows"], np.float64).reshape(len(self._minutes), self._width)
        self._minutes, self._rows = minutes.tolist(), [tuple(row) for row in rows.tolist()]

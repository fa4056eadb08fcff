"""Numbers that should come without a hole: which did not come, and between which times they belong. Pure."""

from typing import NamedTuple

MAX_GAPS = 256
"""More are melted into one."""
_KEPT_MS = 600_000


class _Hole(NamedTuple):
    first: int
    last: int
    from_ms: int
    to_ms: int


class SequenceGaps:
    """What is missing of one sequence. Numbers may come twice, or in another order.

    >>> holes = SequenceGaps()
    >>> for number, time_ms in ((7, 1_000), (8, 1_500), (11, 4_000), (9, 4_100)):
    ...     holes.saw(number, time_ms)
    >>> holes.touch(0, 1_400), holes.touch(2_000, 3_000)
    (False, True)
    >>> holes.saw(10, 4_200)
    >>> holes.touch(2_000, 3_000)
    False
    """

    def __init__(self) -> None:
        self.missed = 0
        """Numbers that were skipped, whether or not they came later."""
        self._last: int | None = None
        self._last_ms = 0
        self._holes: list[_Hole] = []

    def saw(self, number: int, time_ms: int) -> None:
        """`number` came, of that time."""
        if self._last is None or number == self._last + 1:
            self._last, self._last_ms = number, max(time_ms, self._last_ms)
        elif number > self._last:
            self.missed += number - self._last - 1
            self._holes.append(_Hole(self._last + 1, number - 1, min(self._last_ms, time_ms), max(self._last_ms, time_ms)))
            self._last, self._last_ms = number, max(time_ms, self._last_ms)
            self._tidy()
        elif self._holes:
            self._fill(number)

    def touch(self, from_ms: int, to_ms: int) -> bool:
        """Whether a missing number may belong between these times, ends included."""
        return any(hole.from_ms <= to_ms and hole.to_ms >= from_ms for hole in self._holes)

    def _fill(self, number: int) -> None:
        for index, hole in enumerate(self._holes):
            if hole.first <= number <= hole.last:
                parts = (hole._replace(last=number - 1), hole._replace(first=number + 1))
                self._holes[index : index + 1] = [part for part in parts if part.first <= part.last]
                return

    def _tidy(self) -> None:
        self._holes = [hole for hole in self._holes if hole.to_ms >= self._last_ms - _KEPT_MS]
        if len(self._holes) > MAX_GAPS:
            first, last = self._holes[0], self._holes[-1]
            self._holes = [_Hole(first.first, last.last, first.from_ms, last.to_ms)]

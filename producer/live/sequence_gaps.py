"""Finds missing numbers in a sequence that should have none, and the times between which they belong. Pure."""

from typing import NamedTuple

MAX_GAPS = 256
"""More gaps than this are merged into one."""
_KEPT_MS = 600_000


class _Gap(NamedTuple):
    """The missing numbers `first` to `last`, both included, somewhere between two times."""

    first: int
    last: int
    from_ms: int
    to_ms: int


class SequenceGaps:
    """The missing numbers of one sequence. Numbers may come twice, or in another order.

    >>> gaps = SequenceGaps()
    >>> for number, time_ms in ((7, 1_000), (8, 1_500), (11, 4_000), (9, 4_100)):
    ...     gaps.add(number, time_ms)
    >>> gaps.overlap(0, 1_400), gaps.overlap(2_000, 3_000)
    (False, True)
    >>> gaps.add(10, 4_200)
    >>> gaps.overlap(2_000, 3_000)
    False
    """

    def __init__(self) -> None:
        self.missed = 0
        """How many numbers were skipped, whether or not they came later."""
        self._last: int | None = None
        self._last_ms = 0
        self._gaps: list[_Gap] = []

    def add(self, number: int, time_ms: int) -> None:
        """Take in a number that came with that time."""
        if self._last is None or number == self._last + 1:
            self._last, self._last_ms = number, max(time_ms, self._last_ms)
        elif number > self._last:
            self.missed += number - self._last - 1
            self._gaps.append(_Gap(self._last + 1, number - 1, min(self._last_ms, time_ms), max(self._last_ms, time_ms)))
            self._last, self._last_ms = number, max(time_ms, self._last_ms)
            self._trim()
        elif self._gaps:
            self._fill(number)

    def overlap(self, from_ms: int, to_ms: int) -> bool:
        """Return whether a missing number may belong between these times, both included."""
        return any(gap.from_ms <= to_ms and gap.to_ms >= from_ms for gap in self._gaps)

    def _fill(self, number: int) -> None:
        for index, gap in enumerate(self._gaps):
            if gap.first <= number <= gap.last:
                parts = (gap._replace(last=number - 1), gap._replace(first=number + 1))
                self._gaps[index : index + 1] = [part for part in parts if part.first <= part.last]
                return

    def _trim(self) -> None:
        self._gaps = [gap for gap in self._gaps if gap.to_ms >= self._last_ms - _KEPT_MS]
        if len(self._gaps) > MAX_GAPS:
            first, last = self._gaps[0], self._gaps[-1]
            self._gaps = [_Gap(first.first, last.last, first.from_ms, last.to_ms)]

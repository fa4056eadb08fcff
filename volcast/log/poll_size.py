"""How many candles the next poll takes. Pure.

Each poll is one transaction, and each transaction costs the log the same. A consumer that is behind takes more with each poll, up
to `batch_records`. One that keeps up takes few: the first signals of a minute must not wait for the last.
"""

from collections.abc import Iterable, Sized

FIRST_RECORDS = 500


class PollSize:
    """The size of the next poll, for each partition.

    >>> size = PollSize(1_500)
    >>> [size.after([range(count)]) for count in (500, 1_000, 1_500, 800, 10, 10)]
    [1000, 1500, 1500, 1500, 750, 500]
    """

    def __init__(self, max_records: int) -> None:
        self._least, self._most = min(FIRST_RECORDS, max_records), max_records
        self.records = self._least

    def after(self, polled: Iterable[Sized]) -> int:
        """Take in what a poll has returned, by partition, and return the size of the next one.

        It doubles after a poll that brought all it could. It halves after one that brought less than half: what had come was
        taken, or one answer of the broker ended.
        """
        longest = max(map(len, polled), default=0)
        if longest >= self.records:
            self.records = min(2 * self.records, self._most)
        elif longest < self.records / 2:
            self.records = max(self.records // 2, self._least)
        return self.records

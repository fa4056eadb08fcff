"""How many candles the next poll takes. Pure.

Each poll is one transaction, and each transaction costs the log the same. A consumer that is behind takes more with each poll, up
to `batch_records`. One that keeps up takes few: the first signals of a minute must not wait for the last. With many symbols the
number stays low, since a commit has a limited number of snapshots, which must keep pace with the candles.
"""

from collections.abc import Iterable, Sized

FIRST_RECORDS = 500


class PollSize:
    """The size of the next poll, for each partition.

    Args:
        most_records: The largest size.
        symbol_records: Size times symbols of a partition is at most this, as long as the size is above FIRST_RECORDS.

    >>> size = PollSize(1_500, symbol_records=100_000)
    >>> [size.after([range(count)], symbols=1) for count in (500, 1_000, 1_500, 800, 10, 10)]
    [1000, 1500, 1500, 1500, 750, 500]
    >>> [size.after([range(count)], symbols=125) for count in (500, 800, 800)]
    [800, 800, 800]
    """

    def __init__(self, most_records: int, symbol_records: int) -> None:
        self._least, self._most, self._symbol_records = min(FIRST_RECORDS, most_records), most_records, symbol_records
        self.records = self._least

    def after(self, polled: Iterable[Sized], symbols: int) -> int:
        """Take in what a poll has returned, by partition, and how many symbols a partition has at most; return the next size.

        It doubles after a poll that brought all it could. It halves after one that brought less than half: what had come was
        taken, or one answer of the broker ended.
        """
        longest = max(map(len, polled), default=0)
        if longest >= self.records:
            self.records *= 2
        elif longest < self.records / 2:
            self.records //= 2
        most = min(self._most, self._symbol_records // max(symbols, 1))
        self.records = max(min(self.records, most), self._least)
        return self.records

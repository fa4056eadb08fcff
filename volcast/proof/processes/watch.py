"""Watches the log during a proof: which records arrived, and when, although the broker is killed now and then."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from volcast.log.contract import Log, Record, Topic
from volcast.log.retry import while_unavailable

_READ_RECORDS = 2_000
_READ_S = 0.05


def now_s() -> float:
    """Return the time of the event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()


class Watch:
    """Counts the candles on a log, and notes when signals arrive in each of its partitions."""

    def __init__(self, log: Log, partitions: int) -> None:
        self.candles: Counter[bytes] = Counter()
        """How many candles of each key have arrived."""
        self.arrivals_s: dict[int, list[float]] = {partition: [] for partition in range(partitions)}
        """By partition: the times at which new signals were seen."""
        self.log = log

    async def follow(self) -> None:
        """Read candles and signals until cancelled."""
        await asyncio.gather(self._follow(Topic.CANDLES, self._add_candles), self._follow(Topic.SIGNALS, self._add_signals))

    def rows(self, keys: Collection[bytes]) -> int:
        """Return how many candles of these keys have arrived."""
        return sum(self.candles[key] for key in keys)

    def all_signalled_since(self, at_s: float) -> bool:
        """Return whether every partition has had a new signal after `at_s`."""
        return all(times and times[-1] > at_s for times in self.arrivals_s.values())

    async def _follow(self, topic: Topic, add: Callable[[Sequence[Record]], None]) -> None:
        seen: dict[int, int] = {}

        async def attempt() -> None:
            async with self.log.reader(topic) as reader:
                while True:
                    records = await reader.read(_READ_RECORDS, _READ_S)
                    fresh = [record for record in records if record.offset > seen.get(record.partition, -1)]
                    seen.update((record.partition, record.offset) for record in fresh)
                    add(fresh)

        await while_unavailable("proof", attempt, Random())  # noqa: S311  # not a secret: jitter

    def _add_candles(self, records: Sequence[Record]) -> None:
        self.candles.update(record.key for record in records)

    def _add_signals(self, records: Sequence[Record]) -> None:
        for partition in {record.partition for record in records}:
            self.arrivals_s[partition].append(now_s())


async def records_of(log: Log, topic: Topic) -> list[Record]:
    """Return all records that are committed in a topic now."""

    async def attempt() -> list[Record]:
        records: list[Record] = []
        async with log.reader(topic) as reader:
            while not reader.caught_up:
                records += await reader.read(_READ_RECORDS, _READ_S)
        return records

    return await while_unavailable("proof", attempt, Random())  # noqa: S311  # not a secret: jitter


async def positions_of(log: Log) -> dict[int, int]:
    """Return the committed position of each partition."""
    states = await while_unavailable("proof", log.peek, Random())  # noqa: S311  # as above
    return {partition: restored.position for partition, restored in states.items()}

"""A proof's own eyes: what has come onto the log, and when, while the pipeline works and the broker dies now and then."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from volcast.log.contract import Log, Record, Topic
from volcast.log.retry import while_unavailable

_READ_RECORDS = 2_000
_READ_S = 0.05


def now_s() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()


class Watch:
    """Of a log with so many partitions."""

    def __init__(self, log: Log, partitions: int) -> None:
        self.candles: Counter[bytes] = Counter()
        """By key."""
        self.arrivals_s: dict[int, list[float]] = {partition: [] for partition in range(partitions)}
        """By partition: when new signals were seen."""
        self.log = log

    async def follow(self) -> None:
        """Until cancelled."""
        await asyncio.gather(self._follow(Topic.CANDLES, self._count), self._follow(Topic.SIGNALS, self._arrived))

    def rows(self, keys: Collection[bytes]) -> int:
        """Candles of these symbols."""
        return sum(self.candles[key] for key in keys)

    def all_signalled_since(self, at_s: float) -> bool:
        """Each partition has."""
        return all(times and times[-1] > at_s for times in self.arrivals_s.values())

    async def _follow(self, topic: Topic, take: Callable[[Sequence[Record]], None]) -> None:
        seen: dict[int, int] = {}

        async def attempt() -> None:
            async with self.log.reader(topic) as reader:
                while True:
                    records = await reader.read(_READ_RECORDS, _READ_S)
                    fresh = [record for record in records if record.offset > seen.get(record.partition, -1)]
                    seen.update((record.partition, record.offset) for record in fresh)
                    take(fresh)

        await while_unavailable("proof", attempt, Random())  # noqa: S311  # no secret: jitter

    def _count(self, records: Sequence[Record]) -> None:
        self.candles.update(record.key for record in records)

    def _arrived(self, records: Sequence[Record]) -> None:
        for partition in {record.partition for record in records}:
            self.arrivals_s[partition].append(now_s())


async def records_of(log: Log, topic: Topic) -> list[Record]:
    """All that is committed there now."""

    async def attempt() -> list[Record]:
        records: list[Record] = []
        async with log.reader(topic) as reader:
            while not reader.caught_up:
                records += await reader.read(_READ_RECORDS, _READ_S)
        return records

    return await while_unavailable("proof", attempt, Random())  # noqa: S311  # no secret: jitter


async def positions_of(log: Log) -> dict[int, int]:
    """By partition, what the last commit left."""
    states = await while_unavailable("proof", log.peek, Random())  # noqa: S311  # as above
    return {partition: restored.position for partition, restored in states.items()}

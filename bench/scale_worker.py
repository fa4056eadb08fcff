"""A worker in a process of its own, for `bench.scale`: it says in lines of JSON what it needed. Its memory is that of a consumer.

`python -m bench.scale_worker BUS SYMBOLS PARTITIONS SHARE`: BUS is a file, or a broker's address and a prefix; SHARE is how many
partitions it waits for. A line is written once they are restored. After a line on standard input it processes all that is on the
log, and writes another one.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import NamedTuple

import msgspec

from bench.scale_log import BATCH_RECORDS, rules
from consumer.worker import Worker
from volcast.cli.wiring.allocator import use_one_heap
from volcast.log.contract import Log
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.timing.durations import Durations

_SETTLED_S = 1.0
"""So long a worker holds its share before it counts as restored: of two workers, the first one begins with all partitions."""
_POLL_S = 0.01


class Reading(NamedTuple):
    """What a worker has needed since its process started, or since it was restored."""

    seconds: float
    cpu_s: float
    resident_mb: float
    peak_mb: float
    signals: int = 0
    commits_ms: Sequence[float] = ()


@dataclass(slots=True)
class EachDuration(Durations):
    """Keeps each duration, for its quantiles."""

    all_s: list[float] = field(default_factory=list)

    def add(self, seconds: float, times: int = 1) -> None:
        """Keep a duration."""
        Durations.add(self, seconds, times)
        self.all_s.append(seconds)


def open_log(bus: str, partitions: int) -> Log:
    """Return the log of `file` or of `host:port/prefix`."""
    address, slash, prefix = bus.rpartition("/")
    return KafkaLog(address, prefix=prefix, partitions=partitions) if slash and ":" in address else SqliteLog(Path(bus))


def memory_mb() -> tuple[float, float]:
    """Return the resident memory of this process now, and at its highest, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {
        name: int(value.split()[0]) / 1_000 for name, _, value in (line.partition(":") for line in lines) if name[:2] == "Vm"
    }
    return found["VmRSS"], found["VmHWM"]


async def work(bus: str, symbols: int, partitions: int, share: int) -> None:
    """Restore, tell, wait, process, tell."""
    worker = Worker(log := open_log(bus, partitions), rules(symbols), BATCH_RECORDS, Random(1))
    commits = worker.stats.commits = EachDuration()
    async with log:
        began_s = perf_counter()
        running = asyncio.create_task(worker.run())
        held_s = 0.0
        while not held_s or perf_counter() - held_s < _SETTLED_S:
            if running.done():
                running.result()
            holds = len(worker.shards) == share and not any(shard.restoring for shard in worker.shards.values())
            held_s = (held_s or perf_counter()) if holds else 0.0
            await asyncio.sleep(_POLL_S)
        before, cpu_s, went_s = sum(worker.stats.predictions.counts), process_time(), perf_counter()
        _tell(Reading(held_s - began_s, cpu_s, *memory_mb()))
        commits.all_s.clear()
        await asyncio.to_thread(sys.stdin.readline)
        await worker.drained()
        seconds, cpu_s = perf_counter() - went_s, process_time() - cpu_s
        signals = sum(worker.stats.predictions.counts) - before
        _tell(Reading(seconds, cpu_s, *memory_mb(), signals, [1_000 * each for each in commits.all_s]))
        os._exit(0)  # a stop in good order would write snapshots, which nobody reads


def _tell(reading: Reading) -> None:
    print(msgspec.json.encode(reading).decode(), flush=True)


if __name__ == "__main__":
    use_one_heap()
    asyncio.run(work(sys.argv[1], *map(int, sys.argv[2:])))

"""How fast a consumer recovers: `python -m bench.recovery [--standby]`. It prints figures beside the goals, for this machine.

Restore: the state of 1000 symbols is read from the log and turned into engines. Recovery: one of two `volcast consume` on Kafka
is killed; the time until every partition has a new signal includes a session timeout of 6 s. The broker is that of
KAFKA_BOOTSTRAP, or one that is started here.

With --standby: recovery alone, of consumers with and without `--standby` in the same run, in turns. Each is killed many times.
"""

import argparse
import asyncio
import re
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from uuid import uuid4

import numpy as np

from consumer.rules import Rules
from consumer.worker import Worker
from volcast.core.codec import CandleText, decode_signal, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import MINUTE_MS, EngineConfig, Signal
from volcast.log.contract import KeyValue, Log, Reader, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.retry import while_unavailable
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.broker import bootstrap
from volcast.proof.processes.processes import Process, ProcessGroup, process_group
from volcast.proof.processes.worker_log import WorkerLog
from volcast.simulation.market import simulate_candles

SYMBOLS = 1_000
MINUTES = 30
START_MS = 1_704_067_200_000
ROUNDS = 3
RULES = Rules(EngineConfig(), Decoder(), SYMBOLS, snapshot_records=5_000)
"""The default settings, as is the batch size. A restore replays what the snapshots lack, as in production."""
BATCH_RECORDS = 500
SESSION_TIMEOUT_S = 6
SETTLE_S = SESSION_TIMEOUT_S + 1.0
KNOWN = re.compile(r'"message": ?"(?:following|restored)".*?"partition": ?(\d+)')
"""Finds the partitions that a worker follows or owns in its log."""
PARTITIONS = 4
STANDBY_ROUNDS = 30
SECOND_S = 0.5
"""The interval of each symbol's candles while workers are killed."""


def records(symbols: int, minutes: int) -> list[KeyValue]:
    """Return records of simulated candles, minute by minute."""
    by_symbol = {
        symbol: [
            KeyValue(symbol.encode(), encode_candle(CandleText(symbol, *candle[:7], source="bench", closed_by="file")))
            for candle in simulate_candles(symbol, minutes=minutes, seed=1, start_ms=START_MS)
        ]
        for symbol in (f"S{number:04}" for number in range(symbols))
    }
    return [candles[minute] for minute in range(minutes) for candles in by_symbol.values()]


async def append(log: Log, items: list[KeyValue]) -> None:
    """Append records in batches."""
    async with log.appender("bench") as appender:
        for at in range(0, len(items), 5_000):
            await appender.append(items[at : at + 5_000])


async def process_all(log: Log, partitions: int) -> float:
    """Run a worker until everything is processed, and return the seconds until every partition was restored."""
    worker, began_s = Worker(log, RULES, BATCH_RECORDS, Random(1)), perf_counter()
    running = asyncio.create_task(worker.run())
    while len(worker.shards) < partitions or any(shard.restoring for shard in worker.shards.values()):
        await asyncio.sleep(0.005)
    restored_s = perf_counter() - began_s
    await worker.drained()
    running.cancel()
    await asyncio.wait([running])
    return restored_s


async def restore(log: Log, partitions: int) -> float:
    """Return the median seconds of a restore over some rounds."""
    async with log:
        await append(log, records(SYMBOLS, MINUTES))
        await process_all(log, partitions)
        return median([await process_all(log, partitions) for _ in range(ROUNDS)])


class Pair:
    """Two `volcast consume` on topics of their own, of which one is killed and replaced again and again."""

    def __init__(self, address: str, group: ProcessGroup, *more: str) -> None:
        """`more` are further arguments of both."""
        prefix = f"bench-{uuid4().hex[:8]}."
        bus = ("--bus", f"kafka://{address}", "--topic-prefix", prefix, "--session-timeout-s", str(SESSION_TIMEOUT_S))
        self.log = KafkaLog(address, prefix=prefix, session_timeout_ms=SESSION_TIMEOUT_S * 1_000)
        self._group, self._is_standby = group, "--standby" in more
        self.fed_ms = 0
        """The open time of the newest candles on the log."""
        self._workers = [group.start("consume", *bus, *more, "--log-level", "info") for _ in range(2)]

    async def settled(self) -> None:
        """Wait until the group is stable again, both own partitions, and each standby is in step with the others."""
        await asyncio.sleep(SETTLE_S)
        while not all(map(self._is_ready, self._workers)):
            await asyncio.sleep(0.2)

    def _is_ready(self, worker: Process) -> bool:
        log = WorkerLog(worker.output)
        log.new_events()
        known = set(KNOWN.findall(worker.read_output()))
        return log.has_partition and (not self._is_standby or len(known) == PARTITIONS)

    async def take_down(self, reader: Reader) -> float:
        """Kill one of the two; return the seconds until each partition had a new signal. Another process replaces it."""
        victim = self._workers.pop(0)
        victim.kill()
        began_s = perf_counter()
        await new_signals(reader, PARTITIONS, self.fed_ms + 1)
        took_s = perf_counter() - began_s
        self._workers.append(self._group.start(*victim.arguments))
        return took_s


async def recover(address: str, group: ProcessGroup, rounds: int, *kinds: tuple[str, ...]) -> list[list[float]]:
    """Kill one of two workers several times, for each kind of worker in turns. A kind is a tuple of further arguments.

    Return by kind the seconds from each kill until all partitions had a new signal.
    """
    items = records(40, int(2 * (rounds + 2) * (SETTLE_S + 10 + SESSION_TIMEOUT_S) / SECOND_S))  # for longer than it all takes
    pairs = [Pair(address, group, *kind) for kind in kinds]
    async with AsyncExitStack() as stack:
        readers = []
        for pair in pairs:
            await stack.enter_async_context(pair.log)
            readers.append(await stack.enter_async_context(pair.log.reader(Topic.SIGNALS)))
        feeding = [asyncio.create_task(feed(pair, items)) for pair in pairs]
        for reader in readers:
            await new_signals(reader, PARTITIONS, 0)
        took_s: list[list[float]] = [[] for _ in pairs]
        for done in range(rounds):
            for number, (pair, reader) in enumerate(zip(pairs, readers, strict=True)):
                if len(kinds) > 1 and done % kind_every(kinds[number]):
                    continue
                await pair.settled()
                took_s[number].append(await pair.take_down(reader))
                if rounds > ROUNDS:
                    print(f"{done + 1} of {rounds}: {took_s[number][-1]:.2f} s {' '.join(kinds[number])}", file=sys.stderr)
        for task in feeding:
            task.cancel()
    return took_s


def kind_every(kind: tuple[str, ...]) -> int:
    """Return in which share of the rounds a kind takes part: a kill without a standby takes long, and varies little."""
    return 1 if kind else 6


async def feed(pair: Pair, items: list[KeyValue]) -> None:
    """Append the candles of 40 symbols, minute by minute; after an outage of the broker one may be missing."""
    minutes = iter(range(len(items) // 40))

    async def attempt() -> None:
        async with pair.log.appender("bench") as appender:
            for minute in minutes:
                pair.fed_ms = START_MS + minute * MINUTE_MS
                await appender.append(items[40 * minute : 40 * minute + 40])
                await asyncio.sleep(SECOND_S)

    await while_unavailable("feed", attempt, Random(1))


async def new_signals(reader: Reader, partitions: int, since_ms: int) -> None:
    """Wait until each partition has the signal of a candle whose minute began at `since_ms` or later."""
    seen: set[int] = set()
    while len(seen) < partitions:
        for record in await reader.read(1_000, 0.05):
            if isinstance(signal := decode_signal(record.value), Signal) and signal.open_time_ms >= since_ms:
                seen.add(record.partition)


async def main() -> None:
    """Measure, and print a table."""
    print(f"{'':64}{'measured':>10}  goal")
    with tempfile.TemporaryDirectory() as folder, bootstrap(Path(folder)) as address:
        sqlite_s = await restore(SqliteLog(Path(folder) / "log.db"), 1)
        print(f"{'restore of 1000 symbols from SQLite':64}{sqlite_s:8.2f} s  5 s")
        kafka_s = await restore(KafkaLog(address, prefix=f"bench-{uuid4().hex[:8]}."), 4)
        print(f"{'restore of 1000 symbols from Kafka, 4 partitions, with joining':64}{kafka_s:8.2f} s  5 s")
        with process_group(Path(folder)) as group:
            (took_s,) = await recover(address, group, ROUNDS, ())
        print(f"{f'worker killed {ROUNDS} times, slowest until all have new signals':64}{max(took_s):8.2f} s  10 s")
    sys.stdout.flush()


async def compare_standby(rounds: int) -> None:
    """Measure with and without a standby, and print a table."""
    with tempfile.TemporaryDirectory() as folder, bootstrap(Path(folder)) as address, process_group(Path(folder)) as group:
        without_s, with_s = await recover(address, group, rounds, (), ("--standby",))
    print(f"{'kill -9 to new signals of all partitions':60}{'p50':>9}{'p99':>9}{'slowest':>9}  goal of p99")
    for name, took_s, goal in (("without standby", without_s, "none"), ("with --standby", with_s, "2 s")):
        p50_s, p99_s = np.quantile(took_s, (0.5, 0.99))
        print(f"{f'{name}, {len(took_s)} kills':60}{p50_s:7.2f} s{p99_s:7.2f} s{max(took_s):7.2f} s  {goal}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="bench.recovery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--standby", action="store_true", help="measure recovery with and without a standby")
    parser.add_argument("--rounds", type=int, default=STANDBY_ROUNDS, help="kills of each kind with --standby (%(default)s)")
    chosen = parser.parse_args()
    asyncio.run(compare_standby(chosen.rounds) if chosen.standby else main())

"""How fast a consumer recovers: `python -m bench.recovery`. It prints figures beside the goals; they depend on the machine.

Restore: the state of 1000 symbols is read from the log and turned into engines. Recovery: one of two `volcast consume` on Kafka
is killed; the time until every partition has a new signal includes a session timeout of 6 s. The broker is that of
KAFKA_BOOTSTRAP, or one that is started here.
"""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from uuid import uuid4

from consumer.rules import Rules
from consumer.worker import Worker
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue, Log, Reader, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.broker import bootstrap
from volcast.proof.processes.processes import ProcessGroup, process_group
from volcast.simulation.market import simulate_candles

SYMBOLS = 1_000
MINUTES = 30
START_MS = 1_704_067_200_000
ROUNDS = 3
RULES = Rules(EngineConfig(), Decoder(), SYMBOLS, snapshot_records=5_000)
"""The default settings, as is the batch size. A restore replays what the snapshots lack, as in production."""
BATCH_RECORDS = 500
SESSION_TIMEOUT_S = 6
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


async def recover(address: str, group: ProcessGroup) -> list[float]:
    """Kill one of two workers several times, and return each time the seconds until all partitions had a new signal."""
    prefix = f"bench-{uuid4().hex[:8]}."
    bus = ("--bus", f"kafka://{address}", "--topic-prefix", prefix, "--session-timeout-s", str(SESSION_TIMEOUT_S))
    workers = [group.start("consume", *bus, "--log-level", "warning") for _ in range(2)]
    log = KafkaLog(address, prefix=prefix, session_timeout_ms=SESSION_TIMEOUT_S * 1_000)
    took_s = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(log)
        reader = await stack.enter_async_context(log.reader(Topic.SIGNALS))
        feeding = asyncio.create_task(feed(log))
        await new_signals(reader, 4)
        for _ in range(ROUNDS):
            await asyncio.sleep(2 * SESSION_TIMEOUT_S)  # by then the group is stable again
            await drain(reader)
            workers[0].kill()
            began_s = perf_counter()
            await new_signals(reader, 4)
            took_s.append(perf_counter() - began_s)
            workers = [workers[1], group.start(*workers[0].arguments)]
        feeding.cancel()
    return took_s


async def feed(log: Log) -> None:
    """Append the candles of 40 symbols, minute by minute."""
    items = records(40, 2_000)
    async with log.appender("bench") as appender:
        for at in range(0, len(items), 40):
            await appender.append(items[at : at + 40])
            await asyncio.sleep(SECOND_S)


async def new_signals(reader: Reader, partitions: int) -> None:
    """Wait until each partition has had a signal since the call."""
    seen: set[int] = set()
    while len(seen) < partitions:
        seen |= {record.partition for record in await reader.read(1_000, 0.05)}


async def drain(reader: Reader) -> None:
    """Read everything that is there."""
    while await reader.read(1_000, 0.05):
        pass


async def main() -> None:
    """Measure, and print a table."""
    print(f"{'':64}{'measured':>10}  goal")
    with tempfile.TemporaryDirectory() as folder, bootstrap(Path(folder)) as address:
        sqlite_s = await restore(SqliteLog(Path(folder) / "log.db"), 1)
        print(f"{'restore of 1000 symbols from SQLite':64}{sqlite_s:8.2f} s  5 s")
        kafka_s = await restore(KafkaLog(address, prefix=f"bench-{uuid4().hex[:8]}."), 4)
        print(f"{'restore of 1000 symbols from Kafka, 4 partitions, with joining':64}{kafka_s:8.2f} s  5 s")
        with process_group(Path(folder)) as group:
            took_s = await recover(address, group)
        print(f"{f'worker killed {ROUNDS} times, slowest until all have new signals':64}{max(took_s):8.2f} s  10 s")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())

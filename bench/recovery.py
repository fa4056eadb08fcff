"""How soon a consumer is back, beside the aims: `python -m bench.recovery`. It judges nothing; figures depend on the machine.

Restore: the state of 1000 symbols, read from the log and made engines of again. Recovery: of two `volcast consume` on Kafka one
is killed; until each of its partitions has a new signal, a session timeout of 6 s included. The broker is that of
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
"""As by default; so is the size of a batch. A restore replays what the snapshots lack, as it would in earnest."""
BATCH_RECORDS = 500
SESSION_TIMEOUT_S = 6
SECOND_S = 0.5
"""A candle of each symbol comes so often while workers are killed."""


def records(symbols: int, minutes: int) -> list[KeyValue]:
    """Simulated candles, minute by minute."""
    by_symbol = {
        symbol: [
            KeyValue(symbol.encode(), encode_candle(CandleText(symbol, *candle[:7], source="bench", closed_by="file")))
            for candle in simulate_candles(symbol, minutes=minutes, seed=1, start_ms=START_MS)
        ]
        for symbol in (f"S{number:04}" for number in range(symbols))
    }
    return [one[minute] for minute in range(minutes) for one in by_symbol.values()]


async def append(log: Log, items: list[KeyValue]) -> None:
    """In bunches."""
    async with log.appender("bench") as appender:
        for at in range(0, len(items), 5_000):
            await appender.append(items[at : at + 5_000])


async def worked_off(log: Log, partitions: int) -> float:
    """Run a worker until all is dealt with; -> seconds until every partition was restored."""
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
    """The median of some rounds."""
    async with log:
        await append(log, records(SYMBOLS, MINUTES))
        await worked_off(log, partitions)
        return median([await worked_off(log, partitions) for _ in range(ROUNDS)])


async def recover(address: str, parts: ProcessGroup) -> list[float]:
    """Of two workers one is killed, several times; -> seconds until all partitions had a new signal."""
    prefix = f"bench-{uuid4().hex[:8]}."
    bus = ("--bus", f"kafka://{address}", "--topic-prefix", prefix, "--session-timeout-s", str(SESSION_TIMEOUT_S))
    workers = [parts.start("consume", *bus, "--log-level", "warning") for _ in range(2)]
    log = KafkaLog(address, prefix=prefix, session_timeout_ms=SESSION_TIMEOUT_S * 1_000)
    took_s = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(log)
        reader = await stack.enter_async_context(log.reader(Topic.SIGNALS))
        feeding = asyncio.create_task(feed(log))
        await new_signals(reader, 4)
        for _ in range(ROUNDS):
            await asyncio.sleep(2 * SESSION_TIMEOUT_S)  # the group has found its form again
            await drain(reader)
            workers[0].kill()
            began_s = perf_counter()
            await new_signals(reader, 4)
            took_s.append(perf_counter() - began_s)
            workers = [workers[1], parts.start(*workers[0].arguments)]
        feeding.cancel()
    return took_s


async def feed(log: Log) -> None:
    """Forty symbols' candles, one minute after the other."""
    items = records(40, 2_000)
    async with log.appender("bench") as appender:
        for at in range(0, len(items), 40):
            await appender.append(items[at : at + 40])
            await asyncio.sleep(SECOND_S)


async def new_signals(reader: Reader, partitions: int) -> None:
    """Return when each partition has had a signal since the call."""
    seen: set[int] = set()
    while len(seen) < partitions:
        seen |= {record.partition for record in await reader.read(1_000, 0.05)}


async def drain(reader: Reader) -> None:
    """Read what is there."""
    while await reader.read(1_000, 0.05):
        pass


async def main() -> None:
    """Measure, and print a table."""
    print(f"{'':64}{'measured':>10}  aim")
    with tempfile.TemporaryDirectory() as folder, bootstrap(Path(folder)) as address:
        sqlite_s = await restore(SqliteLog(Path(folder) / "log.db"), 1)
        print(f"{'restore of 1000 symbols from SQLite':64}{sqlite_s:8.2f} s  5 s")
        kafka_s = await restore(KafkaLog(address, prefix=f"bench-{uuid4().hex[:8]}."), 4)
        print(f"{'restore of 1000 symbols from Kafka, 4 partitions, joining included':64}{kafka_s:8.2f} s  5 s")
        with process_group(Path(folder)) as parts:
            took_s = await recover(address, parts)
        print(f"{f'a worker killed {ROUNDS} times: until all have new signals, slowest':64}{max(took_s):8.2f} s  10 s")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())

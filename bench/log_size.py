"""The size of a SQLite log as minutes pass through it, with and without retention: `python -m bench.log_size [minutes]`.

Two real workers, each on a file of its own, get the same simulated candles in turn, some thousand at a time. Processor time is
that of appending, answering and deleting; as both are measured within one run, other work on the machine hardly enters.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from consumer.rules import Rules
from consumer.worker import Worker
from volcast.core.codec import ReplayedCandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import MINUTE_MS, EngineConfig
from volcast.log.contract import Appender, KeyValue
from volcast.log.sqlite.log import SqliteLog
from volcast.simulation.market import simulate_candles

SYMBOLS = [f"S{number}" for number in range(10)]
START_MS = 1_704_067_200_000
RETENTION_BYTES = 20_000_000
_CHUNK, _APPEND = 10_000, 500
_MILLION = 1_000_000
_CONTENT_DIGITS = 16
"""Those of the hash that a replayed candle has."""


@dataclass(slots=True)
class Side:
    """One of the two logs."""

    name: str
    path: Path
    appender: Appender
    worker: Worker
    processor_s: float = 0.0
    megabytes: float = 0.0
    """The size of the file, and of the commits beside it."""


def candles(minutes: int) -> Iterator[KeyValue]:
    """Yield so many candles of ten symbols in the order of time."""
    each = -(-minutes // len(SYMBOLS))
    streams = [simulate_candles(symbol, minutes=each, seed=1, start_ms=START_MS) for symbol in SYMBOLS]
    for line, rows in enumerate(zip(*streams, strict=True), start=2):
        for symbol, row in zip(SYMBOLS, rows, strict=True):
            source: tuple[Any, ...] = (f"{symbol}-1m.csv", "file", MINUTE_MS, False, line, "0" * _CONTENT_DIGITS)
            yield KeyValue(symbol.encode(), encode_candle(ReplayedCandleText(symbol, *row[:7], *source)))


async def measure(minutes: int, retention_bytes: int = RETENTION_BYTES, chunk: int = _CHUNK) -> list[Side]:
    """Return both sides after so many minutes, and print the sizes on the way."""
    rules = Rules(EngineConfig(), Decoder(), max_symbols=len(SYMBOLS), snapshot_records=5_000)
    stream = candles(minutes)
    with TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            sides, running = list[Side](), list[asyncio.Task[None]]()
            for name, limit in (("keeps all", None), ("retention", retention_bytes)):
                log = await stack.enter_async_context(SqliteLog(path := Path(folder) / f"{name}.db", retention_bytes=limit))
                worker = Worker(log, rules, 500, Random(1))  # a fixed seed for the jitter
                sides.append(Side(name, path, await stack.enter_async_context(log.appender("bench")), worker))
                running.append(asyncio.create_task(worker.run()))
            print(f"{'minutes':>10}  {sides[0].name:>12}  {sides[1].name:>12}")
            done = 0
            while records := list(islice(stream, chunk)):
                for side in sides:
                    await _pass(side, records)
                done += len(records)
                print(f"{done:>10}  {sides[0].megabytes:>9.1f} MB  {sides[1].megabytes:>9.1f} MB", flush=True)
            for task in running:
                task.cancel()
            await asyncio.wait(running)
    return sides


async def _pass(side: Side, records: list[KeyValue]) -> None:
    began_s = process_time()
    for start in range(0, len(records), _APPEND):
        await side.appender.append(records[start : start + _APPEND])
    await side.worker.drained()
    side.processor_s += process_time() - began_s
    side.megabytes = sum(file.stat().st_size for file in (side.path, Path(f"{side.path}-wal"))) / 1e6


def main() -> None:
    """Measure, and print what a million minutes take."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else _MILLION // 5
    both, limited = asyncio.run(measure(minutes))
    print(f"a million minutes without retention: {both.megabytes / minutes * 1_000:.2f} GB")
    print(f"with {RETENTION_BYTES / 1e6:.0f} MB of each topic: {limited.megabytes:.0f} MB, whatever passes through")
    print(f"processor time with retention over that without: {limited.processor_s / both.processor_s:.3f}")


if __name__ == "__main__":
    main()

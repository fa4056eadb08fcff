"""Logs that already hold the state of many symbols, for `bench.scale`: each symbol has a week of minutes behind it.

One engine is warmed up, and its snapshot is written under each symbol's name: ten thousand warm symbols take a minute, not days.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

import msgspec

from bench.engine import CONFIG, KEY, START_MS, SYMBOL, WEEK_MINUTES
from consumer.checkpoint import Mark, OutputDigest
from consumer.rules import Rules
from consumer.shard import Shard
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.snapshot import encode_snapshot
from volcast.core.types import MINUTE_MS, Candle
from volcast.log.contract import Commit, KeyValue, Log
from volcast.simulation.market import simulate_candles

SNAPSHOT_RECORDS = 5_000
"""The default of `volcast consume`, as is the size of a batch."""
BATCH_RECORDS = 500
_COMMIT_SNAPSHOTS = 100
_APPEND_RECORDS = 5_000
_START = Mark(0, 0)


def rules(symbols: int) -> Rules:
    """Return the default rules, with room for so many symbols in a partition."""
    return Rules(CONFIG, Decoder(), max(symbols, 1), SNAPSHOT_RECORDS)


def names(symbols: int) -> list[str]:
    """Return the names of so many symbols, all of the same length.

    >>> names(2)
    ['S00000', 'S00001']
    """
    return [f"S{number:05}" for number in range(symbols)]


def simulated_rows(minutes: int) -> list[CandleText]:
    """Return simulated candles; those after the first week follow what the warm engine has seen."""
    simulated = simulate_candles(SYMBOL, minutes=minutes, seed=42, start_ms=START_MS)
    return [CandleText(SYMBOL, *row[:7], source="bench", closed_by="file") for row in simulated]


def warm_engine(rows: Sequence[CandleText]) -> Engine:
    """Return an engine that has processed a week of minutes."""
    decoder = Decoder()
    engine = Engine(SYMBOL, CONFIG, decoder.price_decimals(SYMBOL))
    for row in rows[:WEEK_MINUTES]:
        candle = decoder.decode(KEY, encode_candle(row))
        if not isinstance(candle, Candle):
            raise TypeError(f"the simulated candle was refused: {candle}")
        engine.step(candle)
    return engine


async def write_state(log: Log, symbols: int, partitions: int, engine: Engine) -> int:
    """Write a snapshot of the engine under the name of each symbol; return the bytes of one. The log must be new and empty."""
    by_partition = defaultdict(list)
    for name in names(symbols):
        by_partition[log.partition_of(name.encode())].append(name)
    size = 0
    async with AsyncExitStack() as stack:
        consumer = await stack.enter_async_context(log.consumer())
        while len(await consumer.assignment()) < partitions:
            await consumer.poll(1, 0.05)
        for partition in range(partitions):
            state = Shard(rules(symbols), await consumer.open(partition)).state
            own = by_partition[partition]
            for at in range(0, max(len(own), 1), _COMMIT_SNAPSHOTS):
                snapshots = state.encode((), 0)
                for engine.symbol in own[at : at + _COMMIT_SNAPSHOTS]:
                    snapshots.append(KeyValue(engine.symbol.encode(), encode_snapshot(engine, 0)))
                    size = len(snapshots[-1].value)
                await consumer.commit(
                    partition, Commit(0, snapshots=[*snapshots, *state.vouch(snapshots, _START, _START, OutputDigest())])
                )
            await consumer.close(partition)
    return size


def candles(rows: Sequence[CandleText], symbols: int, minutes: int) -> Iterator[KeyValue]:
    """Yield the records of so many minutes after the week: in each minute one of every symbol, as live traffic has it.

    Beyond the rows there are, prices begin again.
    """
    texts = [(name, name.encode()) for name in names(symbols)]
    for minute in range(WEEK_MINUTES, WEEK_MINUTES + minutes):
        row, time_ms = rows[minute % len(rows)], START_MS + minute * MINUTE_MS
        for name, key in texts:
            yield KeyValue(key, encode_candle(msgspec.structs.replace(row, symbol=name, open_time_ms=time_ms)))


async def append(log: Log, records: Iterator[KeyValue]) -> int:
    """Append records in batches; return how many."""
    count, batch = 0, []
    async with log.appender("bench") as appender:
        for record in records:
            batch.append(record)
            count += 1
            if len(batch) == _APPEND_RECORDS:
                await appender.append(batch)
                batch = []
                await asyncio.sleep(0)
        if batch:
            await appender.append(batch)
    return count

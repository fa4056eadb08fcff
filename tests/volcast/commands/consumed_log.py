"""Candles on a log that a worker consumes, as `volcast consume` does, and the signals that a plain loop makes of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from random import Random

from consumer.rules import Rules
from consumer.worker import Worker
from tests.log_access import TIMEOUT_S
from tests.market import prices, record
from volcast.core.codec import encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.log.contract import KeyValue, Log

CONFIG = EngineConfig(window=3, rate_window=4)
DECODER = Decoder(8)
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LTCUSDT")
"""Each of three partitions gets some of these symbols."""
_CLOSES = list(prices(1_000))


def rules(snapshot_records: int = 5_000, config: EngineConfig = CONFIG) -> Rules:
    return Rules(config, DECODER, max_symbols=100, snapshot_records=snapshot_records)


def candles(minutes: Iterable[int], symbols: Iterable[str] = SYMBOLS) -> list[KeyValue]:
    return [KeyValue(symbol.encode(), record(m, _CLOSES[m], symbol=symbol)) for m in minutes for symbol in symbols]


def expected(records: Iterable[KeyValue]) -> Mapping[bytes, list[bytes]]:
    """Return the signals of each symbol, computed by a plain loop."""
    engines: dict[bytes, Engine] = {}
    signals: dict[bytes, list[bytes]] = {}
    for key, value in records:
        candle = DECODER.decode(key, value)
        assert isinstance(candle, Candle)
        engine = engines.setdefault(key, Engine(candle.symbol, CONFIG, DECODER.price_decimals(candle.symbol)))
        signal = engine.step(candle)
        assert isinstance(signal, Signal)
        signals.setdefault(key, []).append(encode_signal(signal))
    return signals


async def consume(log: Log, snapshot_records: int = 5_000, *, killed: bool = False, config: EngineConfig = CONFIG) -> None:
    """Consume all candles on the log. A worker that is `killed` writes no snapshots at its end."""
    async with consuming(log, snapshot_records, config) as worker, asyncio.timeout(TIMEOUT_S):
        await worker.drained()
        if killed:
            worker.shards.clear()


@asynccontextmanager
async def consuming(log: Log, snapshot_records: int = 5_000, config: EngineConfig = CONFIG) -> AsyncIterator[Worker]:
    """Run a worker during the `with` block."""
    worker = Worker(log, rules(snapshot_records, config), 50, Random(1))  # a fixed seed for the jitter
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.wait([running])

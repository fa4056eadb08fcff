"""How long a scrape takes, and how large it is: `python -m bench.scrape [SYMBOLS]`; it fails above 2 s or 20 MB.

One process with the metrics of API and consumer, as `volcast run` serves them, for 1000 symbols with three horizons and two
challengers, all of whose forecasts have come due, and all drift alarms on: no symbol can have more series. The figures depend on
the machine.
"""

import asyncio
import sys
from random import Random
from statistics import median
from time import perf_counter

import httpx
import msgspec

from api.app import create_app
from api.view import View
from bench.recovery import append, records
from consumer.metrics import WorkerCollector
from consumer.rules import Rules
from consumer.worker import Worker
from volcast.cli.http import address, bind, serve
from volcast.core.decoder import Decoder
from volcast.core.drift.alarms import DriftAlarm
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.log.sqlite.log import SqliteLog

SYMBOLS = 1_000
HORIZONS = (60, 15, 240)
MAX_S, MAX_BYTES = 2.0, 20_000_000
ROUNDS = 5
FORMATS = {"text": "text/plain;version=0.0.4", "OpenMetrics": "application/openmetrics-text;version=1.0.0"}


def signal_with_all_numbers() -> Signal:
    """Return a signal of which no field is empty."""
    decoder, engine = Decoder(), Engine("S0000", EngineConfig(horizons=HORIZONS, shadows=("ewma", "har")), 2)
    candles = [decoder.decode(each.key or b"", each.value) for each in records(1, max(HORIZONS) + 2)]
    results = [engine.step(candle) for candle in candles if isinstance(candle, Candle)]
    if not isinstance(results[-1], Signal):
        raise TypeError(f"the simulated candle was refused: {results[-1]}")
    alarms = [
        DriftAlarm(each.name, each.tier, 0, each.what, each.quantity, before=0.0, after=1.0, statistic=1.0, threshold=0.0,
                   false_alarms_per_month=None)
        for each in engine.drift.detectors
    ]  # fmt: skip
    return msgspec.structs.replace(results[-1], drift_alarms=tuple(alarms))


async def measure(symbols: int) -> bool:
    """Print the figures; return whether they are within the limits."""
    view = View(180)
    view.caught_up = True
    signal = signal_with_all_numbers()
    for number in range(symbols):
        view.put(msgspec.structs.replace(signal, symbol=f"S{number:04}"), 0.0)
    is_good = True
    async with SqliteLog(":memory:") as log:
        await append(log, records(symbols, 2))
        worker = Worker(log, Rules(EngineConfig(), Decoder(), symbols, 500), 500, Random(1))
        running = asyncio.create_task(worker.run())
        await worker.drained()
        with bind("127.0.0.1", 0, "--port") as listening:
            serving = asyncio.create_task(serve(create_app(view, (WorkerCollector(worker),)), listening))
            async with httpx.AsyncClient(base_url=address(listening), timeout=60) as client:
                for name, accept in FORMATS.items():
                    is_good &= await _scrape(client, name, accept, symbols)
            serving.cancel()
            await asyncio.wait([serving])
        running.cancel()
        await asyncio.wait([running])
    return is_good


async def _scrape(client: httpx.AsyncClient, name: str, accept: str, symbols: int) -> bool:
    seconds, body = [], b""
    for _ in range(ROUNDS):
        began_s = perf_counter()
        response = await client.get("/metrics", headers={"accept": accept})
        seconds.append(perf_counter() - began_s)
        body = response.raise_for_status().content
    size, took_s = len(body), median(seconds)
    series = sum(not line.startswith(b"#") for line in body.splitlines())
    print(
        f"{name}: {symbols} symbols, {series} series ({series / symbols:.0f} a symbol), {size / 1e6:.1f} MB, "
        f"median {took_s:.2f} s, longest {max(seconds):.2f} s (limits: {MAX_BYTES / 1e6:.0f} MB, {MAX_S:.0f} s)"
    )
    return took_s < MAX_S and size < MAX_BYTES


if __name__ == "__main__":
    sys.exit(not asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SYMBOLS)))

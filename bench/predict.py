"""How long POST /predict takes over HTTP, and how far its forecast is from that of a symbol that has learned for longer.

`python -m bench.predict [CANDLES]` prints, for a day and for a week of minutes, the medians of the time on the wall and of the
worker's processor time, which other work of the machine disturbs less; then what becomes of 50 requests at once; then, from
simulated candles or those of a file, the difference between /predict with the last day or week and an engine that has seen all
days. Fails if a day of minutes takes 100 ms of processor time.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from math import log, sqrt
from pathlib import Path
from statistics import median, quantiles
from time import monotonic

import httpx
import msgspec

from api.app import create_app
from api.view import View
from bench.candles import Minutes, Recorded, Simulated, as_arrays
from volcast.cli.http import address, bind, serve
from volcast.core.engine import Engine
from volcast.core.forecast.intake import CandleInput, forecast_after
from volcast.core.forecast.prior import bundled
from volcast.core.types import Candle, EngineConfig, Signal

DAY, WEEK = 1_440, 10_080
ROUNDS = {DAY: 21, WEEK: 5}
GOAL_S = 0.1
AT_ONCE = 50
DAYS, EVERY_MINUTES = 40, 720
_FIELDS = ("open_time_ms", "open", "high", "low", "close", "volume", "quote_volume")


def body_of(candles: Sequence[Candle]) -> bytes:
    rows = [{name: getattr(candle, name) for name in _FIELDS} for candle in candles]
    return msgspec.json.encode({"candles": rows})


def worker_cpu_s() -> float:
    """Return the processor time of all processes that this one has started and that still run."""
    pids = [pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()]
    ticks = 0
    for pid in pids:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


async def measure(client: httpx.AsyncClient, raw: bytes, rounds: int) -> tuple[float, float]:
    """Return the median time on the wall and the mean processor time of one request, in seconds."""
    walls, cpu_s = list[float](), worker_cpu_s()
    for _ in range(rounds):
        began_s = monotonic()
        (await client.post("/predict", content=raw)).raise_for_status()
        walls.append(monotonic() - began_s)
    return median(walls), (worker_cpu_s() - cpu_s) / rounds


async def bench_http(candles: Sequence[Candle]) -> float:
    """Print all times; return the processor time of a day."""
    view = View(180)
    with bind("127.0.0.1", 0, "--port") as listening:
        serving = asyncio.create_task(serve(create_app(view), listening))
        stack = AsyncExitStack()
        stack.push_async_callback(end, serving)
        async with stack, httpx.AsyncClient(base_url=address(listening), timeout=60) as client:
            began_s = monotonic()
            (await client.post("/predict", content=body_of(candles[:2]))).raise_for_status()
            print(f"first request, which starts a worker: {monotonic() - began_s:.1f} s")
            found = {}
            for count, rounds in ROUNDS.items():
                raw = body_of(candles[:count])
                wall_s, cpu_s = await measure(client, raw, rounds)
                found[count] = cpu_s
                sizes = f"{count:6} candles, {len(raw) / 1e6:.2f} MB"
                print(f"{sizes}: {wall_s * 1e3:6.0f} ms on the wall, {cpu_s * 1e3:5.0f} ms of the worker's processor time")
            answers = await asyncio.gather(*(client.post("/predict", content=body_of(candles[:DAY])) for _ in range(AT_ONCE)))
            print(f"{AT_ONCE} at once, by status: {dict(Counter(each.status_code for each in answers))}")
    return found[DAY]


async def end(serving: "asyncio.Task[None]") -> None:
    serving.cancel()
    await asyncio.wait([serving])


def differences(minutes: Minutes) -> Iterator[tuple[float, float]]:
    """Yield the log ratios of the volatility from the last day and week to that of an engine which has seen all candles."""
    engine = Engine(minutes.symbol, EngineConfig(), 8)
    count = len(minutes.open_time_ms)
    recent = list[CandleInput]()
    for at, candle in enumerate(minutes.candles(0, count)):
        signal = engine.step(candle)
        recent.append(CandleInput(*(getattr(candle, name) for name in CandleInput._fields)))
        if at >= count // 4 and at % EVERY_MINUTES == 0 and isinstance(signal, Signal):
            recent = recent[-WEEK:]
            day, week = (sqrt(forecast_after(some, prior=bundled()).prediction.variance) for some in (recent[-DAY:], recent))
            yield log(day / signal.volatility), log(week / signal.volatility)


def main() -> None:
    stream = Recorded(Path(sys.argv[1])) if len(sys.argv) > 1 else Simulated("BTCUSDT", DAYS, seed=1)
    minutes = as_arrays(stream)
    cpu_s = asyncio.run(bench_http(list(minutes.candles(0, WEEK))))
    for what, found in zip(("day", "week"), zip(*differences(minutes), strict=True), strict=True):
        sizes = [abs(each) for each in found]
        beside = (
            f"{len(sizes)} forecasts from the last {what}, beside an engine that has seen all of {len(minutes.close) // DAY} days"
        )
        print(f"{beside}: {median(sizes):.1%} apart in the median, at most {quantiles(sizes, n=20)[-1]:.1%} in 95 % of cases")
    if cpu_s >= GOAL_S:
        sys.exit(f"a day of minutes takes {cpu_s * 1e3:.0f} ms of processor time; the goal is {GOAL_S * 1e3:.0f} ms")


if __name__ == "__main__":
    main()

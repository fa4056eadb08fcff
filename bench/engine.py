"""Time and size of the core: `python -m bench.engine`. It prints figures beside the goals; they depend on the machine.

The candles are simulated ones of BTCUSDT. The engine is warm: it has processed a week of minutes. Each time is the median of
several rounds, in one thread.
"""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

from volcast.cli.main import is_compiled
from volcast.core import snapshot
from volcast.core.codec import CandleText, encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observer
from volcast.core.engine import Engine
from volcast.core.forecast.distribution.scenarios import scenario_paths
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.simulation.market import simulate_candles

SYMBOL = "BTCUSDT"
KEY = SYMBOL.encode()
START_MS = 1_704_067_200_000
WEEK_MINUTES = 10_080
ROUNDS = 9
ROUND_CANDLES = 2_000
SNAPSHOT_EVERY = 500
SYMBOLS = 100
SCENARIOS = 1_000
DECODER = Decoder(price_decimals=2)
CONFIG = EngineConfig()

T = TypeVar("T")


def main() -> None:
    """Measure, and print a table."""
    records = simulated_records(WEEK_MINUTES + ROUNDS * ROUND_CANDLES)
    candles = [candle for candle in (DECODER.decode(KEY, value) for value in records) if isinstance(candle, Candle)]
    engine = Engine(SYMBOL, CONFIG, DECODER.price_decimals(SYMBOL))
    for candle in candles[:WEEK_MINUTES]:
        engine.step(candle)
    warm = snapshot.encode_snapshot(engine, 0)
    rounds = [candles[at : at + ROUND_CANDLES] for at in range(WEEK_MINUTES, len(candles), ROUND_CANDLES)]
    signals = [answer for answer in map(engine.step, candles[WEEK_MINUTES:]) if isinstance(answer, Signal)]
    engine = restored(warm)

    print(f"{'':56}{'measured':>10}  goal")
    show("Engine.step, with a snapshot every 500 candles", us_each(partial(steps, engine), rounds), "µs", "120 µs, better 60")
    show("  Engine.step alone", us_each(partial(steps_alone, restored(warm)), rounds), "µs")
    show("  drift detectors, in addition to the rest of a step", detectors_share(warm, candles[WEEK_MINUTES:]), "%", "8 %")
    show("  a snapshot", us_each(lambda _: snapshot.encode_snapshot(engine, 0), [[0]] * 200), "µs")
    show("  a restore", us_each(lambda _: restored(warm), [[0]] * 200), "µs")
    print(f"the core is {'compiled' if is_compiled() else 'Python'}")
    show("decode a candle record", us_each(lambda some: [DECODER.decode(KEY, value) for value in some], parts(records)), "µs")
    show("encode a signal", us_each(lambda some: [encode_signal(one) for one in some], parts(signals)), "µs")
    show("memory of a symbol", memory_bytes(warm, candles[WEEK_MINUTES:][:ROUND_CANDLES]) / 1_000, "kB", "256 kB")
    show(
        "snapshot", len(snapshot.encode_snapshot(engine, 10**9, {"duplicate": 1, "late": 1})) / 1_000, "kB", "192 kB, better 100"
    )
    draw = partial(scenario_paths, signals[-1], SCENARIOS)
    show(
        "1000 scenario paths of an hour",
        us_each(lambda seeds: [draw(seed) for seed in seeds], [range(9)] * 9) / 1_000,
        "ms",
        "20 ms",
    )
    show("volcast --help", seconds_of([str(Path(sys.executable).with_name("volcast")), "--help"]), "s", "0.3 s")
    show("import of the engine, River included", seconds_of([sys.executable, "-c", "import volcast.core.engine"]), "s")


def simulated_records(minutes: int) -> list[bytes]:
    """Return the values of records of `candles`."""
    return [
        encode_candle(CandleText(SYMBOL, *one[:7], source="simulated", closed_by="file", line=line))
        for line, one in enumerate(simulate_candles(SYMBOL, minutes=minutes, seed=42, start_ms=START_MS), start=2)
    ]


def restored(raw: bytes) -> Engine:
    return snapshot.decode_snapshot(raw, SYMBOL, CONFIG, DECODER.price_decimals(SYMBOL)).engine


def steps(engine: Engine, candles: Sequence[Candle]) -> None:
    for count, candle in enumerate(candles, start=1):
        engine.step(candle)
        if count % SNAPSHOT_EVERY == 0:
            snapshot.encode_snapshot(engine, 0)


def steps_alone(engine: Engine, candles: Sequence[Candle]) -> None:
    for candle in candles:
        engine.step(candle)


class NoObserver(Observer):
    """Sees nothing. For the time of a step without it; the class of the engine's own is left as it is."""

    def observe(self, *_: object, **__: object) -> Any:  # not an Observation
        """Do nothing."""


class NoMonitor(DriftMonitor):
    """Detects nothing."""

    def push(self, seen: object) -> None:
        """Do nothing."""


def detectors_share(warm: bytes, candles: Sequence[Candle]) -> float:
    """Return how much longer a step takes with the observation and the detectors than without, in percent.

    Hour by hour, each of two engines comes first in turn, so that other work on the machine slows both.
    """
    engines = (restored(warm), without := restored(warm))
    without.drift, without._observer = NoMonitor(), NoObserver(CONFIG.horizons[0])  # noqa: SLF001  # our own
    times_s: tuple[list[float], list[float]] = ([], [])
    for hour, at in enumerate(range(0, len(candles) - 59, 60)):
        for each in (0, 1) if hour % 2 else (1, 0):
            start_s = perf_counter()
            steps_alone(engines[each], candles[at : at + 60])
            times_s[each].append(perf_counter() - start_s)
    return 100 * (median(times_s[0]) / median(times_s[1]) - 1)


def parts(items: Sequence[T]) -> list[Sequence[T]]:
    """Divide items into rounds."""
    return [items[at : at + ROUND_CANDLES] for at in range(0, ROUNDS * ROUND_CANDLES, ROUND_CANDLES)]


def us_each(work: Callable[[Sequence[T]], object], rounds: Sequence[Sequence[T]]) -> float:
    """Return the median time for an item, in µs."""
    times_us = []
    for items in rounds:
        start_s = perf_counter()
        work(items)
        times_us.append((perf_counter() - start_s) / len(items) * 1e6)
    return median(times_us)


def memory_bytes(warm: bytes, candles: Sequence[Candle]) -> float:
    """Return the memory of one of many engines, each restored after a week of minutes and then fed with some more."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    engines = [restored(warm) for _ in range(SYMBOLS)]
    for engine in engines:
        for candle in candles[:200]:
            engine.step(candle)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(engines)


def seconds_of(command: list[str]) -> float:
    times_s = []
    """Return the median time of a command, in seconds."""
    for _ in range(5):
        start_s = perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own
        times_s.append(perf_counter() - start_s)
    return median(times_s)


def show(what: str, value: float, unit: str, aim: str = "") -> None:
    print(f"{what:56}{value:>8.3g}{unit:>3}  {aim}".rstrip())


if __name__ == "__main__":
    main()

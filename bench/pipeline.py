"""What the pipeline over Kafka costs beside its engine: `python -m bench.pipeline`, with `--workers` two workers beside one.

In one run, round by round, on one broker: (a) a bare loop in a process of its own, which decodes a candle's record, lets the
engine step and encodes the signal; (b) the steps alone; (c) Kafka → engine → Kafka exactly-once by `volcast consume`, one symbol,
one partition, the default settings, with the champion and with the model `last`. The consumer is stopped (SIGSTOP) while a
round's candles are appended. Its time runs from SIGCONT to the broker's time of the last signal. With an environment variable
KAFKA_BOOTSTRAP, that broker is used. Ratios are of medians; absolute figures depend on the machine and its other work.

The broker works on another core while the pipeline runs, and cores share caches, memory and power. So the steps are also measured
while a second process does the same: what they take then is what a pipeline on this machine can reach at best.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from uuid import uuid4

from volcast.proof.processes.broker import bootstrap
from volcast.proof.processes.processes import ProcessGroup, process_group

from .pipeline_parts import BareEngine, Consumers, Timing, candle_values

MODELS = ("two_stage", "last")
ROUNDS, ROUND_CANDLES = 5, 40_000
WARM_CANDLES = 4_000
MAX_OVERHEAD, MIN_SHARE, MAX_WORKERS_COST = 0.6, 0.6, 1.15


@dataclass(slots=True)
class Measured:
    """The times of all rounds, by what was measured."""

    loop: list[Timing] = field(default_factory=list)
    steps: list[Timing] = field(default_factory=list)
    steps_beside: list[Timing] = field(default_factory=list)
    """The steps while another core is busy."""
    pipeline: list[Timing] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table; return 1 if a ratio is worse than needed."""
    parser = argparse.ArgumentParser(description="Measure what the pipeline over Kafka costs beside its engine.")
    parser.add_argument("--workers", action="store_true", help="measure two workers on two partitions beside one worker")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds ({ROUNDS})")
    parser.add_argument("--candles", type=int, default=ROUND_CANDLES, help=f"candles of a round ({ROUND_CANDLES})")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, bootstrap(Path(folder)) as address, process_group(Path(folder)) as group:
        if given.workers:
            return asyncio.run(measure_workers(address, group, given.rounds, given.candles))
        return asyncio.run(measure(address, group, given.rounds, given.candles))


async def measure(address: str, group: ProcessGroup, rounds: int, candles: int) -> int:
    """Measure loop, steps and pipeline for each model in turn."""
    values = candle_values("BTCUSDT", WARM_CANDLES + rounds * candles)
    found = {model: Measured() for model in MODELS}
    consumers = [
        Consumers(address, group, _prefix(), {"BTCUSDT": values}, "--model", model, "--partitions", "1") for model in MODELS
    ]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as process, ProcessPoolExecutor(1, spawn) as neighbour:
        for model in MODELS:
            for pool in (process, neighbour):
                pool.submit(BareEngine.start, model, values[:WARM_CANDLES]).result()
        for each in consumers:
            await each.start(WARM_CANDLES)
            each.pause()
        for number in range(rounds):
            begin = WARM_CANDLES + number * candles
            for model, each in zip(MODELS, consumers, strict=True):
                part = values[begin : begin + candles]
                steps, loop = process.submit(BareEngine.measure, model, part).result()
                found[model].steps.append(steps)
                found[model].loop.append(loop)
                beside = [pool.submit(BareEngine.step, model, part) for pool in (process, neighbour)]
                found[model].steps_beside.append(beside[0].result())
                beside[1].result()
                found[model].pipeline.append(await each.measure(begin + candles))
    return report(found, candles)


def report(found: dict[str, Measured], candles: int) -> int:
    """Print the table of the times for a candle, and the ratios."""
    print(f"µs a candle, medians of {len(next(iter(found.values())).loop)} rounds of {candles} candles: time (processor time)")
    times = "".join(f"{name:>18}" for name in ("steps alone", "two at once", "bare loop", "pipeline"))
    print(f"{'model':12}{times}{'beyond the loop':>22}{'share of the steps':>22}")
    is_good = True
    for model, each in found.items():
        beyond = _ratio(each.pipeline, each.loop) - 1
        share = 1 / _ratio(each.pipeline, each.steps)
        timings = (each.steps, each.steps_beside, each.loop, each.pipeline)
        columns = "".join(f"{_times(those, candles):>18}" for those in timings)
        beyond_cpu = _ratio(each.pipeline, each.loop, cpu=True) - 1
        share_cpu = 1 / _ratio(each.pipeline, each.steps, cpu=True)
        print(f"{model:12}{columns}{f'{beyond:.2f} ({beyond_cpu:.2f})':>22}{f'{share:.2f} ({share_cpu:.2f})':>22}")
        if model == MODELS[0]:
            is_good = beyond <= MAX_OVERHEAD and share >= MIN_SHARE
    needed = f"at most {MAX_OVERHEAD} beyond the loop, better 0.3; at least {MIN_SHARE} of the steps, better 0.8"
    print(f"needed with {MODELS[0]}: {needed}")
    return 0 if is_good else 1


async def measure_workers(address: str, group: ProcessGroup, rounds: int, candles: int) -> int:
    """Measure the processor time of two workers on two partitions, and of one worker on both."""
    symbols = ("BTCUSDT", "ETHUSDT")  # murmur2 puts them into different ones of two partitions
    values = {symbol: candle_values(symbol, WARM_CANDLES + rounds * candles) for symbol in symbols}
    counts = (1, 2)
    consumers = [Consumers(address, group, _prefix(), values, "--partitions", "2", "--workers", str(count)) for count in counts]
    timings: dict[int, list[Timing]] = {count: [] for count in counts}
    for each in consumers:
        await each.start(WARM_CANDLES)
        each.pause()
    for number in range(rounds):
        end = WARM_CANDLES + (number + 1) * candles
        for count, each in zip(counts, consumers, strict=True):
            timings[count].append(await each.measure(end))
    print(f"µs a candle, medians of {rounds} rounds of {candles} candles of each of 2 symbols: time (processor time)")
    for count in counts:
        print(f"{count} worker{'s' if count > 1 else ''}: {_times(timings[count], 2 * candles)}")
    cost, faster = _ratio(timings[2], timings[1], cpu=True), 1 / _ratio(timings[2], timings[1])
    print(f"processor time of two workers: {cost:.2f} times that of one; needed {MAX_WORKERS_COST}, better 1.05")
    print(f"candles a second of two workers: {faster:.2f} times those of one")
    return 0 if cost <= MAX_WORKERS_COST else 1


def _prefix() -> str:
    return f"bench-{uuid4().hex[:8]}."


def _ratio(timings: Sequence[Timing], others: Sequence[Timing], *, cpu: bool = False) -> float:
    """Return the ratio of the medians."""
    own, other = (median(each.cpu_s if cpu else each.wall_s for each in some) for some in (timings, others))
    return own / other


def _times(timings: Sequence[Timing], candles: int) -> str:
    wall_us, cpu_us = (
        median(values) / candles * 1e6 for values in zip(*((each.wall_s, each.cpu_s) for each in timings), strict=True)
    )
    return f"{wall_us:.1f} ({cpu_us:.1f})"


if __name__ == "__main__":
    sys.exit(main())

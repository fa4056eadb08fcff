"""Cost, memory, commits and restores against the number of symbols, partitions and workers: `python -m bench.scale`.

Each row is a new log that holds the state of symbols with a week of minutes behind them, and workers in processes of their own.
They restore it and process candles, one of every symbol a minute. Processor time is that of the workers; a restore is measured
from the start of the worker's loop, with joining the group, until every partition is held. The broker is that of KAFKA_BOOTSTRAP,
or one that is started here. `--symbols N …` and `--bus sqlite` measure less; `--json FILE` writes the rows.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from uuid import uuid4

import msgspec

from bench.engine import WEEK_MINUTES
from bench.scale_log import append, candles, simulated_rows, warm_engine, write_state
from bench.scale_worker import Reading, open_log
from volcast.proof.processes.broker import bootstrap

SYMBOLS = (1, 10, 100, 1_000, 10_000)
PARTITIONS, WORKERS = (1, 4, 16, 64), (1, 2)
CANDLES = 20_000
"""In each row at least; and at least `MINUTES` of each symbol."""
MINUTES = 3
MAX_MB, MAX_RESTORE_S = 4_000.0, 60.0
"""What 10 000 symbols may need."""
HEADER = (
    "bus",
    "symbols",
    "partitions",
    "workers",
    "µs a candle",
    "commit ms, median",
    "99 %",
    "restore s",
    "its CPU s",
    "MB",
    "at most",
)


class Setup(NamedTuple):
    """One row to measure."""

    bus: str
    symbols: int
    partitions: int = 1
    workers: int = 1


class Row(msgspec.Struct, frozen=True):
    """What was measured of a setup; with several workers, their sums, and the longest restore."""

    setup: Setup
    candles: int
    cpu_us: float
    """Processor time for each candle, snapshots and commits included."""
    commit_ms: float
    commit_p99_ms: float
    restore_s: float
    restore_cpu_s: float
    """From the start of the process, imports included."""
    resident_mb: float
    peak_mb: float


def setups(buses: Sequence[str], symbols: Sequence[int]) -> list[Setup]:
    """Return the rows: symbols on each bus; then, on Kafka, partitions and workers at the largest number up to 1000 symbols.

    >>> [tuple(each) for each in setups(["sqlite"], [1, 10])]
    [('sqlite', 1, 1, 1), ('sqlite', 10, 1, 1)]
    """
    found = [Setup(bus, count, 1 if bus == "sqlite" else 4) for bus in buses for count in symbols]
    if "kafka" in buses:
        many = max((count for count in symbols if count <= 1_000), default=min(symbols))  # noqa: PLR2004  # as the docstring says
        found += [Setup("kafka", many, partitions) for partitions in PARTITIONS]
        found += [Setup("kafka", many, 4, workers) for workers in WORKERS]
    return list(dict.fromkeys(found))


def summarized(setup: Setup, restored: Sequence[Reading], processed: Sequence[Reading]) -> Row:
    """Return the row of a setup from the readings of its workers. Raises ValueError if no signal was written."""
    signals = sum(each.signals for each in processed)
    commits = [ms for each in processed for ms in each.commits_ms]
    if not signals or not commits:
        raise ValueError(f"{setup}: the workers have written no signal")
    return Row(
        setup,
        signals,
        1e6 * sum(each.cpu_s for each in processed) / signals,
        median(commits),
        quantiles([*commits, max(commits)], n=100, method="inclusive")[-1],
        max(each.seconds for each in restored),
        sum(each.cpu_s for each in restored),
        sum(each.resident_mb for each in processed),
        sum(each.peak_mb for each in processed),
    )


async def measured(setup: Setup, bus: str) -> Row:
    """Fill a new log, start the workers, and return what they needed. Raises ValueError if a candle has no signal."""
    minutes = max(MINUTES, -(-CANDLES // setup.symbols))
    rows = simulated_rows(WEEK_MINUTES + minutes)
    async with open_log(bus, setup.partitions) as log:
        await write_state(log, setup.symbols, setup.partitions, warm_engine(rows))
        numbers = list(map(str, (setup.symbols, setup.partitions, setup.partitions // setup.workers)))
        with ExitStack() as stack:
            workers = [stack.enter_context(worker_process(bus, *numbers)) for _ in range(setup.workers)]
            restored = [await asyncio.to_thread(reading, each) for each in workers]
            count = await append(log, candles(rows, setup.symbols, minutes))
            for each in workers:
                print(file=each.stdin, flush=True)
            processed = [await asyncio.to_thread(reading, each) for each in workers]
    row = summarized(setup, restored, processed)
    if row.candles != count:
        raise ValueError(f"{setup}: {count} candles were written, and {row.candles} signals came of them")
    return row


@contextmanager
def worker_process(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `bench.scale_worker` while the `with` lasts."""
    command = [sys.executable, "-m", "bench.scale_worker", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        try:
            yield process
        finally:
            process.kill()


def reading(process: "subprocess.Popen[str]") -> Reading:
    """Return the next reading of a worker. Raises ValueError if it has ended without one."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise ValueError(f"the worker has ended with exit code {process.wait()}")
    return msgspec.json.decode(line, type=Reading)


def line(row: Row) -> str:
    """Return a row of the table as Markdown."""
    numbers = (
        *(f"{each:,}" for each in row.setup[1:]),
        f"{row.cpu_us:.0f}",
        f"{row.commit_ms:.1f}",
        f"{row.commit_p99_ms:.1f}",
        f"{row.restore_s:.1f}",
        f"{row.restore_cpu_s:.1f}",
        f"{row.resident_mb:,.0f}",
        f"{row.peak_mb:,.0f}",
    )
    return f"| {' | '.join((row.setup.bus, *numbers))} |"


def problems(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each limit that a row of 10 000 symbols exceeds."""
    return [
        f"{row.setup.symbols} symbols on {row.setup.bus}: {what} {value:,.0f} {unit}, the limit is {limit:,.0f}"
        for row in rows
        if row.setup.symbols == SYMBOLS[-1]
        for what, value, limit, unit in (
            ("memory", row.peak_mb, MAX_MB, "MB"),
            ("restore", row.restore_s, MAX_RESTORE_S, "s"),
        )
        if value > limit
    ]


def _remove(folder: Path, pattern: str) -> None:
    for file in folder.glob(pattern):
        file.unlink()


async def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, and return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("--symbols", type=int, nargs="+", default=SYMBOLS)
    parser.add_argument("--bus", choices=("sqlite", "kafka"), nargs="+", default=("sqlite", "kafka"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}", flush=True)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        address = stack.enter_context(bootstrap(folder)) if "kafka" in given.bus else ""
        for number, setup in enumerate(setups(given.bus, given.symbols)):
            file = folder / f"{number}.db"
            bus = str(file) if setup.bus == "sqlite" else f"{address}/bench-{uuid4().hex[:8]}."
            rows.append(await measured(setup, bus))
            print(line(rows[-1]), flush=True)
            _remove(folder, f"{number}.db*")
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    for problem in problems(rows):
        print(problem, file=sys.stderr)
    return 1 if problems(rows) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))

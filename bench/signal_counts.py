"""How many signals of a file are 1, counted in five ways that must agree: `python -m bench.signal_counts CANDLES…`.

    exact      whole numbers from the decimals of the closes, by a definition of its own: close × W > sum of the last W closes
    library    `Engine` in a loop, as in examples/quickstart.py
    signal     the batch job `volcast signal`
    backtest   the last line of `volcast backtest --signals`
    run        the last signal in the log of `volcast run`

The exit code is 1 if two ways differ in one signal. A million minutes take about a quarter of an hour, and 2 GB for the log.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec.json import decode

from producer.csv_replay import CsvReplay
from volcast.backtest.run import BacktestReplay
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog

Warmup = Literal["zero", "exclude"]
VOLCAST = str(Path(sys.executable).with_name("volcast"))


class Question(NamedTuple):
    """What is counted."""

    path: Path
    window: int
    warmup: Warmup


class Count(NamedTuple):
    """What one way has counted."""

    rows: int
    ones: int
    value: float
    """The share of the signals that are 1, rounded to four digits."""


def exact(question: Question, _folder: Path) -> Count:
    ones = rows = 0
    last: deque[Decimal] = deque(maxlen=question.window)
    for row in CsvReplay(question.path).rows():
        rows += 1
        last.append(Decimal(row.close))
        ones += len(last) == question.window and last[-1] * question.window > sum(last)
    counted = rows - (question.window - 1) * (question.warmup == "exclude")
    return Count(rows, ones, round(ones / counted, 4))


def library(question: Question, _folder: Path) -> Count:
    source, decoder = CsvReplay(question.path), Decoder()
    config = EngineConfig(window=question.window, warmup=question.warmup)
    engine = Engine(source.symbol, config, decoder.price_decimals(source.symbol))
    [last] = deque(BacktestReplay(engine, decoder).signals(source.candles()), maxlen=1)
    return Count(last.candles, last.signal_ones, round(last.signal_rate or 0.0, 4))


def signal(question: Question, folder: Path) -> Count:
    (folder / "config.yaml").write_text(f"seed: 42\nwindow: {question.window}\nversion: v1\nwarmup: {question.warmup}\n")
    files = ("--config", "config.yaml", "--output", "metrics.json")
    _volcast(folder, "signal", "--input", str(question.path.resolve()), *files)
    found = json.loads((folder / "metrics.json").read_text())
    return Count(found["rows_processed"], found["ones"], found["value"])


def backtest(question: Question, folder: Path) -> Count:
    _volcast(folder, "backtest", str(question.path.resolve()), "--signals", "signals.jsonl", *_options(question))
    with (folder / "signals.jsonl").open(encoding="utf-8") as lines:
        [last] = deque(lines, maxlen=1)
    return _of_signal(last)


def run(question: Question, folder: Path) -> Count:
    _volcast(
        folder, "run", str(question.path.resolve()), "--db", "log.db", "--port", "0", "--exit-when-done", *_options(question)
    )
    return _of_signal(asyncio.run(_last_signal(folder / "log.db")))


WAYS: dict[str, Callable[[Question, Path], Count]] = {
    "exact": exact,
    "library": library,
    "signal": signal,
    "backtest": backtest,
    "run": run,
}


def counts(question: Question, ways: Sequence[str] = tuple(WAYS)) -> dict[str, Count]:
    """Count in each of the ways."""
    found = {}
    for way in ways:
        with tempfile.TemporaryDirectory(prefix="volcast-counts-") as folder:
            found[way] = WAYS[way](question, Path(folder))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each file and way, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.signal_counts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("candles", nargs="+", type=Path, metavar="CANDLES", help="candle files, each counted by itself")
    parser.add_argument("--window", type=int, default=5, metavar="W", help="closes in the rolling mean (%(default)s)")
    parser.add_argument("--warmup", choices=["zero", "exclude"], default="zero", help="%(default)s")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="all of them")
    arguments = parser.parse_args(argv)
    differs = False
    for path in arguments.candles:
        found: dict[str, Count] = {}
        for way in arguments.ways:
            found |= counts(Question(path, arguments.window, arguments.warmup), [way])
            print(f"{path.name:32}{way:10}{found[way].rows:12}{found[way].ones:12}{found[way].value:10.4f}", flush=True)
        if len(set(found.values())) > 1:
            differs = True
            print(f"THEY DIFFER: {path}")
    return 1 if differs else 0


def _options(question: Question) -> tuple[str, ...]:
    return ("--window", str(question.window), "--warmup", question.warmup)


def _volcast(folder: Path, *arguments: str) -> None:
    """Run the command in a folder of its own. Raises RuntimeError with its output if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
    done = subprocess.run(  # noqa: S603  # our own command
        [VOLCAST, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"volcast {arguments[0]} ended with {done.returncode}: {done.stderr[-2_000:]}")


def _of_signal(line: str | bytes) -> Count:
    last = decode(line)
    return Count(last["candles"], last["signal_ones"], round(last["signal_rate"], 4))


async def _last_signal(path: Path) -> bytes:
    value = b""
    async with SqliteLog(path) as log, log.reader(Topic.SIGNALS) as reader:
        while not reader.caught_up:
            for record in await reader.read(1_000, 0.1):
                value = record.value
    return value


if __name__ == "__main__":
    sys.exit(main())

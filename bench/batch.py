"""The batch job beside the same job in pandas: `python -m bench.batch [CANDLES.csv]`.

At 10 000, 44 640 and 1 306 000 rows both run in turn, as processes of their own. Goals, for the medians: the whole process takes
at most half the wall time of pandas' process, and `latency_ms` (configuration, file and signals, after the imports) is less than
pandas needs to read and to calculate after its import. The exit code is 1 if one is missed.

pandas is installed, in one fixed release, into an environment of its own in the user's cache folder. The rows are those of a
CSV file, plain or gzipped, with this project's columns, or those of a simulated month that is repeated.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from volcast.candle_files.contract import CANDLE_COLUMNS
from volcast.candle_files.timestamps import format_open_time
from volcast.simulation.market import simulate_candles

from .environment import python_with

PANDAS = "pandas==3.1.1"
ROUNDS = {10_000: 15, 44_640: 15, 1_306_000: 9}
WINDOW = 5
MONTH = 44_640
START_MS = 1_640_995_200_000
MINUTE_MS = 60_000
RUN = Path(__file__).parents[1] / "run.py"
JOB_IN_PANDAS = """
import sys
import pandas
from json import dump
from time import perf_counter

began = perf_counter()
candles = pandas.read_csv(sys.argv[1])
signal = candles["close"] > candles["close"].rolling(int(sys.argv[3])).mean()
ones = int(signal.sum())
latency_ms = (perf_counter() - began) * 1_000
with open(sys.argv[2], "w") as file:
    dump({"value": round(float(signal.mean()), 4), "ones": ones, "latency_ms": latency_ms}, file)
"""


class Run(NamedTuple):
    """One process."""

    wall_ms: float
    latency_ms: float
    peak_mb: float
    ones: int


def simulated_lines() -> Iterator[str]:
    """Yield rows of one simulated month, again and again, at times that go on."""
    month = list(simulate_candles("BTCUSDT", minutes=MONTH, seed=42, start_ms=START_MS))
    for row in count():
        yield ",".join(map(str, (format_open_time(START_MS + row * MINUTE_MS), *month[row % MONTH][1:7]))) + "\n"


def open_text(candles: Path) -> Iterable[str]:
    """Return the lines of a CSV file, which may be gzipped."""
    return gzip.open(candles, "rt", encoding="utf-8") if candles.suffix == ".gz" else candles.open(encoding="utf-8")


def write_rows(path: Path, rows: int, candles: Path | None) -> None:
    """Write a file of so many rows, a line at a time: a child's peak memory counts from that of this process.

    Raises SystemExit if the given file has fewer.
    """
    written = 0
    with path.open("w", encoding="utf-8") as file:
        if candles is None:
            file.write(",".join(CANDLE_COLUMNS) + "\n")
            written = 1
        lines = simulated_lines() if candles is None else open_text(candles)
        for line in islice(lines, rows + 1 - written):
            file.write(line)
            written += 1
    if written <= rows:
        raise SystemExit(f"{candles} has {written - 1} rows; {rows} are needed")


def run(command: list[object], result: Path) -> Run:
    """Run a process that leaves its result in a file."""
    began_s = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # ours
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - began_s) * 1_000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(process.args)} failed")  # type: ignore[arg-type]  # a list of text
    found = json.loads(result.read_text(encoding="utf-8"))
    return Run(wall_ms, found["latency_ms"], usage.ru_maxrss / 1_000, found["ones"])


def main(candles: Path | None) -> int:
    """Measure, print a table, and return the exit code."""
    pandas = python_with(PANDAS)
    missed = 0
    print(f"{'rows':>10} {'job':8}{'process':>12}{'latency':>12}{'peak memory':>14}{'ones':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, result, data = folder / "config.yaml", folder / "metrics.json", folder / "data.csv"
        config.write_text(f'seed: 42\nwindow: {WINDOW}\nversion: "v1"\n', encoding="utf-8")
        ours: list[object] = [sys.executable, RUN, "--input", data, "--config", config, "--output", result]
        ours += ["--log-file", folder / "run.log"]
        theirs: list[object] = [pandas, "-c", JOB_IN_PANDAS, data, result, WINDOW]
        for rows, rounds in ROUNDS.items():
            write_rows(data, rows, candles)
            runs: dict[str, list[Run]] = {"volcast": [], "pandas": []}
            for _ in range(rounds):
                runs["volcast"].append(run(ours, result))
                runs["pandas"].append(run(theirs, result))
            medians = {job: Run(*map(median, zip(*each, strict=True))) for job, each in runs.items()}
            for job, each in medians.items():
                times = f"{each.wall_ms:9.0f} ms{each.latency_ms:9.1f} ms"
                print(f"{rows:10,} {job:8}{times}{each.peak_mb:11.0f} MB{each.ones:10,.0f}", flush=True)
            process = medians["volcast"].wall_ms / medians["pandas"].wall_ms
            latency = medians["volcast"].latency_ms / medians["pandas"].latency_ms
            missed += process > 1 / 2 or latency >= 1
            print(f"{'':10} {'ratio':8}{process:12.2f}{latency:12.2f}   (goals: at most 0.50, below 1)", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))

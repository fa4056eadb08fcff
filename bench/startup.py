"""What each command costs before it works, and while it waits: `python -m bench.startup [--idle-s SECONDS]`.

Processor time of `volcast COMMAND --help`; of `signal` and `backtest` on a day of candles; and of `consume`, `serve` and `run` on
a SQLite log until /health answers, and then, as a share of one core, while nothing comes. Other work on the machine changes
processor time less than time, which is beside it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from volcast.candle_files.contract import CANDLE_COLUMNS
from volcast.candle_files.timestamps import format_open_time
from volcast.cli.main import VERBS
from volcast.proof.processes.broker import free_ports
from volcast.simulation.market import simulate_candles

ROUNDS = 3
DAY_MINUTES = 1_440
START_MS = 1_704_067_200_000
IDLE_S = 20.0
_WAIT_S = 120.0
_VOLCAST = str(Path(sys.executable).with_name("volcast"))
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Of one process."""

    cpu_s: float
    seconds: float


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end, and return what it cost. Raises ValueError with its last words if it fails."""
    began_s = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603  # our own
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise ValueError(f"{' '.join(command)}: exit code {process.returncode}: {output.read()[-1_000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - began_s)


def least_of(command: Sequence[str], rounds: int = ROUNDS) -> Cost:
    """Return the least of some rounds: what else ran on the machine only adds."""
    found = [cost_of(command) for _ in range(rounds)]
    return Cost(min(each.cpu_s for each in found), min(each.seconds for each in found))


def cpu_s_of(pid: int) -> float:
    """Return the processor time that a running process has used so far, that of its children that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


@contextmanager
def service(arguments: Sequence[str], url: str) -> Iterator[tuple[int, Cost]]:
    """Start a command that goes on, and yield its process and what it cost until it answered at `url`; end it afterwards.

    Raises ValueError if it ends, or does not answer in time.
    """
    began_s = time.perf_counter()
    process = subprocess.Popen([_VOLCAST, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # our own
    try:
        while not _answers(url):
            if process.poll() is not None or time.perf_counter() - began_s > _WAIT_S:
                raise ValueError(f"volcast {' '.join(arguments)}: it does not answer at {url}")
            time.sleep(0.01)
        yield process.pid, Cost(cpu_s_of(process.pid), time.perf_counter() - began_s)
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1.0).is_success
    except httpx.TransportError:
        return False


def write_day(path: Path) -> None:
    """Write a simulated day of candles in this project's columns."""
    rows = simulate_candles("BTCUSDT", minutes=DAY_MINUTES, seed=1, start_ms=START_MS)
    lines = (",".join((format_open_time(row.open_time_ms), *row[1:7])) for row in rows)
    path.write_text("\n".join((",".join(CANDLE_COLUMNS), *lines)) + "\n")


def main(arguments: Sequence[str]) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup")
    parser.add_argument("--idle-s", type=float, default=IDLE_S)
    parser.add_argument("--commands", nargs="+", choices=VERBS, default=list(VERBS), help="those whose --help is measured")
    given = parser.parse_args(arguments)
    print("| command | processor time s | time s |\n|---|---|---|")
    show("volcast --help", least_of([_VOLCAST, "--help"]))
    for name in given.commands:
        show(f"volcast {name} --help", least_of([_VOLCAST, name, "--help"]))
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        write_day(file := folder / "BTCUSDT-1m.csv")
        config = folder / "job.yaml"
        config.write_text("seed: 1\nwindow: 20\nversion: v1\n")
        job = ("--input", str(file), "--config", str(config), "--output", str(folder / "result.json"))
        show("volcast signal, a day", least_of([_VOLCAST, "signal", *job]))
        show("volcast backtest, a day", least_of([_VOLCAST, "backtest", "--workers", "1", str(file)]))
        print("\n| command | processor time until /health answers s | time s | idle, share of a core |\n|---|---|---|---|")
        log = folder / "log.db"
        for name, own, option in (
            ("serve", ("--bus", f"sqlite:///{log}"), "--port"),
            ("consume", ("--bus", f"sqlite:///{log}"), "--metrics-port"),
            ("run", (str(file), "--db", str(folder / "run.db")), "--port"),
        ):
            (port,) = free_ports(1)
            with service((name, *own, option, str(port)), f"http://127.0.0.1:{port}/health") as (pid, cost):
                show(f"volcast {name}", cost, f"{100 * idle_share(pid, given.idle_s):.1f} % |")


def idle_share(pid: int, seconds: float) -> float:
    """Return the processor time of a process over so many seconds, as a share of one core; what it does at first is left out."""
    time.sleep(seconds / 2)
    before_s, began_s = cpu_s_of(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu_s_of(pid) - before_s) / (time.perf_counter() - began_s)


def show(what: str, cost: Cost, more: str = "") -> None:
    """Print a row."""
    print(f"| `{what}` | {cost.cpu_s:.2f} | {cost.seconds:.2f} | {more}".rstrip(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

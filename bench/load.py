"""A load test of API and pipeline on this machine: `python -m bench.load [--users N] [--seconds N] [--output FILE]`.

Producer, consumer and API run as three processes on a log in SQLite, or on the one that `--bus` names, and listen on 127.0.0.1.
The producer replays simulated candles at a fixed rate, while locust's clients ask the API (`bench/load_users.py`). Prints latency
percentiles as locust counts them, requests and candles a second, the share of errors, and what each process used; writes the same
to `--output`, as Markdown. The limit of requests per client is switched off, since all clients have one address.

Fails if more than 1 % of the requests fail, or if the pipeline does not keep up with its candles. Latencies depend on the machine
and its other work: they have no limit here.
"""

import argparse
import csv
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.environment import InstallError, python_with
from bench.startup import cpu_s_of
from volcast.proof.processes.broker import free_ports
from volcast.proof.processes.processes import EndedByItself, Process, ProcessGroup, process_group

LOCUST = "locust==2.47.0"
MAX_ERRORS, MIN_KEPT = 0.01, 0.95
FIRST_CANDLES, WAIT_S, CATCH_UP_S = 130, 240.0, 30.0
MAX_USERS, MAX_SECONDS = 1_000, 600


class LoadError(Exception):
    """The test could not be run; the message says why."""


@dataclass
class Usage:
    """What a process used while the clients were there."""

    name: str
    process: Process
    began_cpu_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0
    """At its highest."""

    def sample(self) -> None:
        if self.process.exit_code is not None:
            raise EndedByItself(self.process)
        pid = self.process.process_id
        self.cpu_s = cpu_s_of(pid) - self.began_cpu_s
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        self.memory_bytes = max(self.memory_bytes, pages * os.sysconf("SC_PAGE_SIZE"))


@dataclass
class Load:
    """What was asked for, and what was measured."""

    users: int
    rate: float
    """Requests a second of each."""
    candles_per_s: float
    symbols: int
    seconds: float = 0.0
    rows: list[dict[str, str]] = field(default_factory=list)
    """Those of locust's CSV file, the last one for all requests."""
    processed: int = 0
    behind: int = 0
    caught_up_s: float = math.inf
    usages: list[Usage] = field(default_factory=list)
    busy: tuple[float, float] = (0.0, 0.0)
    """Processes that wanted a processor, in the mean of the last minute: before and after."""

    @property
    def error_share(self) -> float:
        total = self.rows[-1]
        return int(total["Failure Count"]) / max(int(total["Request Count"]), 1)

    def faults(self) -> list[str]:
        """Return a sentence for each thing that is not as it must be."""
        found = []
        if not int(self.rows[-1]["Request Count"]):
            found.append("no request was sent")
        if self.error_share > MAX_ERRORS:
            found.append(f"{self.error_share:.1%} of the requests failed, at most {MAX_ERRORS:.0%} may")
        if self.processed < MIN_KEPT * self.candles_per_s * self.seconds and self.caught_up_s > 1.0:
            found.append(
                f"the pipeline processed {self.processed / self.seconds:.0f} candles a second of {self.candles_per_s:.0f}"
            )
        if math.isinf(self.caught_up_s):
            found.append(f"the API was still behind {CATCH_UP_S:.0f} s after the last candle")
        return found

    def report(self) -> str:
        """Return all of it in Markdown."""
        wanted, requests = self.users * self.rate, int(self.rows[-1]["Request Count"])
        late = "" if math.isinf(self.caught_up_s) else f", caught up {self.caught_up_s:.1f} s after the last candle"
        lines = [
            (
                f"{self.users} clients, {wanted:.0f} requests a second wanted, for {self.seconds:.0f} s; {self.symbols} symbols, "
                f"{self.candles_per_s:.0f} candles a second; {os.cpu_count()} processors, load {self.busy[0]:.1f} before and "
                f"{self.busy[1]:.1f} after."
            ),
            "",
            "| request | number | failed | a second | median ms | 90 % | 95 % | 99 % | slowest |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for row in self.rows:
            name = "all" if row["Name"] == "Aggregated" else f"`{row['Name']}`"
            columns = [row[each] for each in ("50%", "90%", "95%", "99%", "100%")]
            counts = f"{row['Request Count']} | {row['Failure Count']} | {float(row['Requests/s']):.1f}"
            lines.append(f"| {name} | {counts} | {' | '.join(columns)} |")
        lines += [
            "",
            (
                f"Errors: {self.error_share:.2%}. Candles processed: {self.processed / self.seconds:.0f} a second; "
                f"{self.behind} behind at the end{late}."
            ),
            "",
            "| process | processor time, share of a core | of each | memory at its highest |",
            "|---|--:|--:|--:|",
        ]
        for usage in self.usages:
            number, what = (requests, "request") if usage.name == "API" else (self.processed, "candle")
            each = f"{1_000 * usage.cpu_s / max(number, 1):.2g} ms a {what}"
            lines.append(f"| {usage.name} | {usage.cpu_s / self.seconds:.1%} | {each} | {usage.memory_bytes / 1e6:.0f} MB |")
        return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test, print the report, and return the exit code: 1 if something is not as it must be, 2 if it cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=20, help="clients (20)")
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second of each client (5)")
    parser.add_argument("--seconds", type=int, default=30, help="how long the clients ask (30)")
    parser.add_argument("--symbols", type=int, default=20, help="symbols (20)")
    parser.add_argument("--candles", type=float, default=100.0, help="candles a second, of all symbols together (100)")
    parser.add_argument("--bus", help="the log, as sqlite:///FILE or kafka://127.0.0.1:9092; by default a new file")
    parser.add_argument("--output", type=Path, help="a file for the report, too")
    given = parser.parse_args(arguments)
    if not (
        given.symbols > 0
        and 1 <= given.users <= MAX_USERS
        and 1 <= given.seconds <= MAX_SECONDS
        and given.rate > 0 < given.candles
    ):
        parser.error(f"at most {MAX_USERS} clients for at most {MAX_SECONDS} s; symbols and rates are above 0")
    load = Load(given.users, given.rate, given.candles, given.symbols)
    try:
        python = python_with(LOCUST)
        with TemporaryDirectory(prefix="volcast-load-") as text, process_group(Path(text)) as group:
            measure_load(load, group, given.bus or f"sqlite:///{text}/log.db", python, given.seconds)
    except (EndedByItself, InstallError, LoadError) as error:
        print(f"bench.load: {error}", file=sys.stderr)
        return 2
    print(load.report())
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(load.report())
    for sentence in load.faults():
        print(f"LIMIT MISSED: {sentence}")
    return int(bool(load.faults()))


def measure_load(load: Load, group: ProcessGroup, bus: str, python: Path, seconds: int) -> None:
    """Start the pipeline, let the clients ask, and fill in what was measured."""
    symbols = [f"LOAD{number:03}" for number in range(load.symbols)]
    speed = 60 * load.candles_per_s / load.symbols
    days = math.ceil((seconds + WAIT_S) * speed / 86_400 + FIRST_CANDLES / 1_440)
    generating = group.start(
        "generate", "--days", str(days), "--symbols", ",".join(symbols), "--out", str(group.folder / "candles")
    )
    until("candles are generated", lambda: generating.exit_code is not None)
    if generating.exit_code:
        raise EndedByItself(generating)
    port, metrics_port = free_ports(2)
    files = [str(group.folder / f"candles/{symbol}.csv.gz") for symbol in symbols]
    processes = {
        "API": group.start("serve", "--bus", bus, "--port", str(port), "--api-requests-per-minute", "0"),
        "consumer": group.start("consume", "--bus", bus, "--metrics-port", str(metrics_port)),
    }
    load.usages = [Usage(*each) for each in processes.items()]
    for each in (port, metrics_port):  # else the consumer would begin with what has come meanwhile
        until("API and consumer are ready", partial(answers, f"http://127.0.0.1:{each}/ready"), load.usages)
    processes["producer"] = group.start("produce", "replay", "--bus", bus, "--speed", f"{speed:g}", *files)
    load.usages.append(Usage("producer", processes["producer"]))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as api:
        until(
            f"each symbol has {FIRST_CANDLES} candles",
            lambda: len(now := counts(api)) == load.symbols and min(now.values()) >= FIRST_CANDLES,
            load.usages,
        )
        ask(load, api, python, symbols, seconds)
        processes["producer"].end()
        before, began_s = sum(counts(api).values()), time.monotonic()
        last, since_s = before, began_s
        while (now_s := time.monotonic()) < since_s + 2.0 and now_s < began_s + CATCH_UP_S:  # quiet for two seconds
            if (now := sum(counts(api).values())) != last:
                last, since_s = now, time.monotonic()
            time.sleep(0.05)
        load.behind = last - before
        load.caught_up_s = math.inf if now_s >= began_s + CATCH_UP_S else since_s - began_s


def ask(load: Load, api: httpx.Client, python: Path, symbols: list[str], seconds: int) -> None:
    """Let locust's clients ask for so many seconds, and look at the processes meanwhile."""
    folder = Path(load.usages[0].process.output).parent
    users = [
        str(python),
        "-m",
        "locust",
        "--locustfile",
        str(Path(__file__).with_name("load_users.py")),
        "--headless",
        "--only-summary",
    ]
    amount = ["--users", str(load.users), "--spawn-rate", str(load.users), "--run-time", f"{seconds}s", "--stop-timeout", "30"]
    to = ["--host", str(api.base_url).rstrip("/"), "--csv", str(folder / "locust"), "--exit-code-on-error", "0"]
    environment = {**os.environ, "LOAD_SYMBOLS": " ".join(symbols), "LOAD_RATE": str(load.rate)}
    with (folder / "locust.log").open("w+") as output:
        before, busy = sum(counts(api).values()), os.getloadavg()[0]
        for usage in load.usages:
            usage.began_cpu_s = cpu_s_of(usage.process.process_id)
        began_s = time.monotonic()
        running = subprocess.Popen([*users, *amount, *to], env=environment, stdout=output, stderr=output)  # noqa: S603
        try:
            while running.poll() is None and time.monotonic() < began_s + seconds + WAIT_S:
                for usage in load.usages:
                    usage.sample()
                time.sleep(0.5)
        finally:
            running.kill()
            running.wait()
        load.seconds, load.processed = time.monotonic() - began_s, sum(counts(api).values()) - before
        load.busy = busy, os.getloadavg()[0]
        table = folder / "locust_stats.csv"
        if running.returncode or not table.exists():
            output.seek(0)
            raise LoadError(f"locust ended with {running.returncode}: {output.read()[-2_000:]}")
    load.rows = list(csv.DictReader(table.read_text().splitlines()))


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5.0).is_success
    except httpx.TransportError:
        return False


def counts(api: httpx.Client) -> dict[str, int]:
    """Return how many candles the latest signal of each symbol counts; none while the API does not answer."""
    try:
        answer = api.get("/latest")
    except httpx.TransportError:
        return {}
    return {symbol: signal["candles"] for symbol, signal in answer.json().items()} if answer.is_success else {}


def until(what: str, condition: Callable[[], bool], usages: Sequence[Usage] = ()) -> None:
    """Wait until it is so. Raises LoadError if that takes too long, and EndedByItself if a process ends meanwhile."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        for usage in usages:
            usage.sample()
        if time.monotonic() > deadline_s:
            raise LoadError(f"after {WAIT_S:.0f} s still not so: {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())

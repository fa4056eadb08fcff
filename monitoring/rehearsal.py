"""A pipeline on this machine with troubles that are planted, and a Prometheus that watches it, for tests and pictures.

One `volcast run` replays simulated candles: of BTCUSDT, whose price freezes (a page), of ETHUSDT, whose volume collapses (a
ticket), and of SOLUSDT, whose inputs move (an info). Another one streams from a simulated exchange, and is archived. A
consumer is started and killed.
"""

import gzip
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from monitoring.local import Server, prometheus
from volcast.proof.processes.processes import Process, ProcessGroup, Start, process_group, start_program

FROZEN, COLLAPSED, MOVED = "BTCUSDT", "ETHUSDT", "SOLUSDT"
TROUBLES = {
    FROZEN: ("2024-01-13", 6, "- {kind: frozen_price, at: 2024-01-17}\n"),
    COLLAPSED: ("2024-01-13", 6, "- {kind: volume, at: 2024-01-15, factor: 0.001}\n"),
    MOVED: ("2024-01-01", 18, "- {kind: volume, at: 2024-01-16, factor: 100}\n- {kind: variance, at: 2024-01-16, factor: 30}\n"),
}
"""By symbol: first day and number of days, and the breaks planted in them. All end at the same time, with their alarms on."""
LIVE_SYMBOLS = ("BTCUSDT.BINANCESIM", "ETHUSDT.BINANCESIM")
BAD_ROWS = 20
"""Rows with a high below the low, which the consumer refuses."""
CANDLES = 60 * 24 * 18
TIMEOUT_S = 180.0


@dataclass
class Rehearsal:
    """What runs. `replay_url` and `live_url` are those of the two runs' APIs."""

    prometheus: Server
    processes: ProcessGroup
    replay_url: str
    live_url: str

    def ask(self) -> None:
        """Ask the API as readers do, for what there is and for what there is not."""
        for path in ("/latest", f"/latest/{FROZEN}", "/latest/NONE", "/nowhere"):
            httpx.get(self.replay_url + path, trust_env=False)

    def replay_is_over(self) -> bool:
        """Return whether the last candle of the longest replay has been seen by Prometheus."""
        return bool(self.prometheus.query(f'volcast_candles{{symbol="{MOVED}"}} >= {CANDLES}'))

    def has_all_alarms(self) -> bool:
        """Return whether the three planted troubles have been found, and the alerts of the first two fire."""
        is_info_on = self.prometheus.query('volcast_drift_alarm{tier="info"}')
        return bool(is_info_on) and {"PriceFrozen", "VolumeCollapsed"} <= set(self.prometheus.firing())

    def has_live_minute(self) -> bool:
        """Return whether Prometheus has seen a live minute that closed, and what was there before it."""
        seen = self.prometheus.query("sum(increase(volcast_consumer_close_to_signal_seconds_count[1h])) > 0")
        return bool(seen)


def generate(
    folder: Path,
    symbol: str,
    days: int,
    breaks: str = "",
    *,
    first_day: str = "2024-01-01",
    bad_rows: int = 0,
    start: Start = start_program,
) -> Path:
    """Write simulated candles with planted breaks; return the file. Some rows in its middle are broken if that is wished."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / f"{symbol}.yaml"
    plan.write_text(breaks or "[]", encoding="utf-8")
    options = ("--days", str(days), "--symbols", symbol, "--start", first_day, "--out", str(folder))
    given = ("--breaks", str(plan)) if breaks else ()
    with closing(Process(folder / f"{symbol}-generate.log", "generate", *options, *given, start=start)) as process:
        await_that(lambda: process.exit_code == 0, "the simulated candles", process)
    path = folder / f"{symbol}.csv.gz"
    if bad_rows:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        header = lines[0].split(",")
        for at in range(len(lines) // 2, len(lines) // 2 + bad_rows):
            row = lines[at].split(",")
            row[header.index("high")] = "0.01"
            lines[at] = ",".join(row)
        path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    return path


def await_that(condition: Callable[[], object], what: str, *processes: Process, timeout_s: float = TIMEOUT_S) -> None:
    """Return once the condition holds. Raises RuntimeError if it does not in time, or if a process ended with an error."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        ended = [process for process in processes if process.exit_code not in (None, 0)]
        if ended or time.monotonic() > deadline_s:
            outputs = "\n".join(f"{process.arguments}:\n{process.read_output()[-3_000:]}" for process in processes)
            raise RuntimeError(f"{'ended' if ended else 'timeout'} while waiting for {what}\n{outputs}")
        time.sleep(0.2)


def printed_url(process: Process, pattern: str) -> str:
    """Return the first URL that a process prints and that matches, once it has done so."""
    await_that(lambda: re.search(pattern, process.read_output()), f"{pattern} in the output", process)
    found = re.search(pattern, process.read_output())
    return found[0] if found else ""


def host_of(url: str) -> str:
    """Return host:port of a URL."""
    return url.split("/")[2]


def start_replay(parts: ProcessGroup, files: Sequence[Path], speed: str, *options: str) -> tuple[Process, str]:
    """Start `volcast run` on files of candles; return it and the URL of its API."""
    run = parts.start("run", *map(str, files), "--speed", speed, "--port", "0", "--db", "replay.db", *options)
    return run, printed_url(run, r"http://[\d.:]+")


@contextmanager
def rehearsal(
    folder: Path,
    troubles: Mapping[str, tuple[str, int, str]] = TROUBLES,
    *,
    speed: int = 28_800,
    scrape_s: float = 1.0,
    start: Start = start_program,
) -> Iterator[Rehearsal]:
    """Start everything, and kill it when the block ends.

    `speed` is that of the replays, in multiples of real time; `start` is how commands are started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [
        generate(folder, symbol, days, breaks, first_day=day, bad_rows=BAD_ROWS if symbol == FROZEN else 0, start=start)
        for symbol, (day, days, breaks) in troubles.items()
    ]
    with process_group(folder, start) as parts:
        exchange = parts.start(
            "simulate-exchange", "binance", "BTCUSDT", "ETHUSDT", "--port", "0", "--no-faults", "--trades-per-minute", "60"
        )
        socket_url, rest_url = printed_url(exchange, r"ws://\S+"), printed_url(exchange, r"http://[^\s,]+")
        consumer = parts.start("consume", "--bus", f"sqlite:///{folder / 'idle.db'}", "--metrics-port", "0")
        live = parts.start(
            *("run", "--live", "binance", "BTCUSDT", "ETHUSDT", "--socket-url", socket_url, "--rest-url", rest_url),
            *("--port", "0", "--db", "live.db", "--notify", "json://127.0.0.1:9/nobody"),
        )
        live_url = printed_url(live, r"http://[\d.:]+")
        archiver = parts.start(
            *("archive", "run", "--bus", f"sqlite:///{folder / 'live.db'}", "--to", str(folder / "archive")),
            *("--every", "5", "--metrics-port", "0"),
        )
        _, replay_url = start_replay(parts, files, str(speed), "--shadows", "ewma", "--horizons", "60,240")
        consumer_url, archiver_url = (printed_url(each, r"http://[\d.:]+") for each in (consumer, archiver))
        targets = {
            "volcast-serve": [host_of(replay_url)],
            "volcast-produce-live": [host_of(live_url)],
            "volcast-consume": [host_of(consumer_url)],
            "volcast-archive": [host_of(archiver_url)],
        }
        with prometheus(folder / "prometheus", targets, scrape_s=scrape_s, factor=60.0) as server:
            await_that(lambda: server.query('up{job="volcast-consume"} == 1'), "the first scrape", consumer)
            consumer.kill()
            yield Rehearsal(server, parts, replay_url, live_url)

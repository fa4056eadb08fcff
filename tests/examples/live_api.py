"""A real `volcast run` whose newest candles are of the present minute, for bots that ask it. The candles are simulated."""

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.command import address, process_group, volcast
from volcast.proof.processes.processes import START_TIMEOUT_S

FRESH, STALE, COLD = "BTCUSDT", "ETHUSDT", "XRPUSDT"
"""The symbols: one as it should be, one whose candles ended two hours ago, one of a few hours only."""
FIVE_MINUTES_MS = 300_000
STALE_AFTER_S = 900
"""Far longer than a test takes."""


def recent_rows(folder: Path, symbol: str, now: datetime) -> list[str]:
    """Return simulated candles up to the minute before this one, two days of them at least, after the header."""
    start = (now - timedelta(days=2)).date()
    made = volcast(folder, "generate", "--days", 3, "--symbols", symbol, "--start", start, "--out", ".")
    assert made.returncode == 0, made.stderr
    present = f"{now:%Y-%m-%d %H:%M}:00"
    header, *rows = gzip.decompress((folder / f"{symbol}.csv.gz").read_bytes()).decode().splitlines()
    return [header, *(row for row in rows if row < present)]


@contextmanager
def live_api(folder: Path) -> Iterator[str]:
    """Run the pipeline over recent candles, and give the API's address once all of them have been read."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    rows = {symbol: recent_rows(folder, symbol, now) for symbol in (FRESH, STALE, COLD)}
    rows[STALE] = rows[STALE][:-120]
    rows[COLD] = [rows[COLD][0], *rows[COLD][-300:]]
    for symbol, lines in rows.items():
        (folder / f"{symbol}.csv").write_text("\n".join(lines) + "\n")
    files = [f"{symbol}.csv" for symbol in rows]
    with process_group(folder) as parts:
        run = parts.start("run", *files, "--port", "0", "--db", "volcast.db", "--stale-after-s", str(STALE_AFTER_S))
        for _ in range(int(START_TIMEOUT_S / 0.1)):
            assert run.exit_code is None, run.read_output()
            if "replay finished" in run.read_output():
                break
            time.sleep(0.1)
        url = address(run)
        assert url, run.read_output()
        yield url


def five_minute_candles(file: Path) -> list[list[str | int]]:
    """Return the candles of a file in rows of five minutes, as Binance has them; the last one is of now and not complete."""
    groups: dict[int, list[list[str]]] = {}
    for line in file.read_text().splitlines()[1:]:
        begin, *numbers = line.split(",")
        minute_ms = round(datetime.fromisoformat(begin).replace(tzinfo=UTC).timestamp() * 1_000)
        groups.setdefault(minute_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS, []).append(numbers)
    rows: list[list[str | int]] = []
    for begin_ms, minutes in groups.items():
        opens, highs, lows, closes, volumes, _ = zip(*minutes, strict=True)
        volume = str(sum(map(float, volumes)))
        prices = [opens[0], max(highs, key=float), min(lows, key=float), closes[-1]]
        rows.append([begin_ms, *prices, volume, begin_ms + FIVE_MINUTES_MS - 1, "0", 1, "0", "0", "0"])
    return rows

"""`volcast ingest`, run as a process, with servers that answer as CoinCap and as Binance do."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from tests.command import volcast
from tests.producer.scripted_venue import MINUTE_MS, ReceivedRequest, Reply, Server
from tests.producer.scripted_venue import START_MS as DAY_MS
from tests.volcast.lifecycle.ingestion.scripted_coincap import HOUR_MS, KEY, START_MS, coincap
from volcast.candle_files.reader import read_candles
from volcast.lifecycle.ingestion.raw import decode_hour

FILE = "archive/ingested/BTCUSDT.COINCAP/btcusdt.coincap-1m-2025-11-05T1300.csv.gz"
RAW = "archive/raw/coincap/BTCUSDT.COINCAP/2025-11-05T13.json.gz"
COINCAP = ("ingest", "coincap", "btc/usdt", "--archive", "archive")
Done = subprocess.CompletedProcess[str]


async def run(
    folder: Path, answer: Callable[[ReceivedRequest], Reply], *arguments: str, key: str | None = KEY
) -> tuple[Done, list[ReceivedRequest]]:
    """Run the command; its environment is ours without settings, and with the key."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VOLCAST_", "COINCAP_"))}
    if key is not None:
        environment["COINCAP_API_KEY"] = key
    async with Server(answer) as server:
        more = () if "--simulated" in arguments else ("--simulated", "no")
        done = await asyncio.to_thread(volcast, folder, *arguments, "--rest-url", server.url, *more, environment=environment)
        return done, server.requests


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def test_an_hour_of_coincap_is_ingested_once(tmp_path: Path) -> None:
    server = coincap(START_MS + 2 * HOUR_MS)
    done, requests = await run(tmp_path, server, *COINCAP, "--interval", "2025-11-05T13:00:00+00:00")
    assert (done.returncode, done.stderr, len(requests)) == (0, "", 1)
    assert done.stdout == f"{FILE.removeprefix('archive/')}: 60 candles of BTCUSDT.COINCAP\n"
    assert names(tmp_path) == [FILE, RAW]
    assert len(list(read_candles(tmp_path / FILE))) == 60
    again, requests = await run(tmp_path, server, *COINCAP, "--interval", "2025-11-05T13")
    assert (again.returncode, again.stderr, requests) == (99, "", [])
    assert again.stdout == "BTCUSDT.COINCAP: 1 hour already in the archive; nothing to do\n"


async def test_a_replay_goes_on_with_the_hours_that_were_added(tmp_path: Path) -> None:
    server, replay = coincap(START_MS + 48 * HOUR_MS), ("produce", "replay", Path(FILE).parent, "--bus", "sqlite:///log.db")
    sent = []
    for hour in ("2025-11-05T13", "2025-11-05T14"):
        await run(tmp_path, server, *COINCAP, "--interval", hour)
        done = await asyncio.to_thread(volcast, tmp_path, *replay)
        sent.append(done.stdout.splitlines()[-1])
    assert sent == ["60 candles sent", "60 candles sent"]


async def test_of_a_day_the_hours_that_are_missing_are_added(tmp_path: Path) -> None:
    server = coincap(START_MS + 48 * HOUR_MS)
    await run(tmp_path, server, *COINCAP, "--interval", "2025-11-05T13")
    done, requests = await run(tmp_path, server, *COINCAP, "--interval", "2025-11-05")
    assert (done.returncode, len(requests), len(done.stdout.splitlines())) == (0, 23, 23)


@pytest.mark.parametrize(
    ("arguments", "key", "code", "words"),
    [
        ((), None, 2, "COINCAP_API_KEY is not set"),
        ((), "wrong", 2, "coincap refuses the key in COINCAP_API_KEY (HTTP 401"),
        (("--base-id", "nocoin"), KEY, 2, "coincap does not know nocoin/tether on binance"),
        (("--exchange", "a b"), KEY, 2, "--exchange 'a b' is no id of CoinCap"),
        (("--interval", "2189-01-01T00"), KEY, 2, "is not over yet"),
        (("--interval", "noon"), KEY, 2, "'noon' is no time"),
        (("--archive", "http://x/y"), KEY, 3, "names no archive"),
    ],
)
async def test_what_the_user_must_change_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], key: str | None, code: int, words: str
) -> None:
    server = coincap(START_MS + 2 * HOUR_MS)
    done, _ = await run(tmp_path, server, *COINCAP, "--interval", "2025-11-05T13", *arguments, key=key)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert words in done.stderr
    assert KEY not in done.stderr
    assert names(tmp_path) == []


async def test_another_currency_needs_its_id(tmp_path: Path) -> None:
    done, _ = await run(tmp_path, coincap(0), "ingest", "coincap", "pepe-usdt", "--archive", "a", "--interval", "2025-11-05T13")
    assert done.returncode == 2
    assert "CoinCap's id of PEPE is not known here; give it as --base-id" in done.stderr


async def test_what_may_pass_is_exit_code_1(tmp_path: Path) -> None:
    """So that a scheduler tries again."""
    hour = ("--interval", "2025-11-05T13")
    open_hour, _ = await run(tmp_path, coincap(START_MS + HOUR_MS + 60_000), *COINCAP, *hour)
    assert open_hour.returncode == 1
    assert "has not closed the hour 2025-11-05T13 yet" in open_hour.stderr
    holes, _ = await run(tmp_path, coincap(START_MS + 2 * HOUR_MS, without=tuple(range(10, 20))), *COINCAP, *hour)
    assert holes.returncode == 1
    assert "candles of only 50 minutes" in holes.stderr
    allowed, _ = await run(
        tmp_path, coincap(START_MS + 2 * HOUR_MS, without=tuple(range(10, 20))), *COINCAP, *hour, "--max-missing", "10"
    )
    assert allowed.returncode == 0
    assert "50 candles of BTCUSDT.COINCAP, 10 minutes missing" in allowed.stdout


def coinbase(asked: ReceivedRequest) -> Reply:
    """Answer as Coinbase does; the first minute of the second hour had no trade."""
    headers = {"Date": formatdate(time(), usegmt=True)}
    if "BTC-USD" not in asked.path:
        return Reply(404, b'{"error": "NOT_FOUND", "error_details": "product not found"}', headers)
    first, last = (int(asked.params[name]) * 1_000 for name in ("start", "end"))
    times = [at for at in range(last, first - 1, -MINUTE_MS) if at != DAY_MS + HOUR_MS]
    rows = [
        {"start": str(at // 1_000), "open": "100", "high": "101", "low": "99", "close": f"{close(at)}", "volume": "1"}
        for at in times
    ]
    return Reply(200, json.dumps({"candles": rows}).encode(), headers)


def close(open_time_ms: int) -> str:
    return f"100.{open_time_ms // MINUTE_MS % 60:02}"


async def test_an_hour_of_a_venue_is_that_of_a_download(tmp_path: Path) -> None:
    """A minute without trades at the beginning of the hour is flat at the close before it, which is of the hour before."""
    arguments = ("ingest", "coinbase", "btc-usd", "--archive", "archive", "--interval", "2024-01-01T01")
    done, _ = await run(tmp_path, coinbase, *arguments, key=None)
    file = "ingested/BTCUSD.COINBASE/btcusd.coinbase-1m-2024-01-01T0100.csv.gz"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: 60 candles of BTCUSD.COINBASE\n", "")
    rows = list(read_candles(tmp_path / "archive" / file))
    assert rows[0].open_time_ms == DAY_MS + HOUR_MS
    assert {*rows[0][2:6]} == {"100.59"}
    assert [row.close for row in rows[1:]] == [close(DAY_MS + i * MINUTE_MS) for i in range(61, 120)]
    raw = "raw/coinbase/BTCUSD.COINBASE/2024-01-01T01.json.gz"
    kept = decode_hour((tmp_path / "archive" / raw).read_bytes(), raw)
    assert all("start=" in answer.request and answer.body.startswith('{"candles"') for answer in kept.answers)
    again, requests = await run(tmp_path, coinbase, *arguments, key=None)
    assert (again.returncode, requests) == (99, [])


async def test_a_venue_that_refuses_is_said(tmp_path: Path) -> None:
    arguments = ("ingest", "coinbase", "--archive", "archive", "--interval", "2024-01-01T01")
    unknown, _ = await run(tmp_path, coinbase, *arguments, "xyz-usd", key=None)
    assert (unknown.returncode, names(tmp_path)) == (2, [])
    assert "has no such market" in unknown.stderr


async def test_an_hour_that_a_venue_serves_no_more_is_said(tmp_path: Path) -> None:
    """Kraken has half a day; an hour just within it is asked for without the hour before, which is served no more."""
    arguments = ("ingest", "kraken", "btc-usd", "--archive", "archive", "--interval")
    old, requests = await run(tmp_path, coinbase, *arguments, "2024-01-01T01", key=None)
    assert (old.returncode, requests) == (2, [])
    assert "minutes, and the hour 2024-01-01T01 is older" in old.stderr
    hour_ms = (int(time() * 1_000) - 708 * MINUTE_MS) // HOUR_MS * HOUR_MS + HOUR_MS

    def kraken(asked: ReceivedRequest) -> Reply:
        first = int(asked.params["since"]) // 60 * 60 + 60
        rows = [[at, "100", "101", "99", "100.5", "100", "1", 1] for at in range(first, int(time()), 60)][:720]
        body = {"error": [], "result": {"XXBTZUSD": rows, "last": rows[-1][0]}}
        return Reply(200, json.dumps(body).encode(), {"Date": formatdate(time(), usegmt=True)})

    name = f"{datetime.fromtimestamp(hour_ms / 1_000, UTC):%Y-%m-%dT%H}"
    near, requests = await run(tmp_path, kraken, *arguments, name, key=None)
    assert (near.returncode, near.stderr) == (0, "")
    assert "60 candles of BTCUSD.KRAKEN" in near.stdout


async def test_a_simulated_source_has_a_symbol_of_its_own(tmp_path: Path) -> None:
    """CoinCap at an address of this machine is not CoinCap, unless a setting says so."""
    server = coincap(START_MS + 2 * HOUR_MS)
    done, _ = await run(tmp_path, server, *COINCAP, "--interval", "2025-11-05T13", "--simulated", "auto")
    assert done.returncode == 0
    assert "60 candles of BTCUSDT.COINCAPSIM" in done.stdout

"""`volcast serve`, run as a process."""

import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from tests.command import address, get, process_group, volcast
from tests.market import record
from tests.stories.waiting import until
from volcast.client import Client, StaleForecastError
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue, Record
from volcast.log.sqlite.log import SqliteLog

SYMBOLS = (b"BTCUSDT", b"ETHUSDT")


async def commit(log: SqliteLog, minutes: int) -> None:
    """Commit signals of two symbols as a consumer does: one from a replay, one live, both of 2024."""
    items = [
        KeyValue(symbol, record(minute, f"{100 + minute % 7}", symbol=symbol.decode(), live=symbol == b"ETHUSDT"))
        for minute in range(minutes)
        for symbol in SYMBOLS
    ]
    shard = Shard(Rules(EngineConfig(), Decoder(), 10, 1))
    batch = shard.process([Record(0, i + 1, *item) for i, item in enumerate(items)])
    assert batch.commit is not None
    async with log.consumer() as consumer:
        await consumer.open(0)
        await consumer.commit(0, batch.commit)


async def test_it_serves_old_and_new_signals_until_it_is_stopped(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        with process_group(tmp_path) as parts:
            api = parts.start("serve", "--bus", "sqlite:///log.db", "--port", "0", "--log-level", "warning")
            await until(lambda: address(api), "the address", api)
            assert get(api, "/health") == "alive\n"
            await until(lambda: is_ready(address(api)), "readiness", api)
            with Client(address(api) or "") as client:
                assert client.symbols() == []
                await commit(log, 70)
                await until(lambda: len(client.symbols()) == 2, "both symbols", api)
                latest = client.latest("ETHUSDT", accept={"stale"})
                assert (latest.candles, latest.outcomes, len(list(client.history("ETHUSDT")))) == (70, 10, 70)
                with pytest.raises(StaleForecastError, match=r"status is (warming|finished) .*; its candle is .* days old"):
                    client.latest("BTCUSDT")
            assert 'volcast_status{status="stale",symbol="ETHUSDT"} 1.0' in get(api, "/metrics")
            assert 'volcast_candles{symbol="ETHUSDT"} 70.0' in get(api, "/metrics")
            assert api.end() == 0
            assert api.read_output() == f"open {address(api)}/ in a browser; the numbers as JSON: {address(api)}/latest\n"


async def test_a_restart_makes_no_signal_younger(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await commit(log, 3)
    for folder in (tmp_path / "1", tmp_path / "2"):
        folder.mkdir()
        with process_group(folder) as parts:
            api = parts.start("serve", "--bus", f"sqlite:///{tmp_path / 'log.db'}", "--port", "0")
            await until(lambda api=api: address(api), "the address", api)  # type: ignore[misc]
            await until(lambda api=api: is_ready(address(api)), "readiness", api)  # type: ignore[misc]
            with Client(address(api) or "") as client:
                symbols = client.symbols()
            assert [(each.symbol, each.status) for each in symbols] == [("BTCUSDT", "finished"), ("ETHUSDT", "stale")]
            assert min(each.age_seconds for each in symbols) > 86_400
            assert api.end() == 0


def is_ready(base: str | None) -> bool:
    """Return whether the API is ready. Raises HTTPError for a response that is neither 200 nor 503."""
    try:
        urlopen(f"{base}/ready", timeout=60).close()  # noqa: S310  # a local address
    except HTTPError as error:
        error.close()
        if error.code != 503:
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("bus", "code", "sentence"),
    [
        ([], 2, "volcast: no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS\n"),
        (
            ["--bus", "sqlite:///photo.jpg", "--port", "0", "--log-level", "error"],
            3,
            "volcast: photo.jpg is not a SQLite database: choose another file\n",
        ),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, bus: list[str], code: int, sentence: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8" * 999)
    result = volcast(tmp_path, "serve", *bus)
    assert (result.returncode, result.stderr) == (code, sentence)


def test_the_error_for_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = volcast(tmp_path, "serve", "--bus", "sqlite:///log.db", "--port", port)
    sentence = f"volcast: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port or --host\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)

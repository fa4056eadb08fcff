"""`volcast rejects`, run as a process on a log that was consumed, on a terminal and in a pipe."""

import json
import os
import pty
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from tests.command import volcast
from tests.log_access import fill, opened, polled, records_of
from tests.market import record
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import KeyValue, Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import START_TIMEOUT_S, VOLCAST

BUS = ("--bus", "sqlite:///log.db")
TOO_PRECISE, GARBAGE = record(0, "0.00001", symbol="SHIBUSDT"), b"\xff"


async def consume(log: SqliteLog, decimals: int) -> None:
    """Consume the new candles with this number of decimals for SHIBUSDT."""
    async with log.consumer() as consumer:
        rules = Rules(EngineConfig(), Decoder(8, {"SHIBUSDT": decimals}), max_symbols=9, snapshot_records=1)
        shard = Shard(rules, await opened(consumer))
        batch = shard.process(await polled(consumer, 1))
        assert batch.commit
        await consumer.commit(0, batch.commit)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a log.db of a candle, one with too many decimals, garbage, and a candle that confirms the first one."""
    records = [(b"BTCUSDT", record(0, "1.5")), (b"SHIBUSDT", TOO_PRECISE), (b"BTCUSDT", GARBAGE), (b"BTCUSDT", record(1, "1.5"))]
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, [KeyValue(*each) for each in records])
        await consume(log, 2)
    return tmp_path


async def symbols_signalled(folder: Path) -> list[str]:
    async with SqliteLog(folder / "log.db") as log:
        signals = [decode_signal(each.value) for each in await records_of(log, Topic.SIGNALS)]
    return [signal.symbol for signal in signals if isinstance(signal, Signal)]


async def test_rejects_are_listed_and_can_be_replayed_after_a_setting_was_changed(folder: Path) -> None:
    listed = volcast(folder, "rejects", "list", *BUS)
    assert (listed.returncode, listed.stderr) == (0, "2 rejects: 1 too_many_decimals, 1 unreadable\n")
    assert [line.split("\t")[:5] for line in listed.stdout.splitlines()] == [
        ["partition", "offset", "symbol", "reason", "where"],
        ["0", "2", "SHIBUSDT", "too_many_decimals", "test.csv:2"],
        ["0", "3", "", "unreadable", ""],
    ]
    as_json = [json.loads(line) for line in volcast(folder, "rejects", "list", "--json", *BUS).stdout.splitlines()]
    assert [b64decode(each["value"]) for each in as_json] == [TOO_PRECISE, GARBAGE]
    assert [each["text"] for each in as_json] == [TOO_PRECISE.decode(), None]
    replayed = volcast(folder, "rejects", "replay", *BUS, "--symbol", "SHIBUSDT", "--yes")
    assert (replayed.returncode, replayed.stderr) == (0, "")
    assert replayed.stdout.splitlines()[::3] == [
        "1 reject: 1 too_many_decimals",
        "records that are still invalid will be rejected again",
    ]
    assert replayed.stdout.endswith("\nrecords sent: 1\n")
    async with SqliteLog(folder / "log.db") as log:
        await fill(log, [KeyValue(b"SHIBUSDT", record(1, "0.00001", symbol="SHIBUSDT"))])
        await consume(log, 8)
    assert await symbols_signalled(folder) == ["BTCUSDT", "BTCUSDT", "SHIBUSDT", "SHIBUSDT"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list"], "no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS"),
        (["list", "--bus", "sqlite:///other.db"], "log other.db does not exist; check --bus"),
        (["replay", "--bus", "sqlite:///other.db", "--yes"], "log other.db does not exist; check --bus"),
        (["replay", *BUS], "standard input is not a terminal: use --yes to send without confirmation"),
        (["replay", *BUS, "--offset", "2", "--yes"], "--offset requires --partition"),
    ],
)
def test_an_error_is_one_line(folder: Path, arguments: list[str], sentence: str) -> None:
    result = volcast(folder, "rejects", *arguments)
    assert (result.returncode, result.stderr) == (2, f"volcast: {sentence}\n")
    assert not (folder / "other.db").exists()


def test_a_file_that_is_no_log_gives_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"\xff\xd8" * 999)
    result = volcast(tmp_path, "rejects", "list", *BUS)
    assert (result.returncode, result.stderr) == (3, "volcast: log.db is not a SQLite database: choose another file\n")


@pytest.mark.parametrize(("answer", "message", "sent"), [("y\n", "records sent: 2", 2), ("n\n", "nothing was sent", 0)])
async def test_on_a_terminal_it_asks_for_confirmation(folder: Path, answer: str, message: str, sent: int) -> None:
    output = on_a_terminal(folder, answer, "rejects", "replay", *BUS)
    assert "to send: 1 too_many_decimals, 1 unreadable" in output
    assert "Send them? [y/N]: " in output
    assert output.endswith(f"{message}\n")
    async with SqliteLog(folder / "log.db") as log:
        assert len(await records_of(log, Topic.CANDLES)) == 4 + sent


def test_on_a_terminal_the_list_is_a_table(folder: Path) -> None:
    output = on_a_terminal(folder, "", "rejects", "list", *BUS, "--limit", "1").splitlines()
    assert output[0].split() == ["partition", "offset", "symbol", "reason", "where", "detail"]
    assert output[1].split()[:3] == ["0", "3", "unreadable"]
    assert output[-2:] == ["2 rejects: 1 too_many_decimals, 1 unreadable", "showing the last 1; use --limit to show more"]


def on_a_terminal(folder: Path, typed: str, *arguments: str) -> str:
    """Run the command on a pseudo-terminal; return what it shows."""
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")} | {
        "TERM": "dumb",
        "COLUMNS": "120",
    }
    process = subprocess.Popen(
        [VOLCAST, *arguments], cwd=folder, env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    os.write(leader, typed.encode())
    output = b""
    try:
        while more := os.read(leader, 65_536):
            output += more
    except OSError:  # how reading from a terminal ends once the other end is closed
        pass
    os.close(leader)
    assert process.wait(START_TIMEOUT_S) == 0, output
    return output.decode().replace("\r\n", "\n")

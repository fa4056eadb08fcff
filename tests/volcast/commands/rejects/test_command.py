"""`volcast rejects`, as a process: on a log that a consumer has left, to the end, on a terminal and off it."""

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
from tests.log_ends import fill, opened, polled, records_of
from tests.market import record
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import KeyValue, Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import START_TIMEOUT_S, VOLCAST

BUS = ("--bus", "sqlite:///log.db")
FINE, GARBAGE = record(0, "0.00001", symbol="SHIBUSDT"), b"\xff"


async def consume(log: SqliteLog, decimals: int) -> None:
    """All that is new, as a consumer of this setting would."""
    async with log.consumer() as consumer:
        rules = Rules(EngineConfig(), Decoder(8, {"SHIBUSDT": decimals}), max_symbols=9, snapshot_records=1)
        shard = Shard(rules, await opened(consumer))
        batch = shard.process(await polled(consumer, 1))
        assert batch.commit
        await consumer.commit(0, batch.commit)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Where log.db has a candle that was taken, one that was too fine, and garbage."""
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, [KeyValue(b"BTCUSDT", record(0, "1.5")), KeyValue(b"SHIBUSDT", FINE), KeyValue(b"BTCUSDT", GARBAGE)])
        await consume(log, 2)
    return tmp_path


async def symbols_signalled(folder: Path) -> list[str]:
    async with SqliteLog(folder / "log.db") as log:
        signals = [decode_signal(each.value) for each in await records_of(log, Topic.SIGNALS)]
    return [signal.symbol for signal in signals if isinstance(signal, Signal)]


async def test_what_was_rejected_is_listed_and_replayed_once_the_setting_is_changed(folder: Path) -> None:
    listed = volcast(folder, "rejects", "list", *BUS)
    assert (listed.returncode, listed.stderr) == (0, "2 rejected: 1 too_many_decimals, 1 unreadable\n")
    assert [line.split("\t")[:5] for line in listed.stdout.splitlines()] == [
        ["partition", "offset", "symbol", "reason", "where"],
        ["0", "2", "SHIBUSDT", "too_many_decimals", "test.csv:2"],
        ["0", "3", "", "unreadable", ""],
    ]
    as_json = [json.loads(line) for line in volcast(folder, "rejects", "list", "--json", *BUS).stdout.splitlines()]
    assert [b64decode(each["value"]) for each in as_json] == [FINE, GARBAGE]
    assert [each["text"] for each in as_json] == [FINE.decode(), None]
    replayed = volcast(folder, "rejects", "replay", *BUS, "--symbol", "SHIBUSDT", "--yes")
    assert (replayed.returncode, replayed.stderr) == (0, "")
    assert replayed.stdout.splitlines()[::3] == [
        "1 rejected: 1 too_many_decimals",
        "those that are still no good will be rejected again",
    ]
    assert replayed.stdout.endswith("\nrecords sent: 1\n")
    async with SqliteLog(folder / "log.db") as log:
        await consume(log, 8)
    assert await symbols_signalled(folder) == ["BTCUSDT", "SHIBUSDT"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list"], "which log? Say --bus sqlite:///PATH or --bus kafka://HOST:PORT (or set VOLCAST_BUS)"),
        (["list", "--bus", "sqlite:///other.db"], "there is no log other.db: check --bus"),
        (["replay", "--bus", "sqlite:///other.db", "--yes"], "there is no log other.db: check --bus"),
        (["replay", *BUS], "nobody is there to be asked: say --yes to send them"),
        (["replay", *BUS, "--offset", "2", "--yes"], "--offset goes with --partition: an offset is one of a partition"),
    ],
)
def test_what_is_wrong_is_one_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    result = volcast(folder, "rejects", *arguments)
    assert (result.returncode, result.stderr) == (2, f"volcast: {sentence}\n")
    assert not (folder / "other.db").exists()


def test_a_log_of_another_kind_is_told_by_its_code(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"\xff\xd8" * 999)
    result = volcast(tmp_path, "rejects", "list", *BUS)
    assert (result.returncode, result.stderr) == (3, "volcast: log.db is not a SQLite database: choose another file\n")


@pytest.mark.parametrize(("answer", "told", "sent"), [("y\n", "records sent: 2", 2), ("n\n", "nothing was sent", 0)])
async def test_on_a_terminal_it_asks(folder: Path, answer: str, told: str, sent: int) -> None:
    said = on_a_terminal(folder, answer, "rejects", "replay", *BUS)
    assert "to send: 1 too_many_decimals, 1 unreadable" in said
    assert "Send them? [y/N]: " in said
    assert said.endswith(f"{told}\n")
    async with SqliteLog(folder / "log.db") as log:
        assert len(await records_of(log, Topic.CANDLES)) == 3 + sent


def test_on_a_terminal_the_list_is_a_table(folder: Path) -> None:
    said = on_a_terminal(folder, "", "rejects", "list", *BUS, "--limit", "1").splitlines()
    assert said[0].split() == ["partition", "offset", "symbol", "reason", "where", "detail"]
    assert said[1].split()[:3] == ["0", "3", "unreadable"]
    assert said[-2:] == ["2 rejected: 1 too_many_decimals, 1 unreadable", "shown are the last 1; --limit shows more"]


def on_a_terminal(folder: Path, typed: str, *arguments: str) -> str:
    """What a person sees who types this."""
    ours, its = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")} | {
        "TERM": "dumb",
        "COLUMNS": "120",
    }
    process = subprocess.Popen([VOLCAST, *arguments], cwd=folder, env=environment, stdin=its, stdout=its, stderr=its)
    os.close(its)
    os.write(ours, typed.encode())
    said = b""
    try:
        while more := os.read(ours, 65_536):
            said += more
    except OSError:  # nobody has the other end any more
        pass
    os.close(ours)
    assert process.wait(START_TIMEOUT_S) == 0, said
    return said.decode().replace("\r\n", "\n")

"""A log on a read-only disk: what only reads works there, and what writes says why it does not."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.request import urlopen

import pytest

from tests.log_access import fill
from tests.stories.waiting import until
from tests.volcast.commands.consumed_log import candles, consume
from tests.volcast.log.sqlite.test_errors import WITHOUT_ROOTS_PRIVILEGES
from volcast.log.contract import KeyValue
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import START_TIMEOUT_S

COMMAND = (sys.executable, "-c", WITHOUT_ROOTS_PRIVILEGES, "from volcast.cli.main import main; main(prog_name='volcast')")


@pytest.fixture
async def bus(tmp_path: Path) -> str:
    """The URL of a log in a folder in which nothing can be written."""
    path = tmp_path / "disk" / "log.db"
    async with SqliteLog(path) as log:
        await fill(log, [*candles(range(5), ["BTCUSDT"]), KeyValue(b"BTCUSDT", b"no candle")])
        await consume(log)
    return f"sqlite:///{path}"


@pytest.fixture(autouse=True)
def read_only(tmp_path: Path, bus: str) -> Iterator[None]:
    folder = tmp_path / "disk"
    for file in folder.iterdir():
        file.chmod(0o400)
    folder.chmod(0o500)
    yield
    folder.chmod(0o700)


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    result = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
    )
    return result.returncode, result.stdout, result.stderr


def start(output: BinaryIO, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *arguments], cwd=Path(output.name).parent, stdout=output, stderr=output)


def test_the_state_and_the_rejects_are_shown(tmp_path: Path, bus: str) -> None:
    code, shown, error = run(tmp_path, "state", "show", "--json", "--bus", bus)
    assert (code, error, json.loads(shown)[0]["position"]) == (0, "", 7)
    code, shown, error = run(tmp_path, "rejects", "list", "--bus", bus)
    assert (code, len(shown.splitlines()), error) == (0, 2, "1 reject: 1 unreadable\n")


async def test_the_signals_are_served(tmp_path: Path, bus: str) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        api = start(file, "serve", "--bus", bus, "--port", "0")
    try:

        def latest() -> str:
            found = re.search(r"(http://\S+/latest)", output.read_text())
            if not found:
                return ""
            with urlopen(found[1], timeout=START_TIMEOUT_S) as response:  # noqa: S310  # a local address
                text: str = response.read().decode()
            return text

        await until(lambda: "BTCUSDT" in latest(), "the signal")
        assert json.loads(latest())["BTCUSDT"]["candles"] == 5
    finally:
        api.terminate()
        assert await asyncio.to_thread(api.wait) == 0


def test_a_consumer_ends_with_a_sentence(tmp_path: Path, bus: str) -> None:
    code, _, error = run(tmp_path, "consume", "--bus", bus)
    assert code == 3
    assert error.splitlines()[-1].startswith(f"volcast: the database {tmp_path}/disk/log.db can't be written: make it")

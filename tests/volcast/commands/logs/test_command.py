"""`volcast logs`: logs of real runs in a data folder of the test's own, one of them damaged or in use."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from volcast.cli.main import main
from volcast.commands.logs.folder import files_of
from volcast.log.sqlite.lease import Lease
from volcast.log.sqlite.log import SqliteLog


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, with the log of a short run, an empty log, a file that is no log, and another program's file."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "volcast"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "damaged.db").write_text("no database")
    asyncio.run(create_empty(folder / "empty.db"))
    return folder


async def create_empty(path: Path) -> None:
    async with SqliteLog(path) as log, log.consumer() as consumer:
        assert await consumer.assignment()


def logs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["logs", *arguments])


def test_each_log_has_a_line_with_what_it_contains(folder: Path, tmp_path: Path) -> None:
    candles = tmp_path / "BTCUSDT.csv"
    rows = "".join(f"2024-01-01 00:0{minute}:00,1,1,1,1,1,1\n" for minute in range(5))
    candles.write_text(f"timestamp,open,high,low,close,volume_btc,volume_usd\n{rows}")
    run = CliRunner().invoke(main, ["run", "--exit-when-done", "--port", "0", str(candles)])
    assert run.exit_code == 0, run.output
    result = logs("list", "--json")
    assert result.exit_code == 0, result.output
    by_name = {report["name"].partition("-")[0].partition(".")[0]: report for report in json.loads(result.stdout)}
    assert set(by_name) == {"BTCUSDT", "damaged", "empty"}
    of_run = by_name["BTCUSDT"]
    assert (of_run["symbols"], of_run["in_use"], of_run["problem"]) == (["BTCUSDT"], False, None)
    assert of_run["bytes"] > 10_000
    assert (by_name["empty"]["symbols"], by_name["empty"]["candles"]) == ([], 0)
    assert "is not a SQLite database" in by_name["damaged"]["problem"]


def test_the_list_is_a_line_for_each_log_in_a_pipe(folder: Path) -> None:
    header, *lines = logs("list").stdout.splitlines()
    assert header.split("\t")[:2] == ["log", "symbols"]
    assert [line.split("\t")[0] for line in lines] == ["damaged.db", "empty.db"]


def test_an_empty_data_folder_has_no_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = logs("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 logs in" in result.stderr
    assert not list(tmp_path.iterdir())
    assert logs("delete", "--all", "--yes").stdout == f"no logs in {tmp_path / 'volcast'}\n"


@pytest.mark.parametrize("name", ["empty", "empty.db"])
def test_a_log_is_deleted_with_the_files_beside_it(folder: Path, name: str) -> None:
    assert len(files_of(folder / "empty.db")) > 1
    result = logs("delete", name, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "deleted 1 log"
    assert sorted(path.name for path in folder.iterdir()) == ["damaged.db", "notes.txt"]


def test_all_logs_are_deleted_and_nothing_else(folder: Path) -> None:
    assert logs("delete", "--all", "--yes").exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("holder", ["run", "consumer", "reader"])
def test_a_log_in_use_is_kept_and_the_others_with_it(folder: Path, holder: str) -> None:
    async def delete_while_in_use() -> Result:
        path = folder / "empty.db"
        with Lease(f"{path}-{holder}") as lease:
            if holder != "reader":
                assert lease.take()
                return await asyncio.to_thread(logs, "delete", "--all", "--yes")
        async with SqliteLog(path) as log:
            assert await log.peek()
            return await asyncio.to_thread(logs, "delete", "--all", "--yes")

    before = sorted(folder.glob("*.db"))
    result = asyncio.run(delete_while_in_use())
    assert result.exit_code == 2
    assert "the log empty.db is in use: stop the process that uses it first; nothing was deleted" in result.stderr
    assert sorted(folder.glob("*.db")) == before


@pytest.mark.parametrize("name", ["other", "../volcast/empty", "notes.txt", ""])
def test_only_a_log_in_the_folder_can_be_deleted(folder: Path, name: str) -> None:
    result = logs("delete", name, "--yes")
    assert result.exit_code == 2
    assert f"there is no log {name} in {folder}" in result.stderr


def test_a_confirmation_needs_a_terminal(folder: Path) -> None:
    result = logs("delete", "empty")
    assert result.exit_code == 2
    assert "use --yes" in result.stderr
    assert (folder / "empty.db").exists()


@pytest.mark.parametrize("arguments", [("delete",), ("delete", "empty", "--all")])
def test_names_or_all(folder: Path, arguments: tuple[str, ...]) -> None:
    assert logs(*arguments).exit_code == 2

"""`volcast archive` and its subcommands, as a user calls them; errors are one line."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.market import csv_text
from volcast.cli.main import main
from volcast.lifecycle.archive.read import Archive

BUS = ("--bus", "sqlite:///log.db")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "MINIO_ROOT_USER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def volcast(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def replay(minutes: int) -> None:
    Path("btcusdt.csv").write_text(csv_text(minutes))
    assert volcast("produce", "replay", "btcusdt.csv", *BUS).exit_code == 0


def test_without_a_subcommand_it_archives() -> None:
    replay(50)
    root = Path("archive").absolute().as_uri()
    first, second = (volcast(*arguments, *BUS, "--to", root, "--once") for arguments in (("archive",), ("archive", "run")))
    assert first.stdout == "archived 50 records in 1 file, 1 commit\n", first.output
    assert second.stdout == "archived 0 records in 0 files, 0 commits\n", second.output
    assert Archive("archive").scan("candles").collect().height == 50


def test_files_are_listed_one_a_line() -> None:
    replay(1_500)
    volcast("archive", *BUS, "--to", "archive", "--once")
    listed = volcast("archive", "files", "--archive", "archive", "--table", "candles").stdout.splitlines()
    assert len(listed) == 2
    assert all(Path(each).is_file() for each in listed)
    assert volcast("archive", "files", "--archive", "archive", "--table", "candles", "--symbol", "ETHUSDT").stdout == ""
    assert volcast("archive", "files", "--archive", "archive", "--table", "rejects").stdout == ""


def test_a_night_of_an_archive() -> None:
    """Compact, expire and clean say what they have done, and what they would delete."""
    replay(1_500)
    volcast("archive", *BUS, "--to", "archive", "--rows", "500", "--once")
    compacted = volcast("archive", "compact", "--archive", "archive", "--settle", "0")
    assert re.fullmatch(r"compacted 1 day of 3 files, 0\.\d MB became 0\.\d MB\n", compacted.stdout), compacted.output
    assert volcast("archive", "compact", "--archive", "archive").stdout == "compacted 0 days of 0 files\n"
    assert volcast("archive", "clean", "--archive", "archive").stdout == "deleted 0 objects\n"
    names = volcast("archive", "clean", "--archive", "archive", "--grace", "0", "--dry-run").stdout.splitlines()
    assert len(names) == 3
    assert all((Path("archive") / name).exists() for name in names)
    assert volcast("archive", "clean", "--archive", "archive", "--grace", "0").stdout == "deleted 3 objects\n"
    assert not any((Path("archive") / name).exists() for name in names)
    assert Archive("archive").scan("candles").collect().height == 1_500
    expired = volcast("archive", "expire", "--archive", "archive", "--keep-days", "9000", "--keep-days", "candles=1")
    assert expired.stdout == "removed 2 files with 1500 rows\n"
    assert Archive("archive").scan("candles").collect().is_empty()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("archive", "--to", "archive"), 2, "no log given"),
        (("archive", *BUS), 2, "Missing option '--to'"),
        (("archive", "compost"), 2, "No such command 'compost'"),
        (("archive", *BUS, "--to", "archive", "--once"), 2, "log log.db does not exist; check --bus"),
        (("archive", *BUS, "--to", "ftp://x"), 3, "names no archive: expected file:///PATH or s3://BUCKET/PREFIX"),
        (("archive", *BUS, "--to", "s3://"), 3, "names no bucket"),
        (("archive", "files", "--archive", "nothing", "--table", "candles"), 3, "there is no archive at file://"),
        (("archive", "compact", "--archive", "nothing"), 3, "there is no archive at file://"),
        (("archive", "expire", "--archive", "nothing", "--keep-days", "x=1"), 2, "expected DAYS or TABLE=DAYS"),
        (("archive", "expire", "--archive", "nothing", "--keep-days", "-1"), 2, "expected DAYS or TABLE=DAYS"),
        (("archive", "files", "--archive", "nothing", "--table", "forecasts"), 2, "is not one of"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = volcast(*arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert len([line for line in result.stderr.splitlines() if not line.startswith("{")]) == 1


def test_a_damaged_archive_is_refused() -> None:
    replay(20)
    volcast("archive", *BUS, "--to", "archive", "--once")
    (commit,) = Path("archive/commits").glob("*.json")
    commit.write_bytes(commit.read_bytes()[:-1])
    result = volcast("archive", *BUS, "--to", "archive", "--once")
    assert result.exit_code == 3
    assert "commit 1 is damaged: it is no commit of an archive" in result.stderr


def test_a_root_that_cannot_be_written_is_one_line() -> None:
    replay(5)
    result = volcast("archive", *BUS, "--to", "log.db/archive", "--once")
    assert result.exit_code == 3
    assert re.search(r"log\.db/archive/\S+ cannot be (written|used): Not a directory", result.stderr)


def test_once_ends_if_the_server_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has started it does so again; only a service waits."""
    replay(5)
    for name, value in (("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9")):
        monkeypatch.setenv(name, value)
    result = volcast("archive", *BUS, "--to", "s3://bucket/p", "--once")
    assert result.exit_code == 3
    assert result.stderr.startswith("volcast: s3://bucket/p: http://127.0.0.1:9 does not answer as it should: ")

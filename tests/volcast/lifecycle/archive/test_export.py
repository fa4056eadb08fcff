"""`volcast backtest` takes an archive for its candles, with the result of the files that were replayed into the log."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.market import csv_text
from volcast.cli.main import main
from volcast.lifecycle.archive.store import archive_root

MINUTES = 400


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The archive of a log into which a file was replayed."""
    monkeypatch.chdir(tmp_path)
    Path("btcusdt.csv").write_text(csv_text(MINUTES))
    bus = ("--bus", "sqlite:///log.db")
    assert volcast("produce", "replay", "btcusdt.csv", *bus).exit_code == 0
    archived = volcast("archive", *bus, "--to", "archive", "--rows", "150", "--once")
    assert archived.stdout == "archived 400 records in 3 files, 3 commits\n", archived.output
    return "archive"


def volcast(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def scores(*arguments: str) -> object:
    result = volcast("backtest", *arguments, "--models", "ewma", "--json", "scores.json", "--workers", "1")
    assert result.exit_code == 0, result.output
    (comparison,) = json.loads(Path("scores.json").read_text())["comparisons"]
    return {name: value for name, value in comparison.items() if name in {"symbol", "models", "outcomes"}}


def test_a_backtest_of_the_archive_is_one_of_the_files(root: str) -> None:
    expected = scores("btcusdt.csv")
    assert expected
    assert scores(root) == expected
    assert scores(Path(root).absolute().as_uri(), "--symbol", "btcusdt") == expected


def test_what_is_not_there_is_one_sentence(root: str) -> None:
    for arguments, sentence in [
        ((root, "--symbol", "ETHUSDT"), "has no candles of ETHUSDT"),
        ((root, "--to", "2010-01-01"), "has no candles before that time"),
        ((root, "btcusdt.csv"), "an archive is read alone: name one archive, or files"),
        (("file:///nowhere/archive",), "there is no archive at file:///nowhere/archive"),
    ]:
        result = volcast("backtest", *arguments)
        assert result.exit_code in (2, 3)
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_an_archive_is_told_from_a_folder(tmp_path: Path) -> None:
    assert archive_root(tmp_path) is None
    assert archive_root(tmp_path / "candles.csv") is None
    (tmp_path / "archive.json").write_text("{}")
    assert archive_root(tmp_path) == tmp_path.as_uri()
    assert archive_root(Path("s3://bucket/prefix")) == "s3://bucket/prefix"
    assert archive_root(Path("file:///a/b")) == "file:///a/b"

"""A whole backtest that is interrupted, and then goes on, writes the same bytes as one that nothing interrupted."""

import os
import signal
import threading
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner, Result

from tests.volcast.commands.backtest.plans import candles
from volcast.cli.main import main
from volcast.commands.backtest import job, plan

ROWS = 6_000
OUTPUTS = ("f.csv", "f.parquet", "q.csv", "s.jsonl", "s.parquet", "x.csv", "c.json", "m.md")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with candles, a cache of the test's own, and small chunks that are kept although there are few rows."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(plan, "MIN_ROWS", 0)
    monkeypatch.setattr("volcast.commands.backtest.whole.MIN_ROWS", 0)
    monkeypatch.setattr(job, "CHUNK_ROWS", 1_000)
    monkeypatch.chdir(tmp_path)
    candles(tmp_path, ROWS, is_odd=True)
    return tmp_path


def backtest(*more: str) -> Result:
    files = ["--forecasts", "f.csv", "--quantiles", "q.csv", "--signals", "s.jsonl", "--features", "x.csv"]
    files += ["--json", "c.json", "--markdown", "m.md"]
    return CliRunner().invoke(main, ["backtest", "btcusdt.csv", "--models", "ewma", "--workers", "1", *files, *more])


def interrupted(folder: Path) -> Result:
    """Run it, and send Ctrl-C once two chunks are there."""

    def interrupt() -> None:
        until = monotonic() + 60
        while len(list(folder.rglob("*.chunk"))) < 2 and monotonic() < until:
            sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = backtest()
    thread.join()
    return result


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in OUTPUTS}


def test_it_goes_on_and_writes_the_same_bytes(folder: Path) -> None:
    assert backtest().exit_code == 0
    undisturbed = written(folder)
    assert len(undisturbed) == 6
    for name in undisturbed:
        (folder / name).unlink()
    stopped = interrupted(folder)
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    *_, where, _ewma, how, _, last = stopped.stderr.splitlines()
    assert where.startswith("BTCUSDT two_stage: stopped after ")
    assert how == "what is done is kept for 30 days: the same command goes on from there"
    assert last == "volcast: interrupted"
    assert written(folder) == {}
    result = backtest()
    assert result.exit_code == 0
    assert "BTCUSDT two_stage: going on after " in result.stderr
    assert written(folder) == undisturbed
    assert list((folder / "cache/volcast/backtests").iterdir()) == []


def test_a_damaged_result_is_computed_again(folder: Path) -> None:
    assert backtest().exit_code == 0
    undisturbed = written(folder)
    assert interrupted(folder).exit_code == 130
    first, *_ = sorted(folder.rglob("*.chunk"))
    first.write_bytes(first.read_bytes()[:-1])
    result = backtest()
    assert result.exit_code == 0
    assert f"a partial result is damaged ({first.name}); it is computed again" in result.stderr
    assert written(folder) == undisturbed


def test_another_command_does_not_go_on_from_it(folder: Path) -> None:
    assert interrupted(folder).exit_code == 130
    result = backtest("--window", "6")
    assert result.exit_code == 0
    assert "going on" not in result.stderr

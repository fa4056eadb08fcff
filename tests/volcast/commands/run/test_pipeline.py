"""A run that ends before its first candle leaves no log behind: with unusable settings, or stopped while it starts."""

from pathlib import Path

import pytest

from tests.command import process_group, volcast
from tests.market import csv_text
from tests.stories.waiting import until


def logs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("log.db*"))


@pytest.mark.parametrize("arguments", [("--prior", "missing.json"), ("--port", "1")])
def test_unusable_settings_leave_no_log(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(3))
    result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", "--host", "240.0.0.1", *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["btcusdt.csv"]


async def test_a_run_that_is_stopped_before_its_first_candle_leaves_no_log(tmp_path: Path) -> None:
    """It streams from a venue that does not answer, so no candle comes."""
    with process_group(tmp_path) as parts:
        run = parts.start(
            *("run", "--live", "binance", "BTCUSDT", "--db", "log.db", "--port", "0"),
            *("--socket-url", "ws://127.0.0.1:9", "--rest-url", "http://127.0.0.1:9"),
        )
        await until(lambda: "log: " in run.read_output(), "the start", run)
        assert "log.db" in logs(tmp_path)
        run.end()
        await until(lambda: run.exit_code is not None, "the end")
    assert logs(tmp_path) == []


async def test_a_run_that_is_stopped_after_its_first_candle_keeps_its_log(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(300))
    with process_group(tmp_path) as parts:
        run = parts.start("run", "btcusdt.csv", "--db", "log.db", "--port", "0", "--speed", "60")
        await until(lambda: "log: " in run.read_output(), "the start", run)
        await until(lambda: b'"candle"' in b"".join(each.read_bytes() for each in tmp_path.glob("log.db*")), "a candle", run)
        assert run.end() == 0
    assert "log.db" in logs(tmp_path)

"""`volcast drift report`: the table, the JSON, and what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from volcast.candle_files.writer import CandleWriter
from volcast.cli.main import main
from volcast.simulation.breaks import Break, BreakKind
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
DAY = 1_440
AT_MS = START_MS + 2 * DAY * 60_000


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["drift", "report", *arguments])


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of two and a half days, whose price is frozen for an hour on the third."""
    path = tmp_path_factory.mktemp("candles") / "BTCUSDT-1m.csv.gz"
    freeze = Break(kind=BreakKind.FROZEN_PRICE, at_ms=AT_MS, minutes=60)
    with CandleWriter(path) as writer:
        for time_ms, *numbers, _ in simulate_candles("BTCUSDT", minutes=5 * DAY // 2, seed=5, start_ms=START_MS, breaks=[freeze]):
            writer.write(time_ms, *numbers)
    return path


def test_the_table_says_what_when_and_how_large(broken: Path, tmp_path: Path) -> None:
    result = call(str(broken), "--json", str(tmp_path / "drift.json"))
    assert result.exit_code == 0, result.stderr
    title, columns, row, explanation = result.stdout.splitlines()
    assert title.startswith("BTCUSDT: 3600 candles from 2024-01-01 00:00:00 to 2024-01-03 11:59:00 UTC; alarms a month: 12 page")
    cells = dict(zip(columns.split("\t"), row.split("\t"), strict=True))
    assert (cells["from"], cells["until"]) == ("2024-01-03 00:30:00", "2024-01-03 01:00:00")
    assert (cells["tier"], cells["detector"], cells["after"]) == ("page", "price_frozen", "1")
    assert explanation.startswith("price_frozen: The price is frozen")
    [symbol] = json.loads((tmp_path / "drift.json").read_text())["symbols"]
    [period] = symbol["alarms"]
    assert (period["alarm"]["detector"], period["to_ms"]) == ("price_frozen", AT_MS + 60 * 60_000)
    assert period["alarm"]["open_time_ms"] == AT_MS + 30 * 60_000


def test_a_choice_of_time_and_json_on_standard_output(broken: Path) -> None:
    result = call(str(broken), "--to", "2024-01-02", "--json", "-")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["symbols"][0]["alarms"] == []
    assert "no alarm" in result.stderr


def test_wrong_usage_is_refused(broken: Path) -> None:
    for arguments, message in (
        (["--from", "2024-01-03", "--to", "2024-01-02"], "--from must be earlier than --to"),
        (["--json", "drift.txt"], "--json"),
        (["--from", "2030-01-01"], "no usable candle"),
    ):
        result = call(str(broken), *arguments)
        assert result.exit_code == 2
        assert message in result.stderr

"""`volcast drift calibrate`: what it refuses before and after it has measured, and thresholds in use."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from volcast.candle_files.writer import CandleWriter
from volcast.cli.main import main
from volcast.core.drift.thresholds import Thresholds, encode_thresholds, shipped_thresholds
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["drift", *arguments])


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of two days and a half, in the last hour of which the price is frozen for 20 minutes."""
    path = tmp_path_factory.mktemp("candles") / "BTCUSDT-1m.csv.gz"
    with CandleWriter(path) as writer:
        last = ""
        for number, (time_ms, *numbers, _) in enumerate(simulate_candles("BTCUSDT", minutes=3_600, seed=5, start_ms=START_MS)):
            prices = [last] * 4 if number >= 3_580 else numbers[:4]
            last = prices[3]
            writer.write(time_ms, *prices, *numbers[4:])
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give candle files, or --simulated N, and not both"),
        (("x.csv", "--simulated", "3"), "give candle files, or --simulated N, and not both"),
        (("--simulated", "1", "--days", "2"), "there are 0 independent blocks of 14 days, and 8 are needed"),
        (("--simulated", "1", "--alarms-per-month", "0"), "--alarms-per-month"),
    ],
)
def test_wrong_usage_and_too_few_candles_are_refused(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    out = tmp_path / "thresholds.json"
    result = call("calibrate", *arguments, "--out", str(out))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not out.exists()


def test_candles_of_a_file_are_measured(candles: Path, tmp_path: Path) -> None:
    result = call("calibrate", str(candles), "--out", str(tmp_path / "thresholds.json"))
    assert result.exit_code == 2
    assert "independent blocks" in result.stderr


def test_thresholds_of_a_file_are_in_use(candles: Path, tmp_path: Path) -> None:
    shipped = shipped_thresholds()
    frozen = replace(shipped.detectors["price_frozen"], threshold=10.0, numbers={"log10_unlikely": 3.0})
    path = tmp_path / "thresholds.json"
    path.write_bytes(encode_thresholds(Thresholds("by hand", shipped.detectors | {"price_frozen": frozen})))
    assert "price_frozen" not in call("report", str(candles)).stdout
    assert "price_frozen" in call("report", str(candles), "--drift-thresholds", str(path)).stdout


def test_a_file_that_is_something_else_is_refused(candles: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    result = call("report", str(candles), "--drift-thresholds", str(wrong))
    assert result.exit_code == 2
    assert "create some with `volcast drift calibrate`" in result.stderr
    missing = call("report", str(candles), "--drift-thresholds", str(tmp_path / "missing.json"))
    assert "cannot read the drift thresholds" in missing.stderr

"""`volcast fit-prior` learns on the chosen candles only, and other commands start from the result."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.market import csv_text
from volcast.backtest.mean_prior import mean_prior
from volcast.backtest.run import BacktestReplay
from volcast.candle_files.reader import read_candles
from volcast.cli.main import main
from volcast.core.codec import CandleText
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.forecast.prior import Prior, decode_prior
from volcast.core.types import EngineConfig

DAYS = 8
MINUTES = DAYS * 1_440


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of 8 days of two symbols."""
    folder = tmp_path_factory.mktemp("candles")
    (folder / "btcusdt.csv").write_text(csv_text(MINUTES))
    (folder / "ethusdt.csv").write_text(csv_text(MINUTES, seed=2))
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def learned(path: Path, count: int, horizons: tuple[int, ...] = (60,)) -> Prior:
    """Return the prior that a plain loop learns on the first `count` rows."""
    symbol = path.stem.upper()
    engine = Engine(symbol, EngineConfig(horizons=horizons, prior="none"), 8)
    rows = [CandleText(symbol, *row[1:], source=path.name, closed_by="file", line=row.line) for row in read_candles(path)]
    for _ in BacktestReplay(engine, Decoder()).signals(rows[:count]):
        pass
    return engine.forecaster.learned("loop")


def test_a_share_of_one_symbol_for_two_horizons(files: Path) -> None:
    Path("volcast.yaml").write_text("prior: none.json\n")  # must not be read: the result contains no other prior
    result = call("fit-prior", str(files / "btcusdt.csv"), "--out", "p.json", "--share", "0.9", "--horizons", "60,240")
    assert result.exit_code == 0, result.stderr
    found = decode_prior(Path("p.json").read_bytes())
    source = "BTCUSDT 2024-01-01 00:00:00 to 2024-01-08 04:47:00, 10368 candles"
    assert found == mean_prior([learned(files / "btcusdt.csv", 10_368, (60, 240))], source)
    assert list(found.learned) == [60, 240]
    assert result.stdout.splitlines() == [
        f"learned on {source}",
        "p.json: prior of two_stage for horizons of 60, 240 minutes",
    ]


def test_the_prior_is_the_mean_of_two_symbols_between_two_times(files: Path) -> None:
    paths = [str(files / "btcusdt.csv"), str(files / "ethusdt.csv")]
    result = call("fit-prior", *paths, "--out", "p.json", "--from", "2023-12-31", "--to", "2024-01-08T00:00:00Z")
    assert result.exit_code == 0, result.stderr
    found = decode_prior(Path("p.json").read_bytes())
    parts = [learned(Path(path), 7 * 1_440) for path in paths]
    assert found == mean_prior(parts, found.source)
    assert [part.split(" ")[0] for part in found.source.split("; ")] == ["BTCUSDT", "ETHUSDT"]


def test_other_commands_start_from_the_prior(files: Path) -> None:
    assert call("fit-prior", str(files / "btcusdt.csv"), "--out", "p.json").exit_code == 0
    Path("ethusdt.csv").write_text(csv_text(3))
    rows = {}
    for prior in ("p.json", "bundled", "none"):
        out = f"{prior}.csv"
        assert call("backtest", "ethusdt.csv", "--forecasts", out, "--prior", prior).exit_code == 0
        rows[prior] = Path(out).read_text().splitlines()[1]
    assert len(set(rows.values())) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--share", "0.5"], "BTCUSDT: 5760 candles are too few to learn a prior from; at least a week (10080) is needed"),
        (["--to", "2023-01-01"], "BTCUSDT: no usable candle in the input"),
        (
            ["--to", "January"],
            "Invalid value for '--to': 'January' is neither a day like 2024-01-01 nor a time like 2024-01-01T00:05:00Z.",
        ),
        (["--share", "0.5", "--to", "2024-01-10"], "--share cannot be combined with --from or --to"),
        (["--share", "2"], "Invalid value for '--share': 2.0 is not in the range 0<x<=1."),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(files: Path, folder: Path, arguments: list[str], sentence: str) -> None:
    result = call("fit-prior", str(files / "btcusdt.csv"), "--out", "p.json", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (message,) = [line for line in result.stderr.splitlines() if ": this project's columns, " not in line]
    assert message.startswith(f"volcast: {sentence}")
    assert list(folder.iterdir()) == []

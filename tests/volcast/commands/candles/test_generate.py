"""`volcast generate`: equal arguments give equal bytes, wrong ones are refused, and the bundled sample can be reproduced."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from producer.file_names import symbol_of
from volcast.candle_files.check import check_candles
from volcast.candle_files.reader import CandleRow, read_candles
from volcast.cli.main import main
from volcast.cli.wiring.pipeline import sample_files
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000


def generate(out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["generate", "--out", str(out), *arguments])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_a_line_of_output_for_each_symbol(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    result = generate(out, "--days", "2", "--symbols", "ETHUSDT,XUSD", "--seed", "7", "--start", "2024-01-02")
    assert result.exit_code == 0
    assert names(out) == ["ETHUSDT.csv.gz", "XUSD.csv.gz"]
    assert [line.split(":")[0] for line in result.output.splitlines()] == [f"{out}/ETHUSDT.csv.gz", f"{out}/XUSD.csv.gz"]
    first_ms = START_MS + 86_400_000
    for path in out.iterdir():
        assert check_candles(path)[:3] == (2_880, first_ms, first_ms + 2_879 * 60_000)


def test_the_defaults_are_a_week_of_two_symbols(tmp_path: Path) -> None:
    assert generate(tmp_path).exit_code == 0
    assert names(tmp_path) == ["BTCUSDT.csv.gz", "ETHUSDT.csv.gz"]
    assert check_candles(tmp_path / "BTCUSDT.csv.gz")[:3] == (7 * 1_440, START_MS, START_MS + (7 * 1_440 - 1) * 60_000)


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for out in ("a", "b"):
        assert generate(tmp_path / out, "--days", "1").exit_code == 0
    assert generate(tmp_path / "c", "--days", "1", "--seed", "43").exit_code == 0
    first, again, other = ((tmp_path / out / "BTCUSDT.csv.gz").read_bytes() for out in "abc")
    assert first == again != other


def test_the_true_volatility_is_an_additional_column(tmp_path: Path) -> None:
    assert generate(tmp_path / "plain", "--days", "1", "--symbols", "X").exit_code == 0
    assert generate(tmp_path / "more", "--days", "1", "--symbols", "X", "--true-volatility").exit_code == 0
    path = tmp_path / "more" / "X.csv.gz"
    assert list(read_candles(path)) == list(read_candles(tmp_path / "plain" / "X.csv.gz"))
    header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert header == "timestamp,open,high,low,close,volume_btc,volume_usd,true_volatility"
    candles = simulate_candles("X", minutes=1_440, seed=42, start_ms=START_MS)
    for line, candle in zip(lines, candles, strict=True):
        assert float(line.rpartition(",")[2]) == pytest.approx(candle.true_volatility, rel=1e-8)


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "X.csv.gz"
    path.write_text("older")
    assert generate(tmp_path, "--days", "1", "--symbols", "X").exit_code == 0
    assert check_candles(path).rows == 1_440
    assert names(tmp_path) == ["X.csv.gz"]


def test_planted_breaks_are_printed_with_begin_and_end(tmp_path: Path) -> None:
    script = tmp_path / "breaks.yaml"
    script.write_text(
        "- {kind: variance, at: 2024-01-02, minutes: 60, factor: 2.25}\n"
        "- {kind: missing_minutes, at: 2024-01-02 12:00, minutes: 30, symbols: X}\n"
        "- {kind: repeated_candle, at: 2024-01-02 23:00, symbols: Y}\n"
    )
    result = generate(tmp_path / "broken", "--days", "2", "--symbols", "X,Y", "--breaks", str(script))
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "planted: variance ×2.25, all symbols: from 2024-01-02 00:00 until 2024-01-02 01:00 UTC (60 minutes)",
        "planted: missing minutes, X: from 2024-01-02 12:00 until 2024-01-02 12:30 UTC (30 minutes)",
        "planted: repeated candle, Y: from 2024-01-02 23:00 until 2024-01-03 00:00 UTC (60 minutes, the end of the run)",
        f"{tmp_path}/broken/X.csv.gz: 2850 simulated candles of X from 2024-01-01, seed 42",
        f"{tmp_path}/broken/Y.csv.gz: 2880 simulated candles of Y from 2024-01-01, seed 42",
    ]
    assert generate(tmp_path / "usual", "--days", "2", "--symbols", "X,Y").exit_code == 0
    for symbol, first_different in (("X", 1_440), ("Y", 1_440)):
        broken, usual = (list(read_candles(tmp_path / folder / f"{symbol}.csv.gz")) for folder in ("broken", "usual"))
        assert broken[:first_different] == usual[:first_different]
        assert broken[first_different] != usual[first_different]
    assert check_candles(tmp_path / "broken" / "X.csv.gz").rows == 2_850


def test_correlated_symbols(tmp_path: Path) -> None:
    alike = ("--correlation", "0.9", "--volatility-correlation", "0.95")
    for folder, arguments in {
        "usual": (),
        "zero": ("--correlation", "0"),
        "both": alike,
        "one": (*alike, "--symbols", "ETHUSDT"),
    }.items():
        assert generate(tmp_path / folder, "--days", "1", *arguments).exit_code == 0
    files = {folder: (tmp_path / folder / "ETHUSDT.csv.gz").read_bytes() for folder in ("zero", "usual", "both", "one")}
    assert files["zero"] == files["usual"] != files["both"]
    assert files["both"] == files["one"], "a symbol does not depend on which others are generated"
    closes = [np.array(prices(list(read_candles(tmp_path / "both" / f"{name}.csv.gz"))))[3::4] for name in ("BTCUSDT", "ETHUSDT")]
    assert np.corrcoef(*(np.diff(np.log(each)) for each in closes))[0, 1] == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("- {kind: variance, at: 2024-01-02, factor: x}", "breaks.yaml: line 1: factor is 'x'; expected a number"),
        (
            "- {kind: variance, at: 2023-01-02, factor: 2}",
            "breaks.yaml: variance ×2 at 2023-01-02 00:00: a break must begin later",
        ),
        (
            "- {kind: volume, at: 2024-01-02, factor: 2, symbols: Z}",
            "breaks.yaml: volume ×2 at 2024-01-02 00:00: Z is not generated",
        ),
    ],
)
def test_breaks_that_are_wrong_are_refused_before_anything_is_written(tmp_path: Path, script: str, sentence: str) -> None:
    (tmp_path / "breaks.yaml").write_text(script)
    result = generate(tmp_path / "out", "--breaks", str(tmp_path / "breaks.yaml"))
    assert result.exit_code == 2
    assert sentence in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_price_that_leaves_the_range_leaves_no_file(tmp_path: Path) -> None:
    jumps = "".join(f"- {{kind: jump, at: 2024-01-01 00:{minute}, percent: 900}}\n" for minute in range(10, 40))
    (tmp_path / "breaks.yaml").write_text(jumps)
    result = generate(tmp_path / "out", "--symbols", "X", "--breaks", str(tmp_path / "breaks.yaml"))
    assert result.exit_code == 2
    assert "X: a price has more than 15 digits" in result.output
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--symbols", "btcusdt", "'btcusdt' is not a symbol"),
        ("--symbols", "BTC/USD", "'BTC/USD' is not a symbol"),
        ("--symbols", "BTCUSDT,", "'' is not a symbol"),
        ("--symbols", "A" * 41, "is not a symbol"),
        ("--symbols", "ÄTH", "'ÄTH' is not a symbol"),
        ("--days", "0", "1<=x<=3650"),
        ("--days", "3651", "1<=x<=3650"),
        ("--days", "1.5", "not a valid integer"),
        ("--seed", "-1", "x>=0"),
        ("--correlation", "1.1", "0.0<=x<=1.0"),
        ("--correlation", "nan", "the correlation of returns must be from 0 to 1, not nan"),
        ("--volatility-correlation", "-0.1", "0.0<=x<=1.0"),
        ("--correlation", "0.99 0", "not a valid float"),
        ("--start", "2024-02-30", "'2024-02-30' is not a day"),
        ("--start", "1969-12-31", "'1969-12-31' is not a day"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path: Path, flag: str, value: str, sentence: str) -> None:
    result = generate(tmp_path / "out", flag, value)
    assert result.exit_code == 2
    assert sentence in result.output
    assert flag in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.touch()
    result = generate(out)
    assert result.exit_code == 2
    assert result.output == f"volcast: cannot create the folder {out}: File exists\n"


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "X.csv.gz").mkdir()
    result = generate(tmp_path, "--days", "1", "--symbols", "X")
    assert result.exit_code == 2
    assert result.output.startswith(f"volcast: {tmp_path}/X.csv.gz can't be written: ")
    assert names(tmp_path) == ["X.csv.gz"]


def test_the_bundled_sample_can_be_reproduced(tmp_path: Path) -> None:
    """The last digit of a price may differ by one on another CPU, because of rounding."""
    assert generate(tmp_path, "--days", "13", "--start", "2024-01-01").exit_code == 0
    assert [path.name for path in sample_files()] == ["BTCUSDT-simulated.csv.gz", "ETHUSDT-simulated.csv.gz"]
    for path in sample_files():
        assert path.stat().st_size < 500_000
        bundled, anew = list(read_candles(path)), list(read_candles(tmp_path / f"{symbol_of(path)}.csv.gz"))
        assert [row[:2] for row in bundled] == [row[:2] for row in anew]
        assert prices(bundled) == pytest.approx(prices(anew), rel=0, abs=0.011)
        assert volumes(bundled) == pytest.approx(volumes(anew), rel=1e-3, abs=1e-3)


def prices(rows: list[CandleRow]) -> list[float]:
    return [float(cell) for row in rows for cell in row[2:6]]


def volumes(rows: list[CandleRow]) -> list[float]:
    return [float(cell) for row in rows for cell in row[6:]]

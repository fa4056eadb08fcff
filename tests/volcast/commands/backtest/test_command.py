"""`volcast backtest` writes a row for each accepted candle, with the forecasts of production; errors are one line."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumer.rules import Rules
from consumer.shard import Shard
from producer.csv_replay import CsvReplay
from tests.market import CSV_HEADER, csv_text
from volcast.cli.main import main
from volcast.core.codec import decode_signal, encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import Record


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def backtest(*arguments: str) -> Result:
    """Run the command with the champion alone, unless the arguments say otherwise."""
    models = () if "--models" in arguments else ("--models", "two_stage")
    return CliRunner().invoke(main, ["backtest", *arguments, *models])


def lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def told(result: Result) -> list[str]:
    """Return what was said on standard error, without the line on what kind of file was read."""
    return [line for line in result.stderr.splitlines() if ": this project's columns, " not in line]


def production(path: str) -> list[Signal]:
    """Return the signals that a consumer makes of the rows of a file."""
    source, shard = CsvReplay(Path(path)), Shard(Rules(EngineConfig(), Decoder(), 10, 5_000))
    rows = enumerate(source.candles(), start=1)
    commit = shard.process([Record(0, i, source.symbol.encode(), encode_candle(row)) for i, row in rows])
    signals = [decode_signal(signal.value) for signal in commit.signals]
    return [signal for signal in signals if isinstance(signal, Signal)]


def test_a_row_for_each_candle_from_the_first_on() -> None:
    Path("btcusdt.csv").write_text(csv_text(200))
    result = backtest("btcusdt.csv", "--forecasts", "out.csv")
    assert (result.exit_code, told(result)) == (0, [])
    assert result.stdout.endswith("out.csv: forecasts, 200 of BTCUSDT\n")
    header, *rows = lines("out.csv")
    assert header == "timestamp,forecast,median,lower,upper"
    candles = [line.split(",")[0] for line in csv_text(200).splitlines()[1:]]
    assert [row.split(",")[0] for row in rows] == candles
    for row in rows:
        forecast, median, lower, upper = map(float, row.split(",")[1:])
        assert 0 < lower <= median <= upper
        assert 0 < forecast < 1


def test_forecasts_equal_those_of_a_consumer_bit_for_bit() -> None:
    header, *good = csv_text(300).splitlines()
    del good[100:130]
    bad = "2024-01-01 01:00:00,1,1,1,NaN,1,1"
    Path("btcusdt.csv").write_text("\n".join([header, *good[:50], bad, good[40], *good[50:], good[-1]]) + "\n")
    result = backtest("btcusdt.csv", "--forecasts", "out.csv")
    assert result.exit_code == 0
    rows = [[float(number) for number in row.split(",")[1:]] for row in lines("out.csv")[1:]]
    assert rows == [
        [s.volatility, s.volatility_median, s.volatility_lower, s.volatility_upper] for s in production("btcusdt.csv")
    ]
    assert len(rows) == 270
    twice, never = told(result)
    assert twice == "BTCUSDT: skipped 2 of 273 rows, duplicate; the first is btcusdt.csv, line 53"
    assert never.startswith("BTCUSDT: skipped 1 of 273 rows, not_a_number; the first is btcusdt.csv, line 52: close is NaN; ")


def test_signals_equal_those_of_a_consumer_byte_for_byte() -> None:
    header, *good = csv_text(300).splitlines()
    del good[100:130]
    Path("btcusdt.csv").write_text("\n".join([header, *good, "2024-01-01 01:00:00,1,1,1,NaN,1,1"]) + "\n")
    assert backtest("btcusdt.csv", "--signals", "out.jsonl", "--models", "har").exit_code == 0
    assert Path("out.jsonl").read_bytes().splitlines() == [encode_signal(signal) for signal in production("btcusdt.csv")]


def test_files_of_a_symbol_are_sorted_by_time() -> None:
    header, *rows = csv_text(300).splitlines()
    Path("btcusdt.csv").write_text(csv_text(300))
    Path("btcusdt-a.csv").write_text("\n".join([header, *rows[:120]]))
    Path("btcusdt-b.csv.gz").write_bytes(gzip.compress("\n".join([header, *rows[120:]]).encode()))
    assert backtest("btcusdt.csv", "--forecasts", "whole.csv").exit_code == 0
    assert backtest("btcusdt-b.csv.gz", "btcusdt-a.csv", "--forecasts", "parts.csv").exit_code == 0
    assert lines("parts.csv") == lines("whole.csv")


def test_a_forecast_does_not_depend_on_later_candles() -> None:
    header, *rows = csv_text(400).splitlines()
    Path("whole.csv").write_text(csv_text(400))
    Path("cut.csv").write_text("\n".join([header, *rows[:250]]))
    Path("other.csv").write_text("\n".join([header, *rows[:250], *csv_text(400, seed=2).splitlines()[251:]]))
    for name in ("whole", "cut", "other"):
        assert backtest(f"{name}.csv", "--forecasts", f"{name}.out.csv").exit_code == 0
    assert lines("cut.out.csv") == lines("whole.out.csv")[:251] == lines("other.out.csv")[:251]
    assert lines("other.out.csv")[251:] != lines("whole.out.csv")[251:]


def test_settings_change_the_forecasts_and_a_gz_file_is_gzipped() -> None:
    Path("btcusdt.csv").write_text(csv_text(200))
    found = {}
    for name, flags in {
        "plain": (),
        "again": ("--horizons", "60"),
        "quarter": ("--horizons", "15"),
        "narrow": ("--interval-level", "0.5"),
        "ewma": ("--model", "ewma"),
        "nothing": ("--prior", "none"),
    }.items():
        assert backtest("btcusdt.csv", "--forecasts", f"{name}.csv.gz", *flags).exit_code == 0
        found[name] = gzip.decompress(Path(f"{name}.csv.gz").read_bytes())
    assert found["plain"] == found["again"]
    assert len(set(found.values())) == 5
    assert Path("plain.csv.gz").read_bytes() == Path("again.csv.gz").read_bytes()


def test_all_horizons_are_written_and_each_is_as_if_it_were_alone() -> None:
    Path("btcusdt.csv").write_text(csv_text(200))
    cells = {}
    for horizons in ("15", "60", "15,60", "60,15"):
        assert backtest("btcusdt.csv", "--forecasts", "out.csv", "--horizons", horizons).exit_code == 0
        cells[horizons] = [row.split(",") for row in lines("out.csv")]
    header = "timestamp,forecast,median,lower,upper,forecast_60,median_60,lower_60,upper_60"
    assert cells["15,60"][0] == header.split(",")
    for first, second in (("15", "60"), ("60", "15")):
        assert [row[:5] for row in cells[f"{first},{second}"]] == cells[first]
        assert [row[5:] for row in cells[f"{first},{second}"]][1:] == [row[1:] for row in cells[second]][1:]


def test_a_dash_is_standard_output() -> None:
    Path("btcusdt.csv").write_text(csv_text(20))
    assert backtest("btcusdt.csv", "--forecasts", "out.csv").exit_code == 0
    result = backtest("btcusdt.csv", "--forecasts", "-")
    assert (result.exit_code, result.stdout) == (0, Path("out.csv").read_text())
    assert result.stderr.endswith("-: forecasts, 20 of BTCUSDT\n")
    assert "0 outcomes could be scored" in result.stderr


def test_mostly_unusable_rows_are_an_error() -> None:
    header, *rows = csv_text(60).splitlines()
    Path("btcusdt.csv").write_text("\n".join([header, *rows[:20], *(row.replace(".", ".123456789", 4) for row in rows[20:])]))
    result = backtest("btcusdt.csv", "--forecasts", "out.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "volcast: BTCUSDT: only 20 of 60 rows are usable candles"
    assert not Path("out.csv").exists()


def test_features_are_written_by_name() -> None:
    Path("btcusdt.csv").write_text(csv_text(90))
    assert backtest("btcusdt.csv", "--forecasts", "out.csv", "--features", "features.csv").exit_code == 0
    header, *rows = (line.split(",") for line in lines("features.csv"))
    assert header[:3] == ["timestamp", "one", "level"]
    assert {"return_24h", "volume_change_1h", "hour_sin", "weekend"} < set(header)
    assert len(set(header)) == len(header)
    assert [row[0] for row in rows] == [line.split(",")[0] for line in lines("out.csv")[1:]]
    assert {len(row) for row in rows} == {len(header)}
    assert float(rows[-1][header.index("weekend")]) == 0  # a Monday


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (None, [], "btcusdt.csv does not exist."),
        (CSV_HEADER + "\n", [], "btcusdt.csv has no rows below its first line"),
        (csv_text(3) + "2024-01-01 01:00:00,1,1,1,x,1,1\n", [], "btcusdt.csv, line 5, column close: 'x' is not a number; "),
        (csv_text(3), ["--symbol", "btc/usdt"], "--symbol btc/usdt is not a symbol: expected [A-Z0-9]+ or SYMBOL.VENUE, "),
        (csv_text(3), ["--prior", "mine.json"], "cannot read the prior mine.json: No such file or directory"),
        (csv_text(3), ["--model", "best"], "model: best (flag --model) is "),
        (csv_text(3), ["--horizons", "2"], "horizons: "),
        (csv_text(3), ["--forecasts", "-", "--features", "-"], "- (standard output) can be given for one output only"),
        (csv_text(3), ["--features", "out.csv"], "out.csv and out.csv: each file that is written needs a name of its own"),
        (csv_text(3), ["ethusdt.csv"], "ethusdt.csv does not exist."),
        (csv_text(3), ["-", "-"], "- (standard input) can be read only once"),
        (
            csv_text(3),
            ["--features", "f.parquet"],
            "--features f.parquet: .parquet files are not written here; end the name in .csv",
        ),
        (
            csv_text(3),
            ["--signals", "s.parquet.gz"],
            "--signals s.parquet.gz: .parquet files are not written here; end the name in ",
        ),
        (csv_text(3), ["--json", "none/c.json"], "none/c.json can't be written: No such file or directory"),
        (csv_text(3), ["--json", "c.json"], "BTCUSDT: 0 outcomes could be scored, but at least 48 are needed"),
        (csv_text(3), ["--from", "2024-01-02", "--to", "2024-01-01"], "--to must be later than --from"),
        (csv_text(3), ["--from", "2024-01-02"], "BTCUSDT: no candle at or after --from 2024-01-02 00:00:00"),
        (csv_text(3), ["--to", "2023-01-02"], "BTCUSDT: no usable candle in the input"),
        (
            csv_text(3),
            ["--from", "2024-01-01", "--score-from-share", "0.5"],
            "--score-from-share cannot be combined with --from: ",
        ),
        (csv_text(3), ["--models", "har,best"], "Invalid value for '--models': 'best' is not a model; choose from "),
        (csv_text(3), ["--cost-bp", "-1"], "cost_bp=-1.0 must be at least 0"),
        (csv_text(40), ["--quantiles", "q.csv"], "BTCUSDT: no candle ends a full hour, so --quantiles has no row; try "),
        (csv_text(3), ["--quantiles", "q.json"], "--quantiles q.json: .json files are not written here; end the name in .csv"),
        (csv_text(3), ["--quantiles-every", "1"], "--quantiles-every says how many rows --quantiles has: give both, or "),
        (csv_text(3), ["--quantiles", "q.csv", "--quantiles-every", "7"], "--quantiles-every 7: 60 minutes, the distance of "),
        (csv_text(3), ["--workers", "0"], "Invalid value for '--workers': 0 is not in the range 1<=x<=256."),
        (CSV_HEADER + "\n2024-01-01 01:00:00,1,1,1,NaN,1,1\n", [], "BTCUSDT: no usable candle in the input"),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(
    folder: Path, content: str | None, arguments: list[str], sentence: str
) -> None:
    if content is not None:
        Path("btcusdt.csv").write_text(content)
    before = sorted(folder.iterdir())
    result = backtest("btcusdt.csv", "--forecasts", "out.csv", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith(f"volcast: {sentence}")
    assert sorted(folder.iterdir()) == before


def test_two_symbols_have_a_column_for_the_symbol() -> None:
    Path("btcusdt.csv").write_text(csv_text(range(100)))
    Path("xbtusdt.csv").write_text(csv_text(range(100, 150)))
    files = ("btcusdt.csv", "xbtusdt.csv")
    result = backtest(*files, "--forecasts", "out.csv", "--features", "x.csv")
    assert result.stdout.splitlines()[-2:] == [
        "out.csv: forecasts, 100 of BTCUSDT and 50 of XBTUSDT",
        "x.csv: features, 100 of BTCUSDT and 50 of XBTUSDT",
    ]
    header, *rows = (line.split(",") for line in lines("out.csv"))
    assert header[:3] == ["timestamp", "symbol", "forecast"]
    assert [row[1] for row in rows] == ["BTCUSDT"] * 100 + ["XBTUSDT"] * 50
    assert [line.split(",")[0] for line in lines("x.csv")] == ["symbol", *(row[1] for row in rows)]
    for name, begin, end in (("btcusdt", 0, 100), ("xbtusdt", 100, 150)):
        assert backtest(f"{name}.csv", "--forecasts", "alone.csv").exit_code == 0
        assert [[row[0], *row[2:]] for row in rows[begin:end]] == [line.split(",") for line in lines("alone.csv")[1:]]


def test_one_symbol_can_be_given_for_all_files() -> None:
    Path("a.csv").write_text(csv_text(range(100)))
    Path("b.csv").write_text(csv_text(range(100, 150)))
    result = backtest("a.csv", "b.csv", "--forecasts", "out.csv", "--symbol", "btcusdt")
    assert result.stdout.endswith("out.csv: forecasts, 150 of BTCUSDT\n")
    result = backtest("a.csv", "b.csv", "a.csv", "--symbol", "btcusdt", "--symbol", "btcusdt")
    assert result.stderr.startswith("volcast: --symbol was given 2 times for 3 files")


def test_candles_before_from_are_learned_from_and_those_after_to_are_not_read() -> None:
    Path("btcusdt.csv").write_text(csv_text(300))
    assert backtest("btcusdt.csv", "--forecasts", "whole.csv").exit_code == 0
    times = ("--from", "2024-01-01T01:40:00Z", "--to", "2024-01-01T03:20:00Z")
    result = backtest("btcusdt.csv", "--forecasts", "part.csv", "--signals", "part.jsonl", *times)
    assert result.exit_code == 0
    assert "BTCUSDT: 100 candles before 2024-01-01 01:40:00 were learned from\n" in result.stderr
    assert lines("part.csv") == [lines("whole.csv")[0], *lines("whole.csv")[101:201]]
    assert len(lines("part.jsonl")) == 100


def test_it_replaces_its_older_output_but_never_its_input() -> None:
    Path("btcusdt.csv").write_text(csv_text(5))
    Path("out.csv").write_text("an older result")
    assert backtest("btcusdt.csv", "--forecasts", "out.csv").exit_code == 0
    assert len(lines("out.csv")) == 6
    assert backtest("btcusdt.csv", "--forecasts", "btcusdt.csv").exit_code == 2
    assert lines("btcusdt.csv") == csv_text(5).splitlines()

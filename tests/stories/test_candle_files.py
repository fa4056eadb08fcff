"""Every command that takes candle files reads each format, and folders, as it reads this project's own files."""

from pathlib import Path

from tests.candle_formats import FORMATS, binance_zip, cryptodatadownload, make_rows, own, parquet
from tests.command import volcast

ROWS = make_rows(300)
QUIET = ("--port", "0", "--exit-when-done")


def summary(folder: Path, *arguments: object) -> tuple[str, str]:
    """Return the table that `run` prints, without the address, and what it tells on standard error."""
    done = volcast(folder, "run", *arguments, "--db", f"{folder}/{len(list(folder.iterdir()))}.db", *QUIET)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("symbol", 1)[1], done.stderr


def test_run_reads_every_format(tmp_path: Path) -> None:
    files, symbols, told = [], [], []
    for number, (ending, write, line) in enumerate(FORMATS.values()):
        file = f"{number}{ending}"
        write(tmp_path / file, ROWS)
        files.append(file)
        symbols += ["--symbol", f"S{number:02}"]
        told += [] if line.startswith("this project") else [f"{file}: {line.format(n=300)}"]
    table, errors = summary(tmp_path, *files, *symbols)
    assert errors.splitlines() == told
    rows = [line.split()[1:] for line in table.splitlines() if line.startswith("S")]
    assert len(rows) == len(FORMATS)
    assert all(row == rows[0] for row in rows)


def test_a_folder_of_months_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    folder = tmp_path / "BTCUSDT"
    folder.mkdir()
    binance_zip(folder / "a-2024-02.zip", ROWS[200:])
    cryptodatadownload(folder / "b-2024-01.csv", ROWS[90:210])
    parquet(folder / "c-2023-12.parquet", ROWS[:100])
    (folder / "README.md").write_text("notes")
    own(tmp_path / "btcusdt-own.csv", ROWS)
    expected, _ = summary(tmp_path, "btcusdt-own.csv")
    table, told = summary(tmp_path, "BTCUSDT")
    assert table == expected
    assert told.splitlines() == [
        "BTCUSDT: left out what is no candle file by its name: README.md",
        "a-2024-02.zip: Binance's archive, 100 candles",
        "b-2024-01.csv: " + FORMATS["cryptodatadownload"][2].format(n=120),
        "c-2023-12.parquet: " + FORMATS["parquet"][2].format(n=100),
        "BTCUSDT/b-2024-01.csv: 10 rows are also in BTCUSDT/c-2023-12.parquet, up to 2024-01-01 01:39:00; read once",
        "BTCUSDT/a-2024-02.zip: 10 rows are also in BTCUSDT/b-2024-01.csv, up to 2024-01-01 03:29:00; read once",
    ]


def test_a_folder_of_two_markets_is_refused(tmp_path: Path) -> None:
    """The name of the folder says one market. A file may be another's all the same, and the price shows it."""
    folder = tmp_path / "BTCUSDT"
    folder.mkdir()
    own(folder / "2024-01.csv", ROWS[:100])
    own(folder / "2024-02.csv", [row._replace(open="9", high="9", low="9", close="9") for row in ROWS[100:]])
    refused = volcast(tmp_path, "run", "BTCUSDT", "--exit-when-done", "--db", "x.db", "--port", "0")
    assert refused.returncode == 2
    assert "are both BTCUSDT by their names, but the price jumps from" in refused.stderr
    assert not (tmp_path / "x.db").exists()


def test_what_cannot_be_recognized_can_be_said(tmp_path: Path) -> None:
    own(tmp_path / "btcusdt.csv", ROWS)
    _, *lines = (tmp_path / "btcusdt.csv").read_text().replace(",", ";").splitlines()
    (tmp_path / "btcusdt.csv").write_text("\n".join(["wann;auf;hoch;tief;zu;menge;wert", *lines]))
    produce = ("produce", "replay", "btcusdt.csv", "--bus", "sqlite:///x.db")
    refused = volcast(tmp_path, *produce)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "btcusdt.csv, line 1: missing column time, open, high, low, close" in refused.stderr
    said = volcast(tmp_path, *produce, "--columns", "time=wann,open=2,high=3,low=4,close=zu,volume=6,quote_volume=wert")
    assert (said.returncode, said.stdout) == (0, "300 candles sent\n")
    assert "btcusdt.csv: columns by name, 300 candles, time from 'wann', quote volume from 'wert'" in said.stderr


def test_backtest_and_produce_read_other_formats(tmp_path: Path) -> None:
    own(tmp_path / "btcusdt-own.csv", ROWS)
    binance_zip(tmp_path / "btcusdt.zip", ROWS)
    for name in ("btcusdt-own.csv", "btcusdt.zip"):
        done = volcast(tmp_path, "backtest", name, "--forecasts", f"{name}.out.csv", "--workers", "1")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "btcusdt.zip.out.csv").read_bytes() == (tmp_path / "btcusdt-own.csv.out.csv").read_bytes()
    sent = volcast(tmp_path, "produce", "replay", "btcusdt.zip", "--bus", "sqlite:///log.db")
    assert (sent.returncode, sent.stdout) == (0, "300 candles sent\n")
    again = volcast(tmp_path, "produce", "replay", "btcusdt-own.csv", "--bus", "sqlite:///log.db")
    assert (again.returncode, again.stdout) == (0, "0 candles sent\n")


def test_fit_prior_reads_other_formats(tmp_path: Path) -> None:
    rows = make_rows(10_080)
    own(tmp_path / "btcusdt-own.csv", rows)
    binance_zip(tmp_path / "btcusdt.zip", rows)
    for name in ("btcusdt-own.csv", "btcusdt.zip"):
        done = volcast(tmp_path, "fit-prior", name, "--out", f"{name}.json", "--model", "ewma")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "btcusdt.zip.json").read_bytes() == (tmp_path / "btcusdt-own.csv.json").read_bytes()

"""The same candles read from files of every format: exact prices, the same times, and one line that says what was recognized."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.candle_formats import BANNER, CRYPTODATADOWNLOAD, FORMATS, binance, binance_zip, cryptodatadownload, date, make_rows
from tests.market import CSV_HEADER, at
from volcast.candle_files.check import check_candles
from volcast.candle_files.contract import CandleFileError, CandleRow, FileOptions
from volcast.candle_files.reader import CandleFileReader, read_candles
from volcast.candle_files.reversal import read_reversed

ROWS = make_rows(60)
amounts = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,8})?", fullmatch=True)


def read_in_order(path: Path, options: FileOptions | None = None) -> list[CandleRow]:
    summary = check_candles(path, options or FileOptions())
    read = read_reversed if summary.newest_first else read_candles
    return list(read(path, summary.file_format))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_candles(tmp_path: Path, name: str) -> None:
    ending, write, line = FORMATS[name]
    path = tmp_path / f"btcusdt{ending}"
    write(path, ROWS)
    assert check_candles(path).describe() == line.format(n=60)
    found = read_in_order(path)
    assert [row.open_time_ms for row in found] == [row.time_ms for row in ROWS]
    for field in ("open", "high", "low", "close", "volume", "quote_volume"):
        assert [Decimal(getattr(row, field)) for row in found] == [Decimal(getattr(row, field)) for row in ROWS]


@pytest.mark.parametrize("name", FORMATS)
def test_in_every_format_candles_of_five_minutes_are_refused(tmp_path: Path, name: str) -> None:
    ending, write, _ = FORMATS[name]
    path = tmp_path / f"btcusdt{ending}"
    write(path, [row._replace(time_ms=at(5 * i)) for i, row in enumerate(ROWS)])
    with pytest.raises(CandleFileError, match="the rows lie 5 minutes apart; candles of one minute are expected"):
        check_candles(path)


@pytest.mark.parametrize("name", FORMATS)
def test_in_every_format_the_newest_row_may_come_first(tmp_path: Path, name: str) -> None:
    ending, write, _ = FORMATS[name]
    path = tmp_path / f"btcusdt{ending}"
    write(path, list(reversed(ROWS)))
    is_backward = name != "cryptodatadownload"
    summary = check_candles(path)
    assert summary.newest_first == is_backward
    assert ("newest first (sorted)" in summary.describe()) == is_backward
    assert [row.open_time_ms for row in read_in_order(path)] == [row.time_ms for row in ROWS]


def test_the_archive_of_binance_changes_to_microseconds(tmp_path: Path) -> None:
    new_year = 366 * 1_440
    rows = [row._replace(time_ms=at(new_year - 30 + i)) for i, row in enumerate(ROWS)]
    path = tmp_path / "BTCUSDT-1m.csv"
    binance(path, rows)
    assert {len(line.split(",")[0]) for line in path.read_text().splitlines()} == {13, 16}
    assert [row.open_time_ms for row in read_in_order(path)] == [row.time_ms for row in rows]


def test_one_file_may_have_seconds_and_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    lines = [f"{row.time_ms // (1_000 if i < 30 else 1)},x,BTC/USDT,{','.join(row[1:])},1" for i, row in enumerate(ROWS)]
    path.write_text("\n".join([BANNER, CRYPTODATADOWNLOAD, *reversed(lines)]))
    assert [row.open_time_ms for row in read_in_order(path)] == [row.time_ms for row in ROWS]


def test_prices_keep_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.zip"
    binance_zip(path, [row._replace(close=f"{row.close}000000") for row in ROWS])
    assert all(row.close.endswith("000000") for row in read_in_order(path))


class TestVolumes:
    def test_a_file_without_volumes_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "btcusdt.csv"
        path.write_text("\n".join(["date,open,high,low,close", *(",".join([date(row.time_ms), *row[1:5]]) for row in ROWS)]))
        summary = check_candles(path)
        assert not summary.has_volume
        assert summary.describe().endswith("time from 'date', no volume: the forecast follows from the prices alone")
        assert {(row.volume, row.quote_volume) for row in read_in_order(path)} == {("0", "0")}

    def test_volumes_that_are_all_0_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "btcusdt.csv"
        path.write_text("\n".join([CSV_HEADER, *(",".join([date(row.time_ms), *row[1:5], "0.0", "0"]) for row in ROWS)]))
        assert check_candles(path).describe().endswith("60 candles, no volume: the forecast follows from the prices alone")
        assert not check_candles(path).is_usual

    def test_a_volume_is_estimated_from_the_quote_volume(self, tmp_path: Path) -> None:
        path = tmp_path / "btcusdt.csv"
        lines = [",".join([date(row.time_ms), *row[1:5], row.quote_volume]) for row in ROWS]
        path.write_text("\n".join(["date,open,high,low,close,Volume USDT", *lines]))
        assert "quote volume from 'Volume USDT', volume estimated as quote volume / close" in check_candles(path).describe()
        for found, row in zip(read_in_order(path), ROWS, strict=True):
            assert float(found.volume) == pytest.approx(float(row.volume), rel=1e-9)

    @given(amounts, amounts.filter(lambda text: float(text) > 0))
    def test_the_estimate_is_the_exact_product(self, tmp_path_factory: pytest.TempPathFactory, volume: str, close: str) -> None:
        path = tmp_path_factory.mktemp("any") / "a.csv"
        path.write_text(f"date,open,high,low,close,volume\n2024-01-01 00:00,{close},{close},{close},{close},{volume}\n")
        (row,) = read_candles(path)
        assert Fraction(row.quote_volume) == Fraction(volume) * Fraction(close)
        assert "e" not in row.quote_volume.lower()

    @pytest.mark.parametrize(("volume", "quote"), [("", ""), ("nan", "NaN"), ("inf", "Infinity"), ("1e300", "1.5E+300")])
    def test_what_is_no_amount_is_left_to_the_consumer(self, tmp_path: Path, volume: str, quote: str) -> None:
        path = tmp_path / "a.csv"
        path.write_text(f"date,open,high,low,close,volume\n2024-01-01 00:00,1,2,0.5,1.5,{volume}\n")
        (row,) = read_candles(path)
        assert (row.volume, row.quote_volume) == (volume, quote)


class TestEmptyMinutes:
    @pytest.mark.parametrize("cells", ["NaN,NaN,NaN,NaN,NaN,NaN", ",,,,,", "nan,nan,nan,nan,0,0.0", " , , , ,0,"])
    def test_minutes_without_a_price_are_left_out_and_counted(self, tmp_path: Path, cells: str) -> None:
        path = tmp_path / "a.csv"
        rows = [",".join([date(row.time_ms), *row[1:]]) for row in ROWS[:3]]
        path.write_text("\n".join([CSV_HEADER, f"{date(at(-1))},{cells}", *rows, f"{date(at(3))},{cells}"]))
        reader = CandleFileReader(path)
        assert ([row.line for row in reader], reader.empty_minutes) == ([3, 4, 5], 2)
        assert check_candles(path).describe() == "this project's columns, 3 candles, 2 minutes without a price left out"

    @pytest.mark.parametrize("cells", ["NaN,NaN,NaN,1,NaN,NaN", ",,,,,5", "nan,nan,nan,nan,0,inf"])
    def test_other_rows_with_missing_numbers_are_left_to_the_consumer(self, tmp_path: Path, cells: str) -> None:
        path = tmp_path / "a.csv"
        path.write_text(f"{CSV_HEADER}\n{date(at(0))},{cells}\n")
        assert [",".join(row[2:]) for row in read_candles(path)] == [cells]

    def test_a_file_of_nothing_else_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text(f"{CSV_HEADER}\n{date(at(0))},,,,,,\n")
        with pytest.raises(CandleFileError, match="has no rows with a price below its first line"):
            check_candles(path)


class TestTimes:
    def test_closing_times_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        lines = [",".join([f"{row.time_ms + 59_999}", *row[1:]]) for row in ROWS]
        path.write_text("\n".join([CSV_HEADER, *lines]))
        with pytest.raises(CandleFileError, match="a minute begins is expected, not the one at which its candle closes"):
            check_candles(path)

    def test_times_of_a_zone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        lines = [",".join([date(row.time_ms + 3_600_000), *row[1:]]) for row in ROWS]
        path.write_text("\n".join([CSV_HEADER, *lines]))
        options = FileOptions(timezone="Europe/Berlin")
        assert check_candles(path, options).describe() == "this project's columns, 60 candles, times of Europe/Berlin"
        assert [row.open_time_ms for row in read_in_order(path, options)] == [row.time_ms for row in ROWS]

    def test_a_zone_does_not_change_which_column_is_the_time(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        cryptodatadownload(path, ROWS)
        zone = FileOptions(timezone="Europe/Berlin")
        with pytest.raises(CandleFileError, match=r"column unix: .* a number since 1970 is UTC, so that no time zone can"):
            check_candles(path, zone)
        said = check_candles(path, zone._replace(columns=(("time", "date"),)))
        assert said.first_open_time_ms == ROWS[0].time_ms - 3_600_000

    def test_a_time_that_the_clocks_show_twice_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text(f"{CSV_HEADER}\n2024-10-27 01:59:00,1,1,1,1,1,1\n2024-10-27 02:00:00,1,1,1,1,1,1\n")
        with pytest.raises(CandleFileError, match=r"line 3, column timestamp: .*clocks of Europe/Berlin show this time twice"):
            check_candles(path, FileOptions(timezone="Europe/Berlin"))
        assert check_candles(path, FileOptions(timezone="Asia/Tokyo")).rows == 2

    def test_the_unit_of_numbers_can_be_given(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("time,open,high,low,close\n60,1,1,1,1\n120,1,1,1,1\n")
        assert [row.open_time_ms for row in read_in_order(path, FileOptions(time_unit="s"))] == [60_000, 120_000]
        with pytest.raises(CandleFileError, match="'60' is not a timestamp"):
            check_candles(path)


def test_a_file_that_begins_with_its_newest_row_is_told(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    cryptodatadownload(path, ROWS[:1])
    described = check_candles(path).describe()
    assert described.startswith("CryptoDataDownload, 1 candle, time from 'unix', quote volume from 'Volume USDT'")

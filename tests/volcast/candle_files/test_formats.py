"""Which formats are recognized, by files of our own making that look like those of each venue and tool."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

from volcast.candle_files.contract import CandleFileError, Columns, FileOptions, MissingColumnError
from volcast.candle_files.formats import recognize

START_S = 1_704_067_200
OWN = "timestamp,open,high,low,close,volume_btc,volume_usd"
PRICES = [
    ("100", "103", "99", "101"),
    ("101", "102", "98", "98.5"),
    ("98.5", "104", "98.5", "104"),
    ("104", "104.5", "100", "100.25"),
]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(*cells: str, times: Sequence[str] | None = None, delimiter: str = ",") -> list[str]:
    """Return a row for each of `PRICES`: the time in seconds unless given, the prices, then these cells."""
    times = times or [f"{START_S + 60 * minute}" for minute in range(len(PRICES))]
    return [delimiter.join((time, *prices, *cells)) for time, prices in zip(times, PRICES, strict=True)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "candles.csv"


class TestTables:
    def test_the_columns_of_this_project(self, path: Path) -> None:
        found = recognize(write(path, OWN, *rows("1", "100")))
        assert (found.kind, found.columns, found.width) == ("this project's columns", Columns(0, 1, 2, 3, 4, 5, 6), 7)
        assert (found.delimiter, found.skipped_lines, found.quoted_lines, found.newest_first) == (",", 0, False, False)

    def test_lines_in_quotes(self, path: Path) -> None:
        found = recognize(write(path, *(f'"{line}"' for line in (OWN, *rows("1", "100")))))
        assert (found.quoted_lines, found.name_of("close"), found.columns.close) == (True, "close", 4)

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_other_delimiters(self, path: Path, delimiter: str) -> None:
        lines = [OWN.replace(",", delimiter), *rows("1", "100", delimiter=delimiter)]
        found = recognize(write(path, *lines))
        assert (found.delimiter, found.columns) == (delimiter, Columns(0, 1, 2, 3, 4, 5, 6))
        whole = recognize(write(path, *(f'"{line}"' for line in lines)))
        assert (whole.delimiter, whole.quoted_lines) == (delimiter, True)

    def test_a_banner_is_skipped(self, path: Path) -> None:
        found = recognize(write(path, "https://example.org", "", "made by hand, for a test", "", OWN, *rows("1", "100")))
        assert (found.skipped_lines, found.columns.close) == (4, 4)

    @pytest.mark.parametrize("packing", ["gzip", "zip"])
    def test_archives(self, path: Path, packing: str) -> None:
        text = "\n".join([OWN, *rows("1", "100")])
        if packing == "gzip":
            path.write_bytes(gzip.compress(text.encode()))
        else:
            with ZipFile(path, "w") as archive:
                archive.writestr("candles.csv", text)
                archive.writestr("__MACOSX/._candles.csv", "x")
        assert (recognize(path).packing, recognize(path).columns.close) == (packing, 4)

    def test_a_job_that_reads_closes_needs_no_other_column(self, path: Path) -> None:
        found = recognize(write(path, "close", "1", "2"), required=("close",))
        assert (found.columns, found.width, found.header) == (Columns(close=0), 1, ("close",))
        with pytest.raises(MissingColumnError, match="missing column close; the columns found are 'price'") as caught:
            recognize(write(path, "price", "1"), required=("close",))
        assert caught.value.role == "close"


class TestNames:
    @pytest.mark.parametrize(
        ("header", "columns"),
        [
            ("date,open,high,low,close,volume", Columns(0, 1, 2, 3, 4, 5)),
            ("Open Time;Open;High;Low;Close;Volume;Quote Volume".replace(";", ","), Columns(0, 1, 2, 3, 4, 5, 6)),
            ("DateTime,LOW,HIGH,CLOSE,OPEN,Vol,Turnover", Columns(0, 4, 2, 1, 3, 5, 6)),
            ("openTime,open,high,low,close,baseVolume,quoteVolume", Columns(0, 1, 2, 3, 4, 5, 6)),
            (",open,high,low,close,volume", Columns(0, 1, 2, 3, 4, 5)),
            ("<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", Columns(0, 1, 2, 3, 4, 5)),
            ("unix,open,high,low,close,Volume BTC,Volume USDT", Columns(0, 1, 2, 3, 4, 5, 6)),
            ("unix,open,high,low,close,Volume USDT,Volume BTC", Columns(0, 1, 2, 3, 4, 6, 5)),
            ("Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency)", Columns(0, 1, 2, 3, 4, 5, 6)),
            ("time,open,high,low,close,volumefrom,volumeto", Columns(0, 1, 2, 3, 4, 5, 6)),
            ("time,open,high,low,close,note,volume_ma", Columns(0, 1, 2, 3, 4)),
        ],
    )
    def test_the_names_that_people_use(self, path: Path, header: str, columns: Columns) -> None:
        cells = ["1", "100"][: header.count(",") - 4]
        assert recognize(write(path, header, *rows(*cells))).columns == columns

    def test_a_time_that_cannot_be_read_is_left_for_one_that_can(self, path: Path) -> None:
        lines = [f"{at},{row}" for at, row in enumerate(rows("1"))]
        assert recognize(write(path, "timestamp,time,open,high,low,close,volume", *lines)).columns.time == 1

    def test_two_coins_are_told_apart_by_their_ratio(self, path: Path) -> None:
        header = "unix,open,high,low,close,Volume ETH,Volume BTC"
        assert recognize(write(path, header, *rows("2", "200"))).columns[5:] == (5, 6)
        assert recognize(write(path, header, *rows("200", "2"))).columns[5:] == (6, 5)

    def test_the_time_of_closing_is_not_taken_for_the_opening(self, path: Path) -> None:
        with pytest.raises(MissingColumnError, match="'Close time' is when a candle closes"):
            recognize(write(path, "Close time,open,high,low,close,volume", *rows("1")))


class TestNoNames:
    def test_the_archive_of_binance(self, path: Path) -> None:
        lines = [
            f"{1_000 * (START_S + 60 * i)},{','.join(prices)},2,{1_000 * (START_S + 60 * i) + 59_999},201,3,1,100,0"
            for i, prices in enumerate(PRICES)
        ]
        found = recognize(write(path, *lines))
        assert (found.kind, found.columns, found.width) == ("Binance's archive", Columns(0, 1, 2, 3, 4, 5, 7), 12)

    def test_the_download_of_kraken(self, path: Path) -> None:
        found = recognize(write(path, *rows("2.5", "17")))
        assert (found.kind, found.columns) == ("Kraken's OHLCVT", Columns(0, 1, 2, 3, 4, 5))

    def test_a_seventh_cell_is_the_quote_volume_if_the_ratio_is_a_price(self, path: Path) -> None:
        assert recognize(write(path, *rows("2", "202"))).columns == Columns(0, 1, 2, 3, 4, 5, 6)

    def test_other_orders_of_prices(self, path: Path) -> None:
        lines = [f"{START_S + 60 * i},{low},{high},{open_},{close},1" for i, (open_, high, low, close) in enumerate(PRICES)]
        assert recognize(write(path, *lines)).columns == Columns(0, 3, 2, 1, 4, 5)

    @pytest.mark.parametrize("lines", [rows("2.5", "0.1"), rows("1", "2", "3"), ["1,2", "3,4"], ["1,5,2,3,4,1", "2,5,2,3,4,1"]])
    def test_what_is_not_known_has_to_be_said(self, path: Path, lines: list[str]) -> None:
        with pytest.raises(MissingColumnError, match="say which column is what, as in --columns time=1,open=2"):
            recognize(write(path, *lines))

    def test_numbers_of_columns_can_be_given(self, path: Path) -> None:
        given = tuple(zip(("time", "open", "high", "low", "close"), "12345", strict=True))
        found = recognize(write(path, *rows("1", "2", "3")), FileOptions(given))
        assert (found.columns, found.header, found.name_of("close")) == (Columns(0, 1, 2, 3, 4), (), "5")


class TestOptions:
    def test_a_column_can_be_named(self, path: Path) -> None:
        write(path, "Zeit;Erster;Hoch;Tief;Schluss;Menge", *rows("1", delimiter=";"))
        names = (("time", "zeit"), ("open", "Erster"), ("high", "Hoch"), ("low", "Tief"), ("close", "Schluss"), ("volume", "6"))
        assert recognize(path, FileOptions(names)).columns == Columns(0, 1, 2, 3, 4, 5)

    def test_a_named_column_takes_the_place_of_the_one_that_was_found(self, path: Path) -> None:
        write(path, "time,open,high,low,close,volume,amount", *rows("1", "2"))
        assert recognize(path, FileOptions((("quote_volume", "amount"),))).columns == Columns(0, 1, 2, 3, 4, 5, 6)
        assert recognize(path, FileOptions((("quote_volume", "volume"),))).columns == Columns(0, 1, 2, 3, 4, None, 5)

    @pytest.mark.parametrize("name", ["price", "8", "0", ""])
    def test_a_column_that_is_not_there(self, path: Path, name: str) -> None:
        with pytest.raises(CandleFileError, match=r"no column .* as --columns close=.* says; its columns are 'timestamp,"):
            recognize(write(path, OWN, *rows("1", "2")), FileOptions((("close", name),)))

    def test_an_unknown_time_zone(self, path: Path) -> None:
        with pytest.raises(CandleFileError, match="--timezone Mars/Base: there is no such time zone"):
            recognize(write(path, OWN, *rows("1", "2")), FileOptions(timezone="Mars/Base"))

"""Parquet and Arrow files: exact numbers, times of every type, pandas' index, and what is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.candle_formats import frame, make_rows
from volcast.candle_files.check import check_candles
from volcast.candle_files.contract import CandleFileError, FileOptions
from volcast.candle_files.reader import CandleFileReader, read_candles

ROWS = make_rows(20)
TIMES = [row.time_ms for row in ROWS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "btcusdt.parquet"


def refusal(path: Path, table: pl.DataFrame) -> str:
    table.write_parquet(path)
    with pytest.raises(CandleFileError) as caught:
        check_candles(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestNumbers:
    @given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=20))
    def test_a_float_becomes_its_shortest_text(self, tmp_path_factory: pytest.TempPathFactory, closes: list[float]) -> None:
        path = tmp_path_factory.mktemp("any") / "a.parquet"
        table = pl.DataFrame({"t": TIMES[: len(closes)], **dict.fromkeys(("o", "h", "l", "c"), closes)})
        table.write_parquet(path)
        assert [Decimal(row.close) for row in read_candles(path)] == [Decimal(repr(close)) for close in closes]

    def test_a_float_of_four_bytes_has_no_digits_of_eight(self, path: Path) -> None:
        frame(ROWS, pl.Float32).write_parquet(path)
        assert [row.close for row in read_candles(path)] == [f"{float(row.close)}" for row in ROWS]

    def test_decimals_and_texts_keep_their_digits(self, path: Path) -> None:
        for kind, digits in ((pl.Decimal(18, 8), 8), (pl.String, 2)):
            frame(ROWS, kind).write_parquet(path)
            assert [row.close for row in read_candles(path)] == [f"{Decimal(row.close):.{digits}f}" for row in ROWS]

    def test_null_is_an_empty_cell(self, path: Path) -> None:
        row, empty = pl.lit(None, pl.Float64), frame(ROWS).head(1)
        pl.concat([frame(ROWS), empty.with_columns(row.alias(name) for name in empty.columns[1:])]).write_parquet(path)
        reader = CandleFileReader(path)
        assert (len(list(reader)), reader.empty_minutes) == (20, 1)


class TestTimes:
    @pytest.mark.parametrize("unit", ["ms", "us", "ns"])
    @pytest.mark.parametrize("zone", [None, "UTC", "Asia/Kolkata"])
    def test_times_with_and_without_a_zone(self, path: Path, unit: str, zone: str | None) -> None:
        time = pl.col("date").cast(pl.Datetime(unit))  # type: ignore[arg-type]  # one of the three
        if zone:
            time = time.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        frame(ROWS).with_columns(time).write_parquet(path)
        assert [row.open_time_ms for row in read_candles(path)] == TIMES
        tokyo = FileOptions(timezone="Asia/Tokyo")
        if zone:
            with pytest.raises(CandleFileError, match="it names its own time zone, so that no other can be given"):
                check_candles(path, tokyo)
        else:
            assert check_candles(path, tokyo).first_open_time_ms == TIMES[0] - 9 * 3_600_000

    @pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.String])
    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    def test_numbers_since_1970(self, path: Path, kind: type[pl.DataType], unit: str) -> None:
        table = frame(ROWS).with_columns(pl.col("date").dt.epoch(unit).cast(kind))  # type: ignore[arg-type]  # one of the four
        if (kind, unit) == (pl.Float64, "ns"):  # a float has no room for nanoseconds
            assert "is not a timestamp" in refusal(path, table)
            return
        table.write_parquet(path)
        assert [row.open_time_ms for row in read_candles(path)] == TIMES

    def test_a_fraction_of_a_second_is_not_rounded_to_the_minute(self, path: Path) -> None:
        frame(ROWS).with_columns(pl.col("date").cast(pl.Datetime("ns")) + pl.duration(nanoseconds=1)).write_parquet(path)
        assert [row.open_time_ms for row in read_candles(path)] == [time + 1 for time in TIMES]

    def test_days_are_refused(self, path: Path) -> None:
        assert "row 1, column date: '2024-01-01' is not a timestamp" in refusal(
            path, frame(ROWS).with_columns(pl.col("date").cast(pl.Date))
        )

    def test_an_index_of_pandas_is_a_time_only_if_it_holds_times(self, path: Path) -> None:
        table = frame(ROWS).with_columns(pl.int_range(pl.len()).alias("__index_level_0__"))
        table.write_parquet(path)
        assert CandleFileReader(path).format.name_of("time") == "date"
        assert "missing column" not in refusal(path, table.drop("date"))
        assert "'0' is not a timestamp" in refusal(path, table.drop("date"))


class TestFiles:
    def test_an_arrow_stream(self, path: Path) -> None:
        frame(ROWS).write_ipc_stream(path)
        assert check_candles(path).describe().startswith("Arrow stream, columns by name, 20 candles, time from 'date'")

    def test_a_name_is_no_pattern(self, tmp_path: Path) -> None:
        path = tmp_path / "btc[1]*.parquet"
        frame(ROWS).write_parquet(path)
        frame(ROWS).head(3).write_parquet(tmp_path / "btc1x.parquet")
        assert check_candles(path).rows == 20

    @pytest.mark.parametrize(
        ("column", "words"),
        [
            (pl.lit([1.0]).alias("close"), "row 1, column close: '<List>' is not a number"),
            (pl.lit(b"1").alias("close"), "row 1, column close: '<Binary>' is not a number"),
            (pl.lit(True).alias("close"), "row 1, column close: 'true' is not a number"),  # noqa: FBT003  # a cell
            (pl.lit(datetime(2024, 1, 1, tzinfo=UTC)).alias("close"), "row 1, column close: '2024-01-01 00:00:00Z' is not a num"),
        ],
    )
    def test_cells_of_another_kind(self, path: Path, column: pl.Expr, words: str) -> None:
        assert words in refusal(path, frame(ROWS).with_columns(column))

    def test_tables_without_rows_or_columns(self, path: Path) -> None:
        assert "has no rows" in refusal(path, frame(ROWS).clear())
        missing = "missing column open; the columns found are 'date,high,low,close,volume'"
        assert missing in refusal(path, frame(ROWS).drop("open"))

    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
    @pytest.mark.parametrize("kind", ["parquet", "ipc", "ipc_stream"])
    def test_a_file_cut_short(self, path: Path, kind: str, kept: float) -> None:
        getattr(frame(make_rows(500)), f"write_{kind}")(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(CandleFileError) as caught:
            check_candles(path)
        assert "can't be read (" in str(caught.value)
        assert "\n" not in str(caught.value)

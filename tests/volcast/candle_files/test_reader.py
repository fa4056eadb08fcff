"""The format of candle files: which files are refused, and which values are left for the consumer to judge."""

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.candle_files.check import check_candles
from volcast.candle_files.reader import CANDLE_COLUMNS, CandleFileError, CandleRow, read_candles

HEADER = ",".join(CANDLE_COLUMNS)
ROW = "2024-01-01 00:05:00,1.0,2.0,0.5,1.5,10,15"
START_MS = 1_704_067_200_000
FIVE_PAST_MS = START_MS + 300_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "btcusdt.csv"


def write_lines(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def read_candles_of(path: Path, row: str) -> list[CandleRow]:
    """Return the only row of a plain file of this row."""
    return list(read_candles(write_lines(path.with_name("plain.csv"), HEADER, row)))


def refusal(path: Path) -> str:
    with pytest.raises(CandleFileError) as caught:
        check_candles(path)
    with pytest.raises(CandleFileError, match=r".") as again:
        list(read_candles(path))
    sentence = str(caught.value)
    assert str(again.value) == sentence
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


class TestFormat:
    def test_the_numbers_of_a_row_stay_text(self, path: Path) -> None:
        write_lines(path, HEADER, "2024-01-01 00:05:00,1.00,2e0,+0.5, 1.50 ,10,0015")
        assert list(read_candles(path)) == [CandleRow(2, FIVE_PAST_MS, "1.00", "2e0", "+0.5", "1.50", "10", "0015")]

    def test_columns_may_have_any_order_any_case_blanks_and_others_beside_them(self, path: Path) -> None:
        write_lines(
            path,
            ' Close,note, OPEN ,"low",High,Volume_USD,volume_btc,TIMESTAMP,note',
            '1.5,"a, ""b""",1,0.5,2,15,10,1704067500,c',
        )
        assert list(read_candles(path)) == [CandleRow(2, FIVE_PAST_MS, "1", "2", "0.5", "1.5", "10", "15")]

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("last", ["", "  "])
    def test_line_ends_a_byte_order_mark_and_blank_lines_are_tolerated(self, path: Path, end: str, mark: str, last: str) -> None:
        write_lines(path, mark + HEADER, "", ROW, last, ROW, last, end=end)
        assert [row.line for row in read_candles(path)] == [3, 5]

    def test_the_last_line_may_lack_its_end(self, path: Path) -> None:
        path.write_text(f"{HEADER}\n{ROW}")
        assert check_candles(path).rows == 1

    def test_gzip_is_detected_by_content_not_by_name(self, path: Path) -> None:
        path.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode()) + gzip.compress(f"{ROW}\n".encode()))
        assert check_candles(path).rows == 2

    def test_a_quoted_cell_may_hold_a_line_end(self, path: Path) -> None:
        write_lines(path, f"{HEADER},note", f'{ROW},"one', 'two"', f"{ROW},three")
        assert [row.line for row in read_candles(path)] == [2, 4]

    def test_lines_that_are_in_quotes_as_a_whole_are_read(self, path: Path) -> None:
        write_lines(path, f'"{HEADER}"', f'"{ROW}"', ROW, f'"{ROW}"', "")
        assert list(read_candles(path)) == [row._replace(line=line) for line in (2, 3, 4) for row in read_candles_of(path, ROW)]

    def test_quotes_within_a_line_in_quotes_are_doubled(self, path: Path) -> None:
        write_lines(path, f'"note,{HEADER}"', f'"""a, b"",{ROW}"', end="\r\n")
        assert [row.close for row in read_candles(path)] == ["1.5"]

    def test_lines_are_counted_right_across_blocks(self, path: Path) -> None:
        path.write_text(f"{HEADER}\n" + f"{ROW}\n" * 20_000)
        assert [row.line for row in read_candles(path)] == list(range(2, 20_002))

    def test_memory_does_not_grow_with_the_rows(self, path: Path) -> None:
        rows = "".join(f"{1_704_067_200 + 60 * i},1,1,1,1,1,1\n" for i in range(50_000))
        path.write_bytes(gzip.compress(f"{HEADER}\n{rows}".encode(), 1))
        tracemalloc.start()
        try:
            assert check_candles(path).rows == 50_000
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()


class TestRefusedFiles:
    def test_a_file_that_does_not_exist(self, path: Path) -> None:
        assert refusal(path) == f"{path} does not exist."

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder" in refusal(tmp_path)

    def test_a_pipe(self, path: Path) -> None:
        os.mkfifo(path)
        assert "not a regular file" in refusal(path)

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            (bz2.compress(HEADER.encode()), "a bzip2 file"),
            (lzma.compress(HEADER.encode()), "an xz file"),
            (b"\x28\xb5\x2f\xfd\x24", "a zstd file"),
            (b"FEA1\0\0\0\0", "a Feather file of the old version 1"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet"),
            (b"SQLite format 3\0", "an SQLite database"),
        ],
    )
    def test_a_file_of_another_format(self, path: Path, content: bytes, name: str) -> None:
        path.write_bytes(content)
        assert refusal(path) == f"{path}: it is {name}; CSV, JSON, Parquet or Feather is expected: unpack or convert it first."

    def test_a_path_below_a_file(self, path: Path) -> None:
        write_lines(path, HEADER, ROW)
        assert "can't be read" in refusal(path / "a.csv")

    def test_bytes_that_are_not_utf_8(self, path: Path) -> None:
        path.write_bytes(f"{HEADER}\n{ROW}\n".encode() + b"2024\xff\n")
        assert "line 3: byte 0xff is not UTF-8 text" in refusal(path)

    def test_a_file_in_utf_16(self, path: Path) -> None:
        path.write_bytes(f"{HEADER}\n{ROW}\n".encode("utf-16"))
        assert "line 1: byte 0xff is not UTF-8 text" in refusal(path)

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
    def test_a_gzip_file_cut_short(self, path: Path, kept: float) -> None:
        whole = gzip.compress(f"{HEADER}\n".encode() + b"".join(f"{ROW[:-2]}{i}\n".encode() for i in range(999)))
        path.write_bytes(whole[: int(len(whole) * kept)])
        assert "gzip file is damaged" in refusal(path)

    def test_a_gzip_file_with_a_wrong_checksum(self, path: Path) -> None:
        whole = bytearray(gzip.compress(f"{HEADER}\n{ROW}\n".encode()))
        whole[-6] ^= 1
        path.write_bytes(whole)
        assert "gzip file is damaged" in refusal(path)

    def test_a_gzip_file_with_a_damaged_block(self, path: Path) -> None:
        whole = bytearray(gzip.compress(f"{HEADER}\n{ROW}\n".encode()))
        whole[10] ^= 0xFF
        path.write_bytes(whole)
        assert "gzip file is damaged" in refusal(path)

    @pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
    def test_an_empty_file(self, path: Path, text: str) -> None:
        path.write_text(text)
        assert f"is empty; a first line with the columns {HEADER} is expected" in refusal(path)

    def test_a_file_without_rows(self, path: Path) -> None:
        assert "has no rows" in refusal(write_lines(path, HEADER, ""))

    @pytest.mark.parametrize("column", CANDLE_COLUMNS[:5])
    def test_a_missing_column(self, path: Path, column: str) -> None:
        role = "time" if column == "timestamp" else column
        sentence = refusal(write_lines(path, HEADER.replace(column, "other"), ROW))
        assert f"line 1: missing column {role}; the columns found are '" in sentence
        assert sentence.endswith(f"say which it is: --columns {role}=NAME.")

    def test_a_doubled_column(self, path: Path) -> None:
        assert "line 1: column close occurs twice" in refusal(write_lines(path, f"{HEADER}, CLOSE", f"{ROW},1"))

    @pytest.mark.parametrize(("row", "cells"), [(ROW[:-3], 6), (ROW + ",1", 8), ("2024", 1)])
    def test_a_row_with_another_number_of_cells(self, path: Path, row: str, cells: int) -> None:
        assert f"line 3: {cells} cells, but the first line names 7 columns" in refusal(write_lines(path, HEADER, ROW, row))

    @pytest.mark.parametrize("column", CANDLE_COLUMNS[1:])
    @pytest.mark.parametrize("cell", ["abc", "null", "1_000", "１", "0x10", "1 2", "1;5", "--1", "x" * 200])
    def test_a_cell_that_is_not_a_number(self, path: Path, column: str, cell: str) -> None:
        cells = ROW.split(",")
        cells[CANDLE_COLUMNS.index(column)] = cell
        sentence = refusal(write_lines(path, HEADER, ROW, ",".join(cells)))
        assert f"line 3, column {column}: '{cell[:40]}" in sentence
        assert "is not a number" in sentence
        assert len(sentence) < len(str(path)) + 150

    def test_a_decimal_comma(self, path: Path) -> None:
        assert "'1,5' is not a number" in refusal(write_lines(path, HEADER, ROW.replace("1.5", '"1,5"')))

    @pytest.mark.parametrize("timestamp", ["", "nan", "2024-02-30 00:00:00", "20240101"])
    def test_a_timestamp_that_can_not_be_read(self, path: Path, timestamp: str) -> None:
        sentence = refusal(write_lines(path, HEADER, ROW, ROW.replace("2024-01-01 00:05:00", timestamp)))
        assert f"line 3, column timestamp: '{timestamp}' is not a timestamp" in sentence

    @pytest.mark.parametrize("row", [ROW.replace("1.0", '"1.0"x'), ROW.replace(",", ",\r")])
    def test_broken_quotes_and_stray_line_ends(self, path: Path, row: str) -> None:
        assert "line 3: this is not CSV" in refusal(write_lines(path, HEADER, ROW, row, ROW))

    @pytest.mark.parametrize(
        "after", [[], [ROW] * 5, [ROW] * 5_000, [ROW, f'"{ROW}"', ROW], [ROW, f'{ROW}"', ROW], [f'{ROW},"a"']]
    )
    @pytest.mark.parametrize("row", [ROW.replace("1.0", '"1.0'), f'"{ROW}', f'{ROW[:-2]}"15'])
    def test_a_lost_quote_is_reported_at_its_line(self, path: Path, row: str, after: list[str]) -> None:
        sentence = refusal(write_lines(path, HEADER, ROW, "", ROW, row, *after))
        assert f"{path}, line 5: a quote is opened here that is not closed in its line." == sentence

    @pytest.mark.parametrize("repeat", ["1", ",", '"'])
    def test_an_endless_line_does_not_fill_the_memory(self, path: Path, repeat: str) -> None:
        path.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode() + repeat.encode() * 30_000_000, 1))
        tracemalloc.start()
        try:
            assert "line 3: longer than" in refusal(path)
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()

    def test_the_rows_before_a_mistake_are_read(self, path: Path) -> None:
        rows = read_candles(write_lines(path, HEADER, ROW, "x"))
        assert next(rows).line == 2
        with pytest.raises(CandleFileError, match="line 3"):
            next(rows)


class TestValuesLeftToTheConsumer:
    @pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "quote_volume"])
    @pytest.mark.parametrize("cell", ["", "nan", "NaN", "inf", "-Infinity", "-1", "0", "1e400", "1.123456789012345678"])
    def test_a_bad_value_is_read_as_it_is(self, path: Path, column: str, cell: str) -> None:
        row = CandleRow(2, FIVE_PAST_MS, "1", "2", "0.5", "1.5", "10", "15")._replace(**{column: cell})  # type: ignore[arg-type]  # the column is one of text
        write_lines(path, HEADER, ",".join(["2024-01-01 00:05:00", *row[2:]]))
        assert list(read_candles(path)) == [row]

    def test_a_time_off_the_minute_is_read(self, path: Path) -> None:
        write_lines(path, HEADER, ROW.replace("05:00", "05:01"))
        assert [row.open_time_ms for row in read_candles(path)] == [FIVE_PAST_MS + 1_000]

    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
    def test_any_text_is_read_or_refused_with_candle_file_error(
        self, tmp_path_factory: pytest.TempPathFactory, text: str
    ) -> None:
        path = tmp_path_factory.mktemp("any") / "a.csv"
        path.write_bytes(f"{HEADER}\n{text}".encode())
        try:
            rows = check_candles(path).rows
        except CandleFileError:
            return
        assert rows == len(list(read_candles(path)))


def test_importing_the_reader_loads_nothing_slow() -> None:
    code = (
        "import sys, volcast.candle_files.reader; print({'numpy', 'river', 'msgspec', 'pandas', 'asyncio'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

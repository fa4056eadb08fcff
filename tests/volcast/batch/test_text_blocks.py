"""The block reader: what it reads is what the careful reader reads, and what it does not read it leaves to that one."""

import gzip
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.volcast.batch.closes_files import HEADER, candle_lines, time_of, write_candles, write_text
from volcast.batch import text_blocks
from volcast.batch.closes import count_in_blocks, usual_layout
from volcast.batch.count import BlockCount
from volcast.batch.rows import count_in_rows
from volcast.batch.text_blocks import UnusualTextError, read_closes
from volcast.candle_files.contract import NO_OPTIONS, Columns, FileFormat
from volcast.candle_files.formats import recognize

CLOSES = [f"{42_000 + row % 97}.{row % 100:02}" for row in range(500)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def in_blocks(path: Path, window: int = 5) -> tuple[int, int]:
    count = count_in_blocks(path, recognize(path, required=("close",)), window)
    return count.rows, count.ones


def in_rows(path: Path, window: int = 5) -> tuple[int, int]:
    found = count_in_rows(path, window)
    return found.rows, found.ones


def quoted(lines: list[str]) -> list[str]:
    return [f'"{line}"' for line in lines]


LINES = candle_lines(CLOSES)
CLOSE_LAST = ["timestamp,close", *(f"{time_of(row)},{close}" for row, close in enumerate(CLOSES))]
CLOSE_FIRST = ["close,note", *(f"{close},x" for close in CLOSES)]
EPOCHS = ["close,open_time", *(f"{close},{1_704_067_200_000 + row * 60_000}" for row, close in enumerate(CLOSES))]
USUAL = {
    "candles": "\n".join([*LINES, ""]),
    "no newline at the end": "\n".join(LINES),
    "carriage returns": "\r\n".join([*LINES, ""]),
    "close in the last column": "\n".join(CLOSE_LAST),
    "the same with carriage returns": "\r\n".join([*CLOSE_LAST, ""]),
    "close in the first column, no times": "\n".join(CLOSE_FIRST),
    "nothing but closes": "\n".join(["close", *CLOSES]),
    "times as numbers": "\n".join(EPOCHS),
    "semicolons": "\n".join(LINES).replace(",", ";"),
    "whole lines in quotes": "\n".join([*quoted(LINES), ""]),
    "whole lines in quotes, carriage returns": "\r\n".join([*quoted(LINES), ""]),
    "a banner": "\n".join(["https://example.org", *LINES]),
    "a byte-order mark": "\ufeff" + "\n".join(LINES),
}


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("block_bytes", [256, 1_000, 1 << 18])
def test_usual_files_are_read_in_blocks(path: Path, name: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(USUAL[name].encode())
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", block_bytes)
    assert in_blocks(path) == in_rows(path) == in_rows(write_candles(path, CLOSES))


def test_gzipped_files_are_read_in_blocks(path: Path) -> None:
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    assert in_blocks(path) == in_rows(path)


UNUSUAL = {
    "a cell in quotes": [*LINES[:9], '2024-01-01 00:08:00,1,2,0.5,"42001.5",10,1'],
    "a comma in quotes": ["close,note", '1,"a,b"', '2,"c,d"'],
    "a blank line": [*LINES[:9], "", *LINES[9:]],
    "blanks around a close": ["close,note", "1,a", " 2 ,b"],
    "an exponent": ["close,note", "1,a", "2e0,b"],
    "a sign": ["close,note", "1,a", "+2,b"],
    "17 digits": ["close,note", "1,a", "2.0000000000000001,b"],
    "no price": ["close,note", "1,a", "0.00,b"],
    "the newest row first": [HEADER, *reversed(LINES[1:])],
    "a time twice": [*LINES, LINES[-1]],
    "times of another form": [*LINES, "2024-02-01T00:00:00Z,1,2,0.5,42000.5,10,1"],
    "a day without a time": ["date,close", "2024-01-01,1", "2024-01-02,2"],
    "a row that is too short": [*LINES, "2024-02-01 00:00:00,1,2"],
    "a row that is too long": [*LINES, LINES[-1] + ",1"],
    "two rows that sum to twice the width": ["a,close,b", "1,2,3", "1,2", "1,2,3,4"],
    "one quote too many": [*quoted(LINES[:3]), '"2024-01-01 00:02:00,1,2,0.5,42001.5,10,"1"'],
    "half of the lines in quotes": [*quoted(LINES[:3]), *LINES[3:6]],
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_files_are_left_to_the_careful_reader(path: Path, name: str) -> None:
    write_text(path, UNUSUAL[name])
    with pytest.raises(UnusualTextError):
        in_blocks(path)


def test_a_line_longer_than_a_block_is_left_as_well(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 64)
    write_text(path, ["close,note", "1," + "x" * 200])
    with pytest.raises(UnusualTextError):
        in_blocks(path)


CELLS = st.sampled_from(
    ["1", "1.0", "2", "1.5", "0.1", "0.10", "3e0", '"2"', " 1", "", "nan", "x", "-1", "10000000000000", "1,2"]
)


@given(st.lists(CELLS, min_size=1, max_size=9), st.integers(1, 4), st.sampled_from(["\n", "\r\n"]))
def test_where_both_readers_read_they_agree(closes: list[str], window: int, end: str) -> None:
    text = end.join(["open,close,x", *(f"1,{close},b" for close in closes), ""]).encode()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        path.write_bytes(text)
        try:
            found = in_blocks(path, window)
        except UnusualTextError:
            return
        assert found == in_rows(path, window)


def test_the_quick_recognition_says_what_the_thorough_one_says(path: Path) -> None:
    other_order = [",".join([cells[4], *cells[:4], *cells[5:]]) for cells in (line.split(",") for line in LINES)]
    for lines in (LINES, [LINES[0].upper(), *LINES[1:]], quoted(LINES), other_order):
        write_text(path, lines)
        found = usual_layout(path)
        assert found is not None
        assert found == recognize(path, required=("close",))._replace(newest_first=None)


@pytest.mark.parametrize(
    "first", [HEADER + ",note", HEADER.replace("timestamp", "date"), HEADER.replace(",", ";"), "", "\x1f\x8b"]
)
def test_the_quick_recognition_leaves_other_files_to_the_thorough_one(path: Path, first: str) -> None:
    assert usual_layout(write_text(path, [first, *LINES[1:]])) is None
    assert usual_layout(path.with_name("nothing")) is None


class Repeated:
    """A source of the same lines, again and again."""

    def __init__(self, lines: bytes, times: int) -> None:
        self._lines, self._times, self._at = lines, times, 0

    def readinto(self, buffer: memoryview, /) -> int:
        if not self._times:
            return 0
        part = self._lines[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        if self._at == len(self._lines):
            self._at, self._times = 0, self._times - 1
        return len(part)


@pytest.mark.parametrize("times", [10, 200])
def test_memory_does_not_grow_with_the_rows(times: int) -> None:
    layout = FileFormat("closes", "csv", "plain", Columns(close=1), NO_OPTIONS, width=2)
    count = BlockCount(100)
    tracemalloc.start()
    try:
        for closes in read_closes(Repeated(b"x,42283.58\nx,42283.59\n" * 1_000, times), layout):
            count.add(closes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count.rows == 2_000 * times
    assert peak < 12_000_000

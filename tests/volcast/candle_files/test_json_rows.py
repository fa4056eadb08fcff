"""JSON files: their forms, exact numbers, and what is refused, with the number of the row."""

import json
import tracemalloc
from pathlib import Path

import pytest

from tests.candle_formats import make_rows
from tests.market import at
from volcast.candle_files.check import check_candles
from volcast.candle_files.contract import CandleFileError
from volcast.candle_files.reader import read_candles

ROWS = make_rows(5)
LISTS = [[row.time_ms, *row[1:6]] for row in ROWS]
OBJECTS = [{"t": row.time_ms, "o": row.open, "h": row.high, "l": row.low, "c": row.close, "v": row.volume} for row in ROWS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "btcusdt.json"


def refusal(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(CandleFileError) as caught:
        check_candles(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(LISTS),
        json.dumps(OBJECTS, indent=2),
        "\ufeff \n" + json.dumps(LISTS) + "\n\n",
        "\n".join(map(json.dumps, LISTS)),
        "\r\n".join(map(json.dumps, OBJECTS)),
        json.dumps([{**each, "trades": None, "pair": {"a": [1]}} for each in OBJECTS]),
    ],
)
def test_lists_and_objects_in_a_list_or_line_by_line(path: Path, text: str) -> None:
    path.write_text(text)
    found = list(read_candles(path))
    assert [(row.line, row.open_time_ms, row.close) for row in found] == [
        (number, row.time_ms, row.close) for number, row in enumerate(ROWS, start=1)
    ]


def test_numbers_keep_their_digits(path: Path) -> None:
    path.write_text(f'[[{at(0)}, 1.10, 2e0, 0.5000, "1.50", 12345678901234567890.10], [{at(1)}, 1, 1, 1, 1, null]]')
    first, second = read_candles(path)
    assert first[2:7] == ("1.10", "2e0", "0.5000", "1.50", "12345678901234567890.10")
    assert (second.volume, second.quote_volume) == ("", "")


def test_the_first_row_of_a_page_of_binance(path: Path) -> None:
    rows = [[row.time_ms, *row[1:6], row.time_ms + 59_999, row.quote_volume, 3, "1", "1", "0"] for row in ROWS]
    path.write_text(json.dumps(rows))
    assert check_candles(path).describe() == "JSON, Binance's archive, 5 candles, with quote volume"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "has no rows; a list of candles"),
        ("{}", "row 1: '{}' is no candle like those above"),
        ("[1, 2]", "say which column is what"),
        ('{"data": [[1, 2]]}', "missing column time, open, high, low, close; the columns found are 'data'"),
        (json.dumps(LISTS)[:-1], "the file ends too early, after row 5"),
        (json.dumps(LISTS)[:-20], "row 5: this is not JSON"),
        (json.dumps(LISTS) + "x", "something follows the list of rows"),
        (json.dumps(LISTS).replace("], [", "] [", 1), "row 2: there is no comma before it"),
        (json.dumps([*LISTS, {"t": 1}]), 'row 6: \'{"t": "1"}\' is no candle like those above'),
        (json.dumps([*LISTS, [1, 2]]), "row 6: 2 cells, but the first row has 6"),
        (json.dumps([*LISTS, [at(5), 1, 1, 1, True, 1]]), "row 6, column 5: 'true' is not a number"),
        (json.dumps([*LISTS, [at(5), 1, 1, 1, [1], 1]]), "row 6, column 5: '[\"1\"]' is not a number"),
        (json.dumps([*LISTS, ["soon", 1, 1, 1, 1, 1]]), "row 6, column 1: 'soon' is not a timestamp"),
        ("[[" + "[" * 200_000, "row 1"),
        ('[["' + "x" * 3_000_000, "row 1: longer than"),
    ],
)
def test_what_is_refused(path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(path, text)


def test_bytes_that_are_not_utf_8(path: Path) -> None:
    path.write_bytes(json.dumps(LISTS).encode() + b"\xff")
    with pytest.raises(CandleFileError, match="byte 0xff is not UTF-8 text"):
        check_candles(path)


def test_memory_does_not_grow_with_the_rows(path: Path) -> None:
    path.write_text("[" + ",".join(f"[{at(minute)},1,1,1,1,1]" for minute in range(60_000)) + "]")
    tracemalloc.start()
    try:
        assert check_candles(path).rows == 60_000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()

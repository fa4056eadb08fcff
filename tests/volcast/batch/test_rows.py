"""The careful reader: what it reads, in which order, and the sentence for each mistake."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.volcast.batch.closes_files import candle_lines, ones_by_definition, time_of, write_candles, write_text
from volcast.batch.result import BatchError
from volcast.batch.rows import count_in_rows
from volcast.candle_files.contract import CandleFileError, FileOptions

CLOSES = ["42000.1", "42000.10", "42001", "41999.5", "42000.10", "42000.2", "42000.15", "42010"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def refusal(path: Path, lines: list[str]) -> str:
    write_text(path, lines)
    with pytest.raises((BatchError, CandleFileError)) as caught:
        count_in_rows(path, 2)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence.replace(str(path), "PATH")


EXPECTED = "; a number like 42283.58 is expected."


@pytest.mark.parametrize(
    ("close", "problem"),
    [
        ("abc", "'abc' is not a number"),
        ("", "the cell is empty"),
        ("nan", "'nan' is not a number (NaN)"),
        ("-NaN", "'-NaN' is not a number (NaN)"),
        ("inf", "'inf' is infinite"),
        ("-Infinity", "'-Infinity' is infinite"),
        ("1_000", "'1_000' is not a number"),
        ('"42,283.58"', "'42,283.58' is not a number"),
        ("٣", "'٣' is not a number"),
        ("0x10", "'0x10' is not a number"),
        ("1e9999", "'1e9999' has too many digits"),
        ("1e-9999", "'1e-9999' has too many digits"),
        ("9" * 500, "'" + "9" * 40 + "…' has too many digits"),
    ],
)
def test_a_close_that_is_no_finite_number_is_named_with_its_line(path: Path, close: str, problem: str) -> None:
    assert refusal(path, candle_lines(["1", close, "2"])) == f"PATH, line 3, column close: {problem}{EXPECTED}"


@pytest.mark.parametrize("close", ["1.5", " 1.5 ", "+1.5", "15e-1", "1.50000000000000000000", ".15E1", '"1.5"', "01.5"])
def test_each_way_to_write_a_number_is_read_exactly(path: Path, close: str) -> None:
    write_candles(path, ["1.4999999999999999999", close, "1.5"])
    assert count_in_rows(path, 2).ones == 1


def test_other_mistakes_of_the_file_have_the_sentences_of_all_commands(path: Path) -> None:
    assert refusal(path, [*candle_lines(["1", "2"]), "2024-01-02 00:00:00,1"]).startswith("PATH, line 4: 2 cells, but ")
    assert refusal(path, ["timestamp,open", f"{time_of(0)},1"]).startswith("PATH, line 1: missing column close; ")
    assert refusal(path, ["close,open,close", "1,2,3"]).startswith("PATH, line 1: column close occurs twice")


def test_the_newest_row_first_is_read_from_the_end(path: Path) -> None:
    lines = candle_lines(CLOSES)
    write_text(path, [lines[0], *reversed(lines[1:])])
    found = count_in_rows(path, 3)
    assert (found.rows, found.ones) == (len(CLOSES), ones_by_definition(CLOSES, 3))
    assert found.newest_first
    assert found.ones != ones_by_definition(CLOSES[::-1], 3)


@pytest.mark.parametrize("form", ["{}", "{}Z", "{}+00:00"])
def test_rows_out_of_order_are_refused(path: Path, form: str) -> None:
    rows = [f"{form.format(time_of(minute))},{close}" for minute, close in zip((0, 1, 3, 2, 4), CLOSES, strict=False)]
    after = "its time is not after that of the row above; sort the rows by time, each time once, or leave out the column date."
    assert refusal(path, ["date,close", *rows]) == f"PATH, line 5: {after}"
    assert refusal(path, ["date,close", rows[0], rows[1], rows[1]]) == f"PATH, line 4: {after}"
    before = after.replace("not after that of the row above", "not before that of the row above, as this file runs backward")
    assert refusal(path, ["date,close", rows[4], rows[3], rows[1], rows[2], rows[0]]) == f"PATH, line 5: {before}"


def test_days_are_times(path: Path) -> None:
    assert "line 3: its time is not after" in refusal(path, ["date,close", "2024-01-02,1", "2024-01-01,2", "2024-01-03,2"])


def test_a_wrong_close_is_told_before_a_wrong_order(path: Path) -> None:
    lines = ["date,close", f"{time_of(2)},1", f"{time_of(1)},2", f"{time_of(3)},x"]
    assert "line 4, column close: 'x' is not a number" in refusal(path, lines)


def test_times_that_are_not_understood_are_told(path: Path) -> None:
    write_text(path, ["timestamp,close", "first,1", "second,2", f"{time_of(0)},3"])
    found = count_in_rows(path, 2)
    assert (found.rows, found.ones) == (3, 2)
    assert list(found.warnings) == [
        "rows whose time in column timestamp is not understood are taken where they stand: 2, the first in line 2"
    ]


def test_prices_that_no_market_has_are_told(path: Path) -> None:
    write_text(path, ["note,close", "a,1", "b,0", "c,-1"])
    found = count_in_rows(path, 2)
    assert (found.rows, found.ones) == (3, 0)
    assert list(found.warnings) == [
        "rows whose close is not above 0, a price that no market has, are counted: 2, the first in line 3"
    ]


def test_minutes_without_any_price_are_left_out(path: Path) -> None:
    lines = candle_lines(["1", "2", "3"])
    lines[2] = f"{time_of(1)},NaN,NaN,NaN,NaN,NaN,NaN"
    found = count_in_rows(write_text(path, lines), 2)
    assert (found.rows, found.ones) == (2, 1)
    assert list(found.warnings) == ["rows without any price are left out: 1, the first in line 3"]


def test_other_formats(path: Path) -> None:
    expected = (len(CLOSES), ones_by_definition(CLOSES, 3))
    rows = [[1_704_067_200_000 + 60_000 * row, 42_000.0, 42_010.0, 41_999.5, float(close), 7] for row, close in enumerate(CLOSES)]
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert count_in_rows(path, 3)[:2] == expected
    pl.DataFrame(rows, ["date", "open", "high", "low", "close", "volume"], orient="row").write_parquet(path)
    assert count_in_rows(path, 3)[:2] == expected
    pl.DataFrame({"close": list(map(float, CLOSES))}).write_ipc(path)
    assert count_in_rows(path, 3)[:2] == expected


def test_the_user_can_say_which_column_it_is(path: Path) -> None:
    write_text(path, ["a,b", *(f"x,{close}" for close in CLOSES)])
    with pytest.raises(CandleFileError, match="--columns"):
        count_in_rows(path, 3)
    assert count_in_rows(path, 3, FileOptions((("close", "b"),))).ones == ones_by_definition(CLOSES, 3)

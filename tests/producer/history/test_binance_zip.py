"""Reading a zip of the archive: both units of time, with and without a header; odd rows are set aside, a bad zip is an error."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer.feeds.contract import VenueCandle, VenuePage
from producer.history.binance_zip import read_zip
from producer.history.download import DownloadError
from tests.producer.history.archive_zips import HEADER, line, lines, zipped, zipped_files
from tests.producer.scripted_venue import MINUTE_MS, START_MS

END_MS = START_MS + 100 * MINUTE_MS


def read(tmp_path: Path, content: bytes) -> VenuePage:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    return read_zip(path, "BTCUSDT-1m-2024-01.zip", START_MS, END_MS)


@pytest.mark.parametrize("micro", [False, True])
@pytest.mark.parametrize("header", [False, True])
def test_both_units_are_read_with_and_without_a_header(tmp_path: Path, *, micro: bool, header: bool) -> None:
    rows = lines(START_MS, END_MS, micro=micro, without=[START_MS + 5 * MINUTE_MS])
    candles, odd = read(tmp_path, zipped([HEADER] * header + rows))
    assert odd == []
    assert [candle.open_time_ms for candle in candles] == [START_MS + i * MINUTE_MS for i in range(100) if i != 5]
    price = Decimal(rows[0].split(",")[1])
    assert candles[0] == VenueCandle("", START_MS, price, price, price, price, Decimal(2), Decimal("7.25"), closed=True)
    assert str(candles[0].open) == rows[0].split(",")[1]


GOOD = line(START_MS)
OTHER = GOOD.replace("2.00000000", "3.00000000")


def with_price(price: str, count: int = -1) -> str:
    """A row of minute 4, with other prices; of the first `count` of the four only."""
    good = line(START_MS + 4 * MINUTE_MS)
    return good.replace(good.split(",")[1], price, count)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (OTHER, "there are two different rows of a minute"),
        (line(END_MS), "line 4: it is of another month or day"),
        (line(START_MS - MINUTE_MS), "line 4: it is of another month or day"),
        (GOOD.replace("1704067200000", "1704067440001"), "line 4: a candle does not open on the minute"),
        (GOOD.replace("1704067200000", "1704067440000001"), "line 4: a candle does not open on the minute"),
        (HEADER, "line 4: its time is not a number"),
        (line(START_MS + 4 * MINUTE_MS).replace("2.00000000", "NaN"), "line 4: a cell is not a number"),
        (line(START_MS + 4 * MINUTE_MS).replace("2.00000000", "-2"), "line 4: a cell is not a number"),
        (line(START_MS + 4 * MINUTE_MS).replace("2.00000000", "9" * 40), "line 4: a cell is not a number"),
        (with_price("0"), "line 4: a price is not between 0 and 10^15"),
        (with_price("99", 1), "line 4: a candle's open or close is not between"),
        ("1704067440000,1,2", "line 4: it has only 3 cells"),
        ('"1704', "line 4: it has only 1 cells"),
        ("x" * 200_000, "line 4: its time is not a number"),
        ("\x00", "line 4: its time is not a number"),
    ],
)
def test_an_odd_row_is_set_aside_and_the_others_are_kept(tmp_path: Path, row: str, why: str) -> None:
    good = [GOOD, line(START_MS + MINUTE_MS), line(START_MS + 2 * MINUTE_MS), row, line(START_MS + 5 * MINUTE_MS)]
    candles, odd = read(tmp_path, zipped(good))
    assert [each.reason[: len(why)] for each in odd] == [why]
    first = 1 if "two different" in why else 0
    assert [each.open_time_ms for each in candles] == [START_MS + i * MINUTE_MS for i in (0, 1, 2, 5)][first:]


def test_rows_are_sorted_and_equal_ones_are_taken_once(tmp_path: Path) -> None:
    """A row with a wrong date, at the front, must not make all others late."""
    late, first = line(START_MS + 90 * MINUTE_MS), line(START_MS)
    candles, odd = read(tmp_path, zipped([late, first, first, "", line(START_MS + MINUTE_MS)]))
    assert [each.open_time_ms for each in candles] == [START_MS + i * MINUTE_MS for i in (0, 1, 90)]
    assert odd == []


@pytest.mark.parametrize("rows", [["1704"], [GOOD.replace("1704067200000", "1704067200001")] * 3, [line(END_MS)]])
def test_a_zip_with_rows_and_no_candle_is_refused(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(DownloadError) as raised:
        read(tmp_path, zipped(rows))
    assert str(raised.value).startswith(
        "BTCUSDT-1m-2024-01.zip of the archive is not usable (none of its rows can be used, line 1"
    )
    assert str(raised.value).endswith("; use --source rest.")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        zipped([GOOD])[:-30],
        zipped_files({}),
        zipped_files({"a.csv": b"", "b.csv": b""}),
        zipped_files({"a.txt": GOOD.encode()}),
        zipped_files({"a.csv": b"1" * (65 << 20)}),
    ],
)
def test_bad_zips_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DownloadError, match="is not usable"):
        read(tmp_path, content)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2_000), byte=st.binary(min_size=1, max_size=3))
def test_damaged_bytes_give_candles_in_order_or_download_error(tmp_path: Path, at: int, byte: bytes) -> None:
    whole = zipped(lines(START_MS, END_MS))
    at %= len(whole)
    with suppress(DownloadError):
        times = [candle.open_time_ms for candle in read(tmp_path, whole[:at] + byte + whole[at + len(byte) :]).candles]
        assert times == sorted(set(times))

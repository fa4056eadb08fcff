"""Reading a zip of the archive: both units of time, with and without a header; anything else is an error in one sentence."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer.feeds.contract import VenueCandle
from producer.history.binance_archive import read_zip
from producer.history.download import DownloadError
from tests.producer.history.archive_zips import HEADER, line, lines, zipped, zipped_files
from tests.producer.scripted_venue import MINUTE_MS, START_MS

END_MS = START_MS + 100 * MINUTE_MS


def read(tmp_path: Path, content: bytes) -> list[VenueCandle]:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    return list(read_zip(path, "BTCUSDT-1m-2024-01.zip", START_MS, END_MS))


@pytest.mark.parametrize("micro", [False, True])
@pytest.mark.parametrize("header", [False, True])
def test_both_units_are_read_with_and_without_a_header(tmp_path: Path, *, micro: bool, header: bool) -> None:
    rows = lines(START_MS, END_MS, micro=micro, without=[START_MS + 5 * MINUTE_MS])
    candles = read(tmp_path, zipped([HEADER] * header + rows))
    assert [candle.open_time_ms for candle in candles] == [START_MS + i * MINUTE_MS for i in range(100) if i != 5]
    price = Decimal(rows[0].split(",")[1])
    assert candles[0] == VenueCandle("", START_MS, price, price, price, price, Decimal(2), Decimal("7.25"), closed=True)
    assert str(candles[0].open) == rows[0].split(",")[1]


GOOD = line(START_MS)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([GOOD, GOOD], "line 2 of its CSV: 1704067200000 is out of order"),
        ([line(START_MS + MINUTE_MS), GOOD], "line 2 of its CSV: 1704067200000 is out of order"),
        ([line(END_MS)], "out of order"),
        ([line(START_MS - MINUTE_MS)], "out of order"),
        ([GOOD.replace("1704067200000", "1704067200001")], "1704067200001 is not on the minute"),
        ([GOOD.replace("1704067200000", "1704067200000001")], "is not on the minute"),
        ([HEADER, HEADER], "line 2 of its CSV: a cell is not a number"),
        ([GOOD.replace("2.00000000", "NaN")], "a cell is not a number"),
        ([GOOD.replace("2.00000000", "-2")], "a cell is not a number"),
        ([GOOD.replace("2.00000000", "1_0")], "a cell is not a number"),
        ([GOOD.replace("2.00000000", "9" * 40)], "a cell is not a number"),
        ([GOOD, "1704067260000,1,2"], "line 2 of its CSV: 3 cells"),
        ([GOOD, ""], "line 2 of its CSV: 0 cells"),
        (['"1704'], "line 1 of its CSV: "),
        (["x" * 200_000], "of its CSV: "),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, rows: list[str], why: str) -> None:
    with pytest.raises(DownloadError) as raised:
        read(tmp_path, zipped(rows))
    assert str(raised.value).startswith("BTCUSDT-1m-2024-01.zip of the archive is not usable (")
    assert why in str(raised.value)
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
        zipped_files({"a.csv": b"\xff\xfe\x00"}),
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
        times = [candle.open_time_ms for candle in read(tmp_path, whole[:at] + byte + whole[at + len(byte) :])]
        assert times == sorted(set(times))

"""PartFile: it resumes wherever it was cut, and belongs to one download only."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from producer.feeds.contract import VenueCandle
from producer.history.download import Covered, DownloadError, DownloadRange, PartFile
from tests.producer.scripted_venue import MINUTE_MS, START_MS
from volcast.candle_files.reader import read_candles

WANTED = DownloadRange("plain", "BTCUSDT", START_MS, START_MS + 10 * MINUTE_MS, "rest")


def row(minute: int, price: str = "42000.10", volume: str = "2") -> VenueCandle:
    one = Decimal(price)
    return VenueCandle("", START_MS + minute * MINUTE_MS, one, one, one, one, Decimal(volume), None, closed=True)


def at(minute: int) -> int:
    return START_MS + minute * MINUTE_MS


def fill(part: PartFile) -> None:
    """Append what is still missing of three pages."""
    pages = [([row(1), row(2, "43000")], 4), ([], 6), ([row(8, "0.00000001", "0.5")], 10)]
    for rows, to in pages:
        if part.covered.to_ms < at(to):
            part.append(rows, at(to), fills=True)


def text(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


EXPECTED = [
    "timestamp,open,high,low,close,volume_btc,volume_usd",
    "2024-01-01 00:01:00,42000.10,42000.10,42000.10,42000.10,2,84000.20000000",
    "2024-01-01 00:02:00,43000,43000,43000,43000,2,86000.00000000",
    *(f"2024-01-01 00:0{minute}:00,43000,43000,43000,43000,0,0" for minute in range(3, 8)),
    "2024-01-01 00:08:00,0.00000001,0.00000001,0.00000001,0.00000001,0.5,0.00000000",
    "2024-01-01 00:09:00,0.00000001,0.00000001,0.00000001,0.00000001,0,0",
]


def test_an_empty_minute_after_the_first_candle_gets_a_flat_candle(tmp_path: Path) -> None:
    with PartFile(tmp_path / "part", WANTED) as part:
        fill(part)
        assert part.covered == Covered(at(10), rows=9, flat=6)
        part.finish(tmp_path / "out.csv.gz")
    assert text(tmp_path / "out.csv.gz") == EXPECTED
    assert len(list(read_candles(tmp_path / "out.csv.gz"))) == 9
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv.gz"]


def test_an_empty_minute_is_missing_if_the_venue_should_have_a_candle(tmp_path: Path) -> None:
    with PartFile(tmp_path / "part", WANTED) as part:
        part.append([row(2), row(4)], at(5), fills=False, by_rest=5, file="abc  x.zip")
        part.append([], at(10), fills=False, file="def  y.zip")
        assert part.covered == Covered(at(10), rows=2, missing=6, by_rest=5, files=("abc  x.zip", "def  y.zip"))


def test_a_file_cut_anywhere_is_resumed_with_the_same_result(tmp_path: Path) -> None:
    with PartFile(tmp_path / "whole", WANTED) as part:
        fill(part)
    whole = (tmp_path / "whole").read_bytes()
    for size in range(0, len(whole) + 1, 3):
        (tmp_path / "part").write_bytes(whole[:size])
        with PartFile(tmp_path / "part", WANTED) as part:
            fill(part)
        assert (tmp_path / "part").read_bytes() == whole


def test_blocks_lost_in_a_power_cut_are_not_taken_for_candles(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with PartFile(path, WANTED) as part:
        fill(part)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]) + b"\0" * len(b"".join(lines[-3:-1])) + lines[-1])
    with PartFile(path, WANTED) as part:
        assert part.covered.to_ms == at(6)
        fill(part)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("other", [{"pair": "ETHUSDT"}, {"to_ms": at(11)}, {"venue": "x"}, {"source": "archive"}])
def test_a_part_file_of_another_download_is_not_changed(tmp_path: Path, other: dict[str, object]) -> None:
    path = tmp_path / "part"
    with PartFile(path, WANTED) as part:
        fill(part)
    before = path.read_bytes()
    with pytest.raises(DownloadError, match="belongs to another download"), PartFile(path, replace(WANTED, **other)):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"some text\n", b"#volcast-download {}\n"])
def test_a_foreign_file_is_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "part"
    path.write_bytes(content)
    with pytest.raises(DownloadError, match="finish that one with its own arguments, or remove the file"), PartFile(path, WANTED):
        pass
    assert path.read_bytes() == content


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with PartFile(path, WANTED):
        pass
    path.write_bytes(path.read_bytes() + b'#covered {"to_ms": "x"}\n')
    with pytest.raises(DownloadError, match="is damaged; remove it"), PartFile(path, WANTED):
        pass


def test_two_downloads_can_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with (
        PartFile(path, WANTED),
        pytest.raises(DownloadError, match="is being written by another download"),
        PartFile(path, WANTED),
    ):
        pass
    with PartFile(path, WANTED):
        pass


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(DownloadError, match="no/part can't be written: No such file or directory"),
        PartFile(tmp_path / "no/part", WANTED),
    ):
        pass


def test_rows_out_of_order_raise_value_error(tmp_path: Path) -> None:
    with PartFile(tmp_path / "part", WANTED) as part:
        with pytest.raises(ValueError, match="or later is expected"):
            part.append([row(2), row(2)], at(5), fills=True)
        with pytest.raises(ValueError, match="or later is expected"):
            part.append([row(5)], at(5), fills=True)
        assert part.covered == Covered(at(0))


def test_a_minute_with_an_odd_row_is_missing_and_so_is_what_follows_until_the_next_row(tmp_path: Path) -> None:
    """Where the price is not known, a flat candle would be made up; also where the download was interrupted there."""
    for cut in (False, True):
        with PartFile(tmp_path / f"part{cut}", WANTED) as part:
            part.append([row(0), row(2)], at(5), fills=True, unusable={at(3)}, odd=1, odd_reason="why")
            if not cut:
                part.append([row(7)], at(10), fills=True, unusable={at(9)}, odd=2, odd_reason="other")
        if cut:
            with PartFile(tmp_path / f"part{cut}", WANTED) as part:
                part.append([row(7)], at(10), fills=True, unusable={at(9)}, odd=2, odd_reason="other")
        assert part.covered == Covered(at(10), rows=5, flat=2, missing=5, odd=3, odd_reason="why", price_known=False)


def test_an_unusable_minute_with_a_row_is_not_missing(tmp_path: Path) -> None:
    with PartFile(tmp_path / "part", WANTED) as part:
        part.append([row(0), row(1)], at(3), fills=True, unusable={at(1)})
        assert part.covered == Covered(at(3), rows=3, flat=1)

"""Archives: what is read out of them, and that no file, however packed, fills the memory."""

import gzip
import tracemalloc
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import polars as pl
import pytest

from tests.candle_formats import binance, freqtrade_json, make_rows, own
from volcast.candle_files.check import check_candles
from volcast.candle_files.contract import CandleFileError
from volcast.candle_files.formats import recognize

ROWS = make_rows(30)


@pytest.fixture
def text(tmp_path: Path) -> bytes:
    path = tmp_path / "text.csv"
    own(path, ROWS)
    return path.read_bytes()


def archive(path: Path, members: dict[str, bytes], compression: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CandleFileError) as caught:
        check_candles(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("compression", [ZIP_DEFLATED, ZIP_BZIP2])
def test_one_file_is_read_whatever_systems_add(tmp_path: Path, text: bytes, compression: int) -> None:
    members = {"data/": b"", "data/a.csv": text, "__MACOSX/data/._a.csv": b"x", "data/.DS_Store": b"x", "a.csv.CHECKSUM": b"x"}
    assert check_candles(archive(tmp_path / "a.zip", members, compression)).rows == 30


@pytest.mark.parametrize("write", [binance, freqtrade_json])
def test_any_text_format_may_be_packed(tmp_path: Path, write: object) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    write(plain, ROWS)  # type: ignore[operator]  # both write a file of rows
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert check_candles(packed).rows == check_candles(archive(tmp_path / "a", {"b": plain.read_bytes()})).rows == 30


def test_several_files_or_none_are_refused(tmp_path: Path, text: bytes) -> None:
    assert "has 2 files; one is expected: unpack it" in refusal(archive(tmp_path / "a.zip", {"a.csv": text, "b.csv": text}))
    assert "has no file; one is expected" in refusal(archive(tmp_path / "b.zip", {"a/": b""}))


def test_a_spreadsheet_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.xlsx", {"[Content_Types].xml": b"", "xl/workbook.xml": b""})
    assert refusal(path) == f"{path} is a spreadsheet; save it as CSV first."


def test_a_password_and_an_unknown_compression(tmp_path: Path, text: bytes) -> None:
    raw = archive(tmp_path / "a.zip", {"a.csv": text}).read_bytes()
    directory = raw.index(b"PK\x01\x02")
    locked, strange = bytearray(raw), bytearray(raw)
    locked[6] = locked[directory + 8] = 1
    strange[8] = strange[directory + 10] = 97
    (tmp_path / "a.zip").write_bytes(locked)
    assert "has a password; unpack it first" in refusal(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(strange)
    assert "the zip file can't be read" in refusal(tmp_path / "a.zip")


def test_a_damaged_archive(tmp_path: Path, text: bytes) -> None:
    path = archive(tmp_path / "a.zip", {"a.csv": text * 50})
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    assert "the zip file is damaged" in refusal(path)
    damaged = bytearray(raw)
    damaged[100] ^= 0xFF
    path.write_bytes(damaged)
    assert "the zip file is damaged" in refusal(path)


def test_archives_in_archives_and_tables_in_archives_are_refused(tmp_path: Path, text: bytes) -> None:
    inner = archive(tmp_path / "inner.zip", {"a.csv": text}).read_bytes()
    assert "inside it is a zip archive" in refusal(archive(tmp_path / "a.zip", {"inner.zip": inner}))
    parquet = BytesIO()
    pl.DataFrame({"close": [1.0]}).write_parquet(parquet)
    path = archive(tmp_path / "a.zip", {"a.parquet": parquet.getvalue()})
    assert refusal(path) == f"{path}: inside it is a Parquet file; unpack it first."


@pytest.mark.parametrize("repeat", [b"1", b",", b'"', b"\n", b"[", b'{"a":', b" ", b"[1,"])
def test_what_unpacks_to_a_lot_does_not_fill_the_memory(tmp_path: Path, repeat: bytes) -> None:
    path = archive(tmp_path / "a.zip", {"a.csv": repeat * (20_000_000 // len(repeat))})
    tracemalloc.start()
    try:
        with pytest.raises(CandleFileError):
            recognize(path)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()

"""CandleWriter: the same bytes for the same rows, and a file that is complete or not there."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from volcast.candle_files.check import check_candles
from volcast.candle_files.reader import CANDLE_COLUMNS, CandleFileError, CandleRow, read_candles
from volcast.candle_files.writer import CandleWriter

HEADER = ",".join(CANDLE_COLUMNS)
START_MS = 1_704_067_200_000
FIVE_PAST_MS = START_MS + 300_000


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


class TestWriter:
    def test_written_candles_read_back(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv.gz"
        with CandleWriter(path, more_columns=["note"]) as writer:
            writer.write(FIVE_PAST_MS, "1", "2", "0.5", "1.5", "10", "15", "a, b")
        assert list(read_candles(path)) == [CandleRow(2, FIVE_PAST_MS, "1", "2", "0.5", "1.5", "10", "15")]
        assert gzip.decompress(path.read_bytes()).decode() == f'{HEADER},note\n2024-01-01 00:05:00,1,2,0.5,1.5,10,15,"a, b"\n'

    def test_the_same_rows_give_the_same_bytes_under_any_name(self, tmp_path: Path) -> None:
        for name in ("a.csv.gz", "b.csv.gz"):
            with CandleWriter(tmp_path / name) as writer:
                writer.write(START_MS, *"123456")
        assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()

    def test_the_file_appears_only_when_it_is_complete(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv.gz"
        with CandleWriter(path) as writer:
            writer.write(START_MS, *"123456")
            assert not path.exists()
        assert names(tmp_path) == ["a.csv.gz"]

    def test_an_error_leaves_the_former_file_and_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv.gz"
        path.write_text("former")
        with pytest.raises(ZeroDivisionError), CandleWriter(path) as writer:
            writer.write(START_MS // 0, *"123456")
        assert path.read_text() == "former"
        assert names(tmp_path) == ["a.csv.gz"]

    def test_it_replaces_a_file_and_has_the_usual_permissions(self, tmp_path: Path) -> None:
        path, other = tmp_path / "a.csv.gz", tmp_path / "other"
        other.touch()
        path.write_text("former")
        with CandleWriter(path) as writer:
            writer.write(START_MS, *"123456")
        assert check_candles(path).rows == 1
        assert path.stat().st_mode == other.stat().st_mode

    def test_a_missing_folder_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "none" / "a.csv.gz"
        with pytest.raises(CandleFileError, match=r"a\.csv\.gz can't be written: No such file"), CandleWriter(path):
            pass

    def test_a_folder_of_that_name_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv.gz"
        path.mkdir()
        with pytest.raises(CandleFileError, match="can't be written"), CandleWriter(path):
            pass
        assert names(tmp_path) == ["a.csv.gz"]

    def test_a_full_disk_is_an_error_and_leaves_nothing(self, tmp_path: Path) -> None:
        code = f"""
import resource
from pathlib import Path
from volcast.candle_files.reader import CandleFileError
from volcast.candle_files.writer import CandleWriter

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with CandleWriter(Path({str(tmp_path)!r}) / "a.csv.gz") as writer:
        for i in range(99_999):
            writer.write({START_MS} + i * 60_000, *str(i**9)[-6:].zfill(6))
except CandleFileError as error:
    print(error)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == f"{tmp_path}/a.csv.gz can't be written: File too large.\n"
        assert done.stderr == ""
        assert names(tmp_path) == []

    def test_a_wrong_number_of_cells_is_a_bug(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="5 cells"), CandleWriter(tmp_path / "a.csv.gz") as writer:
            writer.write(START_MS, *"12345")
        assert names(tmp_path) == []

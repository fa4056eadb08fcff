"""Frames of candle files and of an archive: what is missing is null, and what the consumer refused is counted."""

from pathlib import Path

import pytest

from tests.command import volcast
from tests.market import CSV_HEADER, csv_text
from volcast.candle_files.contract import NO_OPTIONS, CandleFileError
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.quality.frames import archive_frame, file_frame
from volcast.lifecycle.quality.schemas import FRAME_SCHEMA


def write(folder: Path, changes: dict[int, str]) -> Path:
    """Write a day of candles, with other cells behind the time in some rows."""
    rows = csv_text(1_440).splitlines()[1:]
    for place, cells in changes.items():
        rows[place] = f"{rows[place].split(',')[0]},{cells}"
    path = folder / "btcusdt.csv"
    path.write_text("\n".join([CSV_HEADER, *rows]) + "\n")
    return path


def test_a_file_is_read_with_what_it_lacks(tmp_path: Path) -> None:
    frame = file_frame(write(tmp_path, {3: ",,,,0,0", 5: "1,2,nan,1,7,7", 6: "1,-2,1,1,7,7"}), "BTCUSDT", NO_OPTIONS)
    assert dict(frame.schema) == FRAME_SCHEMA
    assert frame.height == 1_440
    assert frame.row(3)[2:] == (None,) * 5
    assert frame.row(5)[2:] == (1.0, 2.0, None, 1.0, 7.0)
    assert frame.row(6)[2:] == (1.0, -2.0, 1.0, 1.0, 7.0)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match="is not a number"):
        file_frame(write(tmp_path, {3: "x,1,1,1,1,1"}), "BTCUSDT", NO_OPTIONS)


@pytest.mark.slow
def test_an_archive_has_what_was_accepted_and_counts_what_was_refused(tmp_path: Path) -> None:
    """Bad rows are refused; the same candles a second time are not."""
    write(tmp_path, {30: "nan,1,1,1,7,7", 31: "1,-2,1,1,7,7", 32: ",,,,0,0"})
    bus = f"sqlite:///{tmp_path}/log.db"
    assert volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", "--exit-when-done", "--port", 0).returncode == 0
    assert volcast(tmp_path, "archive", "run", "--bus", bus, "--to", f"file://{tmp_path}/archive", "--once").returncode == 0
    frame, refused = archive_frame(Archive(f"file://{tmp_path}/archive"), "2024-01-01")
    assert dict(frame.schema) == FRAME_SCHEMA
    assert refused == {"BTCUSDT": 2}
    assert frame.height == 1_440 - 3, "the row without any price was never sent"
    nobody, nothing = archive_frame(Archive(f"file://{tmp_path}/archive"), "2024-03-01")
    assert (nobody.height, nothing) == (0, {})

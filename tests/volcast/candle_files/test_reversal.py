"""A file is read from its end in constant memory, with the lines that its rows have in the file.

It stands alone because the order of a file is found by `check.py` and used by the replay.
"""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from tests.market import csv_text
from volcast.candle_files.reader import CandleFileError, read_candles
from volcast.candle_files.reversal import read_reversed


@pytest.mark.parametrize("rows", [1, 7, 19_999, 20_000, 20_001, 45_000])
def test_the_rows_come_from_the_last_to_the_first(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_text(
        "\n".join(["timestamp,open,high,low,close,volume_btc,volume_usd", *[f"{i + 10**9},1,1,1,1,1,1" for i in range(rows)]])
    )
    assert list(read_reversed(path)) == list(read_candles(path))[::-1]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv.gz"
    path.write_bytes(gzip.compress(csv_text(70_000).encode(), 1))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_reversed(path)) == 70_000
        assert tracemalloc.get_traced_memory()[1] < 30_000_000  # all rows at once: 37 MB
    finally:
        tracemalloc.stop()


def test_a_mistake_is_reported_before_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_text(csv_text(3) + "x\n")
    with pytest.raises(CandleFileError, match="line 5"):
        next(read_reversed(path))

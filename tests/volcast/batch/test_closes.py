"""From the file to the number of its signals: known figures, the choice of the reader, and files that change."""

import gzip
import hashlib
from itertools import repeat
from pathlib import Path

import pytest

from tests.real_minutes import real_minutes
from tests.volcast.batch.closes_files import SAMPLE, candle_lines, ones_by_definition, write_candles
from volcast.batch import closes as module
from volcast.batch.closes import count_in_blocks, count_signals, usual_layout
from volcast.batch.result import BatchError
from volcast.batch.rows import count_in_rows
from volcast.candle_files.contract import CandleFileError
from volcast.candle_files.formats import recognize
from volcast.candle_files.reader import read_candles
from volcast.core.rolling import RollingMean, SignalRate


def by_the_engine(path: Path, window: int) -> tuple[int, int]:
    """Count with what the streaming engine counts with, on prices with as many decimals as it has."""
    mean, rate = RollingMean(window), SignalRate(window)
    for row in read_candles(path):
        whole, _, fraction = row.close.partition(".")
        rate.push(mean.push(int(whole + fraction.ljust(12, "0"))))
    return rate.counted, rate.ones


@pytest.mark.parametrize("window", [1, 5, 20, 1_440])
def test_the_bundled_candles_have_the_signals_of_the_streaming_engine(window: int) -> None:
    blocks = count_in_blocks(SAMPLE, recognize(SAMPLE), window)
    assert (blocks.rows, blocks.ones) == count_in_rows(SAMPLE, window)[:2] == by_the_engine(SAMPLE, window)


def test_the_known_figure_of_the_bundled_candles() -> None:
    """The same as `volcast run` prints for them, in the README."""
    assert count_signals(SAMPLE, 5)[:2] == (18_720, 9_467)


@pytest.mark.parametrize(
    ("name", "window", "rows", "ones"),
    [
        ("btcusd-1m-10000-quoted.csv", 5, 10_000, 4_989),
        ("btcusdt-1m-2024-01.csv.gz", 5, 44_640, 22_720),
        ("btcusdt-1m-2024-01.csv.gz", 20, 44_640, 22_515),
        ("btcusdt-1m-2022-2024.csv.gz", 5, 1_306_000, 654_990),
    ],
)
def test_the_known_figures_of_real_minutes(name: str, window: int, rows: int, ones: int, request: pytest.FixtureRequest) -> None:
    found = count_signals(real_minutes(name, request), window)
    assert found[:2] == (rows, ones)
    assert not found.warnings


def test_real_minutes_are_read_in_blocks_and_row_by_row(request: pytest.FixtureRequest) -> None:
    path = real_minutes("btcusd-1m-10000-quoted.csv", request)
    layout = usual_layout(path)
    assert layout is not None
    count = count_in_blocks(path, layout, 5)
    assert (count.rows, count.ones) == count_in_rows(path, 5)[:2]


@pytest.mark.parametrize("min_bytes_of_a_thread", [0, 1 << 23])
def test_the_hash_is_that_of_the_file(tmp_path: Path, min_bytes_of_a_thread: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MIN_BYTES_OF_A_THREAD", min_bytes_of_a_thread)
    path = tmp_path / "data.csv"
    write_candles(path, ["1", "2", "3"])
    assert count_signals(path, 2).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert count_signals(path, 2).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_sums_that_exceed_64_bits_are_counted_exactly(tmp_path: Path) -> None:
    closes = ["9999999999999999", "0.00000000000001", *repeat("9999999999999.99", 20), "9999999999999.991"] * 3
    lines = [f"{row},{close}" for row, close in enumerate(closes)]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["note,close", *lines]), encoding="utf-8")
    assert count_signals(path, 7)[:2] == (len(closes), ones_by_definition(closes, 7))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_candles(tmp_path / "data.csv", ["1", "2", "3"])
    read = count_in_blocks

    def grow(*arguments: object) -> object:
        found = read(*arguments)  # type: ignore[arg-type]  # as they were given
        with path.open("a") as file:
            file.write(candle_lines("4")[1] + "\n")
        return found

    monkeypatch.setattr(module, "count_in_blocks", grow)
    with pytest.raises(BatchError, match="was changed while it was read"):
        count_signals(path, 2)


def test_a_file_that_is_not_there_has_the_sentence_of_all_commands(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match="does not exist"):
        count_signals(tmp_path / "nothing.csv", 2)
    with pytest.raises(CandleFileError, match="is a folder"):
        count_signals(tmp_path, 2)


def test_a_file_that_names_two_markets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("close,symbol\n" + "1,BTC\n" * 5 + "2,ETH\n" * 5)
    with pytest.raises(CandleFileError, match=r"column symbol says 'BTC' in line 2 and 'ETH' in line 7; give one market"):
        count_signals(path, 2)
    path.write_text("close,symbol\n" + "1,BTC\n" * 5 + "2,btc\n" * 5)
    assert count_signals(path, 2).rows == 10

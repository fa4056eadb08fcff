"""CsvReplay: where a replay resumes, decided by the last record on the log."""

import gzip
from pathlib import Path

import pytest

from producer.replay import CsvReplay, Resume, has_time, resume_after_time
from tests.market import CSV_HEADER, at, csv_text, record
from volcast.candle_files.reader import CandleFileError
from volcast.core.codec import CandleText, encode_candle


@pytest.fixture
def replay(tmp_path: Path) -> CsvReplay:
    """Return a replay of ten minutes, which are the lines 2 to 11."""
    path = tmp_path / "btcusdt-1m-2024-01.csv"
    path.write_text(csv_text(10))
    return CsvReplay(path)


def lines(replay: CsvReplay, resume: Resume | None) -> list[int | None]:
    assert resume is not None
    return [candle.line for candle in replay.candles(resume)]


def test_the_rows_are_candles_of_the_file(replay: CsvReplay) -> None:
    first, *_, last = replay.candles(Resume())
    assert (replay.symbol, replay.name, replay.summary.rows) == ("BTCUSDT", "btcusdt-1m-2024-01.csv", 10)
    open_, high, low, close = ["42000.0"] * 4
    assert first == CandleText("BTCUSDT", at(0), open_, high, low, close, "1.0", "42000.0", replay.name, "file", line=2)
    assert (last.open_time_ms, last.line) == (at(9), 11)


def test_the_symbol_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(csv_text(2))
    assert CsvReplay(path).symbol == "EXPORT"
    assert {candle.symbol for candle in CsvReplay(path, "ETHUSDT").candles(Resume())} == {"ETHUSDT"}


def test_an_unusable_file_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_text(csv_text(500) + "2024-01-02 00:00:00,1,1,one,1,1,1\n")
    with pytest.raises(CandleFileError, match=r"line 502, column low: 'one' is not a number"):
        CsvReplay(path)


@pytest.mark.parametrize("sent", range(1, 11))
def test_after_a_row_of_this_file_the_next_line_is_sent(replay: CsvReplay, sent: int) -> None:
    last = encode_candle(list(replay.candles(Resume()))[sent - 1])
    assert replay.has_written(last)
    assert replay.resume(last) == Resume(after_line=sent + 1)
    assert lines(replay, replay.resume(last)) == list(range(sent + 2, 12))


def test_late_and_doubled_rows_of_this_file_are_sent_once(tmp_path: Path) -> None:
    path, rows = tmp_path / "btcusdt.csv", csv_text(6).splitlines()
    path.write_text("\n".join([*rows, rows[2], rows[6], rows[6]]) + "\n")
    replay = CsvReplay(path)
    candles = list(replay.candles(Resume()))
    assert len(candles) == 9
    for sent in range(1, 10):
        resume = replay.resume(encode_candle(candles[sent - 1]))
        assert resume is not None
        assert list(replay.candles(resume)) == candles[sent:]


def test_after_a_record_of_another_source_later_rows_are_sent(replay: CsvReplay) -> None:
    last = record(3, "1.00", source="btcusdt-1m-2023-12.csv")
    assert not replay.has_written(last)
    assert has_time(last)
    assert resume_after_time(last) == Resume(after_open_time_ms=at(3), other_source="btcusdt-1m-2023-12.csv")
    assert lines(replay, resume_after_time(last)) == list(range(6, 12))
    assert lines(replay, resume_after_time(record(8, "1.00", source="binance", line=None))) == [11]


@pytest.mark.parametrize("line", [1, 0, -5, 4, 999, 10**15], ids=str)
def test_a_file_that_has_changed_counts_as_another_source(replay: CsvReplay, line: int) -> None:
    """The line that the log names is missing, or has another minute."""
    assert replay.resume(record(3, "1.00", source=replay.name, line=line)) is None


@pytest.mark.parametrize("value", [b"", b"\xff", b"{}", b'{"symbol":"BTCUSDT","open_time_ms":"soon"}', b'{"kind":"gap","v":1}'])
def test_a_garbage_record_is_ignored(replay: CsvReplay, value: bytes) -> None:
    assert not has_time(value)
    assert not replay.has_written(value)
    assert not replay.has_written(value.replace(b"}", b',"source":"btcusdt-1m-2024-01.csv","line":"5"}'))


def test_a_file_that_has_grown_is_continued(replay: CsvReplay) -> None:
    last = encode_candle(list(replay.candles(Resume()))[-1])
    replay.path.write_text(csv_text(14))
    grown = CsvReplay(replay.path)
    assert lines(grown, grown.resume(last)) == [12, 13, 14, 15]


def test_a_bad_row_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv.gz"
    path.write_bytes(gzip.compress(f"{CSV_HEADER}\n2024-01-01 00:00:30,-1,1e400,NaN,0.123456789012345,,-inf\n".encode()))
    (candle,) = CsvReplay(path).candles(Resume())
    assert candle.open_time_ms == at(0) + 30_000
    assert (candle.open, candle.high, candle.low, candle.close) == ("-1", "1e400", "NaN", "0.123456789012345")
    assert (candle.volume, candle.quote_volume, candle.line) == ("", "-inf", 2)

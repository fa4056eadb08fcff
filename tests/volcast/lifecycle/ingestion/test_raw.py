"""What is kept of an hour: a round trip, the same bytes each time, and a candle file that is read like any other."""

import gzip
from pathlib import Path

import pytest

from producer.file_names import symbol_of
from tests.volcast.lifecycle.ingestion.scripted_coincap import HOUR_MS, START_MS
from volcast.candle_files.reader import read_candles
from volcast.lifecycle.ingestion.interval import DataInterval
from volcast.lifecycle.ingestion.raw import (
    IngestedHour,
    RawAnswer,
    UnusableSourceError,
    candle_file,
    decode_hour,
    encode_hour,
    file_name,
    raw_name,
)

CANDLES = (
    (START_MS, "84739.05", "84741", "84730.5", "84740", "1.5", "127110"),
    (START_MS + 120_000, "84740", "84740", "84740", "84740", "0", "0"),
)
ANSWER = RawAnswer("/candles?x=1", "Wed, 05 Nov 2025 14:03:00 GMT", '{"data": []}')
HOUR = IngestedHour("coincap", "BTCUSDT.COINCAP", "bitcoin/tether", START_MS, START_MS + HOUR_MS, CANDLES, (ANSWER,))


def test_an_hour_is_the_same_after_a_round_trip() -> None:
    assert decode_hour(encode_hour(HOUR), "raw/x") == HOUR
    assert encode_hour(HOUR) == encode_hour(HOUR)
    assert HOUR.missing == 58


def test_the_candle_file_is_read_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / Path(file_name(HOUR.symbol, DataInterval(START_MS))).name
    path.write_bytes(candle_file(HOUR))
    assert [tuple(row[1:]) for row in read_candles(path)] == list(CANDLES)
    assert symbol_of(path) == "BTCUSDT"


def test_names_say_source_symbol_and_hour() -> None:
    hour = DataInterval(START_MS)
    assert raw_name("coincap", "BTCUSDT.COINCAP", hour) == "raw/coincap/BTCUSDT.COINCAP/2025-11-05T13.json.gz"
    assert file_name("BTCUSDT.COINCAP", hour) == "ingested/BTCUSDT.COINCAP/btcusdt.coincap-1m-2025-11-05T1300.csv.gz"


@pytest.mark.parametrize(
    "data",
    [b"", b"x", encode_hour(HOUR)[:-9], gzip.compress(b"{}"), gzip.compress(b"\xff")],
    ids=["empty", "no gzip", "cut", "no hour", "no JSON"],  # the bytes have the time in them, and each process names the tests
)
def test_damage_is_said(data: bytes) -> None:
    with pytest.raises(UnusableSourceError, match=r"raw/x is damaged .*; remove it to ask for its hour again"):
        decode_hour(data, "raw/x")


def test_a_later_version_is_not_guessed() -> None:
    later = gzip.compress(gzip.decompress(encode_hour(HOUR)).replace(b'"v":1', b'"v":2'))
    with pytest.raises(UnusableSourceError, match="raw/x is of version 2"):
        decode_hour(later, "raw/x")

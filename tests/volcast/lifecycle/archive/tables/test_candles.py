"""Rows of `candles`: any bytes make one row, which has the bytes, and a folder's name that nobody can choose."""

from datetime import UTC, datetime
from math import isfinite

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market import at, candle_text
from volcast.core.codec import encode_candle, encode_gap, encode_revision
from volcast.core.types import Gap
from volcast.lifecycle.archive.tables.candles import CANDLE_SCHEMA, candle_frame
from volcast.log.contract import Record


def row(value: bytes, key: bytes = b"BTCUSDT") -> dict[str, object]:
    (found,) = candle_frame([Record(2, 7, key, value)]).to_dicts()
    assert (found["partition"], found["offset"], found["key"], found["record"]) == (2, 7, key, value)
    return found


def test_a_candle_has_its_numbers_and_their_texts() -> None:
    found = row(encode_candle(candle_text(3, "100.10", high="1e2", volume="123456789.123456789")))
    assert (found["kind"], found["symbol"], found["open_time"]) == ("candle", "BTCUSDT", datetime(2024, 1, 1, 0, 3, tzinfo=UTC))
    assert (found["close"], found["close_text"], found["high"]) == (100.1, "100.10", 100.0)
    assert (found["volume_text"], found["volume"]) == ("123456789.123456789", 123456789.123456789)
    assert (found["source"], found["live"], found["closed_by"]) == ("test.csv", False, "file")
    assert found["day"] == datetime(2024, 1, 1, tzinfo=UTC).date()


def test_numbers_of_json_are_read_too() -> None:
    text = encode_candle(candle_text(3, "100.10")).replace(b'"close":"100.10"', b'"close":100.10')
    assert (row(text)["close"], row(text)["close_text"]) == (100.1, "100.10")


@pytest.mark.parametrize("close", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_not_finite_is_no_number(close: str) -> None:
    found = row(encode_candle(candle_text(3, close)))
    assert (found["kind"], found["close"]) == ("candle", None)
    assert found["close_text"] == str(found["close_text"])


def test_gaps_and_revisions_have_their_time() -> None:
    gap = row(encode_gap(Gap("BTCUSDT", at(5), at(9), "BINANCE", "outage")))
    assert (gap["kind"], gap["symbol"], gap["source"], gap["close"]) == ("gap", "BTCUSDT", "BINANCE", None)
    assert gap["open_time"] == datetime(2024, 1, 1, 0, 5, tzinfo=UTC)
    revision = row(encode_revision(candle_text(6, "5")))
    assert (revision["kind"], revision["close"], revision["symbol"]) == ("revision", 5.0, "BTCUSDT")


@pytest.mark.parametrize("symbol", ["../../etc", "a/b", "x=y", "", "btc", "A" * 41, "__HIVE_DEFAULT_PARTITION__", "\u0661"])
def test_a_symbol_that_is_none_names_no_folder(symbol: str) -> None:
    assert row(encode_candle(candle_text(3, "1", symbol=symbol)), symbol.encode())["symbol"] is None


def test_the_symbol_of_another_key_is_none() -> None:
    assert row(encode_candle(candle_text(3, "1", symbol="ETHUSDT")))["symbol"] is None


@pytest.mark.parametrize("time_ms", [-1, 0, 2**62, 7_258_118_400_000])
def test_a_time_that_no_candle_has_is_none(time_ms: int) -> None:
    found = row(encode_candle(candle_text(3, "1", open_time_ms=time_ms)))
    assert (found["open_time"], found["day"]) == (None, None)


@given(st.binary(max_size=60), st.binary(max_size=10))
def test_any_bytes_are_a_row(value: bytes, key: bytes) -> None:
    assert row(value, key)["kind"] == "unreadable"


NUMBERS = st.one_of(st.text(max_size=8), st.floats(), st.integers(), st.none(), st.lists(st.integers(), max_size=2))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("open", "close", "open_time_ms", "symbol", "live", "source"), NUMBERS)))
def test_any_fields_are_a_row(changes: dict[str, object]) -> None:
    fields = msgspec.to_builtins(candle_text(3, "1")) | changes
    value = msgspec.json.encode({"kind": "candle", "v": 1, **fields})
    found = row(value)
    assert found["kind"] in {"candle", "unreadable"}
    for name in ("open", "close"):
        number = found[name]
        assert number is None or (isinstance(number, float) and isfinite(number))


def test_the_frame_has_the_schema_without_rows_too() -> None:
    for records in ([], [Record(0, 1, b"A", b"x")]):
        frame = candle_frame(records)
        assert dict(frame.schema) == {**CANDLE_SCHEMA, "day": pl.Date()}

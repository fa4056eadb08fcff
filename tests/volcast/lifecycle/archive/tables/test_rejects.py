"""Rows of `rejects`: the reason, the bytes that were refused, and no folder by the will of a stranger."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market import candle_text
from volcast.core.codec import Reason, encode_candle, encode_reject, encode_revision, refuse
from volcast.lifecycle.archive.tables.rejects import reject_frame
from volcast.log.contract import Record


def row(reason: Reason, value: bytes, key: bytes = b"BTCUSDT") -> dict[str, object]:
    record = encode_reject(refuse(reason, "why it was", key, value))
    (found,) = reject_frame([Record(1, 4, key, record)]).to_dicts()
    assert (found["record"], found["candle_key"], found["candle_record"]) == (record, key, value)
    return found


def test_a_reject_says_what_was_refused_and_why() -> None:
    found = row(Reason.NOT_POSITIVE, encode_candle(candle_text(4, "-1")))
    assert (found["reason"], found["detail"], found["symbol"]) == ("not_positive", "why it was", "BTCUSDT")
    assert (found["source"], found["line"], found["claimed_symbol"]) == ("test.csv", 6, "BTCUSDT")
    assert found["open_time"] == datetime(2024, 1, 1, 0, 4, tzinfo=UTC)


def test_that_of_a_revision_has_its_candles_time() -> None:
    assert row(Reason.NOT_POSITIVE, encode_revision(candle_text(4, "-1")))["open_time"] == datetime(2024, 1, 1, 0, 4, tzinfo=UTC)


@pytest.mark.parametrize("reason", [Reason.TOO_MANY_SYMBOLS, Reason.NOT_ALLOWED, Reason.SYMBOL, Reason.KEY])
def test_strangers_make_no_folders(reason: Reason) -> None:
    found = row(reason, encode_candle(candle_text(4, "1", symbol="EVIL1")))
    assert (found["symbol"], found["claimed_symbol"]) == (None, "EVIL1")


@given(st.binary(max_size=40))
def test_any_bytes_that_were_refused_are_a_row(value: bytes) -> None:
    assert row(Reason.UNREADABLE, value)["symbol"] is None


@given(st.binary(max_size=40))
def test_any_record_is_a_row(value: bytes) -> None:
    (found,) = reject_frame([Record(1, 4, b"k", value)]).to_dicts()
    assert (found["reason"], found["record"]) == ("unreadable_reject", value)

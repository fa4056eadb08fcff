"""What CoinCap's answers mean: rounding by a stated rule, odd rows, and rows of other hours."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.producer.scripted_venue import MINUTE_MS
from tests.volcast.lifecycle.ingestion.scripted_coincap import HOUR_MS, START_MS, body, row
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import Candle
from volcast.lifecycle.ingestion.coincap import CoinCapPage, UnreadableAnswerError, read_candles_page, rounded_number
from volcast.lifecycle.ingestion.interval import DataInterval

HOUR = DataInterval(START_MS)


def page(*rows: dict[str, object], decimals: int = 8) -> CoinCapPage:
    return read_candles_page(body(list(rows), START_MS + HOUR_MS), HOUR, decimals)


def test_the_digits_that_a_float_adds_are_removed_and_not_counted_as_rounding() -> None:
    given_row = row(START_MS, open="84739.050000000002910383", high="84739.5", low="84700.1", close="84739.050000000002910383")
    found = page(given_row)
    assert found.candles[0][:5] == (START_MS, "84739.05", "84739.5", "84700.1", "84739.05")
    assert (found.odd, found.rounded) == (0, 0)


def test_what_is_really_finer_is_rounded_and_counted() -> None:
    prices = {"open": "0.000012345678", "high": "0.000012345678", "low": "0.00001234", "close": "0.00001234"}
    found = page(row(START_MS, **prices))
    assert found.candles[0][1:5] == ("0.00001235", "0.00001235", "0.00001234", "0.00001234")
    assert found.rounded == 2


def test_numbers_may_come_as_numbers() -> None:
    assert page(row(START_MS, open=84_739.05, high=84_740, low=84_700, close=84_739.05)).candles[0][1] == "84739.05"


def test_the_quote_volume_is_volume_times_close() -> None:
    candle = page(row(START_MS, volume="2", open="10", high="12", low="9", close="11.5")).candles[0]
    assert candle[5:] == ("2", "23")


def test_rows_of_other_hours_are_left_out_and_the_order_is_that_of_time() -> None:
    times = (START_MS + HOUR_MS, START_MS + 2 * MINUTE_MS, START_MS - MINUTE_MS, START_MS)
    assert [candle[0] for candle in page(*map(row, times)).candles] == [START_MS, START_MS + 2 * MINUTE_MS]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"open": "abc"}, "decimal"),
        ({"open": None}, "decimal"),
        ({"high": "NaN"}, "a number of the minute"),
        ({"volume": "1e999"}, "a number of the minute"),
        ({"low": "0"}, "not above 0"),
        ({"low": "0.000000001", "open": "0.000000001"}, "not above 0"),
        ({"volume": "-1"}, "a volume below 0"),
        ({"high": "1"}, "not between low and high"),
        ({"period": START_MS + 1}, "not on the minute"),
    ],
)
def test_a_row_that_is_no_candle_is_left_out_with_the_reason(changed: dict[str, object], reason: str) -> None:
    found = page(row(START_MS, **changed), row(START_MS + MINUTE_MS))
    assert [candle[0] for candle in found.candles] == [START_MS + MINUTE_MS]
    assert found.odd == 1
    assert reason in found.odd_reason


def test_the_same_row_twice_is_one_candle_and_two_different_ones_are_none() -> None:
    twice = page(row(START_MS), row(START_MS))
    assert (len(twice.candles), twice.odd) == (1, 0)
    different = page(row(START_MS), row(START_MS, volume="99"), row(START_MS + MINUTE_MS))
    assert [candle[0] for candle in different.candles] == [START_MS + MINUTE_MS]
    assert different.odd_reason == f"the minute {START_MS} has two different candles"


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>", b"{}", b'{"timestamp": 1, "data": null}', b'{"timestamp": 1, "data": [{"open"', b"\xff", b"[" * 100_000],
)
def test_another_answer_is_unreadable(answer: bytes) -> None:
    with pytest.raises(UnreadableAnswerError):
        read_candles_page(answer, HOUR, 8)


positive = st.decimals(min_value="0.000001", max_value="999999999", allow_nan=False, allow_infinity=False)


@given(st.tuples(positive, positive, positive, positive, positive), st.integers(0, 12))
def test_the_pipeline_accepts_each_candle_that_is_kept(numbers: tuple[Decimal, ...], decimals: int) -> None:
    """Rounding keeps the order of prices, and what is left has no more digits than the decoder allows."""
    low, open_, close, high = sorted(numbers[:4])
    given_row = row(START_MS, open=str(open_), high=str(high), low=str(low), close=str(close), volume=str(numbers[4]))
    for cells in page(given_row, decimals=decimals).candles:
        text = CandleText("BTCUSDT", *cells, "coincap", "file")
        assert isinstance(Decoder(decimals).decode(b"BTCUSDT", encode_candle(text)), Candle)


@given(st.floats(min_value=1e-3, max_value=1e9), st.integers(15, 30))
def test_a_float_that_was_written_with_more_digits_is_found_again(number: float, decimals: int) -> None:
    short = Decimal(repr(round(number, 5)))
    written = f"{Decimal(float(short)):.{decimals}f}"
    assert rounded_number(Decimal(written), 8) == short or len(short.as_tuple().digits) > 15


def test_an_error_as_an_answer_is_unreadable() -> None:
    with pytest.raises(UnreadableAnswerError):
        read_candles_page(json.dumps({"error": "x"}).encode(), HOUR, 8)

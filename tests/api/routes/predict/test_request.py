"""What a body of POST /predict may be, and what is said of one that it may not be."""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.routes.predict.request import MAX_REQUEST_CANDLES, RequestError, read_request
from api.stream.row import Row
from tests.api.routes.predict.bodies import body, changed, row_of, rows
from tests.market import walk
from volcast.core.types import MINUTE_MS

START_MS = walk(1)[0].open_time_ms


def refusal(raw: bytes) -> RequestError:
    with pytest.raises(RequestError) as raised:
        read_request(raw)
    return raised.value


def test_a_request_is_read_as_it_was_sent() -> None:
    request = read_request(body(3, horizon_minutes=15, interval_level=0.8, quantiles=True))
    assert (request.horizon_minutes, request.interval_level, request.quantiles) == (15, 0.8, True)
    for numbers, candle in zip(request.candles, walk(3), strict=True):
        assert {name: getattr(numbers, name) for name in numbers._fields}.items() <= row_of(candle).items()


def test_without_a_quote_volume_it_is_the_volume_times_the_close() -> None:
    request = read_request(changed(1, quote_volume=None, volume=2.0))
    assert request.candles[1].quote_volume == 2.0 * request.candles[1].close


def test_rows_of_the_history_can_be_sent_as_they_are() -> None:
    more = dict.fromkeys(Row.__struct_fields__)
    sent = [{**more, "symbol": "BTCUSDT", **row} for row in rows(3)]
    assert read_request(msgspec.json.encode({"candles": sent})) == read_request(body(3))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "the body is not JSON: "),
        (b"\xff\xfe", "the body is not JSON: "),
        (b'{"candles": [', "the body is not JSON: "),
        (b"[]", "the body: expected an object, got a list"),
        (b"{}", "candles is missing"),
        (b'{"candles": 5}', "candles: expected a list, got a whole number"),
        (b'{"candles": []}', "candles has 0 rows; 2 to 10080 are expected"),
        (b'{"candles": [5, 6]}', "candles[0]: expected an object, got a whole number"),
        (body(1), "candles has 1 rows; 2 to 10080 are expected"),
        (body(2, horizon=60), "horizon is not a field that /predict knows; a typing error?"),
        (body(2, horizon_minutes=4), "horizon_minutes: expected a whole number >= 5"),
        (body(2, horizon_minutes="60"), "horizon_minutes: expected a whole number, got text"),
        (body(2, interval_level=1), "interval_level: expected a number <= 0.99"),
        (changed(1, close=None), "candles[1].close is missing"),
        (changed(1, Close=5), "candles[1].Close is not a field that /predict knows; a typing error?"),
        (changed(2, open="42000.5"), "candles[2].open: expected a number, got text"),
        (changed(0, open_time_ms=1_704_067_200), "candles[0].open_time_ms is 1704067200: it looks like seconds: multiply"),
        (changed(0, open_time_ms=0), "candles[0].open_time_ms is 0: milliseconds since 1970 are expected"),
        (changed(0, open_time_ms=10**16), "candles[0].open_time_ms is 10000000000000000: milliseconds since 1970 are expected"),
        (changed(0, open_time_ms=START_MS + 1), "which is not the start of a minute: a multiple of 60000 is expected"),
        (changed(1, close=0.0), "candles[1].close is 0: a price from 1e-12 to below 10^15 is expected"),
        (changed(1, high=1e15), "candles[1].high is 1e+15: a price from 1e-12 to below 10^15 is expected"),
        (changed(1, low=-5), "candles[1].low is -5: a price"),
        (changed(1, high=10.0, low=20.0), "candles[1].high is 10.0, below its low 20.0"),
        (changed(1, close=1.0), "candles[1].close is 1.0, outside its low "),
        (changed(1, volume=-1.0), "candles[1].volume is -1.0: a number from 0 to below 10^24 is expected"),
        (changed(1, quote_volume=1e24), "candles[1].quote_volume is 1e+24: a number from 0"),
        (changed(1, open_time_ms=START_MS), "candles[0] and candles[1] are of the same minute, 2024-01-01T00:00:00Z"),
        (changed(1, open_time_ms=START_MS - MINUTE_MS), "candles[1] is of 2023-12-31T23:59:00Z, before candles[0]: send"),
        (changed(2, open_time_ms=START_MS + 5 * MINUTE_MS), "3 minutes are missing between candles[1] and candles[2], after"),
        (changed(2, open_time_ms=START_MS + 3 * MINUTE_MS), "a minute is missing between candles[1] and candles[2], after 2024"),
        (changed(2, symbol="ETHUSDT"), "the candles are of several symbols, '' and 'ETHUSDT': send those of one"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(raw: bytes, sentence: str) -> None:
    assert sentence in str(refusal(raw))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_named(word: str) -> None:
    raw = body(3).replace(b'"volume":1.0', f'"volume": {word}'.encode(), 1)
    assert str(refusal(raw)) == f"the body contains {word}, which is no JSON: leave such a candle out, or fill it"


def test_the_field_that_is_wrong_is_named() -> None:
    assert refusal(changed(1, close=0.0)).parameter == "candles[1].close"
    assert refusal(changed(2, open="1")).parameter == "candles[2].open"
    assert refusal(b"[]").parameter is None


def test_gaps_are_allowed_if_asked_for_but_no_other_order() -> None:
    later = changed(2, open_time_ms=START_MS + 5 * MINUTE_MS)
    assert len(read_request(later[:-1] + b',"allow_gaps":true}').candles) == 3
    again = changed(1, open_time_ms=START_MS)
    assert "of the same minute" in str(refusal(again[:-1] + b',"allow_gaps":true}'))


@pytest.mark.parametrize("minutes", [2, 5, 60, 1_440])
def test_candles_of_another_length_are_no_minutes_with_gaps(minutes: int) -> None:
    longer = [row | {"open_time_ms": START_MS + at * minutes * MINUTE_MS} for at, row in enumerate(rows(4))]
    raw = msgspec.json.encode({"candles": longer, "allow_gaps": True})
    assert str(refusal(raw)) == f"the candles lie {minutes} minutes apart: candles of one minute are expected"


def test_a_week_of_minutes_is_the_most() -> None:
    assert len(read_request(body(MAX_REQUEST_CANDLES)).candles) == MAX_REQUEST_CANDLES
    assert f"candles has {MAX_REQUEST_CANDLES + 1} rows" in str(refusal(body(MAX_REQUEST_CANDLES + 1)))


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.lists(st.integers())
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2), st.sampled_from([*walk(1)[0].__struct_fields__, "extra"]), _VALUES)
def test_whatever_a_field_contains_the_request_is_read_or_refused(at: int, name: str, value: Any) -> None:
    made = rows(3)
    made[at][name] = value
    _read_or_refuse(lambda: msgspec.json.encode({"candles": made}))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 400), st.binary(max_size=3))
def test_whatever_bytes_are_changed_the_request_is_read_or_refused(at: int, other: bytes) -> None:
    raw = body(3)
    _read_or_refuse(lambda: raw[: at % len(raw)] + other + raw[at % len(raw) + len(other) :])


def _read_or_refuse(make: Callable[[], bytes]) -> None:
    try:
        request = read_request(make())
    except RequestError as error:
        sentence = str(error)
    else:
        sentence = ""
        for candle in request.candles:
            assert all(math.isfinite(each) for each in candle)
            assert candle.low <= candle.open <= candle.high
    assert "\n" not in sentence
    assert len(sentence) < 300

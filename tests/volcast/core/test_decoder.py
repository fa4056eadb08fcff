"""Each reason and its sentence, exact decoding of prices, and no exception for any bytes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import SYMBOL, at, candle_text, record
from volcast.core.codec import (
    MAX_KEPT_BYTES,
    MAX_KEPT_KEY_BYTES,
    MAX_RECORD_BYTES,
    MAX_TIME_MS,
    MIN_TIME_MS,
    Reason,
    Reject,
    decode_reject,
    encode_gap,
    encode_reject,
    encode_revision,
)
from volcast.core.decoder import Decoder
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import Candle, Gap, Revision

KEY = SYMBOL.encode()
CANDLE: dict[str, Any] = json.loads(record(0, "42000.5"))
GAP: dict[str, Any] = json.loads(encode_gap(Gap(SYMBOL, at(3), at(7), "BINANCE", "outage")))
REVISION: dict[str, Any] = json.loads(encode_revision(candle_text(0, "42000.5")))


def decode(value: bytes, key: bytes = KEY, decimals: int = 8) -> Candle | Gap | Revision | Promotion | Reject:
    """Decode, check the type of the result, and check that a reject survives its own encoding."""
    decoded = Decoder(decimals).decode(key, value)
    assert isinstance(decoded, Candle | Gap | Revision | Promotion | Reject)
    if isinstance(decoded, Reject):
        assert (decoded.key, decoded.value) == (key[:MAX_KEPT_KEY_BYTES], value[:MAX_KEPT_BYTES])
        assert decoded.detail
        assert decode_reject(encode_reject(decoded)) == decoded
    return decoded


def encoded(base: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({**base, **fields}).encode()


def reject(value: bytes, key: bytes = KEY) -> tuple[Reason, str]:
    decoded = decode(value, key)
    assert isinstance(decoded, Reject), decoded
    return decoded.reason, decoded.detail


EXPECTED_SYMBOL = "[A-Z0-9]+ or SYMBOL.VENUE of at most 40 characters is expected"
REJECTS = [
    # reason, sentence, the wrong fields of a candle
    (Reason.VERSION, "v is 2; this version reads 1", {"v": 2}),
    (Reason.VERSION, "v is 2; this version reads 1", {"v": 2, "open": {"mantissa": 1}}),
    (Reason.VERSION, "v is 2; this version reads 1", {"v": 2, "kind": "trade"}),
    (Reason.SYMBOL, f"symbol is 'btc-usd'; {EXPECTED_SYMBOL}", {"symbol": "btc-usd"}),
    (Reason.SYMBOL, f"symbol is ''; {EXPECTED_SYMBOL}", {"symbol": ""}),
    (Reason.SYMBOL, f"symbol is 'A.B.C'; {EXPECTED_SYMBOL}", {"symbol": "A.B.C"}),
    (Reason.SYMBOL, f"symbol is 'BTC\\n'; {EXPECTED_SYMBOL}", {"symbol": "BTC\n"}),
    (Reason.SYMBOL, f"symbol is '{'A' * 41}'; {EXPECTED_SYMBOL}", {"symbol": "A" * 41}),
    (Reason.KEY, "the record's key is b'BTCUSDT'; it must be the symbol, ETHUSDT", {"symbol": "ETHUSDT"}),
    *(
        (Reason.TIME, f"open_time_ms is {time}; milliseconds of a time from 2009 to 2199 are expected", {"open_time_ms": time})
        for time in (-60_000, 0, at(0) // 1_000, MIN_TIME_MS - 60_000, MAX_TIME_MS, at(0) * 1_000)
    ),
    (Reason.TIME, f"open_time_ms is {at(1) - 1}; a multiple of 60000 is expected", {"open_time_ms": at(1) - 1}),
    (Reason.INTERVAL, "interval_ms is 300000; this version reads 60000", {"interval_ms": 300_000}),
    (Reason.NOT_A_NUMBER, "open is 'abc'; a number is expected", {"open": "abc"}),
    (Reason.NOT_A_NUMBER, "high is ''; a number is expected", {"high": ""}),
    (Reason.NOT_A_NUMBER, "low is None; a number is expected", {"low": None}),
    (Reason.NOT_A_NUMBER, "close is [1]; a number is expected", {"close": [1]}),
    (Reason.NOT_A_NUMBER, "close is NaN; a finite number is expected", {"close": "NaN"}),
    (Reason.NOT_A_NUMBER, "close is sNaN; a finite number is expected", {"close": "sNaN"}),
    (Reason.NOT_A_NUMBER, "open is -Infinity; a finite number is expected", {"open": "-inf"}),
    (Reason.NOT_A_NUMBER, "volume is NaN; a finite number is expected", {"volume": "nan"}),
    (Reason.NOT_A_NUMBER, "quote_volume is Infinity; a finite number is expected", {"quote_volume": "inf"}),
    (Reason.TOO_LARGE, "quote_volume is 1e+400; a volume must be below 10^24", {"quote_volume": "1e400"}),
    (Reason.TOO_LARGE, "quote_volume is 1.79e+308; a volume must be below 10^24", {"quote_volume": "1.79e308"}),
    (Reason.TOO_LARGE, "volume is 1e+24; a volume must be below 10^24", {"volume": "1e24"}),
    (Reason.TOO_LARGE, "source has 256 characters; at most 255 are allowed", {"source": "x" * 256}),
    (Reason.TOO_LARGE, "closed_by has 256 characters; at most 255 are allowed", {"closed_by": "x" * 256}),
    (Reason.NOT_POSITIVE, "low is 0; a price must be above 0", {"low": 0}),
    (Reason.NOT_POSITIVE, "close is -1.5; a price must be above 0", {"close": "-1.5"}),
    (Reason.NOT_POSITIVE, "volume is -0.1; a volume must not be below 0", {"volume": "-0.1"}),
    (Reason.TOO_FINE, "close is 1.000000001; at most 8 decimals and 15 significant digits are allowed", {"close": "1.000000001"}),
    (
        Reason.TOO_FINE,
        "open is 12345678.90123456; at most 8 decimals and 15 significant digits are allowed",
        {"open": "12345678.90123456"},
    ),
    (Reason.TOO_FINE, "low is 1E-999999; at most 8 decimals and 15 significant digits are allowed", {"low": "1e-999999"}),
    (Reason.TOO_LARGE, "high is 1e+15; a price must be below 10^15", {"high": "1e15"}),
    (Reason.TOO_LARGE, "close is 1000000000000000.1; a price must be below 10^15", {"close": "1000000000000000.1"}),
    (Reason.HIGH_BELOW_LOW, "high is 41999.99; it must not be below low, 42000.5", {"high": "41999.99"}),
    (Reason.OUTSIDE_RANGE, "close is 42000.51; it must lie between low, 42000.5, and high, 42000.5", {"close": "42000.51"}),
    (Reason.OUTSIDE_RANGE, "open is 99999; it must lie between low, 42000.5, and high, 42001", {"open": 99999, "high": 42001}),
    (Reason.OUTSIDE_RANGE, "close is 1; it must lie between low, 42000.5, and high, 42000.5", {"close": "1"}),
    (Reason.UNREADABLE, "Expected `str`, got `int` - at `$.source`", {"source": 5}),
    (Reason.UNREADABLE, "Expected `int`, got `str` - at `$.open_time_ms`", {"open_time_ms": "2024-01-01"}),
    (Reason.UNREADABLE, "Invalid value 'trade' - at `$.kind`", {"kind": "trade"}),
]


@pytest.mark.parametrize(("reason", "sentence", "wrong"), REJECTS, ids=lambda value: value if isinstance(value, Reason) else "")
def test_a_bad_field_is_rejected_with_its_reason_and_a_sentence(reason: Reason, sentence: str, wrong: dict[str, Any]) -> None:
    assert reject(encoded(CANDLE, **wrong)) == (reason, sentence)


@pytest.mark.parametrize(
    ("reason", "sentence", "value"),
    [
        (
            Reason.TOO_LARGE,
            f"the record has {MAX_RECORD_BYTES + 1} bytes; at most 65536 are allowed",
            b" " * (MAX_RECORD_BYTES + 1),
        ),
        (Reason.UNREADABLE, "Input data was truncated", b""),
        (Reason.UNREADABLE, "the record has 65 opening brackets; at most 64 are allowed", b"[" * 65),
        (Reason.UNREADABLE, "Expected `object`, got `array`", b"[]"),
        (Reason.UNREADABLE, "Object missing required field `kind`", b"{}"),
        (Reason.UNREADABLE, "Object missing required field `symbol`", b'{"kind":"gap","v":1}'),
        (Reason.VERSION, "v is 0; this version reads 1", encoded({**GAP, "v": 0})),
        (Reason.TIME, f"from_ms is {at(0) + 1}; a multiple of 60000 is expected", encoded(GAP, from_ms=at(0) + 1)),
        (Reason.TIME, f"to_ms is {at(3)}; it must be after from_ms, {at(3)}", encoded(GAP, to_ms=at(3))),
        (Reason.KEY, "the record's key is b'BTCUSDT'; it must be the symbol, X", encoded(GAP, symbol="X")),
        (Reason.NOT_POSITIVE, "close is 0; a price must be above 0", encoded(REVISION, candle={**CANDLE, "close": "0"})),
        (Reason.NOT_A_NUMBER, "open is 'x'; a number is expected", encoded(REVISION, candle={**CANDLE, "open": "x"})),
    ],
)
def test_a_bad_record_is_rejected_with_its_reason_and_a_sentence(reason: Reason, sentence: str, value: bytes) -> None:
    assert reject(value) == (reason, sentence)


@pytest.mark.parametrize("depth", [1, 20, 60, 63, 64, 980, 30_000])
def test_whether_a_deep_record_is_read_does_not_depend_on_the_call_stack(depth: int) -> None:
    value = record(0, "1.00")[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"

    def decoded_type(frames: int) -> type:
        return decoded_type(frames - 1) if frames else type(Decoder().decode(b"BTCUSDT", value))

    assert {decoded_type(0), decoded_type(400)} == {Candle if depth < 64 else Reject}


@pytest.mark.parametrize("text", ["4_2", " 42", "42 ", "42\\n", "\uff14\uff12", "\u0664\u0662", "0x10"])
@pytest.mark.parametrize("field", ["open", "low", "volume"])
def test_numbers_that_only_python_accepts_are_rejected(field: str, text: str) -> None:
    decoded = Decoder().decode(b"BTCUSDT", record(0, "42.00", **{field: "ODD"}).replace(b"ODD", text.encode()))
    assert isinstance(decoded, Reject)
    assert decoded.reason is Reason.NOT_A_NUMBER


def test_the_cases_above_cover_all_reasons_of_the_decoder() -> None:
    of_the_consumer = {
        *(Reason.TOO_MANY_SYMBOLS, Reason.NOT_ALLOWED, Reason.UNCONFIRMED_DATE, Reason.PARTITION, Reason.UNKNOWN_MODEL)
    }
    assert {reason for reason, _, _ in REJECTS} | of_the_consumer | {Reason.UNREADABLE_BATCH} == set(Reason)


BAD_CLOSE = {"close": "x", "line": 7}


@pytest.mark.parametrize("value", [encoded(CANDLE, **BAD_CLOSE), encoded(REVISION, candle={**CANDLE, **BAD_CLOSE})])
def test_a_reject_holds_its_record_and_its_origin(value: bytes) -> None:
    decoded = decode(value)
    assert isinstance(decoded, Reject)
    assert (decoded.key, decoded.value) == (KEY, value)
    assert (decoded.symbol, decoded.source, decoded.line) == (SYMBOL, "test.csv", 7)


@pytest.mark.parametrize("wrong", [{"symbol": 5, "source": None, "line": "7"}, {"symbol": [], "source": {}, "line": True}])
def test_a_malformed_origin_is_left_out_of_a_reject(wrong: dict[str, Any]) -> None:
    decoded = decode(encoded(CANDLE, **wrong))
    assert isinstance(decoded, Reject)
    assert (decoded.symbol, decoded.source, decoded.line) == (None, None, None)


@pytest.mark.parametrize(
    "value",
    [
        encoded(CANDLE, open="x")[:-1] + b",garbage",
        encoded(CANDLE, open="x")[:-1] + b',"candle":5}',
        encoded(CANDLE, open="x")[:-1] + b',"line":' + b"1" * 5_000 + b"}",
        encoded(REVISION, candle={**CANDLE, "open": "x"})[:-1] + b',"candle":5}',
        encoded(CANDLE, open="x")[:-1] + b',"source":"\x80"}',
        b'{"kind":"candle","open":' + b"[" * 60_000,
        b'{"kind":"candle","open":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"kind":' * 8_000,
    ],
)
def test_anything_may_follow_a_bad_field(value: bytes) -> None:
    assert reject(value)[0] in {Reason.UNREADABLE, Reason.NOT_A_NUMBER}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e999", "1", SYMBOL]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(CANDLE)) | st.text(max_size=3), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from([*CANDLE, "candle", "from_ms", "to_ms", "reason"])


@settings(max_examples=1_000)
@given(st.binary(max_size=200), st.binary(max_size=10))
def test_arbitrary_bytes_never_raise(value: bytes, key: bytes) -> None:
    assert isinstance(decode(value, key), Reject)


@settings(max_examples=1_000)
@given(st.sampled_from([CANDLE, GAP, REVISION]), st.dictionaries(FIELDS, JSON, max_size=3), st.sets(FIELDS, max_size=2))
def test_records_with_other_fields_never_raise(base: dict[str, Any], other: dict[str, Any], dropped: set[str]) -> None:
    fields = {name: value for name, value in {**base, **other}.items() if name not in dropped}
    decode(json.dumps(fields).encode())
    decode(json.dumps({**REVISION, "candle": fields}).encode())


@settings(max_examples=1_500)
@given(data=st.data(), base=st.sampled_from([CANDLE, GAP, REVISION]))
def test_records_with_broken_bytes_never_raise(data: st.DataObject, base: dict[str, Any]) -> None:
    value = bytearray(json.dumps(base).encode())
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, min(start + 8, len(value))))
    token = st.sampled_from([b'"x"', b"[", b"{", b'"\\ud800"', b"\xed\xa0\x80", b"1e999999", b"-", b"9" * 5_000, b"\x00", b"NaN"])
    value[start:end] = data.draw(st.binary(max_size=6) | token)
    decode(bytes(value))
    decode(bytes(value[: data.draw(st.integers(0, len(value)))]))


@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"candle":', b'{"kind":"revision","candle":', b'{"kind":"candle","x":', b'["']
)
@pytest.mark.parametrize("bytes_long", [1_000, MAX_RECORD_BYTES])
def test_deep_nesting_never_raises(opening: bytes, bytes_long: int) -> None:
    assert reject(opening * (bytes_long // len(opening)))[0] is Reason.UNREADABLE


@pytest.mark.parametrize(("decimals", "by_symbol"), [(13, {}), (-1, {}), (8, {"PEPEUSDT": 13})])
def test_more_decimals_than_the_ring_can_hold_are_refused(decimals: int, by_symbol: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="0 to 12 decimals"):
        Decoder(decimals, by_symbol)


@pytest.mark.parametrize("field", ["volume", "quote_volume"])
def test_the_largest_volume_is_accepted(field: str) -> None:
    assert isinstance(decode(encoded(CANDLE, **{field: "9" * 24})), Candle)
    assert isinstance(decode(encoded(CANDLE, **{field: "0e999999"})), Candle)
